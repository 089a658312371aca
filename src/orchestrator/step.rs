use core::time::Duration;

use super::extra::Extra;
use super::job::{Attempt, JobId};
use super::machine::Orchestrator;
use super::observe::{Change, Transition};
use super::phase::Phase;
use super::queue::Order;
use super::signal::Signal;
use super::state::{Completion, Event, Facts, Failure, Next, Stage, Tell, transition};
use super::store::PLAIN;
use super::time::Timestamp;

impl<J> Orchestrator<J> {
    #[inline]
    pub(super) fn record(&mut self, id: JobId, change: Change) {
        if self.options.record {
            self.transitions.push_back(Transition { at: self.clock, id, change });
        }
    }

    // The three events of every job's life, each compiled for itself: of a job that goes plainly most of it folds
    // away.

    /// Of a job that waits and goes plainly, as its count of unresolved requirements says.
    #[inline]
    fn satisfy_plain(&mut self, index: u32) {
        if self.is_short {
            self.change(index, Stage::Waiting, Event::Satisfied, Facts::PLAIN, true);
        } else {
            self.apply(index, Event::Satisfied);
        }
    }

    /// Of a job that waits, if nothing is unresolved any more of what it requires.
    #[expect(clippy::inline_always, reason = "short, once for each requirement")]
    #[inline(always)]
    pub(super) fn satisfy_if_free(&mut self, index: u32) {
        match self.jobs.held_by[index as usize] {
            PLAIN => self.satisfy_plain(index),
            0 => self.apply(index, Event::Satisfied),
            _ => {}
        }
    }

    /// Of a queued job; false if it does not go plainly.
    #[inline]
    pub(super) fn hand_out_plain(&mut self, index: u32) -> bool {
        let is_plain = self.node(index).goes_plainly() && self.is_short;
        if is_plain {
            self.change(index, Stage::Queued, Event::HandOut, Facts::PLAIN, true);
        }
        is_plain
    }

    /// Of an attempt that succeeds while the run goes on; none if its job does not go plainly.
    #[inline]
    pub(super) fn succeed_plain(&mut self, attempt: Attempt, now: Timestamp) -> Option<u32> {
        let node = self.jobs.nodes.find(attempt.job)?;
        let is_plain = node.goes_plainly() && node.stage == Stage::Running && self.is_short;
        if !is_plain || node.attempts != attempt.number || !matches!(self.phase, Phase::Running) {
            return None;
        }
        self.advance(now);
        let index = attempt.job.slab_index();
        let event = Event::Completed(Completion::Success);
        self.change(index, Stage::Running, event, Facts::PLAIN, true);
        Some(index)
    }

    /// Lets an event happen to a job.
    #[inline(never)]
    pub(super) fn apply(&mut self, index: u32, event: Event) {
        let from = self.node(index).stage;
        let facts = self.jobs.extra(index).map_or(Facts::PLAIN, Extra::facts);
        let before = self.options.record.then(|| self.state_of(index));
        if let Event::Impossible(required) = event
            && from == Stage::Waiting
        {
            self.culprits.make().insert(index, required);
        }
        let plain = !self.node(index).has_extra() && self.options.order == Order::BreadthFirst;
        if self.change(index, from, event, facts, plain)
            && let Some(from) = before
        {
            self.record(self.id(index), Change::State { from, to: self.state_of(index) });
        }
    }

    /// The one way in which the state of a job changes. False if this event changes nothing.
    #[expect(clippy::inline_always, reason = "most of it folds away for an event that is known")]
    #[inline(always)]
    fn change(&mut self, index: u32, from: Stage, event: Event, facts: Facts, plain: bool) -> bool {
        let Some((next, tell)) = transition(from, event, facts) else { return false };
        if tell != Tell::Nothing {
            self.tell(index, tell);
        }
        match next {
            Next::To(to) => self.enter(index, from, to, tell, plain),
            Next::Fail(failure) => {
                let to = self.after_failure(index, failure);
                self.enter(index, from, to, tell, plain);
            }
        }
        true
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
        let (ending, clock) = (self.ending().is_some(), self.clock);
        let attempts = self.node(index).attempts;
        let Some(extra) = self.jobs.extra_mut(index) else { return Stage::Failed(failure) };
        let may_try_again = extra.may_try_again(failure, attempts, clock);
        if ending || !may_try_again || attempts == u32::MAX {
            return Stage::Failed(failure);
        }
        if self.pause(index).is_zero() { Stage::Queued } else { Stage::Backoff }
    }

    /// How long a job waits whose attempt has failed.
    fn pause(&self, index: u32) -> Duration {
        let Some(rare) = self.jobs.rare(index) else { return Duration::ZERO };
        let in_a_row = self.node(index).attempts - rare.forgiven;
        let number = self.jobs.nodes.number(index);
        rare.retries.jittered_delay(in_a_row, number, self.options.seed)
    }

    /// All that goes with a change of state: counters, queue, seats and deadline.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn enter(&mut self, index: u32, from: Stage, to: Stage, tell: Tell, plain: bool) {
        *self.counts.of(from) -= 1;
        *self.counts.of(to) += 1;
        let node = self.jobs.node_mut(index);
        node.stage = to;
        node.attempts += u32::from(to == Stage::Running);
        let critical = !plain && node.is_critical();
        if plain || node.is_finite() {
            self.seats_taken += usize::from(to.is_under_way());
            // The seat of an aborted attempt is free when its body is gone.
            self.seats_taken -= usize::from(from.is_under_way() && tell != Tell::Abort);
            self.awaited -= usize::from(to.is_ended());
        } else if node.is_awaited() {
            self.awaited -= usize::from(to.is_ended());
        }
        // A plain job has one body.
        let stands_in_line = plain || !node.body_is_leaving;
        if critical && matches!(to, Stage::Failed(_)) {
            self.critical_failure.get_or_insert(self.jobs.nodes.id(index));
        }
        if from == Stage::Waiting && to != Stage::Queued {
            self.jobs.held_by[index as usize] &= !PLAIN;
        }
        if to == Stage::Queued && plain {
            self.queue.push_plain(&mut self.jobs, index);
        } else if to == Stage::Queued {
            self.enter_queue(index, from, stands_in_line);
        } else if from == Stage::Queued && to != Stage::Running && stands_in_line {
            self.queue.remove(&self.jobs, index);
        }
        if !plain {
            self.let_pools_go(index, from, to, tell);
            self.rearm(index, to);
        }
    }

    /// A job that is no plain one is queued. After a pause it takes its turn by when it was queued first.
    fn enter_queue(&mut self, index: u32, from: Stage, stands_in_line: bool) {
        let first = self.jobs.rare(index).map(|rare| rare.first_turn);
        let turn = match first.filter(|_| from == Stage::Backoff) {
            Some(turn) => {
                if stands_in_line {
                    self.queue.join(&mut self.jobs, index, turn);
                }
                turn
            }
            None if stands_in_line => self.queue.push(&mut self.jobs, index),
            None => self.queue.take_turn(&mut self.jobs, index),
        };
        if let Some(extra) = self.jobs.extra_mut(index) {
            extra.turn = turn;
            if from == Stage::Waiting
                && let Some(rare) = extra.rare_mut()
            {
                rare.first_turn = turn;
            }
        }
    }

    /// Whoever is not under way any more gives back what it took, unless its body stays.
    fn let_pools_go(&mut self, index: u32, from: Stage, to: Stage, tell: Tell) {
        let is_over = from.is_under_way() && !to.is_under_way() && tell != Tell::Abort;
        if let Some(kind) = self.jobs.kind_of(index).filter(|_| is_over) {
            self.queue.kinds.make().give_back(kind);
        }
    }

    /// A job's deadline belongs to its state: it goes with the old one and comes with the new.
    fn rearm(&mut self, index: u32, stage: Stage) {
        let (clock, pause) = (self.clock, (stage == Stage::Backoff).then(|| self.pause(index)));
        let Some(extra) = self.jobs.extra_mut(index) else { return };
        if stage == Stage::Running {
            extra.begin(clock);
        }
        if let Some(armed) = extra.armed.take() {
            self.deadlines.disarm(index, armed);
        }
        let after = match stage {
            Stage::Running => extra.timeout,
            Stage::Stopping(_) => extra.grace,
            Stage::Backoff => pause,
            Stage::Waiting
            | Stage::Queued
            | Stage::Succeeded
            | Stage::Failed(_)
            | Stage::Cancelled
            | Stage::CutShort
            | Stage::Skipped
            | Stage::RunStopped => None,
        };
        extra.armed = after.map(|after| self.deadlines.arm(index, self.clock + after));
    }
}
