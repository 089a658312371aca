use alloc::format;
use alloc::string::String;

use super::call::Call;
use super::check::ensure;
use super::pair::{Model, Snapshot};
use crate::{JobId, JobState};

/// A job that ends with no attempt under way is discarded, once.
impl Model {
    /// Sorts the jobs that a call has ended by where they were before it.
    pub(super) fn note_ends(&mut self, call: &Call, core: &Snapshot) {
        for job in core.jobs.iter().filter(|job| matches!(job.state, JobState::Ended(_))) {
            if self.outcomes.contains_key(&job.id) {
                continue;
            }
            let before = self.seen.jobs.iter().find(|before| before.id == job.id);
            if before.is_none_or(|before| before.under_way().is_none()) {
                self.discards.entry(job.id).or_insert(false);
            } else if !matches!(call, Call::Deadline(_)) {
                // By deadlines alone an attempt is aborted and its job, not under way any more, ended
                // by the run, both in one call.
                self.kept.insert(job.id);
            }
        }
    }

    pub(super) fn check_discarded(&mut self, job: JobId) -> Result<(), String> {
        let state = self.core.state(job);
        ensure(state.is_none_or(|state| matches!(state, JobState::Ended(_))), || {
            format!("{job} is discarded, but {state:?}")
        })?;
        ensure(!self.kept.contains(&job), || {
            format!("{job} is discarded, but its attempt was under way")
        })?;
        let before = self.discards.insert(job, true);
        ensure(before != Some(true), || format!("{job} is discarded twice"))
    }

    /// Nothing is left to be discarded: when no signal is left, and before the run asks anyone to stop.
    pub(super) fn check_all_discarded(&self) -> Result<(), String> {
        let left = self.discards.iter().find(|&(_, &told)| !told);
        ensure(left.is_none(), || format!("{left:?} should have been discarded"))
    }
}
