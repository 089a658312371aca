use std::boxed::Box;
use std::string::{String, ToString};
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use crate::{JobError, JobId, JobInfo, JobKind, JobName, JobState, Mishap, Outcome, Timestamp};

/// A point of a run. Of two at the same time the one is later that was told later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// When, by the clock of the run.
    pub at: Timestamp,
    /// How many facts had been told.
    pub order: u64,
}

/// What is known of a job.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JobHistory {
    /// What was known before it ran.
    pub info: Arc<JobInfo>,
    /// The jobs inside which it is, outermost first.
    pub within: Arc<[JobId]>,
    /// Whether there is a graph inside: its own, or one that it [runs](crate::Context::run).
    pub is_graph: bool,
    /// The state that it is in.
    pub state: JobState,
    /// When it became part of the run.
    pub added: Moment,
    /// When all its requirements were satisfied.
    pub queued: Option<Moment>,
    /// Its attempts so far.
    pub attempts: Vec<AttemptHistory>,
    /// When a service was ready, at first.
    pub ready: Option<Moment>,
    /// When it ended.
    pub ended: Option<Moment>,
    /// What it said of itself, at last.
    pub note: Option<Arc<str>>,
    /// What became of its shutdown hook.
    pub hook: Option<Box<HookHistory>>,
    /// What else panicked, and changed no outcome.
    pub mishaps: Vec<Mishap>,
    pub(super) last_queued: Option<Moment>,
    /// After how many attempts it said that.
    pub(super) noted_in: usize,
    /// It was part of a graph in whose place another one runs.
    pub(super) is_gone: bool,
}

/// What is known of an attempt.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AttemptHistory {
    /// Which attempt, from 1.
    pub number: u32,
    /// When it could have started, had there been a place in the window.
    pub queued: Option<Moment>,
    /// When it started.
    pub started: Moment,
    /// When it was asked to end.
    pub asked: Option<Moment>,
    /// When it ended.
    pub ended: Option<Moment>,
    /// Why it failed.
    pub error: Option<Arc<JobError>>,
}

/// What is known of a shutdown hook.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HookHistory {
    /// When it started.
    pub started: Moment,
    /// When it ended, and how.
    pub ended: Option<(Moment, Outcome)>,
    /// Why it failed.
    pub error: Option<Arc<JobError>>,
}

impl JobHistory {
    /// Of one that waits.
    pub(super) fn new(info: Arc<JobInfo>, within: Arc<[JobId]>, now: Moment) -> Self {
        Self {
            is_graph: info.inside.is_some(),
            info,
            within,
            state: JobState::Waiting,
            added: now,
            queued: None,
            attempts: Vec::new(),
            ready: None,
            ended: None,
            note: None,
            hook: None,
            mishaps: Vec::new(),
            last_queued: None,
            noted_in: 0,
            is_gone: false,
        }
    }

    /// What it says of the attempt that is under way.
    #[cfg(feature = "progress")]
    pub(super) fn note_now(&self) -> Option<&str> {
        self.note.as_deref().filter(|_| self.noted_in == self.attempts.len())
    }

    /// Its id and label, as people name it: `#3 fetch`.
    #[must_use]
    pub fn name(&self) -> JobName<&str> {
        self.info.name()
    }

    /// Its label, or else its id.
    #[must_use]
    pub fn short_name(&self) -> String {
        self.info.label.as_deref().map_or_else(|| self.info.id.to_string(), Into::into)
    }

    /// When its first attempt started.
    #[must_use]
    pub fn started(&self) -> Option<Moment> {
        Some(self.attempts.first()?.started)
    }

    /// How long its attempts took together, up to `now` if one is under way, without the pauses between them.
    #[must_use]
    pub fn busy(&self, now: Timestamp) -> Duration {
        let time = |attempt: &AttemptHistory| {
            attempt.ended.map_or(now, |end| end.at).saturating_since(attempt.started.at)
        };
        self.attempts.iter().map(time).sum()
    }

    /// Why its last attempt failed, if the job did.
    #[must_use]
    pub fn error(&self) -> Option<&JobError> {
        let failed = matches!(self.state, JobState::Ended(Outcome::Failed(_)));
        self.attempts.last()?.error.as_deref().filter(|_| failed)
    }

    /// When those that require it could go on: it had ended, or was ready.
    #[must_use]
    pub fn resolved(&self) -> Option<Moment> {
        if self.info.kind == JobKind::Service { self.ready } else { self.ended }
    }

    pub(super) fn enter(&mut self, to: JobState, now: Moment) {
        match to {
            JobState::Queued => {
                self.queued.get_or_insert(now);
                self.last_queued = Some(now);
            }
            JobState::Running { attempt: number } => {
                let queued = self.last_queued.take();
                self.attempts.push(AttemptHistory {
                    number,
                    queued,
                    started: now,
                    asked: None,
                    ended: None,
                    error: None,
                });
            }
            JobState::Stopping { .. } => {
                if let Some(attempt) = self.attempts.last_mut() {
                    attempt.asked = Some(now);
                }
            }
            JobState::Ended(_) => self.ended = Some(now),
            JobState::Waiting | JobState::Backoff { .. } => {}
        }
        self.state = to;
    }
}
