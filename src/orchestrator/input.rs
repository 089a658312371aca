use super::bodies::Bodies;
use super::error::{GraphError, InputError};
use super::extra::Extra;
use super::job::{Attempt, JobId, JobKind};
use super::machine::Orchestrator;
use super::node::Node;
use super::observe::{Change, Transition};
use super::phase::{Phase, Verdict};
use super::queue::Order;
use super::signal::Signal;
use super::state::{Completion, Event, JobState, Stage, StopReason};
use super::store::PLAIN;
use super::time::Timestamp;

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
        self.edges.sort(&self.jobs.nodes, self.jobs.nodes.last_number());
        self.clock = now;
        self.settle_what_to_wait_for();
        self.is_short = !self.options.record && self.options.order == Order::BreadthFirst;
        self.queue.begin(self.options.order);
        self.phase = Phase::Running;
        match self.options.timeout {
            _ if self.is_empty() && !self.options.until_stopped => self.end_run(Verdict::Completed),
            Some(timeout) if timeout.is_zero() => self.end_run(Verdict::TimedOut),
            timeout => {
                if let Some(timeout) = timeout {
                    self.deadlines.arm_run(now + timeout);
                }
                self.queue_first_jobs();
            }
        }
        Ok(())
    }

    fn settle_what_to_wait_for(&mut self) {
        if self.options.until_stopped {
            self.awaited += 1;
        } else if self.awaited == 0 {
            self.waits_for_all = true;
            self.awaited = self.len();
            self.jobs.nodes.present_mut().for_each(Node::await_end);
        }
    }

    /// Queues the jobs that require none.
    fn queue_first_jobs(&mut self) {
        if let Some(order) = self.jobs.order_of_numbers() {
            for index in order {
                self.satisfy_if_free(index);
            }
            return;
        }
        self.queue.reserve(self.jobs.held_by.iter().filter(|&&held_by| held_by == PLAIN).count());
        for index in self.jobs.nodes.all_indices() {
            self.satisfy_if_free(index);
        }
    }

    /// An attempt has ended. O(dependents of the job), and of those that this skips.
    ///
    /// # Errors
    /// [`InputError`] if this attempt is not under way.
    #[expect(clippy::inline_always, reason = "few callers, once for each job")]
    #[inline(always)]
    pub fn on_job_complete(
        &mut self,
        attempt: Attempt,
        completion: Completion,
        now: Timestamp,
    ) -> Result<After, InputError> {
        if completion == Completion::Success
            && let Some(index) = self.succeed_plain(attempt, now)
        {
            self.resolve_dependents(index);
            if self.awaited == 0 {
                self.conclude();
            }
            return Ok(After { ended: true, succeeded: true, may_start: self.has_ready_jobs() });
        }
        self.complete(attempt, completion, now)
    }

    #[inline(never)]
    fn complete(
        &mut self,
        attempt: Attempt,
        completion: Completion,
        now: Timestamp,
    ) -> Result<After, InputError> {
        let index = self.under_way(attempt)?;
        self.begin_input(now);
        self.apply(index, Event::Completed(completion));
        self.settle(index);
        let stage = self.node(index).stage;
        let (ended, succeeded) = (stage.is_ended(), stage == Stage::Succeeded);
        Ok(After { ended, succeeded, may_start: self.has_ready_jobs() })
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
        if self.jobs.extra(index).is_some_and(Extra::is_healthy) {
            return Err(InputError::ReadyAlready { job, state });
        }
        self.begin_input(now);
        let (first, clock) = (!self.jobs.was_ready(index), self.clock);
        if let Some(extra) = self.jobs.extra_mut(index) {
            if let Some(rare) = extra.rare_mut() {
                (rare.ready, rare.healthy_since) = (true, Some(clock));
            }
            if let Some(armed) = extra.armed.take() {
                self.deadlines.disarm(index, armed);
            }
        }
        self.record(attempt.job, Change::Ready);
        if first {
            self.resolve_dependents(index);
        }
        self.take_turns();
        Ok(())
    }

    /// Time has passed: fires what is due, by time, each with all that it causes before the next.
    pub fn on_deadline(&mut self, now: Timestamp) {
        if !self.has_started() {
            return;
        }
        self.begin_input(now);
        while self.verdict().is_none() {
            match self.deadlines.take_due(self.clock) {
                None if self.bodies.gone.is_empty() => return,
                // Whoever is asked to stop here may be due at once, at the end of time.
                None => self.take_turns(),
                Some(super::deadline::Due::Run) => self.end_or_abort(Verdict::TimedOut),
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
        self.begin_input(now);
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
            self.end_or_abort(Verdict::Stopped);
        }
    }

    /// The next signal, in the order in which they were decided. In an ending run those who stop next are
    /// decided here, once the signals to their dependents were polled and the bodies of these are gone.
    #[must_use = "a signal that is not obeyed leaves a job running"]
    pub fn poll_signal(&mut self) -> Option<Signal> {
        self.settle_polled();
        if self.signals.is_empty() {
            self.take_turns();
        }
        let signal = self.signals.pop_front()?;
        if let Signal::Abort(attempt) = signal {
            self.bodies.make().abort_was_polled(attempt);
        }
        Some(signal)
    }

    /// Whether [`poll_signal`](Self::poll_signal) may yield a signal. O(1).
    #[must_use]
    #[inline]
    pub fn has_signals(&self) -> bool {
        !self.signals.is_empty() || self.bodies.existing().is_some_and(Bodies::are_unsettled)
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

    /// Whether the window has a seat for a finite job.
    #[inline]
    pub(super) fn has_free_seat(&self) -> bool {
        self.has_free_seats(0)
    }

    /// The same, once so many are free that are taken.
    #[inline]
    pub(super) fn has_free_seats(&self, freed: usize) -> bool {
        // A canary: a planted bug, which shows that the tests would find one.
        let freed = freed + usize::from(cfg!(jobgraph_canary = "core"));
        self.options.window.is_none_or(|window| self.seats_taken < window.get() + freed)
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

    /// What goes before each accepted input that tells the time.
    #[inline]
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.settle_polled();
        self.clock = self.clock.max(now);
    }

    /// What goes before each input that may queue jobs.
    fn begin_input(&mut self, now: Timestamp) {
        self.advance(now);
        self.queue.begin_input();
    }

    fn end_or_abort(&mut self, cause: Verdict) {
        match self.phase {
            Phase::Building => {}
            Phase::Running => self.end_run(cause),
            Phase::Ending { .. } => self.abort_all(),
        }
    }

    /// What follows from an input to a job: first for those that depend on it, then for the run.
    fn settle(&mut self, index: u32) {
        if self.node(index).stage.is_ended() {
            match self.phase {
                Phase::Ending { .. } if self.jobs.is_gone(index) => {
                    self.bodies.make().gone.push(index);
                }
                Phase::Ending { .. } => {}
                // What required its readiness has been told.
                _ if self.jobs.was_ready(index) => {}
                _ => self.resolve_dependents(index),
            }
        }
        self.conclude();
    }
}

/// What follows from a completion: the answer to [`Orchestrator::on_job_complete`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    /// Whether the job has ended, so that there is no further attempt.
    pub ended: bool,
    /// Whether it has succeeded.
    pub succeeded: bool,
    /// Whether [`Orchestrator::poll_ready_jobs`] would hand out a job now.
    pub may_start: bool,
}
