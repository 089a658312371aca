use super::bodies::Bodies;
use super::job::{Attempt, JobId};
use super::machine::Orchestrator;
use super::state::Event;
use super::time::Timestamp;

impl<J> Orchestrator<J> {
    /// Hands out what may start now. Each attempt that the iterator yields is `Running`, and its
    /// timeout counts from `now`; if it is dropped early, the rest stays queued. O(1) a job,
    /// O(log priorities) where there are any.
    #[must_use = "nothing is handed out until the iterator is asked"]
    pub fn poll_ready_jobs(&mut self, now: Timestamp) -> ReadyJobs<'_, J> {
        if self.has_started() {
            self.advance(now);
        }
        ReadyJobs { orchestrator: self }
    }

    /// Whether [`poll_ready_jobs`](Self::poll_ready_jobs) would hand out a job. O(1).
    #[must_use]
    #[inline]
    pub fn has_ready_jobs(&self) -> bool {
        self.queue.has_next(self.has_free_seat())
            || self.bodies.existing().is_some_and(Bodies::are_unsettled)
                && self.is_ready_without_polled()
    }
}

/// Hands out attempts: an iterator that [`Orchestrator::poll_ready_jobs`] makes.
#[derive(Debug)]
#[must_use = "nothing is handed out until the iterator is asked"]
pub struct ReadyJobs<'a, J> {
    orchestrator: &'a mut Orchestrator<J>,
}

impl<J> ReadyJobs<'_, J> {
    /// The payload of a job that was handed out.
    pub fn payload_mut(&mut self, attempt: Attempt) -> Option<&mut J> {
        self.orchestrator.payload_mut(attempt.job)
    }
}

impl<J> Iterator for ReadyJobs<'_, J> {
    type Item = Attempt;

    fn next(&mut self) -> Option<Attempt> {
        let core = &mut *self.orchestrator;
        let seat_is_free = core.has_free_seat();
        let index = core.queue.pop(&core.jobs, seat_is_free)?;
        if !core.hand_out_plain(index) {
            core.apply(index, Event::HandOut);
        }
        Some(Attempt { job: core.id(index), number: core.node(index).attempts })
    }
}

impl<J> Orchestrator<J> {
    /// Whether the run waits for it, though it is a forever job or a service.
    #[must_use]
    pub fn is_awaited(&self, job: JobId) -> bool {
        self.jobs.index(job).is_some_and(|index| self.node(index).is_awaited())
    }

    /// Whether no attempt follows this one, should it fail.
    #[cfg(feature = "std")]
    pub(crate) fn is_last(&self, attempt: Attempt) -> bool {
        let extra = self.jobs.index(attempt.job).and_then(|index| self.jobs.extra(index));
        extra.is_none_or(|extra| extra.is_last(attempt.number))
    }
}
