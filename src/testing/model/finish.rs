use alloc::string::String;
use alloc::vec::Vec;

use super::{Call, Model};
use crate::{Attempt, Completion, JobKind, JobState, Timestamp};

/// How a run is brought to its end.
impl Model {
    /// Drives the run to its end: outputs drained, every attempt of a finite job completes, forever
    /// jobs complete when asked to stop, and deadlines fire when nothing completes unasked. `choose`
    /// picks a number below its argument: which attempt, and how it ends.
    ///
    /// A run that waits for forever jobs alone, or for a deadline that is too far away, is stopped,
    /// and a service is ready when nothing else goes on.
    ///
    /// # Errors
    /// As [`call`](Self::call), and if the run takes longer than the design allows.
    pub fn finish(&mut self, mut choose: impl FnMut(usize) -> usize) -> Result<(), String> {
        /// After so many a forever job that is attempted again and again is what fires them.
        const MANY: u64 = 500;
        const ENDS: [Completion; 5] = [
            Completion::Success,
            Completion::Success,
            Completion::Error,
            Completion::Panic,
            Completion::Cancelled,
        ];
        let mut deadlines = 0;
        loop {
            if deadlines == MANY && self.core.ending().is_none() {
                self.call(Call::Stop(self.core.clock()))?;
            }
            self.call(Call::Signals(usize::MAX))?;
            if self.core.verdict().is_some() {
                return Ok(());
            }
            let now = self.core.clock();
            self.poll(now)?;
            let under_way = self.under_way();
            let kind = |attempt: &Attempt| self.core.kind(attempt.job);
            let running = |attempt: &Attempt| {
                matches!(self.core.state(attempt.job), Some(JobState::Running { .. }))
            };
            let unasked: Vec<Attempt> = under_way
                .iter()
                .copied()
                .filter(|attempt| kind(attempt) == Some(JobKind::Finite) || !running(attempt))
                .collect();
            let unready = under_way.iter().copied().find(|attempt| {
                kind(attempt) == Some(JobKind::Service)
                    && running(attempt)
                    && !self.oracle.is_ready(attempt.job)
            });
            let next_deadline = self.core.next_deadline();
            let all_forever =
                self.seen.jobs.iter().all(|job| self.core.kind(job.id) != Some(JobKind::Finite));
            if !unasked.is_empty() {
                let attempt = unasked[choose(unasked.len())];
                let completion = ENDS[choose(ENDS.len())];
                self.call(Call::Complete(attempt, completion, now))?;
            } else if all_forever && self.core.ending().is_none() && choose(4) == 0 {
                self.call(Call::Stop(now))?;
            } else if let Some(attempt) = unready.filter(|_| choose(2) == 0) {
                self.call(Call::Ready(attempt, now))?;
            } else if let Some(deadline) = next_deadline {
                deadlines += 1;
                self.call(Call::Deadline(deadline))?;
            } else if let Some(attempt) = unready {
                self.call(Call::Ready(attempt, now))?;
            } else if all_forever && self.core.ending().is_none() {
                self.call(Call::Stop(now))?;
            } else {
                return Err(self.explain("the run stalls"));
            }
            if deadlines > 3 * self.stats.attempts + 2 {
                return Err(self.explain("the run needs too many deadlines"));
            }
        }
    }

    /// Ends the run by two stops, which nothing survives.
    ///
    /// # Errors
    /// As [`call`](Self::call), and if something does.
    pub fn stop_twice(&mut self, now: Timestamp) -> Result<(), String> {
        self.call(Call::Stop(now))?;
        self.call(Call::Stop(now))?;
        self.call(Call::Signals(usize::MAX))?;
        if self.core.verdict().is_none() {
            return Err(self.explain("the run outlives two stops"));
        }
        Ok(())
    }
}
