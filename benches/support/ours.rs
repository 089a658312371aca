//! The same with `jobgraph`.
//!
//! `cargo against` uses this file as it was in older commits: how its functions are called has to stay.

use std::num::NonZero;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_executor::Executor;
use futures_lite::future::block_on;
use jobgraph::{
    Clock, Completion, Condition, Graph, Job, JobGraph, JobId, JobOptions, Orchestrator, Payload,
    RunOptions, SendJobGraph, SendReport, Timestamp,
};

use tokio::runtime::Runtime;

use super::clock::cpu_time;
use super::job;
use super::shapes::Shape;

const NOW: Timestamp = Timestamp::ZERO;

/// The core with the jobs of a shape, not started.
pub(crate) fn build_core(shape: &Shape, window: Option<usize>) -> Orchestrator<()> {
    let window = window.and_then(NonZero::new);
    let mut core = Orchestrator::new(RunOptions { window, ..RunOptions::default() });
    let mut ids: Vec<JobId> = Vec::with_capacity(shape.jobs());
    let mut requirements = Vec::new();
    for job in 0..shape.jobs() {
        requirements.clear();
        let required = shape.requirements(job).iter();
        requirements.extend(required.map(|&other| (ids[other as usize], Condition::Succeeded)));
        ids.push(core.add((), JobOptions::default(), &requirements).expect("a sound graph"));
    }
    core
}

/// Completes each job as soon as it is handed out, until none is.
pub(crate) fn drive_core(core: &mut Orchestrator<()>) {
    let mut batch = Vec::new();
    loop {
        while core.poll_signal().is_some() {}
        batch.extend(core.poll_ready_jobs(NOW));
        if batch.is_empty() {
            return;
        }
        for attempt in batch.drain(..) {
            core.on_job_complete(attempt, Completion::Success, NOW).expect("it is running");
        }
    }
}

/// The life of a graph in the core: built, run, dropped.
pub(crate) fn core(shape: &Shape, window: Option<usize>) {
    let mut core = build_core(shape, window);
    core.start(NOW).expect("no cycle");
    drive_core(&mut core);
    assert!(core.verdict().is_some());
}

macro_rules! build {
    ($graph:ident, $shape:expr) => {{
        let shape: &Shape = $shape;
        let mut graph = $graph::new();
        let mut handles = Vec::with_capacity(shape.jobs());
        for number in 0..shape.jobs() {
            let job = Job::new(job(number));
            let handle = |required: u32| &handles[required as usize];
            // As a program says it that knows how many there are, and as one that has a list.
            let job = match *shape.requirements(number) {
                [] => job,
                [a] => job.requires(handle(a)),
                [a, b, c] => job.requires((handle(a), handle(b), handle(c))),
                ref list => {
                    job.requires(list.iter().map(|&required| handle(required)).collect::<Vec<_>>())
                }
            };
            handles.push(graph.add(job));
        }
        graph
    }};
}

pub(crate) fn build(shape: &Shape) -> JobGraph<'static> {
    build!(JobGraph, shape)
}

pub(crate) fn build_send(shape: &Shape) -> SendJobGraph {
    build!(SendJobGraph, shape)
}

fn windowed<P: Payload>(graph: Graph<P>, window: Option<usize>) -> Graph<P> {
    match window {
        Some(jobs) => graph.window(jobs),
        None => graph,
    }
}

/// The life of a graph in the task that awaits it: built, run, dropped.
pub(crate) fn in_place(shape: &Shape, window: Option<usize>) {
    let graph = windowed(build(shape), window);
    assert!(block_on(jobgraph::smol::run(graph)).expect("no cycle").is_completed());
}

/// Runs a graph that may run anywhere.
pub(crate) type Run<'a> = &'a dyn Fn(SendJobGraph) -> SendReport;

/// The way to run a graph in this task.
pub(crate) fn here(graph: SendJobGraph) -> SendReport {
    block_on(jobgraph::smol::run(graph)).expect("no cycle")
}

/// The way to run a graph in tasks of this tokio runtime, awaited in `block_on`.
pub(crate) fn on_tokio(runtime: &Runtime) -> impl Fn(SendJobGraph) -> SendReport {
    |graph| runtime.block_on(jobgraph::tokio::run_parallel(graph)).expect("no cycle")
}

/// The way to run a graph in tasks of an executor that other threads drive.
pub(crate) fn on_smol(executor: &Arc<Executor<'static>>) -> impl Fn(SendJobGraph) -> SendReport {
    |graph| block_on(jobgraph::smol::run_parallel(Arc::clone(executor), graph)).expect("no cycle")
}

/// The life of a graph that is run in this way: built, run, dropped.
pub(crate) fn life(run: Run<'_>, shape: &Shape, window: Option<usize>) {
    assert!(run(windowed(build_send(shape), window)).is_completed());
}

/// A chain beside jobs that are parked: half of them run for ever, half of them wait for its end.
/// How long the chain itself takes, by this clock.
pub(crate) fn chain_beside_parked(
    run: Run<'_>,
    length: usize,
    parked: usize,
    now: fn() -> Duration,
) -> Duration {
    let times = Arc::new([const { OnceLock::new() }; 2]);
    let (begun, ended) = (Arc::clone(&times), Arc::clone(&times));
    let mut graph = SendJobGraph::new();
    for _ in 0..parked / 2 {
        graph.add(Job::new(std::future::pending::<()>()).forever());
    }
    let mut last = graph.add(Job::new(async move {
        begun[0].get_or_init(now);
        job(0).await
    }));
    for number in 1..length {
        last = graph.add(Job::new(job(number)).requires(&last));
    }
    let last = graph.add(Job::new(async move { *ended[1].get_or_init(now) }).requires(&last));
    for number in 0..parked / 2 {
        graph.add(Job::new(job(number)).requires(&last));
    }
    assert!(run(graph).is_completed());
    let [begun, ended] = &*times;
    let (begun, ended) = begun.get().zip(ended.get()).expect("the chain has run");
    ended.saturating_sub(*begun)
}

/// The same in the core alone.
pub(crate) fn core_chain_beside_parked(length: usize, parked: usize) -> Duration {
    let mut core = Orchestrator::new(RunOptions::default());
    for _ in 0..parked / 2 {
        core.add((), JobOptions::forever(), &[]).expect("a sound graph");
    }
    let mut last = core.add((), JobOptions::default(), &[]).expect("a sound graph");
    for _ in 1..length {
        let required = [(last, Condition::Succeeded)];
        last = core.add((), JobOptions::default(), &required).expect("a sound graph");
    }
    for _ in 0..parked / 2 {
        let required = [(last, Condition::Succeeded)];
        core.add((), JobOptions::default(), &required).expect("a sound graph");
    }
    core.start(NOW).expect("no cycle");
    let mut next = core.poll_ready_jobs(NOW).last();
    let begun = cpu_time();
    while let Some(attempt) = next.filter(|attempt| attempt.job != last) {
        core.on_job_complete(attempt, Completion::Success, NOW).expect("it is running");
        next = core.poll_ready_jobs(NOW).next();
    }
    let ended = cpu_time();
    assert_eq!(next.map(|attempt| attempt.job), Some(last));
    ended.saturating_sub(begun)
}

/// The life of a graph whose jobs are tasks of an executor that this thread drives.
pub(crate) fn on_this_thread(shape: &Shape) {
    let executor = Arc::new(Executor::new());
    let run = jobgraph::smol::run_parallel(Arc::clone(&executor), build_send(shape));
    assert!(block_on(executor.run(run)).expect("no cycle").is_completed());
}

/// Time stands still, so that no measurement depends on it.
#[derive(Clone)]
struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn sleep_until(&self, _: Timestamp) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// Like `in_place`, on a clock that costs nothing.
pub(crate) fn in_place_without_clock(shape: &Shape) {
    let run = jobgraph::run(&StoppedClock, build(shape));
    assert!(block_on(run).expect("no cycle").is_completed());
}
