//! The core: decides, and does nothing else. See [`Orchestrator`].

mod deadline;
mod edit;
mod ending;
mod error;
mod explain;
mod graph;
mod input;
mod job;
mod node;
mod observe;
mod order;
mod queue;
mod shutdown;
mod state;
mod step;
mod time;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::num::NonZero;
use core::time::Duration;

use slab::Slab;

use self::deadline::Deadlines;
use self::ending::Phase;
pub use self::ending::{Ending, Verdict};
pub use self::error::{GraphError, InputError, JobName};
pub use self::explain::{Explanation, NamedJob};
pub use self::graph::Condition;
use self::graph::{Edges, Side};
pub use self::input::{ReadyJobs, Signal};
pub use self::job::{Attempt, JobId, JobKind, JobOptions, Retries};
use self::node::Node;
pub use self::observe::{Change, Counts, Transition};
use self::queue::Queue;
pub use self::state::{Completion, Failure, JobState, Outcome, SkipReason, StopReason};
#[cfg(feature = "std")]
pub(crate) use self::time::Seconds;
pub use self::time::Timestamp;

/// What holds for a whole run. The default: no limits, nothing recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// How many finite jobs may be under way at once; `None`: all that may start.
    pub window: Option<NonZero<usize>>,
    /// How long the run may take from `start` on.
    pub timeout: Option<Duration>,
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
/// - **Building**, before `start`: [`add`](Self::add), [`require`](Self::require), and the edits
///   [`remove`](Self::remove), [`remove_requirement`](Self::remove_requirement),
///   [`bypass`](Self::bypass), [`keep_between`](Self::keep_between).
/// - **Inputs**: [`start`](Self::start), [`on_job_complete`](Self::on_job_complete),
///   [`on_job_ready`](Self::on_job_ready), [`on_deadline`](Self::on_deadline),
///   [`cancel`](Self::cancel), [`stop`](Self::stop); `add` and `remove` as well.
/// - **Outputs**: [`poll_signal`](Self::poll_signal), [`poll_ready_jobs`](Self::poll_ready_jobs),
///   [`next_deadline`](Self::next_deadline), [`verdict`](Self::verdict),
///   [`poll_transition`](Self::poll_transition). Inputs may come in any order and number before the
///   outputs are drained: nothing is merged or lost.
/// - **Getters**: [`state`](Self::state), [`payload`](Self::payload), [`counts`](Self::counts),
///   [`requirements`](Self::requirements), [`explain`](Self::explain) and the others.
///
/// # The driving loop
/// 1. Obey every [`poll_signal`](Self::poll_signal): tell the attempt to end, or drop it. A signal
///    for an attempt that is over means nothing.
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
    options: RunOptions,
    jobs: Slab<Node<J>>,
    edges: Edges,
    queue: Queue,
    deadlines: Deadlines,
    phase: Phase,
    /// The latest `now` seen since `start`.
    clock: Timestamp,
    counts: Counts,
    unfinished_finite: usize,
    /// Whether the run waits for finite jobs, or has but forever jobs.
    had_finite: bool,
    /// Finite jobs that are running or stopping.
    places_taken: usize,
    critical_failure: Option<JobId>,
    signals: VecDeque<Signal>,
    transitions: VecDeque<Transition>,
    /// Jobs whose dependents are to be told; empty between inputs.
    resolved: VecDeque<u32>,
    last_number: u64,
    /// Places of the slab that were ever used.
    places: usize,
    /// Whether one was used twice, so that the slab is not in the order of creation.
    reused: bool,
    /// Whether a job requires one that was created later, so that there may be a cycle.
    points_forward: bool,
}

impl<J> Orchestrator<J> {
    /// An empty graph.
    #[must_use]
    pub const fn new(options: RunOptions) -> Self {
        Self {
            options,
            jobs: Slab::new(),
            edges: Edges::new(),
            queue: Queue::new(),
            deadlines: Deadlines::new(),
            phase: Phase::Building,
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
            unfinished_finite: 0,
            had_finite: false,
            places_taken: 0,
            critical_failure: None,
            signals: VecDeque::new(),
            transitions: VecDeque::new(),
            resolved: VecDeque::new(),
            last_number: 0,
            places: 0,
            reused: false,
            points_forward: false,
        }
    }

    /// The same graph or run with other payloads. O(jobs).
    #[must_use]
    pub fn map<K>(self, mut payload: impl FnMut(J) -> K) -> Orchestrator<K> {
        let jobs = self.jobs.into_iter().map(|(index, node)| (index, node.map(&mut payload)));
        Orchestrator {
            jobs: jobs.collect(),
            options: self.options,
            edges: self.edges,
            queue: self.queue,
            deadlines: self.deadlines,
            phase: self.phase,
            clock: self.clock,
            counts: self.counts,
            unfinished_finite: self.unfinished_finite,
            had_finite: self.had_finite,
            places_taken: self.places_taken,
            critical_failure: self.critical_failure,
            signals: self.signals,
            transitions: self.transitions,
            resolved: self.resolved,
            last_number: self.last_number,
            places: self.places,
            reused: self.reused,
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
        self.jobs.len()
    }

    /// Whether no job is present.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
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
        self.in_creation_order().into_iter().map(|index| self.id(index))
    }

    /// Where a job is; `None` if it is not present.
    #[must_use]
    pub fn state(&self, job: JobId) -> Option<JobState> {
        Some(self.get(job)?.state)
    }

    /// A job's payload.
    #[must_use]
    pub fn payload(&self, job: JobId) -> Option<&J> {
        Some(&self.get(job)?.payload)
    }

    /// A job's payload, to change.
    #[must_use]
    pub fn payload_mut(&mut self, job: JobId) -> Option<&mut J> {
        let index = self.index(job)?;
        Some(&mut self.jobs[index as usize].payload)
    }

    /// A job's label, if it has one.
    #[must_use]
    pub fn label(&self, job: JobId) -> Option<&str> {
        self.get(job)?.label()
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
        self.get(job).is_some_and(Node::was_ready)
    }

    /// How often a job was handed out; 0 if it is not present.
    #[must_use]
    pub fn attempts(&self, job: JobId) -> u32 {
        self.get(job).map_or(0, |node| node.attempts)
    }

    /// What a job requires, in the order in which the requirements were made.
    pub fn requirements(&self, job: JobId) -> impl Iterator<Item = (JobId, Condition)> + '_ {
        self.neighbours(Side::Requirements, job)
    }

    /// What requires a job, in the order in which the requirements were made.
    pub fn dependents(&self, job: JobId) -> impl Iterator<Item = (JobId, Condition)> + '_ {
        self.neighbours(Side::Dependents, job)
    }

    fn neighbours(&self, side: Side, job: JobId) -> impl Iterator<Item = (JobId, Condition)> + '_ {
        let lists = self.get(job).map(|node| node.lists);
        let targets = lists.into_iter().flat_map(move |lists| self.present(side, lists));
        targets.map(|(index, condition)| (self.id(index), condition))
    }

    /// Why the run is ending, as soon as there is a cause.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
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

    fn index(&self, job: JobId) -> Option<u32> {
        let node = self.jobs.get(job.index())?;
        #[expect(clippy::cast_possible_truncation, reason = "an id holds 32 bits of index")]
        (node.number() == job.number()).then_some(job.index() as u32)
    }

    fn get(&self, job: JobId) -> Option<&Node<J>> {
        self.index(job).map(|index| self.node(index))
    }

    fn node(&self, index: u32) -> &Node<J> {
        &self.jobs[index as usize]
    }

    fn id(&self, index: u32) -> JobId {
        self.node(index).id(index as usize)
    }

    fn name(&self, index: u32) -> JobName {
        let node = self.node(index);
        JobName { id: Some(node.id(index as usize)), label: node.label().map(Into::into) }
    }

    /// O(jobs); O(jobs log jobs) where places were used again.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`add` refuses an index of more than 32 bits"
    )]
    fn in_creation_order(&self) -> Vec<u32> {
        let mut all: Vec<u32> = self.jobs.iter().map(|(index, _)| index as u32).collect();
        if self.reused {
            all.sort_by_key(|&index| self.node(index).number());
        }
        all
    }
}
