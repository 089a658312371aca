use std::collections::BTreeSet;
use std::vec::Vec;

use crate::orchestrator::JobId;

/// Jobs that somebody wants to leave the run once they have ended, so that a long one has bounded memory.
#[derive(Default)]
pub(crate) struct Removals {
    wanted: BTreeSet<JobId>,
    /// Those to look at, since something has happened to them.
    open: Vec<JobId>,
}

impl Removals {
    /// A job has ended, or its body is gone.
    #[inline]
    pub(super) fn look_at(&mut self, job: JobId) {
        if !self.wanted.is_empty() {
            self.open.push(job);
        }
    }

    #[inline]
    pub(super) fn are_open(&self) -> bool {
        !self.open.is_empty()
    }

    pub(super) fn want(&mut self, job: JobId) {
        self.wanted.insert(job);
        self.open.push(job);
    }

    pub(super) fn wants(&self, job: JobId) -> bool {
        self.wanted.contains(&job)
    }

    pub(super) fn forget(&mut self, job: JobId) {
        self.wanted.remove(&job);
    }

    pub(super) fn take_open(&mut self) -> Vec<JobId> {
        std::mem::take(&mut self.open)
    }
}
