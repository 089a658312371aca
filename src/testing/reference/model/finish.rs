use alloc::string::String;
use alloc::vec::Vec;

use super::call::Call;
use super::pair::Model;
use crate::{Attempt, Completion, JobKind, JobState, Timestamp};

/// How a run is brought to its end.
impl Model {
    /// Drives the run to its end: outputs drained, every attempt of a finite job completes, forever
    /// jobs complete when asked to stop, bodies that are away are gone in the end, and deadlines fire
    /// when nothing completes unasked. `choose` picks a number below its argument: which attempt, how
    /// it ends, and whether a body is away.
    ///
    /// A run that waits for forever jobs alone, for a stop, or for a deadline that is too far away, is
    /// stopped, and a service is ready when nothing else goes on.
    ///
    /// # Errors
    /// As [`call`](Self::call), and if the run takes longer than the design allows.
    pub fn finish(&mut self, mut choose: impl FnMut(usize) -> usize) -> Result<(), String> {
        /// After so many a forever job that is attempted again and again is what fires them.
        const MANY: u64 = 500;
        const ENDS: [Completion; 6] = [
            Completion::Success,
            Completion::Success,
            Completion::Error,
            Completion::Panic,
            Completion::Permanent,
            Completion::Cancelled,
        ];
        let mut deadlines = 0;
        loop {
            if deadlines == MANY && self.core.ending().is_none() {
                self.call(Call::Stop(self.core.clock()))?;
            }
            self.obey(&mut choose)?;
            if self.core.verdict().is_some() {
                return self.see_all_gone();
            }
            let now = self.core.clock();
            self.poll(now)?;
            let (unasked, unready, away) = (self.unasked(), self.unready(), self.away());
            let next_deadline = self.core.next_deadline();
            let waits_for_stop = self.core.ending().is_none() && !self.has_finite_left();
            let pick = choose(unasked.len() + away.len());
            // A body may be away for long.
            let may_go = !unasked.is_empty() || next_deadline.is_none() || choose(2) == 0;
            if let Some(&attempt) = unasked.get(pick) {
                let completion = ENDS[choose(ENDS.len())];
                self.call(Call::Complete(attempt, completion, now))?;
            } else if let Some(&attempt) = away.get(pick - unasked.len()).filter(|_| may_go) {
                self.call(Call::Gone(attempt, now))?;
            } else if waits_for_stop && choose(4) == 0 {
                self.call(Call::Stop(now))?;
            } else if let Some(attempt) = unready.filter(|_| choose(2) == 0) {
                self.call(Call::Ready(attempt, now))?;
            } else if let Some(deadline) = next_deadline {
                deadlines += 1;
                self.call(Call::Deadline(deadline))?;
            } else if let Some(attempt) = unready {
                self.call(Call::Ready(attempt, now))?;
            } else if waits_for_stop {
                self.call(Call::Stop(now))?;
            } else {
                return Err(self.explain("the run stalls"));
            }
            if deadlines > 3 * self.stats.attempts + 2 {
                return Err(self.explain("the run needs too many deadlines"));
            }
        }
    }

    /// Whether something that ends by itself has not ended.
    fn has_finite_left(&self) -> bool {
        self.seen.jobs.iter().any(|job| {
            self.core.kind(job.id) == Some(JobKind::Finite) && job.state.outcome().is_none()
        })
    }

    /// The attempts that complete by themselves.
    fn unasked(&self) -> Vec<Attempt> {
        let mut attempts = self.under_way();
        attempts.retain(|attempt| {
            self.core.kind(attempt.job) == Some(JobKind::Finite) || !self.is_running(*attempt)
        });
        attempts
    }

    /// An attempt of a service that may be ready.
    fn unready(&self) -> Option<Attempt> {
        self.under_way().into_iter().find(|attempt| {
            self.core.kind(attempt.job) == Some(JobKind::Service)
                && self.is_running(*attempt)
                && !self.oracle.is_ready(attempt.job)
        })
    }

    fn is_running(&self, attempt: Attempt) -> bool {
        matches!(self.core.state(attempt.job), Some(JobState::Running { .. }))
    }

    /// Drains the signals, and says of some bodies that they are away.
    fn obey(&mut self, choose: &mut impl FnMut(usize) -> usize) -> Result<(), String> {
        loop {
            self.call(Call::Signals(1))?;
            if self.last_told.is_none() {
                return Ok(());
            }
            if let Some(attempt) = self.just_polled()
                && choose(3) == 0
            {
                self.call(Call::Away(attempt))?;
            }
        }
    }

    /// Says that what is away is gone, and what that decides, until no body is left.
    fn see_all_gone(&mut self) -> Result<(), String> {
        loop {
            self.call(Call::Signals(usize::MAX))?;
            let Some(&attempt) = self.away().first() else { break };
            self.call(Call::Gone(attempt, self.core.clock()))?;
        }
        if self.core.bodies_leaving() > 0 {
            return Err(self.explain("a body is left that nobody said to be away"));
        }
        Ok(())
    }

    /// Ends the run by two stops, which nothing survives.
    ///
    /// # Errors
    /// As [`call`](Self::call), and if something does.
    pub fn stop_twice(&mut self, now: Timestamp) -> Result<(), String> {
        self.call(Call::Stop(now))?;
        self.call(Call::Stop(now))?;
        self.see_all_gone()?;
        if self.core.verdict().is_none() {
            return Err(self.explain("the run outlives two stops"));
        }
        Ok(())
    }
}
