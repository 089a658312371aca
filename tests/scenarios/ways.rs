//! The ways in which a graph can be run, and what scenarios need to be independent of them.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jobgraph::testing::VirtualClock;
use jobgraph::tokio::TokioRuntime;
use jobgraph::{Context, JobReport, Repeatable, SendJobGraph, SendReport, Sendable};

use crate::executor::with_executor;

/// A way to run a graph.
pub(crate) struct Way {
    kind: Kind,
    windowed: bool,
}

enum Kind {
    Virtual { seed: Option<u64> },
    SmolInPlace,
    SmolExecutor,
    TokioPaused { parallel: bool },
    TokioMulti,
}

/// In real time, a millisecond of a scenario takes this many microseconds.
const MICROS: u64 = 400;

impl Way {
    fn of(kind: Kind) -> Self {
        Self { kind, windowed: false }
    }

    pub(crate) fn virtual_in_place() -> Self {
        Self::of(Kind::Virtual { seed: None })
    }

    pub(crate) fn virtual_parallel(seed: u64) -> Self {
        Self::of(Kind::Virtual { seed: Some(seed) })
    }

    pub(crate) fn smol_in_place() -> Self {
        Self::of(Kind::SmolInPlace)
    }

    pub(crate) fn smol_executor() -> Self {
        Self::of(Kind::SmolExecutor)
    }

    pub(crate) fn tokio_in_place() -> Self {
        Self::of(Kind::TokioPaused { parallel: false })
    }

    pub(crate) fn tokio_current_thread() -> Self {
        Self::of(Kind::TokioPaused { parallel: true })
    }

    pub(crate) fn tokio_multi_thread() -> Self {
        Self::of(Kind::TokioMulti)
    }

    /// With a window as wide as the scenarios need.
    pub(crate) fn windowed(mut self) -> Self {
        self.windowed = true;
        self
    }

    pub(crate) fn graph(&self) -> SendJobGraph {
        let graph = SendJobGraph::new();
        if self.windowed { graph.window(4) } else { graph }
    }

    fn is_real(&self) -> bool {
        matches!(self.kind, Kind::SmolInPlace | Kind::SmolExecutor | Kind::TokioMulti)
    }

    /// Whether each run of a scenario is the same.
    pub(crate) fn is_deterministic(&self) -> bool {
        matches!(self.kind, Kind::Virtual { seed: None } | Kind::TokioPaused { parallel: false })
    }

    /// A time of a scenario as this way measures it.
    pub(crate) fn ms(&self, millis: u64) -> Duration {
        if self.is_real() {
            Duration::from_micros(millis * MICROS)
        } else {
            Duration::from_millis(millis)
        }
    }

    /// Whether a measured time is that of the scenario: exactly in virtual time, else not too early.
    pub(crate) fn assert_time(&self, measured: Option<Duration>, millis: u64) {
        let (measured, expected) = (measured.expect("it has a time"), self.ms(millis));
        if self.is_real() {
            assert!(
                measured >= expected && measured < expected + Duration::from_secs(10),
                "{measured:?} {expected:?}"
            );
        } else {
            // tokio's timers tick in milliseconds.
            let late = measured.checked_sub(expected).expect("not too early");
            assert!(late <= Duration::from_millis(3), "{measured:?} {expected:?}");
        }
    }

    pub(crate) fn run(&self, graph: SendJobGraph) -> SendReport {
        self.race(graph, None).expect("it was not dropped")
    }

    /// Drops the run after a while, unless it ends before.
    pub(crate) fn run_and_drop(&self, graph: SendJobGraph, after: Duration) -> Option<SendReport> {
        self.race(graph, Some(after))
    }

    fn race(&self, graph: SendJobGraph, limit: Option<Duration>) -> Option<SendReport> {
        match &self.kind {
            Kind::Virtual { seed: None } => {
                let clock = VirtualClock::new();
                clock.block_on(limited(&clock, jobgraph::run(&clock, graph), limit))
            }
            Kind::Virtual { seed: Some(seed) } => {
                let clock = VirtualClock::seeded(*seed);
                let report =
                    clock.block_on(limited(&clock, jobgraph::run_parallel(&clock, graph), limit));
                assert_eq!(clock.tasks_left(), 0);
                report
            }
            Kind::SmolInPlace => {
                let clock = jobgraph::smol::SmolClock::new();
                async_io::block_on(limited(&clock, jobgraph::smol::run(graph), limit))
            }
            Kind::SmolExecutor => with_executor(|executor| {
                let clock = jobgraph::smol::SmolClock::new();
                async_io::block_on(limited(
                    &clock,
                    jobgraph::smol::run_parallel(Arc::clone(executor), graph),
                    limit,
                ))
            }),
            Kind::TokioPaused { parallel } => {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .start_paused(true)
                    .build();
                runtime.unwrap().block_on(async {
                    let clock = TokioRuntime::current();
                    let report = if *parallel {
                        limited(&clock, jobgraph::tokio::run_parallel(graph), limit).await
                    } else {
                        limited(&clock, jobgraph::tokio::run(graph), limit).await
                    };
                    tokio::task::yield_now().await;
                    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
                    report
                })
            }
            Kind::TokioMulti => tokio_multi().block_on(async {
                let clock = TokioRuntime::current();
                limited(&clock, jobgraph::tokio::run_parallel(graph), limit).await
            }),
        }
    }

    pub(crate) fn run_again(&self, graph: &mut Repeatable<Sendable>) -> SendReport {
        match &self.kind {
            Kind::Virtual { seed } => {
                let clock = seed.map_or_else(VirtualClock::new, VirtualClock::seeded);
                match seed {
                    None => clock.block_on(graph.run(&clock)),
                    Some(_) => clock.block_on(graph.run_parallel(&clock)),
                }
            }
            Kind::SmolInPlace | Kind::SmolExecutor => {
                async_io::block_on(graph.run(&jobgraph::smol::SmolClock::new()))
            }
            Kind::TokioPaused { .. } | Kind::TokioMulti => {
                tokio_multi().block_on(async { graph.run_parallel(&TokioRuntime::current()).await })
            }
        }
        .unwrap()
    }
}

fn tokio_multi() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

async fn limited<C: jobgraph::Clock>(
    clock: &C,
    run: impl Future<Output = Result<SendReport, jobgraph::RunError>>,
    limit: Option<Duration>,
) -> Option<SendReport> {
    let Some(limit) = limit else { return Some(run.await.unwrap()) };
    futures_lite::future::or(async { Some(run.await.unwrap()) }, async {
        clock.sleep(limit).await;
        None
    })
    .await
}

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn say(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Counts how many of its guards are alive.
#[derive(Clone, Default)]
pub(crate) struct Alive(Arc<()>);

impl Alive {
    pub(crate) fn guard(&self) -> Arc<()> {
        Arc::clone(&self.0)
    }

    /// Waits a moment for bodies that are being polled on other threads.
    pub(crate) fn assert_none(&self) {
        for _ in 0..1_000 {
            if Arc::strong_count(&self.0) == 1 {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("{} bodies are alive", Arc::strong_count(&self.0) - 1);
    }
}

/// Sleeps, and returns its label.
pub(crate) async fn nap(cx: Context, duration: Duration) {
    cx.sleep(duration).await;
}

/// A job's end, without its times.
pub(crate) fn end(job: Option<JobReport<'_>>) -> String {
    let job = job.expect("it is in the report");
    let error = job.error().map_or(String::new(), |error| format!(": {error}"));
    format!("{}{error}", job.outcome().expect("it has ended"))
}
