use std::boxed::Box;
use std::sync::Arc;

use super::error::JobError;
use super::output::Slot;
use crate::orchestrator::{JobId, Orchestrator, Outcome, Timestamp};

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
}

/// What became of a shutdown hook.
#[derive(Debug)]
pub struct HookReport {
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<Arc<JobError>>,
}

impl HookReport {
    /// How it ended: cancelled if it took too long.
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

    #[inline]
    pub(crate) fn set_error(&mut self, error: Option<JobError>) {
        if error.is_some() || self.aftermath.is_some() {
            self.put_error(error);
        }
    }

    #[cold]
    fn put_error(&mut self, error: Option<JobError>) {
        self.aftermath.get_or_insert_default().error = error.map(Arc::new);
    }

    /// What became of the hook, in whose run the other record was made.
    pub(crate) fn set_hook(&mut self, outcome: Outcome, of: &mut Self) {
        let error = of.aftermath.take().and_then(|aftermath| aftermath.error);
        self.aftermath.get_or_insert_default().hook = Some(HookReport { outcome, error });
    }
}

impl Orchestrator<Record> {
    /// When the first attempt of a job started.
    pub(crate) fn started(&self, job: JobId) -> Option<Timestamp> {
        self.payload(job).filter(|_| self.attempts(job) > 0).map(|record| record.started)
    }

    /// When the last attempt of a job that has ended did.
    pub(crate) fn ended(&self, job: JobId) -> Option<Timestamp> {
        let began = self.attempts(job) > 0 && self.has_ended(job);
        self.payload(job).filter(|_| began).map(|record| record.ended)
    }
}
