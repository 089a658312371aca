use alloc::collections::{BTreeMap, VecDeque};
use core::num::NonZero;
use core::time::Duration;

use super::bodies::Bodies;
use super::deadline::Deadlines;
use super::edge::Condition;
use super::edges::Edges;
use super::error::{GraphError, JobName};
use super::job::{Attempt, JobId, JobKind};
use super::node::Node;
use super::observe::{Counts, Transition};
use super::phase::{Phase, Verdict};
use super::queue::{Order, Queue};
use super::seldom::Seldom;
use super::signal::Signal;
use super::state::{JobState, Outcome, SkipReason, Stage};
use super::store::Store;
use super::time::Timestamp;

/// What holds for a whole run. The default: no limits, nothing recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// How many finite jobs may be under way at once; `None`: all that may start.
    pub window: Option<NonZero<usize>>,
    /// How long the run may take from `start` on.
    pub timeout: Option<Duration>,
    /// What the random pauses of [`Retries::jitter`](super::Retries::jitter) begin with.
    pub seed: u64,
    /// Whether the run goes on until it is stopped, times out or a critical job fails, also when it is empty
    /// or all its jobs have ended.
    pub until_stopped: bool,
    /// In which order queued jobs of one priority are handed out.
    pub order: Order,
    /// Whether every change is kept for [`Orchestrator::poll_transition`].
    pub record: bool,
}

/// Decides which job may start, which must stop, and when the run is over.
///
/// It stores the jobs, each with a payload `J` of the caller's (a boxed future, an index, `()`), and
/// what they require of one another. It does no I/O, has no clock and calls no code of the caller's:
/// time comes in as an argument, decisions go out as values. Same inputs, same outputs.
///
/// # The families of methods
/// - **Building**, before `start`: [`add`](Self::add), [`require`](Self::require),
///   [`add_pool`](Self::add_pool), and the edits
///   [`remove`](Self::remove), [`remove_requirement`](Self::remove_requirement),
///   [`bypass`](Self::bypass), [`keep_between`](Self::keep_between).
/// - **Inputs**: [`start`](Self::start), [`on_job_complete`](Self::on_job_complete),
///   [`on_job_ready`](Self::on_job_ready), [`on_deadline`](Self::on_deadline),
///   [`on_body_away`](Self::on_body_away), [`on_body_gone`](Self::on_body_gone),
///   [`cancel`](Self::cancel), [`stop`](Self::stop); `add` and `remove` as well.
/// - **Outputs**: [`poll_signal`](Self::poll_signal), [`poll_ready_jobs`](Self::poll_ready_jobs),
///   [`has_ready_jobs`](Self::has_ready_jobs), [`next_deadline`](Self::next_deadline), [`verdict`](Self::verdict),
///   [`poll_transition`](Self::poll_transition). Inputs may come in any order and number before the
///   outputs are drained: nothing is merged or lost.
/// - **Getters**: [`state`](Self::state), [`payload`](Self::payload), [`counts`](Self::counts),
///   [`requirements`](Self::requirements), [`any_of`](Self::any_of), [`pools`](Self::pools),
///   [`explain`](Self::explain) and the others.
///
/// # The driving loop
/// 1. Obey every [`poll_signal`](Self::poll_signal): tell the attempt to end, or drop its body; a body that
///    cannot be dropped at once is [away](Self::on_body_away). A signal for an attempt that is over means
///    nothing.
/// 2. If there is a [`verdict`](Self::verdict), the run is over.
/// 3. Execute all that [`poll_ready_jobs`](Self::poll_ready_jobs) hands out.
/// 4. Wait for a completion, or until [`next_deadline`](Self::next_deadline).
/// 5. [`on_job_complete`](Self::on_job_complete) for each that arrived; then
///    [`on_deadline`](Self::on_deadline), if the clock says so. Again from 1.
///
/// ```
/// use jobgraph::{Completion, Condition, JobOptions, Orchestrator, RunOptions, Timestamp, Verdict};
///
/// let mut graph = Orchestrator::new(RunOptions::default());
/// let fetch = graph.add("fetch", JobOptions::default(), &[])?;
/// let parse = graph.add("parse", JobOptions::default(), &[(fetch, Condition::Succeeded)])?;
///
/// let mut log = vec![];
/// let mut now = Timestamp::ZERO;
/// graph.start(now)?;
/// let verdict = loop {
///     while let Some(_signal) = graph.poll_signal() {}
///     if let Some(verdict) = graph.verdict() {
///         break verdict;
///     }
///     let ready: Vec<_> = graph.poll_ready_jobs(now).collect();
///     for attempt in ready {
///         log.push(*graph.payload(attempt.job).unwrap()); // the job's work, done at once
///         now = now + core::time::Duration::from_secs(1);
///         graph.on_job_complete(attempt, Completion::Success, now)?;
///     }
///     if graph.next_deadline().is_some_and(|deadline| deadline <= now) {
///         graph.on_deadline(now);
///     }
/// };
/// assert_eq!(verdict, Verdict::Completed);
/// assert_eq!(log, ["fetch", "parse"]);
/// # let _ = parse;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Orchestrator<J> {
    pub(super) options: RunOptions,
    pub(super) jobs: Store<J>,
    pub(super) edges: Edges,
    pub(super) queue: Queue,
    pub(super) deadlines: Deadlines,
    pub(super) phase: Phase,
    /// Whether plain jobs take the short way: nothing is recorded, and the run goes breadth first.
    pub(super) is_short: bool,
    /// The latest `now` seen since `start`.
    pub(super) clock: Timestamp,
    pub(super) counts: Counts,
    /// What the run waits for: the finite and awaited jobs that have not ended, and a stop if nothing else is to
    /// end it.
    pub(super) awaited: usize,
    /// Whether it is a run of forever jobs alone, which waits for all that there are.
    pub(super) waits_for_all: bool,
    /// Of finite jobs: those under way, and bodies of aborted attempts that are not gone.
    pub(super) seats_taken: usize,
    pub(super) bodies: Seldom<Bodies>,
    pub(super) critical_failure: Option<JobId>,
    pub(super) signals: VecDeque<Signal>,
    pub(super) transitions: VecDeque<Transition>,
    /// Jobs that were skipped, whose dependents are to be told; empty between inputs.
    pub(super) skipped: VecDeque<u32>,
    /// For jobs that were skipped: because of whom. The index of a job to its culprit.
    pub(super) culprits: Seldom<BTreeMap<u32, JobId>>,
    /// Whether a job requires one that was created later, so that there may be a cycle.
    pub(super) points_forward: bool,
}

impl<J> Orchestrator<J> {
    /// An empty graph.
    #[must_use]
    pub const fn new(options: RunOptions) -> Self {
        Self {
            options,
            jobs: Store::new(),
            edges: Edges::new(),
            queue: Queue::new(),
            deadlines: Deadlines::new(),
            phase: Phase::Building,
            is_short: false,
            clock: Timestamp::ZERO,
            counts: Counts {
                waiting: 0,
                queued: 0,
                running: 0,
                backoff: 0,
                stopping: 0,
                succeeded: 0,
                failed: 0,
                cancelled: 0,
                skipped: 0,
                removed: 0,
            },
            awaited: 0,
            waits_for_all: false,
            seats_taken: 0,
            bodies: Seldom::new(),
            critical_failure: None,
            signals: VecDeque::new(),
            transitions: VecDeque::new(),
            skipped: VecDeque::new(),
            culprits: Seldom::new(),
            points_forward: false,
        }
    }

    /// The same graph or run with other payloads. O(jobs).
    #[must_use]
    pub fn map<K>(self, payload: impl FnMut(J) -> K) -> Orchestrator<K> {
        Orchestrator {
            jobs: self.jobs.map(payload),
            options: self.options,
            edges: self.edges,
            queue: self.queue,
            deadlines: self.deadlines,
            phase: self.phase,
            is_short: self.is_short,
            clock: self.clock,
            counts: self.counts,
            awaited: self.awaited,
            waits_for_all: self.waits_for_all,
            seats_taken: self.seats_taken,
            bodies: self.bodies,
            critical_failure: self.critical_failure,
            signals: self.signals,
            transitions: self.transitions,
            skipped: self.skipped,
            culprits: self.culprits,
            points_forward: self.points_forward,
        }
    }

    /// What holds for the whole run.
    #[must_use]
    pub fn options(&self) -> RunOptions {
        self.options
    }

    /// Changes what holds for the whole run, before it starts.
    ///
    /// # Errors
    /// [`GraphError::AlreadyStarted`].
    pub fn set_options(&mut self, options: RunOptions) -> Result<(), GraphError> {
        self.building("change the options of the run")?;
        self.options = options;
        Ok(())
    }

    /// Whether `start` has succeeded.
    #[must_use]
    pub fn has_started(&self) -> bool {
        !matches!(self.phase, Phase::Building)
    }

    /// The latest time seen since `start`; before it, [`Timestamp::ZERO`].
    #[must_use]
    pub fn clock(&self) -> Timestamp {
        self.clock
    }

    /// How many jobs are present.
    #[must_use]
    pub fn len(&self) -> usize {
        self.jobs.nodes.present()
    }

    /// Whether no job is present.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many requirements there are between the jobs that are present.
    #[must_use]
    pub fn requirement_count(&self) -> usize {
        self.edges.live()
    }

    /// How many jobs are in which state. O(1).
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// All jobs that are present, in the order of their creation. O(jobs) before the first item.
    #[must_use]
    pub fn jobs(&self) -> impl ExactSizeIterator<Item = JobId> + '_ {
        self.jobs.in_creation_order().into_iter().map(|index| self.id(index))
    }

    /// Where a job is; `None` if it is not present.
    #[must_use]
    pub fn state(&self, job: JobId) -> Option<JobState> {
        self.jobs.index(job).map(|index| self.state_of(index))
    }

    /// Whether a job has ended; false if it is not present.
    #[must_use]
    #[inline]
    pub fn is_ended(&self, job: JobId) -> bool {
        self.get(job).is_some_and(|node| node.stage.is_ended())
    }

    /// Whether an attempt is running or stopping.
    #[must_use]
    #[inline]
    pub fn is_under_way(&self, attempt: Attempt) -> bool {
        self.find_under_way(attempt).is_some()
    }

    /// A job's payload.
    #[must_use]
    pub fn payload(&self, job: JobId) -> Option<&J> {
        self.jobs.payload(self.jobs.index(job)?)
    }

    /// A job's payload, to change.
    #[must_use]
    #[inline]
    pub fn payload_mut(&mut self, job: JobId) -> Option<&mut J> {
        self.jobs.index(job)?;
        self.jobs.payload_at(job.index())
    }

    /// The payload of a job that is known to be present, by its index.
    #[cfg(feature = "std")]
    #[inline]
    pub(crate) fn payload_at(&mut self, index: usize) -> Option<&mut J> {
        self.jobs.payload_at(index)
    }

    /// A job's label, if it has one.
    #[must_use]
    pub fn label(&self, job: JobId) -> Option<&str> {
        self.jobs.label(self.jobs.index(job)?)
    }

    /// Whether a job is finite, forever or a service.
    #[must_use]
    pub fn kind(&self, job: JobId) -> Option<JobKind> {
        Some(self.get(job)?.kind())
    }

    /// Whether a job is present and critical.
    #[must_use]
    pub fn is_critical(&self, job: JobId) -> bool {
        self.get(job).is_some_and(Node::is_critical)
    }

    /// Whether a service has been ready, in any of its attempts.
    #[must_use]
    pub fn was_ready(&self, job: JobId) -> bool {
        self.jobs.index(job).is_some_and(|index| self.jobs.was_ready(index))
    }

    /// How often a job was handed out; 0 if it is not present.
    #[must_use]
    pub fn attempts(&self, job: JobId) -> u32 {
        self.get(job).map_or(0, |node| node.attempts)
    }

    /// What a job requires, in the order in which the requirements were made.
    pub fn requirements(&self, job: JobId) -> impl Iterator<Item = (JobId, Condition)> + '_ {
        let required = self.jobs.index(job).map(|index| self.required_in_order(index));
        required.into_iter().flatten().map(|(index, condition)| (self.id(index), condition))
    }

    /// What requires a job, in the order in which the requirements were made. Before `start` O(all
    /// requirements): [`dependents_of_all`](Self::dependents_of_all) is for those who ask for many.
    pub fn dependents(&self, job: JobId) -> impl Iterator<Item = (JobId, Condition)> + '_ {
        let index = self.jobs.index(job);
        let dependents = index.map(|index| self.edges.dependents(&self.jobs.nodes, index));
        dependents.into_iter().flatten().map(|(index, condition)| (self.id(index), condition))
    }

    #[inline]
    pub(super) fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Ending { .. })
    }

    /// Why the run is ending, as soon as there is a cause.
    #[must_use]
    pub fn ending(&self) -> Option<Verdict> {
        match self.phase {
            Phase::Ending { cause, .. } => Some(cause),
            Phase::Building | Phase::Running => None,
        }
    }

    /// How the run ended: the same cause, once every job has ended.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        self.ending().filter(|_| self.counts.unfinished() == 0)
    }

    pub(super) fn get(&self, job: JobId) -> Option<&Node> {
        self.jobs.nodes.find(job)
    }

    #[inline]
    pub(super) fn node(&self, index: u32) -> &Node {
        self.jobs.node(index)
    }

    pub(super) fn id(&self, index: u32) -> JobId {
        self.jobs.nodes.id(index)
    }

    pub(super) fn name(&self, index: u32) -> JobName {
        JobName { id: Some(self.id(index)), label: self.jobs.label(index).map(Into::into) }
    }

    pub(super) fn state_of(&self, index: u32) -> JobState {
        let node = self.node(index);
        let attempt = node.attempts;
        match node.stage {
            Stage::Waiting => JobState::Waiting,
            Stage::Queued => JobState::Queued,
            Stage::Running => JobState::Running { attempt },
            Stage::Backoff => {
                let armed = self.jobs.extra(index).and_then(|extra| extra.armed);
                JobState::Backoff { until: armed.map_or(self.clock, |(until, _)| until) }
            }
            Stage::Stopping(reason) => JobState::Stopping { attempt, reason },
            Stage::Succeeded => JobState::Ended(Outcome::Succeeded),
            Stage::Failed(failure) => JobState::Ended(Outcome::Failed(failure)),
            Stage::Cancelled | Stage::CutShort => JobState::Ended(Outcome::Cancelled),
            Stage::Skipped | Stage::RunStopped => {
                let culprit = self.culprits.get(&index).copied();
                let reason = culprit.map_or(SkipReason::RunStopped, SkipReason::Requirement);
                JobState::Ended(Outcome::Skipped(reason))
            }
        }
    }
}
