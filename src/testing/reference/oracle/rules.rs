use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use super::naive::{Edge, Job, Oracle, is_awaited, is_ended, is_under_way};
use crate::testing::random::Random;
use crate::{
    Attempt, Condition, Failure, JobId, JobKind, JobState, Outcome, Signal, SkipReason, StopReason,
    Timestamp, Verdict,
};

/// What becomes of one job.
impl Oracle {
    /// Into a state, with what that arms.
    pub(super) fn enter(&mut self, id: JobId, state: JobState, armed: Option<Duration>) {
        self.ticks += 1;
        let (clock, input, tick) = (self.clock, self.inputs, self.ticks);
        if let Some(job) = self.jobs.get_mut(&id) {
            let was_waiting = job.state == JobState::Waiting;
            let paused = matches!(job.state, JobState::Backoff { .. });
            job.state = state;
            if was_waiting {
                job.first_queued = (input, tick);
            }
            job.queued = if paused { job.first_queued } else { (input, tick) };
            job.deadline = armed.map(|duration| (clock + duration, tick));
        }
    }

    pub(super) fn end(&mut self, id: JobId, outcome: Outcome) {
        if !is_under_way(&self.jobs[&id]) {
            self.signals.push_back(Signal::Discard(id));
        }
        self.enter(id, JobState::Ended(outcome), None);
    }

    /// Another attempt, if there may be one.
    pub(super) fn fail(&mut self, id: JobId, failure: Failure) {
        let (ending, clock) = (self.ending.is_some(), self.clock);
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.last_failure = Some(failure);
        let retries = job.options.retries;
        if let (Some(after), Some(since)) = (retries.reset_after, job.healthy_since)
            && clock.saturating_since(since) >= after
        {
            job.in_a_row = 0;
        }
        job.in_a_row += 1;
        if ending || job.cancelled || job.in_a_row > retries.limit {
            return self.end(id, Outcome::Failed(failure));
        }
        let mut wait = retries.base.min(retries.cap);
        for _ in 1..job.in_a_row {
            wait = wait.saturating_mul(2).min(retries.cap);
        }
        if retries.jitter {
            let (half, row) = (wait.as_nanos() / 2, u64::from(job.in_a_row));
            let random = Random(self.options.seed ^ id.number() ^ row << 32).next();
            wait = nanoseconds(half + u128::from(random) % (half + 1));
        }
        if wait.is_zero() {
            self.enter(id, JobState::Queued, None);
        } else {
            self.enter(id, JobState::Backoff { until: self.clock + wait }, Some(wait));
        }
    }

    /// The one way to ask a running job to stop.
    pub(super) fn ask(&mut self, id: JobId, reason: StopReason) {
        let job = &self.jobs[&id];
        let (number, grace) = (job.attempts, job.options.grace);
        if grace == Some(Duration::ZERO) {
            self.abort(id, reason);
        } else {
            self.signals.push_back(Signal::Cancel(Attempt { job: id, number }));
            self.enter(id, JobState::Stopping { attempt: number, reason }, grace);
        }
    }

    /// Ends an attempt at once.
    pub(super) fn abort(&mut self, id: JobId, reason: StopReason) {
        let attempt = Attempt { job: id, number: self.jobs[&id].attempts };
        self.signals.push_back(Signal::Abort(attempt));
        self.note_aborted(attempt);
        if reason == StopReason::TimedOut {
            self.fail(id, Failure::TimedOut);
        } else {
            self.end(id, Outcome::Cancelled);
        }
    }

    /// What has become of a requirement: satisfied, impossible, or neither yet.
    pub(super) fn resolved(&self, required: JobId, condition: Condition) -> Option<bool> {
        let required = &self.jobs[&required];
        let is_service = required.options.kind == JobKind::Service;
        let wants_readiness = matches!(condition, Condition::Succeeded | Condition::Settled);
        if is_service && wants_readiness && required.ever_ready {
            return Some(true);
        }
        let JobState::Ended(outcome) = required.state else { return None };
        Some(match condition {
            Condition::Succeeded => outcome == Outcome::Succeeded,
            Condition::Finished | Condition::Settled => true,
            Condition::Any => unreachable!("an edge of a group has the condition of that"),
            Condition::Failed => matches!(outcome, Outcome::Failed(_)),
        })
    }

    /// A member of a group cannot satisfy it any more: whether one has, or may yet.
    fn may_be_satisfied(&mut self, index: usize) -> bool {
        self.edges[index].impossible = true;
        let Edge { job, group, .. } = self.edges[index];
        let is_open = group.is_some_and(|group| self.jobs[&job].open_groups.contains(&group));
        let of_group = |edge: &&Edge| edge.job == job && edge.group == group;
        !is_open || self.edges.iter().filter(of_group).any(|edge| !edge.impossible)
    }

    pub(super) fn queue_if_satisfied(&mut self, id: JobId) {
        let single = |edge: &Edge| edge.job == id && edge.group.is_none();
        let satisfied = self.edges.iter().all(|edge| !single(edge) || edge.satisfied);
        if satisfied && self.jobs[&id].open_groups.is_empty() {
            self.enter(id, JobState::Queued, None);
        }
    }
}

/// What becomes of the run.
impl Oracle {
    /// What every accepted input with a time does first.
    pub(super) fn accept(&mut self, now: Timestamp) {
        self.find_gone();
        self.inputs += 1;
        self.clock = self.clock.max(now);
    }

    /// What follows from a change of one job: for those that depend on it, then for the run.
    pub(super) fn conclude(&mut self, id: JobId) {
        if self.ending.is_some() {
            return self.take_turns();
        }
        self.tell_dependents(id);
        let job = &self.jobs[&id];
        if job.options.critical && matches!(job.state, JobState::Ended(Outcome::Failed(_))) {
            return self.end_run(Verdict::CriticalFailure(id));
        }
        let counts = |job: &Job| is_awaited(job) || !self.had_awaited;
        if self.options.until_stopped {
            return;
        }
        if self.jobs.values().all(|job| is_ended(job) || !counts(job)) {
            self.end_run(Verdict::Completed);
        }
    }

    /// Breadth first, in the order in which the requirements were made.
    pub(super) fn tell_dependents(&mut self, id: JobId) {
        let mut changed = VecDeque::from([id]);
        while let Some(required) = changed.pop_front() {
            for index in 0..self.edges.len() {
                let edge = self.edges[index];
                if edge.required != required
                    || edge.satisfied
                    || self.jobs[&edge.job].state != JobState::Waiting
                {
                    continue;
                }
                match self.resolved(required, edge.condition) {
                    None => {}
                    Some(true) => {
                        self.edges[index].satisfied = true;
                        if let (Some(group), Some(job)) = (edge.group, self.jobs.get_mut(&edge.job))
                        {
                            job.open_groups.remove(&group);
                        }
                        self.queue_if_satisfied(edge.job);
                    }
                    Some(false) if edge.group.is_some() && self.may_be_satisfied(index) => {}
                    Some(false) => {
                        let reason = SkipReason::Requirement(required);
                        self.end(edge.job, Outcome::Skipped(reason));
                        changed.push_back(edge.job);
                    }
                }
            }
        }
    }

    pub(super) fn end_run(&mut self, cause: Verdict) {
        self.ending = Some(cause);
        for id in self.all(|job| !is_under_way(job) && !is_ended(job)) {
            let outcome = match self.jobs[&id].last_failure {
                Some(failure) => Outcome::Failed(failure),
                None => Outcome::Skipped(SkipReason::RunStopped),
            };
            self.end(id, outcome);
        }
        self.take_turns();
    }

    pub(super) fn end_or_abort(&mut self, cause: Verdict) {
        if self.ending.is_none() {
            self.end_run(cause);
        } else {
            self.aborting = true;
            self.take_turns();
        }
    }

    /// In an ending run: asks, or aborts, each job that nothing holds back. None frees another at once:
    /// who is asked has not ended, and the body of who is aborted is not gone.
    pub(super) fn take_turns(&mut self) {
        if self.ending.is_none() {
            return;
        }
        let mut turn = self.all(|job| match job.state {
            JobState::Running { .. } => true,
            JobState::Stopping { .. } => self.aborting,
            _ => false,
        });
        turn.retain(|&id| !self.is_held_back(id));
        for id in turn {
            match self.jobs[&id].state {
                JobState::Stopping { reason, .. } => self.abort(id, reason),
                _ if self.aborting => self.abort(id, StopReason::RunEnding),
                _ => self.ask(id, StopReason::RunEnding),
            }
        }
    }

    /// Whether a dependent, also through others, has not ended, or its body is not gone.
    pub(super) fn is_held_back(&self, id: JobId) -> bool {
        let mut reached = Vec::from([id]);
        let mut next = 0;
        while let Some(&required) = reached.get(next) {
            for edge in self.edges.iter().filter(|edge| edge.required == required) {
                let goes_on = self.jobs.get(&edge.job).is_some_and(|job| !is_ended(job));
                if goes_on || self.has_body(edge.job) {
                    return true;
                }
                if !reached.contains(&edge.job) {
                    reached.push(edge.job);
                }
            }
            next += 1;
        }
        false
    }

    /// What fires next: by time, then in the order armed, the timeout of the run first.
    pub(super) fn next_armed(&self) -> Option<(Timestamp, u64, Option<JobId>)> {
        if self.verdict().is_some() {
            return None;
        }
        let run = self.deadline.map(|at| (at, 0, None));
        let armed = |(&id, job): (&JobId, &Job)| {
            let (at, tick) = job.deadline?;
            Some((at, tick, Some(id)))
        };
        self.jobs.iter().filter_map(armed).chain(run).min()
    }

    pub(super) fn fire(&mut self) {
        while let Some((at, _, id)) = self.next_armed() {
            if at > self.clock {
                return;
            }
            let Some(id) = id else {
                self.deadline = None;
                self.end_or_abort(Verdict::TimedOut);
                continue;
            };
            match self.jobs[&id].state {
                JobState::Running { .. } => self.ask(id, StopReason::TimedOut),
                JobState::Stopping { reason, .. } => self.abort(id, reason),
                _ => self.enter(id, JobState::Queued, None),
            }
            self.conclude(id);
        }
    }

    /// Whether some jobs are left when those that require nothing are taken away, again and again.
    pub(super) fn has_cycle(&self) -> bool {
        let mut left = self.all(|_| true);
        loop {
            let before = left.clone();
            left.retain(|&id| {
                self.edges.iter().any(|edge| edge.job == id && before.contains(&edge.required))
            });
            if left.len() == before.len() {
                return !left.is_empty();
            }
        }
    }

    /// In `JobId` order.
    pub(super) fn all(&self, which: impl Fn(&Job) -> bool) -> Vec<JobId> {
        self.jobs.iter().filter(|&(_, job)| which(job)).map(|(&id, _)| id).collect()
    }
}

fn nanoseconds(nanos: u128) -> Duration {
    let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    Duration::new(seconds.try_into().unwrap_or(u64::MAX), rest.try_into().unwrap_or(0))
}
