use core::fmt;

use super::job::JobId;
#[cfg(feature = "std")]
use super::state::Outcome;
use super::state::{JobState, Stage};
use super::time::Timestamp;

/// How many jobs are in which state, and how many were removed.
///
/// The fields of the states add up to the number of jobs present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Jobs with an unresolved requirement.
    pub waiting: usize,
    /// Jobs that may start.
    pub queued: usize,
    /// Jobs that were handed out.
    pub running: usize,
    /// Jobs that wait for their next attempt.
    pub backoff: usize,
    /// Jobs that were asked to end.
    pub stopping: usize,
    /// Jobs that succeeded.
    pub succeeded: usize,
    /// Jobs that failed.
    pub failed: usize,
    /// Jobs that were cancelled.
    pub cancelled: usize,
    /// Jobs that were never handed out.
    pub skipped: usize,
    /// Jobs that are not there any more.
    pub removed: usize,
}

impl Counts {
    /// Jobs that are present.
    #[must_use]
    pub fn present(&self) -> usize {
        self.unfinished() + self.ended()
    }

    /// Jobs that are present and have not ended.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.waiting + self.queued + self.running + self.backoff + self.stopping
    }

    /// Jobs that are present and have ended.
    #[must_use]
    pub fn ended(&self) -> usize {
        self.succeeded + self.failed + self.cancelled + self.skipped
    }

    #[cfg(feature = "std")]
    pub(crate) fn of_state(&mut self, state: JobState) -> &mut usize {
        self.of(match state {
            JobState::Waiting => Stage::Waiting,
            JobState::Queued => Stage::Queued,
            JobState::Running { .. } => Stage::Running,
            JobState::Backoff { .. } => Stage::Backoff,
            JobState::Stopping { reason, .. } => Stage::Stopping(reason),
            JobState::Ended(Outcome::Succeeded) => Stage::Succeeded,
            JobState::Ended(Outcome::Failed(failure)) => Stage::Failed(failure),
            JobState::Ended(Outcome::Cancelled) => Stage::Cancelled,
            JobState::Ended(Outcome::Skipped(_)) => Stage::Skipped,
        })
    }

    #[inline]
    pub(super) fn of(&mut self, stage: Stage) -> &mut usize {
        match stage {
            Stage::Waiting => &mut self.waiting,
            Stage::Queued => &mut self.queued,
            Stage::Running => &mut self.running,
            Stage::Backoff => &mut self.backoff,
            Stage::Stopping(_) => &mut self.stopping,
            Stage::Succeeded => &mut self.succeeded,
            Stage::Failed(_) => &mut self.failed,
            Stage::Cancelled | Stage::CutShort => &mut self.cancelled,
            Stage::Skipped | Stage::RunStopped => &mut self.skipped,
        }
    }
}

impl fmt::Display for Counts {
    /// The counts that are not zero: `3 running, 2 succeeded`; `no jobs` if all are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = [
            (self.waiting, "waiting"),
            (self.queued, "queued"),
            (self.running, "running"),
            (self.backoff, "in backoff"),
            (self.stopping, "stopping"),
            (self.succeeded, "succeeded"),
            (self.failed, "failed"),
            (self.cancelled, "cancelled"),
            (self.skipped, "skipped"),
            (self.removed, "removed"),
        ];
        let mut separator = "";
        for (count, name) in fields.into_iter().filter(|&(count, _)| count > 0) {
            write!(f, "{separator}{count} {name}")?;
            separator = ", ";
        }
        if separator.is_empty() { f.write_str("no jobs") } else { Ok(()) }
    }
}

/// One fact of the stream that [`RunOptions::record`](super::RunOptions::record) switches on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When, by the clock of the run; [`Timestamp::ZERO`] before `start`.
    pub at: Timestamp,
    /// Which job.
    pub id: JobId,
    /// What became of it.
    pub change: Change,
}

/// What a [`Transition`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The job was added, and waits.
    Added,
    /// Its state changed.
    State {
        /// The state that it left.
        from: JobState,
        /// The state that it is in now.
        to: JobState,
    },
    /// Its attempt is ready.
    Ready,
    /// It was removed. Its id names nothing any more.
    Removed,
}
