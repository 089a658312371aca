//! Running a graph on smol: time comes from async-io, the jobs run in the task that awaits the run.

use std::time::{Duration, Instant};

use async_io::Timer;

use crate::Timestamp;
use crate::run::{Clock, Graph, Payload, Report, RunError};

/// Monotonic time, counted from the clock's creation, and async-io's timers.
#[derive(Clone, Copy, Debug)]
pub struct SmolClock {
    epoch: Instant,
}

impl SmolClock {
    /// A clock whose epoch is now.
    #[must_use]
    pub fn new() -> Self {
        Self { epoch: Instant::now() }
    }
}

impl Default for SmolClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SmolClock {
    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.epoch.elapsed()
    }

    async fn sleep_until(&self, at: Timestamp) {
        match self.epoch.checked_add(Duration::from_nanos(at.as_nanos())) {
            Some(at) => Timer::at(at).await,
            // Later than this machine's clock can tell.
            None => std::future::pending().await,
        };
    }
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
