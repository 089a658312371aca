use core::fmt;

use super::ending::{Ending, Phase};
use super::graph::NONE;
use super::job::{Attempt, JobId, JobKind};
use super::observe::{Change, Transition};
use super::state::{Completion, Event, JobState, Stage, StopReason};
use super::time::Timestamp;
use super::{GraphError, InputError, Orchestrator};

/// What whoever executes an attempt is told about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a signal that is not obeyed leaves a job running"]
pub enum Signal {
    /// Ask it to end, and go on until it has.
    Cancel(Attempt),
    /// Drop it: it is over already.
    Abort(Attempt),
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancel(attempt) => write!(f, "cancel {attempt}"),
            Self::Abort(attempt) => write!(f, "abort {attempt}"),
        }
    }
}

impl<J> Orchestrator<J> {
    /// Begins the run: jobs without requirements are queued, the global timeout counts from `now`.
    /// O(jobs + requirements).
    ///
    /// # Errors
    /// [`GraphError::Cycle`] names the jobs on a cycle of requirements, [`GraphError::AlreadyStarted`]
    /// a second start. Nothing has begun then, and the graph is as it was.
    pub fn start(&mut self, now: Timestamp) -> Result<(), GraphError> {
        self.building("start")?;
        self.refuse_cycle()?;
        self.edges.forget_pairs();
        self.clock = now;
        self.had_finite = self.unfinished_finite > 0;
        self.phase = Phase::Running;
        match self.options.timeout {
            _ if self.is_empty() => self.end_run(Ending::Completed),
            Some(timeout) if timeout.is_zero() => self.end_run(Ending::TimedOut),
            timeout => {
                if let Some(timeout) = timeout {
                    self.deadlines.arm_run(now + timeout);
                }
                self.queue_first_jobs();
            }
        }
        Ok(())
    }

    /// Queues the jobs that require none.
    fn queue_first_jobs(&mut self) {
        match self.jobs.order_of_reused() {
            Some(order) => order.into_iter().for_each(|index| self.queue_if_free(index)),
            None => (0..NONE).take(self.jobs.places()).for_each(|index| self.queue_if_free(index)),
        }
    }

    #[inline]
    fn queue_if_free(&mut self, index: u32) {
        let node = self.node(index);
        if node.held_by == 0 && !node.is_vacant() {
            self.satisfy(index);
        }
    }

    /// An attempt has ended. O(dependents of the job), and of those that this skips.
    ///
    /// # Errors
    /// [`InputError`] if this attempt is not under way.
    pub fn on_job_complete(
        &mut self,
        attempt: Attempt,
        completion: Completion,
        now: Timestamp,
    ) -> Result<(), InputError> {
        match self.complete_attempt(attempt, completion, now) {
            Some(_) => Ok(()),
            None => Err(self.not_under_way(attempt)),
        }
    }

    /// The same, for those who know the attempt: `None` if it is not under way.
    #[expect(clippy::inline_always, reason = "two callers, once for each job")]
    #[inline(always)]
    pub(crate) fn complete_attempt(
        &mut self,
        attempt: Attempt,
        completion: Completion,
        now: Timestamp,
    ) -> Option<After> {
        let index = self.find_under_way(attempt)?;
        self.advance(now);
        self.complete(index, completion);
        self.settle(index);
        let stage = self.node(index).stage;
        Some(After { ended: stage.is_ended(), succeeded: stage == Stage::Succeeded })
    }

    /// An attempt of a service is ready: what requires it may start, and its timeout is disarmed.
    /// In an ending run it only disarms the timeout. O(dependents of the job).
    ///
    /// # Errors
    /// [`InputError`] if this attempt is not running, has been ready before, or is not of a service.
    pub fn on_job_ready(&mut self, attempt: Attempt, now: Timestamp) -> Result<(), InputError> {
        let index = self.under_way(attempt)?;
        let (job, state) = (self.name(index), self.state_of(index));
        if self.node(index).kind() != JobKind::Service {
            return Err(InputError::NotAService { job, state });
        }
        if matches!(state, JobState::Stopping { .. }) {
            return Err(InputError::StoppingAlready { job, state });
        }
        if self.jobs.extra(index).is_some_and(|extra| extra.ready_now) {
            return Err(InputError::ReadyAlready { job, state });
        }
        self.advance(now);
        let first = !self.jobs.was_ready(index);
        if let Some(extra) = self.jobs.extra_mut(index) {
            (extra.ready, extra.ready_now) = (true, true);
            if let Some(armed) = extra.armed.take() {
                self.deadlines.disarm(index, armed);
            }
        }
        self.record(attempt.job, Change::Ready);
        if first {
            self.resolve_dependents(index);
        }
        Ok(())
    }

    /// Time has passed: fires what is due, by time, each with all that it causes before the next.
    pub fn on_deadline(&mut self, now: Timestamp) {
        if !self.has_started() {
            return;
        }
        self.advance(now);
        while self.verdict().is_none() {
            match self.deadlines.take_due(self.clock) {
                None => return,
                Some(super::deadline::Due::Run) => self.end_or_abort(Ending::TimedOut),
                Some(super::deadline::Due::Job(index)) => {
                    self.apply(index, Event::Due);
                    self.settle(index);
                }
            }
        }
    }

    /// Asks one job to stop, or keeps it from starting. A job that is stopping already is not asked
    /// again, but has no further attempt.
    ///
    /// # Errors
    /// [`InputError::Ended`] if the job has ended, and others if there is no such job in a run.
    pub fn cancel(&mut self, job: JobId, now: Timestamp) -> Result<(), InputError> {
        let index = self.in_run(job)?;
        if self.node(index).stage.is_ended() {
            let (job, state) = (self.name(index), self.state_of(index));
            return Err(InputError::Ended { job, state });
        }
        self.advance(now);
        if let Some(extra) = self.jobs.extra_mut(index) {
            extra.cancelled = true;
        }
        self.apply(index, Event::Stop(StopReason::Cancelled));
        self.settle(index);
        Ok(())
    }

    /// Ends the run in order. In a run that is ending already: aborts all that is left. Before
    /// `start` and after the verdict: nothing.
    pub fn stop(&mut self, now: Timestamp) {
        if self.has_started() {
            self.advance(now);
            self.end_or_abort(Ending::Stopped);
        }
    }

    /// The next signal, in the order in which they were decided.
    #[must_use = "a signal that is not obeyed leaves a job running"]
    pub fn poll_signal(&mut self) -> Option<Signal> {
        self.signals.pop_front()
    }

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

    /// When [`on_deadline`](Self::on_deadline) has to be called at the latest; `None` if nothing is
    /// armed or the run is over. O(1).
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        match self.verdict() {
            Some(_) => None,
            None => self.deadlines.next(),
        }
    }

    /// The next fact of the stream, if [`RunOptions::record`](super::RunOptions::record) is on.
    #[must_use = "a fact is told once"]
    pub fn poll_transition(&mut self) -> Option<Transition> {
        self.transitions.pop_front()
    }

    /// Whether the window has a place for a finite job.
    #[inline]
    pub(super) fn has_free_place(&self) -> bool {
        // A canary: a planted bug, which shows that the tests would find one.
        let canary = usize::from(cfg!(jobgraph_canary = "core"));
        self.options.window.is_none_or(|window| self.places_taken < window.get() + canary)
    }

    pub(super) fn building(&self, action: &'static str) -> Result<(), GraphError> {
        match self.phase {
            Phase::Building => Ok(()),
            Phase::Running | Phase::Ending { .. } => Err(GraphError::AlreadyStarted { action }),
        }
    }

    fn in_run(&self, job: JobId) -> Result<u32, InputError> {
        match (&self.phase, self.jobs.index(job)) {
            (Phase::Building, _) => Err(InputError::NotStarted),
            (_, Some(index)) => Ok(index),
            (_, None) => Err(InputError::UnknownJob { id: job }),
        }
    }

    /// Before `start` no attempt is.
    #[inline]
    pub(super) fn find_under_way(&self, attempt: Attempt) -> Option<u32> {
        let under_way = |index: &u32| self.node(*index).has_under_way(attempt.number);
        self.jobs.index(attempt.job).filter(under_way)
    }

    fn under_way(&self, attempt: Attempt) -> Result<u32, InputError> {
        self.find_under_way(attempt).ok_or_else(|| self.not_under_way(attempt))
    }

    #[cold]
    fn not_under_way(&self, attempt: Attempt) -> InputError {
        match self.in_run(attempt.job) {
            Ok(index) => {
                let (job, state) = (self.name(index), self.state_of(index));
                InputError::NotThatAttempt { attempt, job, state }
            }
            Err(error) => error,
        }
    }

    fn advance(&mut self, now: Timestamp) {
        self.clock = self.clock.max(now);
    }

    fn end_or_abort(&mut self, cause: Ending) {
        match self.phase {
            Phase::Building => {}
            Phase::Running => self.end_run(cause),
            Phase::Ending { .. } => self.abort_all(),
        }
    }

    /// What follows from an input to a job: first for those that depend on it, then for the run.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "short, once for each job")]
    fn settle(&mut self, index: u32) {
        if self.node(index).stage.is_ended() {
            match self.phase {
                Phase::Ending { .. } => self.release(index),
                _ if self.node(index).lists.has_no_dependents() => {}
                // What required its readiness has been told.
                _ if self.jobs.was_ready(index) => {}
                _ => self.resolve_dependents(index),
            }
        }
        self.conclude();
    }
}

/// What an attempt leaves behind that has completed.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "std"), expect(dead_code, reason = "of use to the drivers"))]
pub(crate) struct After {
    /// Whether the job has ended.
    pub(crate) ended: bool,
    pub(crate) succeeded: bool,
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
        let place_is_free = core.has_free_place();
        let index = core.queue.pop(&mut core.jobs, place_is_free)?;
        core.hand_out(index);
        let node = core.node(index);
        Some(Attempt { job: node.id(index), number: node.attempts })
    }
}
