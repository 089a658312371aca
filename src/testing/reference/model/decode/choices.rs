use alloc::vec::Vec;
use core::num::NonZero;
use core::time::Duration;

use super::super::pair::Model;
use super::Run;
use super::swarm::Swarm;
use crate::{
    Attempt, Completion, Condition, JobId, JobKind, JobState, Order, RunOptions, Timestamp,
};

/// What a byte or two decide.
impl Run<'_, '_> {
    pub(super) fn run_options(&mut self) -> RunOptions {
        let window = NonZero::new(1 + self.bytes.below(3));
        let timeout = self.duration();
        let seed = if self.swarm.has(Swarm::JITTER) { self.bytes.next().into() } else { 0 };
        RunOptions {
            seed,
            order: if self.swarm.has(Swarm::DEPTH) {
                Order::DepthFirst
            } else {
                Order::BreadthFirst
            },
            window: window.filter(|_| self.swarm.has(Swarm::WINDOW)),
            timeout: self.swarm.has(Swarm::RUN_TIMEOUT).then(|| timeout.saturating_mul(4)),
            until_stopped: self.swarm.has(Swarm::UNTIL_STOPPED) && self.bytes.once_in(4),
            record: self.swarm.has(Swarm::RECORD),
        }
    }

    /// Short ones, so that many fall due together.
    pub(super) fn duration(&mut self) -> Duration {
        let byte = self.bytes.next();
        match byte {
            250.. if self.swarm.has(Swarm::HUGE) => Duration::MAX,
            240.. if self.swarm.has(Swarm::HUGE) => Duration::from_nanos(u64::MAX - 3),
            _ => Duration::from_nanos([0, 1, 1, 2, 3, 4, 6, 9][usize::from(byte & 7)]),
        }
    }

    pub(super) fn now(&mut self) -> Timestamp {
        let oracle = self.model.oracle();
        let (clock, next) = (oracle.clock(), oracle.next_deadline());
        match self.bytes.next() {
            byte @ 0..100 => clock + Duration::from_nanos(u64::from(byte & 1)),
            byte @ 100..130 if self.swarm.has(Swarm::BACKWARDS) => {
                Timestamp::from_nanos(clock.as_nanos().saturating_sub(u64::from(byte & 7)))
            }
            byte @ 130..160 if self.swarm.has(Swarm::LEAPS) => {
                clock + Duration::from_nanos(u64::from(byte & 15))
            }
            160..230 => next.unwrap_or(clock),
            254.. if self.swarm.has(Swarm::HUGE) => Timestamp::from_nanos(u64::MAX),
            _ => clock,
        }
    }

    /// The next deadline, in half of the cases.
    pub(super) fn due(&mut self, now: Timestamp) -> Timestamp {
        let next = self.model.oracle().next_deadline();
        if self.bytes.once_in(2) { next.unwrap_or(now) } else { now }
    }

    pub(super) fn condition(&mut self) -> Condition {
        match self.bytes.below(8) {
            0 | 1 if self.swarm.has(Swarm::CONDITIONS) => Condition::Finished,
            2 if self.swarm.has(Swarm::CONDITIONS) => Condition::Failed,
            3 if self.swarm.has(Swarm::CONDITIONS) => Condition::Settled,
            _ => Condition::Succeeded,
        }
    }

    pub(super) fn completion(&mut self) -> Completion {
        match self.bytes.below(16) {
            0..=3 if self.swarm.has(Swarm::FAILURE) => Completion::Error,
            4 if self.swarm.has(Swarm::FAILURE) => Completion::Panic,
            6 if self.swarm.has(Swarm::FAILURE) => Completion::Permanent,
            5 if self.swarm.has(Swarm::FAILURE) => Completion::Cancelled,
            _ => Completion::Success,
        }
    }

    /// Any id, of this graph mostly: present, removed, or another graph's.
    pub(super) fn id(&mut self) -> JobId {
        let foreign = self.foreign[self.bytes.below(self.foreign.len())];
        if self.bytes.once_in(24) {
            return foreign;
        }
        self.bytes.pick(self.model.ids()).unwrap_or(foreign)
    }

    /// An id to require: present, and of a job that was added lately, mostly.
    pub(super) fn required(&mut self) -> JobId {
        let present: Vec<JobId> = self.model.oracle().jobs().collect();
        if self.bytes.once_in(24) || present.is_empty() {
            return self.id();
        }
        let lately = present.len().saturating_sub(6);
        let from = if self.bytes.once_in(3) { 0 } else { lately };
        self.bytes.pick(&present[from..]).unwrap_or(present[0])
    }

    /// An id that can be removed now, mostly.
    pub(super) fn removable(&mut self) -> JobId {
        self.such(|model, id| {
            matches!(model.oracle().state(id), Some(JobState::Ended(_)))
                && model.oracle().has_started()
        })
    }

    /// An id that can be cancelled now, mostly.
    pub(super) fn cancellable(&mut self) -> JobId {
        if self.bytes.once_in(2) {
            return self.such(|model, id| {
                matches!(model.oracle().state(id), Some(JobState::Stopping { .. }))
            });
        }
        self.such(|model, id| !matches!(model.oracle().state(id), Some(JobState::Ended(_))))
    }

    /// An attempt that is under way, if there is one.
    pub(super) fn attempt(&mut self) -> Attempt {
        let under_way = self.model.under_way();
        let attempt = self.bytes.pick(&under_way);
        attempt.unwrap_or_else(|| Attempt { job: self.id(), number: 1 })
    }

    /// An attempt whose body is away, if there is one.
    pub(super) fn away(&mut self) -> Attempt {
        let away = self.bytes.pick(&self.model.away());
        away.unwrap_or_else(|| Attempt { job: self.id(), number: 1 })
    }

    /// An attempt that can be ready now, mostly.
    pub(super) fn unready(&mut self) -> Attempt {
        let job = self.such(|model, id| {
            let oracle = model.oracle();
            oracle.options(id).is_some_and(|options| options.kind == JobKind::Service)
                && matches!(oracle.state(id), Some(JobState::Running { .. }))
                && !oracle.is_ready(id)
        });
        Attempt { job, number: self.model.oracle().attempts(job).max(1) }
    }

    /// A job that is present and such, mostly.
    pub(super) fn such(&mut self, is_such: impl Fn(&Model, JobId) -> bool) -> JobId {
        let model = &self.model;
        let such: Vec<JobId> = model.oracle().jobs().filter(|&id| is_such(model, id)).collect();
        if such.is_empty() || self.bytes.once_in(16) {
            return self.id();
        }
        such[self.bytes.below(such.len())]
    }
}
