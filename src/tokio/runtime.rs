use std::future::Future;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::Instant;

use crate::Timestamp;
use crate::run::{Clock, Graph, Payload, Report, RunError, SendJobGraph, SendReport, Spawn};

/// A tokio runtime: its clock, counted from the creation of this value, and its tasks.
#[derive(Clone, Debug)]
pub struct TokioRuntime {
    epoch: Instant,
    handle: Handle,
}

impl TokioRuntime {
    /// The runtime that this is called in, with an epoch of now.
    ///
    /// # Panics
    /// Outside a tokio runtime, and in one without a time driver: see `enable_time` of its builder.
    #[must_use]
    #[track_caller]
    pub fn current() -> Self {
        let Ok(handle) = Handle::try_current() else {
            panic!(
                "jobgraph::tokio runs inside a tokio runtime: call it under `#[tokio::main]`, `Runtime::block_on` or \
                 `tokio::spawn`"
            )
        };
        // Panics here, before anything begins, if the runtime has no timers; and says what to do.
        drop(tokio::time::sleep(Duration::ZERO));
        Self { epoch: Instant::now(), handle }
    }
}

impl Clock for TokioRuntime {
    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.epoch.elapsed()
    }

    #[inline]
    fn has_budget(&self) -> bool {
        tokio::task::coop::has_budget_remaining()
    }

    async fn sleep_until(&self, at: Timestamp) {
        match self.epoch.checked_add(Duration::from_nanos(at.as_nanos())) {
            Some(at) => {
                let sleep = {
                    // On a thread of another runtime, or of none, as well.
                    let _entered = self.handle.enter();
                    tokio::time::sleep_until(at)
                };
                sleep.await;
            }
            // Later than this machine's clock can tell.
            None => std::future::pending().await,
        }
    }
}

impl Spawn for TokioRuntime {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.handle.spawn(task));
    }

    /// A worker keeps the task that it has spawned or woken last to itself: an empty one takes that place.
    fn publish(&self) {
        if self.handle.runtime_flavor() == RuntimeFlavor::MultiThread {
            drop(self.handle.spawn(async {}));
        }
    }
}

/// Runs a graph in place: in the current task. Dropping the future drops every job.
///
/// # Errors
/// [`RunError`] for a graph that cannot start. All that happens later is in the report.
///
/// # Panics
/// Outside a tokio runtime, or in one without a time driver; nothing has begun then.
///
/// ```
/// use jobgraph::{Job, JobGraph};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let mut graph = JobGraph::new();
/// let hello = graph.add(Job::new(async { "hello" }));
/// let report = jobgraph::tokio::run(graph).await?;
/// assert_eq!(report.output(&hello), Some(&"hello"));
/// # Ok::<(), jobgraph::RunError>(())
/// # }).unwrap();
/// ```
pub async fn run<P: Payload>(graph: Graph<P>) -> Result<Report<P::Outputs>, RunError> {
    crate::run::run(&TokioRuntime::current(), graph).await
}

/// Runs a graph in parallel: each job that is under way in a task of its own. Dropping the future drops
/// every job.
///
/// # Errors
/// [`RunError`] for a graph that cannot start. All that happens later is in the report.
///
/// # Panics
/// Outside a tokio runtime, or in one without a time driver; nothing has begun then.
///
/// ```
/// use jobgraph::{Job, SendJobGraph};
///
/// # tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap().block_on(async {
/// let mut graph = SendJobGraph::new();
/// let words = graph.add(Job::new(async { 6 }));
/// let letters = graph.add(Job::new(async { 18 }));
/// let ratio = graph.add(Job::with((&words, &letters), |words, letters| async move { *letters / *words }));
/// let report = jobgraph::tokio::run_parallel(graph).await?;
/// assert_eq!(report.output(&ratio), Some(&3));
/// # Ok::<(), jobgraph::RunError>(())
/// # }).unwrap();
/// ```
pub async fn run_parallel(graph: SendJobGraph) -> Result<SendReport, RunError> {
    crate::run::run_parallel(&TokioRuntime::current(), graph).await
}
