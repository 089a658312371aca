use std::future::Future;
use std::ops::Deref;
use std::sync::OnceLock;

use async_executor::Executor;
use async_io::Timer;

use crate::Timestamp;
use crate::run::{Clock, Graph, Payload, Report, RunError, SendJobGraph, SendReport, Spawn};

/// Monotonic time, counted from the clock's creation, and async-io's timers.
///
/// Where the processor has a steady time stamp counter, that is read, by the crate `quanta`: a run looks at the
/// time after each poll. How fast it counts is measured when the first clock of a process is made, which takes
/// half a millisecond, 200 ms at most. Elsewhere it is the time of [`Instant`](std::time::Instant).
#[derive(Clone, Copy, Debug)]
pub struct SmolClock {
    counter: &'static quanta::Clock,
    epoch: u64,
}

impl SmolClock {
    /// A clock whose epoch is now.
    #[must_use]
    pub fn new() -> Self {
        // Asking the processor what it can do takes long under a hypervisor.
        static COUNTER: OnceLock<quanta::Clock> = OnceLock::new();
        let counter = COUNTER.get_or_init(quanta::Clock::new);
        Self { epoch: counter.raw(), counter }
    }
}

impl Default for SmolClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SmolClock {
    #[inline]
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.counter.delta_as_nanos(self.epoch, self.counter.raw()))
    }

    async fn sleep_until(&self, at: Timestamp) {
        // Timers go by another clock, which may be fast: what is left then is waited for, not asked for again.
        loop {
            let left = at.saturating_since(self.now());
            if left.is_zero() {
                return;
            }
            Timer::after(left).await;
        }
    }
}

/// An executor that lives as long as its tasks may: an `Arc<Executor<'static>>`, or a reference to a
/// static one.
pub trait SharedExecutor:
    Deref<Target = Executor<'static>> + Clone + Send + Sync + 'static
{
}

impl<E: Deref<Target = Executor<'static>> + Clone + Send + Sync + 'static> SharedExecutor for E {}

/// An executor with [`SmolClock`].
#[derive(Clone, Debug)]
pub struct SmolExecutor<E> {
    clock: SmolClock,
    executor: E,
}

impl<E: SharedExecutor> SmolExecutor<E> {
    /// This executor, and a clock that begins now: for [`Repeatable::run_parallel`](crate::Repeatable::run_parallel), which
    /// is given a runtime. [`run_parallel`] makes its own.
    pub fn new(executor: E) -> Self {
        Self { clock: SmolClock::new(), executor }
    }
}

impl<E: SharedExecutor> Clock for SmolExecutor<E> {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send {
        self.clock.sleep_until(at)
    }
}

impl<E: SharedExecutor> Spawn for SmolExecutor<E> {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.executor.spawn(task).detach();
    }

    fn publish(&self) {}
}

/// Runs a graph in the current task, on any executor. Dropping the future drops every job.
///
/// # Errors
/// [`RunError`] for a graph that cannot start. All that happens later is in the report.
///
/// ```
/// use jobgraph::{Job, JobGraph};
///
/// # futures_lite::future::block_on(async {
/// let mut graph = JobGraph::new();
/// let hello = graph.add(Job::new(async { "hello" }));
/// let report = jobgraph::smol::run(graph).await?;
/// assert_eq!(report.output(&hello), Some(&"hello"));
/// # Ok::<(), jobgraph::RunError>(())
/// # }).unwrap();
/// ```
pub async fn run<P: Payload>(graph: Graph<P>) -> Result<Report<P::Outputs>, RunError> {
    crate::run::run(&SmolClock::new(), graph).await
}

/// Runs a graph on this thread, and waits for it.
///
/// # Errors
/// [`RunError`] for a graph that cannot start. All that happens later is in the report.
pub fn block_on<P: Payload>(graph: Graph<P>) -> Result<Report<P::Outputs>, RunError> {
    async_io::block_on(run(graph))
}

/// Runs a graph in parallel: each job that is under way in a task of its own. Somebody has to drive the
/// executor, on as many threads as there are to be. Dropping the future drops every job.
///
/// # Errors
/// [`RunError`] for a graph that cannot start. All that happens later is in the report.
///
/// ```
/// use std::sync::Arc;
/// use async_executor::Executor;
/// use jobgraph::{Job, SendJobGraph};
///
/// let executor = Arc::new(Executor::new());
/// let mut graph = SendJobGraph::new();
/// let answer = graph.add(Job::new(async { 42 }));
/// let run = jobgraph::smol::run_parallel(Arc::clone(&executor), graph);
/// let report = async_io::block_on(executor.run(run))?;
/// assert_eq!(report.output(&answer), Some(&42));
/// # Ok::<(), jobgraph::RunError>(())
/// ```
pub async fn run_parallel<E: SharedExecutor>(
    executor: E,
    graph: SendJobGraph,
) -> Result<SendReport, RunError> {
    let runtime = SmolExecutor::new(executor);
    crate::run::run_parallel(&runtime, graph).await
}
