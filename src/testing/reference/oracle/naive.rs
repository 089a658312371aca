use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use crate::{
    After, Attempt, Completion, Condition, Counts, Failure, JobId, JobKind, JobOptions, JobState,
    Outcome, RunOptions, Signal, StopReason, Timestamp, Verdict,
};

use super::body::Body;

#[derive(Debug)]
pub(super) struct Job {
    pub(super) options: JobOptions,
    pub(super) state: JobState,
    pub(super) attempts: u32,
    /// Whether this attempt has been ready.
    pub(super) ready: bool,
    /// Whether any attempt has been ready.
    pub(super) ever_ready: bool,
    /// Since when it goes well with this attempt.
    pub(super) healthy_since: Option<Timestamp>,
    /// How many of its attempts failed one after the other.
    pub(super) in_a_row: u32,
    /// Whether `cancel` named it: then there is no further attempt.
    pub(super) cancelled: bool,
    /// The groups of which no member has satisfied yet what is asked of one.
    pub(super) open_groups: BTreeSet<usize>,
    pub(super) last_failure: Option<Failure>,
    /// When it was queued, as numbers that only grow: by which input, and when.
    pub(super) queued: (u64, u64),
    /// The same of the first time.
    pub(super) first_queued: (u64, u64),
    /// What its state has armed, and when that was done, as a number that only grows.
    pub(super) deadline: Option<(Timestamp, u64)>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) job: JobId,
    pub(super) required: JobId,
    pub(super) condition: Condition,
    pub(super) satisfied: bool,
    /// The group of the job of which this is a member; then the condition is the group's.
    pub(super) group: Option<usize>,
    pub(super) impossible: bool,
}

/// The naive implementation. Where the core returns a `Result`, this tells whether it is `Ok`.
#[derive(Debug)]
pub struct Oracle {
    pub(super) options: RunOptions,
    pub(super) started: bool,
    pub(super) clock: Timestamp,
    /// When the whole run times out.
    pub(super) deadline: Option<Timestamp>,
    pub(super) ending: Option<Verdict>,
    /// Whether all that is left is aborted at its turn, not asked.
    pub(super) aborting: bool,
    /// Whether there was a finite or awaited job at `start`.
    pub(super) had_awaited: bool,
    /// The jobs that are present.
    pub(super) jobs: BTreeMap<JobId, Job>,
    /// All requirements, in the order in which they were made.
    pub(super) edges: Vec<Edge>,
    /// How much there is of each pool.
    pub(super) pools: Vec<u32>,
    /// Those of aborted attempts, until they are gone.
    pub(super) bodies: Vec<Body>,
    pub(super) signals: VecDeque<Signal>,
    /// Counts what is queued and what is armed.
    pub(super) ticks: u64,
    /// Counts the inputs.
    pub(super) inputs: u64,
    pub(super) created: u64,
}

impl Oracle {
    /// An empty graph.
    #[must_use]
    pub fn new(options: RunOptions) -> Self {
        Self {
            options,
            started: false,
            clock: Timestamp::ZERO,
            deadline: None,
            ending: None,
            aborting: false,
            had_awaited: false,
            jobs: BTreeMap::new(),
            edges: Vec::new(),
            pools: Vec::new(),
            bodies: Vec::new(),
            signals: VecDeque::new(),
            ticks: 0,
            inputs: 0,
            created: 0,
        }
    }
}

/// Inputs.
impl Oracle {
    /// Begins the run, unless there is a cycle.
    pub fn start(&mut self, now: Timestamp) -> bool {
        if self.started || self.has_cycle() {
            return false;
        }
        self.started = true;
        self.clock = now;
        self.had_awaited = self.jobs.values().any(is_awaited);
        if self.jobs.is_empty() && !self.options.until_stopped {
            self.end_run(Verdict::Completed);
        } else if self.options.timeout == Some(Duration::ZERO) {
            self.end_run(Verdict::TimedOut);
        } else {
            self.deadline = self.options.timeout.map(|timeout| now + timeout);
            for id in self.all(|_| true) {
                self.queue_if_satisfied(id);
            }
        }
        true
    }

    /// An attempt has ended; `None` if that makes no sense.
    pub fn on_job_complete(
        &mut self,
        attempt: Attempt,
        completion: Completion,
        now: Timestamp,
    ) -> Option<After> {
        let id = attempt.job;
        let job = self.jobs.get(&id)?;
        let stopping = match job.state {
            JobState::Running { attempt: number } if number == attempt.number => None,
            JobState::Stopping { attempt: number, reason } if number == attempt.number => {
                Some(reason)
            }
            _ => return None,
        };
        let never_ready = job.options.kind == JobKind::Service && !job.ready;
        self.accept(now);
        match completion {
            Completion::Permanent if stopping == Some(StopReason::TimedOut) => {
                self.end(id, Outcome::Failed(Failure::TimedOut));
            }
            Completion::Permanent => self.end(id, Outcome::Failed(Failure::Error)),
            _ if stopping == Some(StopReason::TimedOut) => self.fail(id, Failure::TimedOut),
            Completion::Success if !never_ready => self.end(id, Outcome::Succeeded),
            Completion::Success if stopping.is_some() => self.end(id, Outcome::Cancelled),
            Completion::Success => self.fail(id, Failure::NeverReady),
            Completion::Error => self.fail(id, Failure::Error),
            Completion::Panic => self.fail(id, Failure::Panic),
            Completion::Cancelled => self.end(id, Outcome::Cancelled),
        }
        self.conclude(id);
        let state = self.jobs[&id].state;
        Some(After {
            ended: matches!(state, JobState::Ended(_)),
            succeeded: state == JobState::Ended(Outcome::Succeeded),
            may_start: self.has_ready_jobs(),
        })
    }

    /// An attempt of a service is ready.
    pub fn on_job_ready(&mut self, attempt: Attempt, now: Timestamp) -> bool {
        let Some(job) = self.jobs.get_mut(&attempt.job) else { return false };
        if job.options.kind != JobKind::Service
            || job.state != (JobState::Running { attempt: attempt.number })
            || job.ready
        {
            return false;
        }
        job.ready = true;
        job.ever_ready = true;
        job.deadline = None;
        self.accept(now);
        let clock = self.clock;
        self.jobs.entry(attempt.job).and_modify(|job| job.healthy_since = Some(clock));
        self.conclude(attempt.job);
        true
    }

    /// Time has passed.
    pub fn on_deadline(&mut self, now: Timestamp) {
        if self.started {
            self.accept(now);
            self.fire();
            self.take_turns();
            // At the end of time, what that has armed is due at once.
            self.fire();
        }
    }

    /// Asks one job to stop, or keeps it from starting.
    pub fn cancel(&mut self, id: JobId, now: Timestamp) -> bool {
        let Some(job) = self.jobs.get_mut(&id) else { return false };
        if !self.started || is_ended(job) {
            return false;
        }
        job.cancelled = true;
        let state = job.state;
        self.accept(now);
        match state {
            JobState::Running { .. } => self.ask(id, StopReason::Cancelled),
            JobState::Stopping { .. } => {}
            _ => self.end(id, Outcome::Cancelled),
        }
        self.conclude(id);
        true
    }

    /// Ends the run; again: aborts what is left.
    pub fn stop(&mut self, now: Timestamp) {
        if self.started {
            self.accept(now);
            self.end_or_abort(Verdict::Stopped);
        }
    }
}

/// Outputs.
impl Oracle {
    /// The next signal.
    #[must_use = "a signal is told once"]
    pub fn poll_signal(&mut self) -> Option<Signal> {
        self.find_gone();
        if self.signals.is_empty() {
            self.take_turns();
        }
        let signal = self.signals.pop_front();
        if let Some(Signal::Abort(attempt)) = signal {
            self.note_polled(attempt);
        }
        signal
    }

    /// How many signals are left to poll.
    #[must_use]
    pub fn signals_left(&self) -> usize {
        self.signals.len()
    }

    /// Hands out up to so many attempts.
    pub fn poll_ready_jobs(&mut self, at_most: usize, now: Timestamp) -> Vec<Attempt> {
        if self.started {
            self.accept(now);
        }
        core::iter::from_fn(|| self.hand_out()).take(at_most).collect()
    }

    /// Whether [`poll_ready_jobs`](Self::poll_ready_jobs) would hand out a job.
    #[must_use]
    pub fn has_ready_jobs(&self) -> bool {
        self.next_in_line().is_some()
    }

    fn hand_out(&mut self) -> Option<Attempt> {
        let id = self.next_in_line()?;
        let job = self.jobs.get_mut(&id)?;
        job.attempts += 1;
        job.ready = false;
        let is_healthy = job.options.kind == JobKind::Forever;
        job.healthy_since = is_healthy.then_some(self.clock);
        let (number, timeout) = (job.attempts, job.options.timeout);
        self.enter(id, JobState::Running { attempt: number }, timeout);
        Some(Attempt { job: id, number })
    }

    /// When [`on_deadline`](Self::on_deadline) has to be called at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        Some(self.next_armed()?.0)
    }

    /// Why the run is ending.
    #[must_use]
    pub fn ending(&self) -> Option<Verdict> {
        self.ending
    }

    /// How the run ended.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        if self.jobs.values().all(is_ended) { self.ending } else { None }
    }
}

/// Getters.
impl Oracle {
    /// Whether `start` has succeeded.
    #[must_use]
    pub fn has_started(&self) -> bool {
        self.started
    }

    /// The latest time seen since `start`.
    #[must_use]
    pub fn clock(&self) -> Timestamp {
        self.clock
    }

    /// All jobs that are present, in the order of their creation.
    pub fn jobs(&self) -> impl Iterator<Item = JobId> + '_ {
        self.jobs.keys().copied()
    }

    /// Where a job is.
    #[must_use]
    pub fn state(&self, id: JobId) -> Option<JobState> {
        Some(self.jobs.get(&id)?.state)
    }

    /// What a job is.
    #[must_use]
    pub fn options(&self, id: JobId) -> Option<&JobOptions> {
        Some(&self.jobs.get(&id)?.options)
    }

    /// How often a job was handed out; 0 if it is not present.
    #[must_use]
    pub fn attempts(&self, id: JobId) -> u32 {
        self.jobs.get(&id).map_or(0, |job| job.attempts)
    }

    /// Whether the attempt of a service that is under way has been ready.
    #[must_use]
    pub fn is_ready(&self, id: JobId) -> bool {
        self.jobs.get(&id).is_some_and(|job| job.ready)
    }

    /// Whether any attempt of a service has been ready.
    #[must_use]
    pub fn was_ready(&self, id: JobId) -> bool {
        self.jobs.get(&id).is_some_and(|job| job.ever_ready)
    }

    /// What a job requires of jobs that are present, in the order in which that was made.
    pub fn requirements(&self, id: JobId) -> impl Iterator<Item = (JobId, Condition)> + '_ {
        self.present_edges()
            .filter(move |edge| edge.job == id)
            .map(|edge| (edge.required, edge.asked()))
    }

    /// What is required of a job by jobs that are present, in the order in which that was made.
    pub fn dependents(&self, id: JobId) -> impl Iterator<Item = (JobId, Condition)> + '_ {
        self.present_edges()
            .filter(move |edge| edge.required == id)
            .map(|edge| (edge.job, edge.asked()))
    }

    /// How many requirements there are between the jobs that are present.
    #[must_use]
    pub fn requirement_count(&self) -> usize {
        self.present_edges().count()
    }

    /// How many jobs are in which state.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for job in self.jobs.values() {
            match job.state {
                JobState::Waiting => counts.waiting += 1,
                JobState::Queued => counts.queued += 1,
                JobState::Running { .. } => counts.running += 1,
                JobState::Backoff { .. } => counts.backoff += 1,
                JobState::Stopping { .. } => counts.stopping += 1,
                JobState::Ended(Outcome::Succeeded) => counts.succeeded += 1,
                JobState::Ended(Outcome::Failed(_)) => counts.failed += 1,
                JobState::Ended(Outcome::Cancelled) => counts.cancelled += 1,
                JobState::Ended(Outcome::Skipped(_)) => counts.skipped += 1,
            }
            counts.removed += 1;
        }
        counts.removed = usize::try_from(self.created).unwrap_or(usize::MAX) - counts.removed;
        counts
    }

    fn present_edges(&self) -> impl Iterator<Item = &Edge> {
        let present = |id| self.jobs.contains_key(id);
        self.edges.iter().filter(move |edge| present(&edge.job) && present(&edge.required))
    }
}

pub(super) fn is_ended(job: &Job) -> bool {
    matches!(job.state, JobState::Ended(_))
}

pub(super) fn is_awaited(job: &Job) -> bool {
    job.options.kind == JobKind::Finite || job.options.awaited
}

pub(super) fn is_under_way(job: &Job) -> bool {
    matches!(job.state, JobState::Running { .. } | JobState::Stopping { .. })
}
