//! The drivers and the [`Oracle`](super::oracle::Oracle) side by side: a random graph with random bodies is run in virtual time,
//! in place and in parallel, and simulated with the oracle. Outcomes and times have to be the same.
//!
//! ```
//! use jobgraph::testing::driver::check;
//! use jobgraph::testing::model::random_bytes;
//!
//! check(&random_bytes(42, 300)).unwrap();
//! ```

mod plan;
mod simulate;

use std::boxed::Box;
use std::collections::BTreeMap;
use std::format;
use std::future::Future;
use std::pin::{Pin, pin};
use std::string::{String, ToString};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::vec::Vec;

use self::plan::{Act, JobPlan, Plan};
use self::simulate::{Fate, Simulated, simulate};
use super::VirtualClock;
use crate::{
    Adder, Attempt, Cancelled, Clock, Completion, Condition, Context, Error, Fact, Handle, Job,
    JobId, JobKind, Repeat, SendJobGraph, SendReport, Sendable, ServiceContext, run, run_on,
};

/// Runs what some bytes decode to, in place and in parallel with several orders of tasks, and compares
/// each run with the simulation.
///
/// # Errors
/// What differs, with the plan.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    let plan = Plan::decode(bytes);
    for seed in [None, Some(1), Some(2)] {
        let (report, ids, tasks_left, alive) = execute(&plan, seed, |_| {});
        let expected = simulate(&plan, &ids);
        compare(&expected, &report)
            .map_err(|what| format!("{what}\nseed of the tasks: {seed:?}\n{plan:#?}\n{report}"))?;
        if tasks_left + alive > 0 {
            return Err(format!(
                "{tasks_left} tasks and {alive} bodies outlive the run\n{plan:#?}"
            ));
        }
    }
    Ok(())
}

/// Runs what some bytes decode to, in place, or in parallel with an order of tasks, and returns what its
/// observers were told, with its report.
#[must_use]
pub fn watch(bytes: &[u8], seed: Option<u64>) -> (Vec<Fact>, SendReport) {
    let mut told = None;
    let (report, ..) = execute(&Plan::decode(bytes), seed, |graph| told = Some(graph.facts()));
    let facts = std::iter::from_fn(|| told.as_mut()?.try_next()).collect();
    (facts, report)
}

/// Where a job is in the plan: its position, or the job that adds it and its position there.
pub(crate) type Path = (usize, Option<usize>);

type Ids = Arc<Mutex<BTreeMap<Path, JobId>>>;

fn execute(
    plan: &Plan,
    seed: Option<u64>,
    observe: impl FnOnce(&mut SendJobGraph),
) -> (SendReport, BTreeMap<Path, JobId>, usize, usize) {
    let clock = seed.map_or_else(VirtualClock::new, VirtualClock::seeded);
    let (ids, alive) = (Ids::default(), Arc::new(()));
    let mut graph = SendJobGraph::new();
    observe(&mut graph);
    if let Some(window) = plan.window {
        graph = graph.window(window);
    }
    if let Some(timeout) = plan.timeout {
        graph = graph.timeout(timeout);
    }
    let (adder, stop) = (graph.adder(), graph.stop_handle());
    let mut handles: Vec<Handle<u64>> = Vec::new();
    for (position, job) in plan.jobs.iter().enumerate() {
        let scene = Scene {
            path: (position, None),
            adder: adder.clone(),
            ids: Arc::clone(&ids),
            alive: Arc::clone(&alive),
        };
        let handle = match job.options.kind {
            JobKind::Service => graph.add(dress(service(scene, job), job, &handles)),
            JobKind::Finite | JobKind::Forever => {
                graph.add(dress(finite(scene, job), job, &handles))
            }
        };
        ids.lock().unwrap_or_else(PoisonError::into_inner).insert((position, None), handle.id());
        handles.push(handle);
    }
    let stops = async {
        for &after in &plan.stops {
            clock.sleep(after).await;
            stop.stop();
        }
        std::future::pending::<()>().await;
    };
    drop(adder);
    let report = match seed {
        None => clock.block_on(beside(run(&clock, graph), stops)),
        Some(_) => clock.block_on(beside(run_on(&clock, graph), stops)),
    };
    // The decoder makes no graph that cannot start.
    let report = report.unwrap_or_else(|error| unreachable!("{error}"));
    let ids = std::mem::take(&mut *ids.lock().unwrap_or_else(PoisonError::into_inner));
    (report, ids, clock.tasks_left(), Arc::strong_count(&alive) - 1)
}

/// Awaits the first future while the second goes on beside it.
async fn beside<T>(main: impl Future<Output = T>, other: impl Future<Output = ()>) -> T {
    let (mut main, mut other) = (pin!(main), pin!(other));
    std::future::poll_fn(|cx| {
        let _ = other.as_mut().poll(cx);
        main.as_mut().poll(cx)
    })
    .await
}

/// What a body needs beside its script.
#[derive(Clone)]
struct Scene {
    path: Path,
    adder: Adder<Sendable>,
    ids: Ids,
    alive: Arc<()>,
}

/// Gives a job its options and requirements.
fn dress<B: Repeat<Output = u64>>(job: Job<B>, plan: &JobPlan, handles: &[Handle<u64>]) -> Job<B> {
    let options = &plan.options;
    let mut job =
        job.retries(options.retries.limit).backoff(options.retries.base, options.retries.cap);
    job = match options.kind {
        JobKind::Forever => job.forever(),
        JobKind::Finite | JobKind::Service => job,
    };
    if options.critical {
        job = job.critical();
    }
    if let Some(timeout) = options.timeout {
        job = job.timeout(timeout);
    }
    job = match options.grace {
        Some(grace) => job.grace(grace),
        None => job.unlimited_grace(),
    };
    job = job.priority(options.priority);
    for &(required, condition) in &plan.requirements {
        job = match condition {
            Condition::Succeeded => job.requires(&handles[required]),
            Condition::Finished => job.after(&handles[required]),
            Condition::Failed => job.on_failure_of(&handles[required]),
        };
    }
    job
}

fn finite(scene: Scene, plan: &JobPlan) -> Job<impl Repeat<Output = u64> + Send + use<>> {
    let plan = plan.clone();
    Job::repeat_with_context(move |cx| {
        let (scene, plan) = (scene.clone(), plan.clone());
        async move {
            let _alive = Arc::clone(&scene.alive);
            let act = plan.act(cx.attempt().number).clone();
            let work = async {
                add_jobs(&cx, &scene, &plan).await;
                end(&cx, act.ends).await
            };
            play(&cx, &act, work).await?;
            Ok::<_, Error>(value(cx.attempt()))
        }
    })
}

fn service(scene: Scene, plan: &JobPlan) -> Job<impl Repeat<Output = u64> + Send + use<>> {
    let plan = plan.clone();
    Job::supervised(move |cx: ServiceContext<u64>| {
        let (scene, plan) = (scene.clone(), plan.clone());
        async move {
            let _alive = scene.alive;
            let act = plan.act(cx.attempt().number).clone();
            let work = async {
                if let Some(after) = act.ready {
                    cx.sleep(after).await;
                    cx.ready(value(cx.attempt()));
                }
                end(&cx, act.ends).await
            };
            play(&cx, &act, work).await
        }
    })
}

/// What an attempt returns, so that outputs tell attempts apart.
fn value(attempt: Attempt) -> u64 {
    attempt.job.number() * 1_000 + u64::from(attempt.number)
}

/// Boxed, since the jobs that it adds might add jobs as well.
fn add_jobs<'a>(
    cx: &'a Context,
    scene: &'a Scene,
    plan: &'a JobPlan,
) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
    Box::pin(async move {
        if cx.attempt().number > 1 {
            return;
        }
        for (position, (after, job)) in plan.adds.iter().enumerate() {
            cx.sleep(*after).await;
            let path = (scene.path.0, Some(position));
            let child = dress(finite(Scene { path, ..scene.clone() }, job), job, &[]);
            if let Ok(handle) = scene.adder.add(child).await {
                scene.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(path, handle.id());
            }
        }
    })
}

/// The end that an attempt comes to by itself.
async fn end(cx: &Context, ends: Option<(Duration, Completion)>) -> Completion {
    match ends {
        None => std::future::pending().await,
        Some((after, how)) => {
            cx.sleep(after).await;
            how
        }
    }
}

/// Works until it is done, or until it is cancelled and heeds that.
async fn play(
    cx: &Context,
    act: &Act,
    work: impl Future<Output = Completion>,
) -> Result<(), Error> {
    let (mut work, mut cancelled) = (pin!(work), pin!(cx.cancelled()));
    let done = std::future::poll_fn(|task| {
        if act.heeds.is_some() && cancelled.as_mut().poll(task).is_ready() {
            return std::task::Poll::Ready(None);
        }
        work.as_mut().poll(task).map(Some)
    });
    let how = match (done.await, act.heeds) {
        (Some(how), _) => how,
        (None, heeds) => end(cx, heeds).await,
    };
    match how {
        Completion::Success => Ok(()),
        Completion::Error => Err("as planned".into()),
        Completion::Cancelled => Err(Cancelled.into()),
        // Silently: the hook for panics would print.
        Completion::Panic => std::panic::resume_unwind(Box::new("as planned")),
    }
}

fn compare(expected: &Simulated, report: &SendReport) -> Result<(), String> {
    let same = |what: &str, expected: String, found: String| {
        if expected == found {
            Ok(())
        } else {
            Err(format!("{what}: the simulation says {expected}, the run {found}"))
        }
    };
    same("verdict", expected.verdict.to_string(), report.verdict().to_string())?;
    same("time", format!("{:?}", expected.elapsed), format!("{:?}", report.elapsed()))?;
    same("jobs", expected.fates.len().to_string(), report.jobs().count().to_string())?;
    for job in report.jobs() {
        let found = Fate {
            outcome: job.outcome(),
            attempts: job.attempts(),
            started: job.started(),
            ended: job.ended(),
        };
        let expected = expected
            .fates
            .get(&job.id())
            .ok_or_else(|| format!("{} is not in the simulation", job.id()))?;
        same(&job.id().to_string(), format!("{expected:?}"), format!("{found:?}"))?;
    }
    Ok(())
}
