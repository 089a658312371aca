use std::boxed::Box;
use std::format;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use std::vec::Vec;

use super::bodies::{
    Made, Scene, dress, dress_again, fed_finite, fed_service, finite, hook, service,
};
use super::plan::{JobPlan, Plan};
use super::stage::Stage;
use crate::testing::VirtualClock;
use crate::{
    Body, Clock, Fact, Handle, Job, JobKind, Pool, RunError, SendJobGraph, SendReport, run,
    run_parallel,
};

/// What a run left behind.
pub(crate) struct Executed {
    /// `None`: it was dropped.
    pub(crate) report: Option<SendReport>,
    pub(crate) made: Vec<Made>,
    pub(crate) stage: Stage,
    /// What observers were told, if there were any.
    pub(crate) facts: Option<Vec<Fact>>,
    /// What outlives the run: tasks, values that bodies hold, and bodies that have begun.
    pub(crate) left: [usize; 3],
}

/// Runs a plan: in place, or in parallel with an order of tasks that depends on the seed. It may be dropped
/// some time after its start.
pub(crate) fn execute(plan: &Plan, seed: Option<u64>, dropped: Option<Duration>) -> Executed {
    let clock = seed.map_or_else(VirtualClock::new, VirtualClock::seeded);
    let (stage, alive) = (Stage::of(plan), Arc::new(()));
    let (mut graph, made) = build(plan, &stage, &clock, &alive);
    let mut told = plan.observed.then(|| graph.facts());
    let stop = graph.stop_handle();
    let stops = async {
        for &after in &plan.stops {
            clock.sleep(after).await;
            stop.stop();
        }
        std::future::pending::<()>().await;
    };
    let over = async {
        match dropped {
            Some(after) => clock.sleep(after).await,
            None => std::future::pending().await,
        }
    };
    let report = match seed {
        None => clock.block_on(until(beside(run(&clock, graph), stops), over)),
        Some(_) => clock.block_on(until(beside(run_parallel(&clock, graph), stops), over)),
    };
    // The decoder makes no graph that cannot start.
    let whole = |report: Result<SendReport, RunError>| {
        report.unwrap_or_else(|error| unreachable!("{error}"))
    };
    let left = [clock.tasks_left(), Arc::strong_count(&alive) - 1, stage.begun()];
    let facts = told.as_mut().map(|told| std::iter::from_fn(|| told.try_next()).collect());
    Executed { report: report.map(whole), made, stage, facts, left }
}

fn build(
    plan: &Plan,
    stage: &Stage,
    clock: &VirtualClock,
    alive: &Arc<()>,
) -> (SendJobGraph, Vec<Made>) {
    let mut graph = SendJobGraph::new().seed(plan.seed).order(plan.order);
    if let Some(window) = plan.window {
        graph = graph.window(window);
    }
    if let Some(timeout) = plan.timeout {
        graph = graph.timeout(timeout);
    }
    if plan.until_stopped {
        graph = graph.until_stopped();
    }
    if let Some(timeout) = plan.hook_timeout {
        graph = graph.hook_timeout(timeout);
    }
    let named = plan.pools.iter().enumerate();
    let pools: Vec<Pool> =
        named.map(|(pool, &capacity)| graph.pool(&format!("pool {pool}"), capacity)).collect();
    let mut made: Vec<Made> = Vec::new();
    for (position, job) in plan.jobs.iter().enumerate() {
        let scene = Scene {
            path: (position, None),
            stage: stage.clone(),
            adder: graph.adder(),
            clock: clock.clone(),
            alive: Arc::clone(alive),
            pools: pools.clone(),
        };
        let new = match (&job.inside, stage.inside(position)) {
            (Some(plan), Some(stage)) => {
                let (inside, _) = build(plan, stage, clock, alive);
                Made::Graph(add(
                    &mut graph,
                    dress(Job::graph(inside), job, &made, &pools),
                    job,
                    scene,
                ))
            }
            _ => Made::Job(add_plain(&mut graph, job, &made, scene)),
        };
        let id = match new {
            Made::Job(handle) => handle.id(),
            Made::Graph(handle) => handle.id(),
        };
        stage.note().ids.insert((position, None), id);
        made.push(new);
    }
    (graph, made)
}

fn add_plain(
    graph: &mut SendJobGraph,
    job: &JobPlan,
    made: &[Made],
    scene: Scene,
) -> Handle<super::held::Output> {
    let feeding = job.requirements.first().filter(|_| job.fed);
    let input = feeding.and_then(|&(required, _)| made[required].job()).copied();
    let (own, pools) = (scene.clone(), scene.pools.clone());
    match (job.options.kind, input) {
        (JobKind::Service, None) => {
            add(graph, dress_again(service(own, job), job, made, &pools), job, scene)
        }
        (JobKind::Service, Some(input)) => {
            add(graph, dress_again(fed_service(own, job, input), job, made, &pools), job, scene)
        }
        (_, None) => add(graph, dress_again(finite(own, job), job, made, &pools), job, scene),
        (_, Some(input)) => {
            add(graph, dress_again(fed_finite(own, job, input), job, made, &pools), job, scene)
        }
    }
}

fn add<B>(graph: &mut SendJobGraph, job: Job<B>, plan: &JobPlan, scene: Scene) -> Handle<B::Output>
where
    B: Body<Output: Send + Sync> + Send + 'static,
{
    match &plan.hook {
        None => graph.add(job),
        Some(plan) => graph.add(job.on_shutdown(hook(scene, plan))),
    }
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

/// Awaits the first future, and drops it when the second is done.
async fn until<T>(main: impl Future<Output = T>, over: impl Future<Output = ()>) -> Option<T> {
    let (mut main, mut over) = (Some(Box::pin(main)), pin!(over));
    std::future::poll_fn(|cx| {
        let output = main.as_mut().map(|main| main.as_mut().poll(cx));
        if let Some(Poll::Ready(output)) = output {
            return Poll::Ready(Some(output));
        }
        over.as_mut().poll(cx).map(|()| {
            main = None;
            None
        })
    })
    .await
}
