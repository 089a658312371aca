use std::collections::{BTreeMap, BTreeSet};
use std::vec::Vec;

use crate::orchestrator::JobId;

/// What is to go once a job has ended and nobody will be fed by it any more, so that a long run has bounded memory.
#[derive(Default)]
pub(crate) struct Removals {
    wanted: BTreeMap<JobId, Wish>,
    /// Jobs whose outputs went.
    gone: BTreeSet<JobId>,
    /// Those to look at, since something has happened to them, and whether that was their end.
    open: Vec<(JobId, bool)>,
}

/// What is to go.
#[derive(Clone, Copy)]
struct Wish {
    goes: Goes,
    /// At least so many dependents have not ended.
    left: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Goes {
    /// The output alone.
    Output,
    /// The job, with all that it has kept.
    Job,
}

impl Removals {
    /// A job has ended, or its body is gone.
    #[inline]
    pub(super) fn look_at(&mut self, job: JobId, has_ended: bool) {
        if !self.wanted.is_empty() {
            self.open.push((job, has_ended));
        }
    }

    #[inline]
    pub(super) fn are_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// This is to go, of a job with so many dependents that have not ended.
    pub(super) fn want(&mut self, job: JobId, goes: Goes, left: usize) {
        let wish = self.wanted.entry(job).or_insert(Wish { goes, left });
        wish.goes = wish.goes.max(goes);
        self.open.push((job, false));
    }

    /// What is to go of a job, if it is worth a look whether its dependents have ended.
    pub(super) fn goes(&self, job: JobId) -> Option<Goes> {
        self.wanted.get(&job).filter(|wish| wish.left == 0).map(|wish| wish.goes)
    }

    /// A job was added that requires this one.
    pub(super) fn dependent_added(&mut self, job: JobId) {
        if let Some(wish) = self.wanted.get_mut(&job) {
            wish.left += 1;
        }
    }

    /// A dependent of this job has ended.
    pub(super) fn dependent_ended(&mut self, job: JobId) {
        if let Some(wish) = self.wanted.get_mut(&job) {
            wish.left = wish.left.saturating_sub(1);
        }
    }

    /// That has gone.
    pub(super) fn went(&mut self, job: JobId, what: Goes) {
        self.wanted.remove(&job);
        match what {
            Goes::Output => self.gone.insert(job),
            Goes::Job => self.gone.remove(&job),
        };
    }

    /// Whether the output of a job went, and the job is there.
    pub(super) fn is_output_gone(&self, job: JobId) -> bool {
        self.gone.contains(&job)
    }

    pub(super) fn take_open(&mut self) -> Vec<(JobId, bool)> {
        std::mem::take(&mut self.open)
    }
}
