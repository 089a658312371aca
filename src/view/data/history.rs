use std::string::String;
use std::vec::Vec;

use serde::{Serialize, Serializer};

use super::FORMAT;
use super::facts::{VerdictName, text};
use super::jobs::Info;
use crate::view::{AttemptHistory, History, HookHistory, JobHistory, Moment};
use crate::{Counts, JobId, JobState, Mishap, Outcome, OutputStore, Report, Timestamp};

/// A history as a map.
#[derive(Serialize)]
struct Run<'a> {
    format: u32,
    begun: Timestamp,
    now: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<VerdictName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    critical: Option<JobId>,
    counts: Counts,
    #[serde(skip_serializing_if = "<[Mishap]>::is_empty")]
    mishaps: &'a [Mishap],
    jobs: Vec<Known<'a>>,
}

/// What is known of a job.
#[derive(Serialize)]
struct Known<'a> {
    #[serde(flatten)]
    job: Info,
    state: JobState,
    added: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    queued: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ready: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    attempts: Vec<Attempt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hook: Option<Hook>,
    #[serde(skip_serializing_if = "<[Mishap]>::is_empty")]
    mishaps: &'a [Mishap],
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs: Option<Vec<Self>>,
}

#[derive(Serialize)]
struct Attempt {
    number: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    queued: Option<Timestamp>,
    started: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Hook {
    started: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn at(moment: Option<Moment>) -> Option<Timestamp> {
    moment.map(|moment| moment.at)
}

impl From<&AttemptHistory> for Attempt {
    fn from(attempt: &AttemptHistory) -> Self {
        Self {
            number: attempt.number,
            queued: at(attempt.queued),
            started: attempt.started.at,
            asked: at(attempt.asked),
            ended: at(attempt.ended),
            error: text(attempt.error.as_ref()),
        }
    }
}

impl From<&HookHistory> for Hook {
    fn from(hook: &HookHistory) -> Self {
        Self {
            started: hook.started.at,
            ended: hook.ended.map(|(moment, _)| moment.at),
            outcome: hook.ended.map(|(_, outcome)| outcome),
            error: text(hook.error.as_ref()),
        }
    }
}

impl<'a> Known<'a> {
    fn within(history: &'a History, within: &[JobId]) -> Vec<Self> {
        history.jobs_within(within).map(|job| Self::of(history, job)).collect()
    }

    fn of(history: &'a History, job: &'a JobHistory) -> Self {
        let inside = || Self::within(history, &[&*job.within, &[job.info.id]].concat());
        Self {
            job: Info::alone(&job.info),
            state: job.state,
            added: job.added.at,
            queued: at(job.queued),
            ready: at(job.ready),
            ended: at(job.ended),
            note: job.note.as_deref(),
            attempts: job.attempts.iter().map(Into::into).collect(),
            hook: job.hook.as_deref().map(Into::into),
            mishaps: &job.mishaps,
            jobs: job.is_graph.then(inside),
        }
    }
}

impl Serialize for History {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (verdict, critical) = self.verdict().map(VerdictName::of).unzip();
        let run = Run {
            format: FORMAT,
            begun: self.begun(),
            now: self.now().at,
            verdict,
            critical: critical.flatten(),
            counts: self.counts(),
            mishaps: self.mishaps(),
            jobs: Known::within(self, &[]),
        };
        run.serialize(serializer)
    }
}

impl<C: OutputStore + ?Sized> Serialize for Report<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        History::from(self).serialize(serializer)
    }
}

/// By state, and how many were removed.
#[derive(Serialize)]
#[serde(remote = "Counts")]
struct Numbers {
    waiting: usize,
    queued: usize,
    running: usize,
    backoff: usize,
    stopping: usize,
    succeeded: usize,
    failed: usize,
    cancelled: usize,
    skipped: usize,
    removed: usize,
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Numbers::serialize(self, serializer)
    }
}
