use std::boxed::Box;
use std::fmt;
use std::sync::Arc;
#[cfg(feature = "journal")]
use std::sync::Mutex;
use std::vec::Vec;

use super::error::JobError;
use super::output::Slot;
use super::quiet::Panic;
#[cfg(feature = "journal")]
use super::{kept::Kept, lock::lock};
use crate::orchestrator::{Failure, JobId, JobName, Orchestrator, Outcome, Timestamp};

/// What a run keeps about a job beside its state; it outlives the body. 32 bytes.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) slot: Slot,
    /// When its first attempt started, if there was one.
    pub(crate) started: Timestamp,
    /// When its last attempt ended, if one has.
    pub(crate) ended: Timestamp,
    aftermath: Option<Box<Aftermath>>,
}

/// What most jobs do not leave behind.
#[derive(Debug, Default)]
struct Aftermath {
    error: Option<Arc<JobError>>,
    hook: Option<HookReport>,
    /// What it said of itself, at last.
    note: Option<Arc<str>>,
    /// What a journal had to do with it.
    #[cfg(feature = "journal")]
    kept: Option<Arc<Mutex<Kept>>>,
    /// What values of the job's panicked with when they were dropped.
    drops: Vec<Panic>,
    /// Of a graph inside that was dropped: how many of its shutdown hooks never ran.
    lost_hooks: usize,
}

/// What became of a shutdown hook.
#[derive(Debug)]
pub struct HookReport {
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<Arc<JobError>>,
}

impl HookReport {
    /// How it ended: `Failed(TimedOut)` if it took longer than
    /// [`hook_timeout`](crate::Graph::hook_timeout), cancelled or skipped if all that was left was aborted.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Why it failed, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&JobError> {
        self.error.as_deref()
    }
}

impl fmt::Display for HookReport {
    /// As it completes "its hook ...".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.outcome, &self.error) {
            (Outcome::Failed(Failure::TimedOut), _) => f.write_str("timed out"),
            (Outcome::Failed(_), Some(error)) => write!(f, "failed: {error}"),
            (Outcome::Skipped(_), _) => f.write_str("never ran"),
            (Outcome::Cancelled, _) => f.write_str("was cancelled"),
            (outcome, _) => outcome.fmt(f),
        }
    }
}

impl Clone for Record {
    /// The record of the same job in another run.
    fn clone(&self) -> Self {
        Self::new(self.slot)
    }
}

impl Record {
    pub(crate) const fn new(slot: Slot) -> Self {
        Self { slot, started: Timestamp::ZERO, ended: Timestamp::ZERO, aftermath: None }
    }

    /// Why its last attempt failed.
    pub(crate) fn error(&self) -> Option<&Arc<JobError>> {
        self.aftermath.as_ref()?.error.as_ref()
    }

    /// What became of its shutdown hook.
    pub(crate) fn hook(&self) -> Option<&HookReport> {
        self.aftermath.as_ref()?.hook.as_ref()
    }

    /// Returns the error that was there before: it is the user's to drop.
    #[inline]
    #[must_use = "to be dropped without a lock"]
    pub(crate) fn set_error(&mut self, error: Option<JobError>) -> Option<Arc<JobError>> {
        if error.is_some() || self.aftermath.is_some() { self.put_error(error) } else { None }
    }

    #[cold]
    fn put_error(&mut self, error: Option<JobError>) -> Option<Arc<JobError>> {
        let aftermath = self.aftermath.get_or_insert_default();
        std::mem::replace(&mut aftermath.error, error.map(Arc::new))
    }

    /// What it said of itself, at last.
    pub(crate) fn note(&self) -> Option<&Arc<str>> {
        self.aftermath.as_ref()?.note.as_ref()
    }

    /// What a journal had to do with it.
    #[cfg(feature = "journal")]
    pub(crate) fn kept(&self) -> Option<Kept> {
        self.aftermath.as_ref()?.kept.as_ref().map(|kept| lock(kept).clone())
    }

    #[cfg(feature = "journal")]
    pub(crate) fn put_kept(&mut self, kept: Arc<Mutex<Kept>>) {
        self.aftermath.get_or_insert_default().kept = Some(kept);
    }

    pub(crate) fn put_note(&mut self, text: Arc<str>) {
        self.aftermath.get_or_insert_default().note = Some(text);
    }

    #[cold]
    pub(crate) fn put_panicked_drop(&mut self, panic: Panic) {
        self.aftermath.get_or_insert_default().drops.push(panic);
    }

    #[cold]
    pub(crate) fn put_lost_hooks(&mut self, hooks: usize) {
        self.aftermath.get_or_insert_default().lost_hooks += hooks;
    }

    /// How many shutdown hooks of the graph inside, if the job is one, never ran since it was dropped.
    pub(crate) fn lost_hooks(&self) -> usize {
        self.aftermath.as_ref().map_or(0, |aftermath| aftermath.lost_hooks)
    }

    /// What values of the job's panicked with when they were dropped.
    pub(crate) fn panicked_drops(&self) -> &[Panic] {
        self.aftermath.as_ref().map_or(&[], |aftermath| &aftermath.drops)
    }

    /// What became of the hook, in whose run the other record was made.
    pub(crate) fn set_hook(&mut self, outcome: Outcome, of: &mut Self) {
        let Aftermath { error, drops, .. } = *of.aftermath.take().unwrap_or_default();
        let aftermath = self.aftermath.get_or_insert_default();
        aftermath.hook = Some(HookReport { outcome, error });
        aftermath.drops.extend(drops);
    }
}

impl Orchestrator<Record> {
    /// What a job is called in an error.
    pub(crate) fn job_name(&self, job: JobId) -> JobName {
        JobName { id: Some(job), label: self.label(job).map(Into::into) }
    }

    /// When the first attempt of a job started.
    pub(crate) fn started(&self, job: JobId) -> Option<Timestamp> {
        self.payload(job).filter(|_| self.attempts(job) > 0).map(|record| record.started)
    }

    /// When the last attempt of a job that has ended did.
    pub(crate) fn ended(&self, job: JobId) -> Option<Timestamp> {
        let began = self.attempts(job) > 0 && self.is_ended(job);
        self.payload(job).filter(|_| began).map(|record| record.ended)
    }
}
