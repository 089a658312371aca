use core::time::Duration;

use super::Orchestrator;
use super::input::Signal;
use super::job::{Attempt, JobId};
use super::observe::{Change, Transition};
use super::state::{Event, Failure, JobState, Next, Outcome, Tell, transition};

impl<J> Orchestrator<J> {
    pub(super) fn record(&mut self, id: JobId, change: Change) {
        if self.options.record {
            self.transitions.push_back(Transition { at: self.clock, id, change });
        }
    }

    /// Lets an event happen to a job: the one way in which its state changes.
    pub(super) fn apply(&mut self, index: u32, event: Event) {
        let node = &self.jobs[index as usize];
        let (id, from) = (node.id(index as usize), node.state);
        let Some((next, tell)) = transition(from, event, node.facts()) else { return };
        let to = match next {
            Next::To(state) => state,
            Next::Fail(failure) => self.after_failure(index, failure),
        };
        if let Some(number) = from.attempt() {
            let attempt = Attempt { job: id, number };
            match tell {
                Tell::Nothing => {}
                Tell::Cancel => self.signals.push_back(Signal::Cancel(attempt)),
                Tell::Abort => self.signals.push_back(Signal::Abort(attempt)),
            }
        }
        self.enter(index, from, to);
        self.record(id, Change::State { from, to });
    }

    fn after_failure(&mut self, index: u32, failure: Failure) -> JobState {
        let ending = self.ending().is_some();
        let node = &mut self.jobs[index as usize];
        let attempts = node.attempts;
        let Some(extra) = node.extra.as_deref_mut() else {
            return JobState::Ended(Outcome::Failed(failure));
        };
        extra.last_failure = Some(failure);
        let retries = extra.options.retries;
        if ending || extra.cancelled || attempts > retries.limit || attempts == u32::MAX {
            return JobState::Ended(Outcome::Failed(failure));
        }
        match retries.delay(attempts) {
            Duration::ZERO => JobState::Queued,
            pause => JobState::Backoff { until: self.clock + pause },
        }
    }

    /// All that goes with a change of state: counters, queue, window and deadline.
    fn enter(&mut self, index: u32, from: JobState, to: JobState) {
        *self.counts.of(from) -= 1;
        *self.counts.of(to) += 1;
        if from == JobState::Queued {
            self.queue.unlink(&mut self.jobs, index);
        }
        let node = &mut self.jobs[index as usize];
        node.state = to;
        let finite = node.is_finite();
        if finite {
            self.places_taken += usize::from(to.attempt().is_some());
            self.places_taken -= usize::from(from.attempt().is_some());
            self.unfinished_finite -= usize::from(to.is_ended());
        }
        match to {
            JobState::Running { .. } => {
                node.attempts += 1;
                if let Some(extra) = &mut node.extra {
                    extra.ready_now = false;
                }
            }
            JobState::Queued => self.queue.push(&mut self.jobs, index),
            JobState::Ended(Outcome::Failed(_)) if node.is_critical() => {
                self.critical_failure.get_or_insert(node.id(index as usize));
            }
            JobState::Waiting
            | JobState::Backoff { .. }
            | JobState::Stopping { .. }
            | JobState::Ended(_) => {}
        }
        self.rearm(index, to);
    }

    /// A job's deadline belongs to its state: it goes with the old one and comes with the new.
    fn rearm(&mut self, index: u32, state: JobState) {
        let Some(extra) = self.jobs[index as usize].extra.as_deref_mut() else { return };
        if let Some(armed) = extra.armed.take() {
            self.deadlines.disarm(index, armed);
        }
        let at = match state {
            JobState::Running { .. } => extra.options.timeout.map(|timeout| self.clock + timeout),
            JobState::Stopping { .. } => extra.options.grace.map(|grace| self.clock + grace),
            JobState::Backoff { until } => Some(until),
            JobState::Waiting | JobState::Queued | JobState::Ended(_) => None,
        };
        extra.armed = at.map(|at| self.deadlines.arm(index, at));
    }
}
