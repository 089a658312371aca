use super::job::{Attempt, JobId};
use super::machine::Orchestrator;

/// What the drivers ask, which know the core: each is a look or two.
impl<J> Orchestrator<J> {
    #[inline]
    pub(crate) fn is_under_way(&self, attempt: Attempt) -> bool {
        self.find_under_way(attempt).is_some()
    }

    /// Whether a job has ended, or is gone.
    #[inline]
    pub(crate) fn has_ended(&self, job: JobId) -> bool {
        self.get(job).is_none_or(|node| node.stage.is_ended())
    }

    /// Whether polling for signals would yield one, or settle something.
    #[inline]
    pub(crate) fn has_signals(&self) -> bool {
        !self.signals.is_empty() || self.bodies.are_unsettled()
    }

    /// The payload of a job that is known to be there.
    #[inline]
    pub(crate) fn payload_of(&mut self, job: JobId) -> Option<&mut J> {
        self.jobs.payload_mut(job.slab_index())
    }
}
