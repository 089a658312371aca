use super::job::{Attempt, JobId};
use super::machine::Orchestrator;
use super::node::Extra;
use super::observe::{Change, Transition};
use super::signal::Signal;
use super::state::{Completion, Event, Facts, Failure, Next, Stage, Tell, transition};

impl<J> Orchestrator<J> {
    #[inline]
    pub(super) fn record(&mut self, id: JobId, change: Change) {
        if self.options.record {
            self.transitions.push_back(Transition { at: self.clock, id, change });
        }
    }

    /// Lets an event happen to a job.
    pub(super) fn apply(&mut self, index: u32, event: Event) {
        self.change(index, event);
    }

    // The three events of every job's life, each compiled for itself.

    pub(super) fn satisfy(&mut self, index: u32) {
        self.change(index, Event::Satisfied);
    }

    #[inline]
    pub(super) fn hand_out(&mut self, index: u32) {
        self.change(index, Event::HandOut);
    }

    #[inline]
    pub(super) fn complete(&mut self, index: u32, completion: Completion) {
        match completion {
            Completion::Success => self.change(index, Event::Completed(Completion::Success)),
            other => self.apply(index, Event::Completed(other)),
        }
    }

    /// The one way in which the state of a job changes.
    #[expect(clippy::inline_always, reason = "most of it folds away for an event that is known")]
    #[inline(always)]
    fn change(&mut self, index: u32, event: Event) {
        let from = self.node(index).stage;
        let facts = self.jobs.extra(index).map_or(Facts::PLAIN, Extra::facts);
        let Some((next, tell)) = transition(from, event, facts) else { return };
        let before = self.options.record.then(|| self.state_of(index));
        if let Event::Impossible(required) = event {
            self.culprits.insert(index, required);
        }
        if tell != Tell::Nothing {
            self.tell(index, tell);
        }
        match next {
            Next::To(to) => self.enter(index, from, to, tell),
            Next::Fail(failure) => {
                let to = self.after_failure(index, failure);
                self.enter(index, from, to, tell);
            }
        }
        if let Some(from) = before {
            self.record(self.id(index), Change::State { from, to: self.state_of(index) });
        }
    }

    #[cold]
    fn tell(&mut self, index: u32, tell: Tell) {
        let attempt = Attempt { job: self.id(index), number: self.node(index).attempts };
        match tell {
            Tell::Nothing => {}
            Tell::Cancel => self.signals.push_back(Signal::Cancel(attempt)),
            Tell::Abort => {
                self.signals.push_back(Signal::Abort(attempt));
                self.keep_body(index);
            }
            Tell::Discard => self.signals.push_back(Signal::Discard(attempt.job)),
        }
    }

    /// `Backoff`, at once `Queued` without a pause, or `Failed` if there is no attempt left.
    #[cold]
    fn after_failure(&mut self, index: u32, failure: Failure) -> Stage {
        let ending = self.ending().is_some();
        let attempts = self.node(index).attempts;
        let Some(extra) = self.jobs.extra_mut(index) else { return Stage::Failed(failure) };
        extra.last_failure = Some(failure);
        let retries = extra.options.retries;
        if ending || extra.cancelled || attempts > retries.limit || attempts == u32::MAX {
            return Stage::Failed(failure);
        }
        if retries.delay(attempts).is_zero() { Stage::Queued } else { Stage::Backoff }
    }

    /// All that goes with a change of state: counters, queue, seats and deadline.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn enter(&mut self, index: u32, from: Stage, to: Stage, tell: Tell) {
        *self.counts.of(from) -= 1;
        *self.counts.of(to) += 1;
        let node = self.jobs.node_mut(index);
        node.stage = to;
        node.attempts += u32::from(to == Stage::Running);
        let (plain, critical, id) = (node.is_plain(), node.is_critical(), node.id(index));
        if node.is_finite() {
            self.seats_taken += usize::from(to.is_under_way());
            // The seat of an aborted attempt is free when its body is gone.
            self.seats_taken -= usize::from(from.is_under_way() && tell != Tell::Abort);
            self.unfinished_finite -= usize::from(to.is_ended());
        }
        if critical && matches!(to, Stage::Failed(_)) {
            self.critical_failure.get_or_insert(id);
        }
        let stands_in_line = !node.body_is_leaving;
        if to == Stage::Queued && stands_in_line {
            self.queue.push(&mut self.jobs, index);
        } else if to == Stage::Queued {
            self.queue.take_turn(self.jobs.node_mut(index));
        } else if from == Stage::Queued && to != Stage::Running && stands_in_line {
            self.queue.remove(&mut self.jobs, index);
        }
        if !plain {
            self.rearm(index, to);
        }
    }

    /// A job's deadline belongs to its state: it goes with the old one and comes with the new.
    fn rearm(&mut self, index: u32, stage: Stage) {
        let attempts = self.node(index).attempts;
        let Some(extra) = self.jobs.extra_mut(index) else { return };
        extra.ready_now &= stage != Stage::Running;
        if let Some(armed) = extra.armed.take() {
            self.deadlines.disarm(index, armed);
        }
        let after = match stage {
            Stage::Running => extra.options.timeout,
            Stage::Stopping(_) => extra.options.grace,
            Stage::Backoff => Some(extra.options.retries.delay(attempts)),
            Stage::Waiting
            | Stage::Queued
            | Stage::Succeeded
            | Stage::Failed(_)
            | Stage::Cancelled
            | Stage::Skipped
            | Stage::RunStopped => None,
        };
        extra.armed = after.map(|after| self.deadlines.arm(index, self.clock + after));
    }
}
