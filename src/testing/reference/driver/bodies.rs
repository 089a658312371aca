use std::boxed::Box;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use super::held::{Counted, Explosive, Held, Output};
use super::plan::{Act, Bomb, HookPlan, JobPlan, Path};
use super::stage::Stage;
use crate::testing::VirtualClock;
use crate::{
    Adder, Attempt, Body, Cancelled, Clock, Completion, Condition, Context, Error, Handle, Job,
    JobKind, Permanent, Pool, Repeat, SendReport, Sendable, ServiceContext,
};

/// A job of a plan that was added.
#[derive(Clone, Copy)]
pub(crate) enum Made {
    Job(Handle<Output>),
    Graph(Handle<SendReport>),
}

impl Made {
    pub(crate) fn job(&self) -> Option<&Handle<Output>> {
        match self {
            Self::Job(handle) => Some(handle),
            Self::Graph(_) => None,
        }
    }
}

/// What a body needs beside its script.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) path: Path,
    pub(crate) stage: Stage,
    pub(crate) adder: Adder<Sendable>,
    pub(crate) clock: VirtualClock,
    #[expect(dead_code, reason = "what holds it is counted")]
    pub(crate) alive: Arc<()>,
    pub(crate) pools: Vec<Pool>,
}

impl Scene {
    fn hold<F: Future>(&self, plan: &JobPlan, future: F) -> Held<F> {
        let finite = plan.options.kind == JobKind::Finite;
        let counted =
            Counted::new(self.stage.clone(), self.path, finite, plan.options.pools.clone());
        Held::new(future, Some(counted), Explosive::when(plan.has(Bomb::Attempt)))
    }

    fn note_input(&self, attempt: Attempt, input: &Output) {
        self.stage.note().fed.push((self.path, attempt.number, input.value));
    }
}

/// Gives a job its options and requirements.
pub(crate) fn dress<B: Body>(
    mut job: Job<B>,
    plan: &JobPlan,
    made: &[Made],
    pools: &[Pool],
) -> Job<B> {
    let options = &plan.options;
    if options.kind == JobKind::Forever {
        job = job.forever();
    }
    for &(pool, amount) in &options.pools {
        job = job.takes(amount, &pools[pool.index()]);
    }
    if options.awaited {
        job = job.awaited();
    }
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
    for (condition, members) in &plan.groups {
        let members: Vec<_> = members.iter().filter_map(|&member| made[member].job()).collect();
        job = match condition {
            Condition::Finished => job.after_any(members),
            _ => job.requires_any(members),
        };
    }
    for &(required, condition) in &plan.requirements {
        job = match &made[required] {
            Made::Job(handle) => require(job, handle, condition),
            Made::Graph(handle) => require(job, handle, condition),
        };
    }
    job
}

fn require<B: Body, T>(job: Job<B>, required: &Handle<T>, condition: Condition) -> Job<B> {
    match condition {
        Condition::Succeeded => job.requires(required),
        Condition::Finished => job.after(required),
        Condition::Settled => job.once_settled(required),
        Condition::Any => job.requires_any(required),
        Condition::Failed => job.on_failure_of(required),
    }
}

/// The same, of a job that can be attempted again.
pub(crate) fn dress_again<B: Repeat>(
    job: Job<B>,
    plan: &JobPlan,
    made: &[Made],
    pools: &[Pool],
) -> Job<B> {
    let retries = &plan.options.retries;
    let mut job = job.retries(retries.limit).backoff(retries.base, retries.cap);
    if retries.jitter {
        job = job.jitter();
    }
    if let Some(healthy) = retries.reset_after {
        job = job.reset_after(healthy);
    }
    dress(job, plan, made, pools)
}

pub(crate) fn finite(
    scene: Scene,
    plan: &JobPlan,
) -> Job<impl Repeat<Output = Output> + Send + use<>> {
    let (plan, explosive) = (plan.clone(), Explosive::when(plan.has(Bomb::Factory)));
    Job::repeat_with_context(move |cx| {
        let _held = &explosive;
        finite_attempt(cx, scene.clone(), plan.clone())
    })
}

pub(crate) fn fed_finite(
    scene: Scene,
    plan: &JobPlan,
    input: Handle<Output>,
) -> Job<impl Repeat<Output = Output> + Send + use<>> {
    let plan = plan.clone();
    Job::repeat_with(&input, move |cx: Context, input: Arc<Output>| {
        scene.note_input(cx.attempt(), &input);
        finite_attempt(cx, scene.clone(), plan.clone())
    })
}

fn finite_attempt(
    cx: Context,
    scene: Scene,
    plan: JobPlan,
) -> Held<impl Future<Output = Result<Output, Error>> + Send + use<>> {
    scene.clone().hold(&plan.clone(), async move {
        let act = plan.act(cx.attempt().number);
        let work = async {
            add_jobs(&cx, &scene, &plan).await;
            end(&cx, act.ends).await
        };
        play(&cx, act, work).await?;
        Ok(Output::new(value(cx.attempt()), plan.has(Bomb::Output)))
    })
}

pub(crate) fn service(
    scene: Scene,
    plan: &JobPlan,
) -> Job<impl Repeat<Output = Output> + Send + use<>> {
    let (plan, explosive) = (plan.clone(), Explosive::when(plan.has(Bomb::Factory)));
    Job::restartable(move |cx| {
        let _held = &explosive;
        service_attempt(cx, scene.clone(), plan.clone())
    })
}

pub(crate) fn fed_service(
    scene: Scene,
    plan: &JobPlan,
    input: Handle<Output>,
) -> Job<impl Repeat<Output = Output> + Send + use<>> {
    let plan = plan.clone();
    Job::restartable_with(&input, move |cx: ServiceContext<Output>, input: Arc<Output>| {
        scene.note_input(cx.attempt(), &input);
        service_attempt(cx, scene.clone(), plan.clone())
    })
}

fn service_attempt(
    cx: ServiceContext<Output>,
    scene: Scene,
    plan: JobPlan,
) -> Held<impl Future<Output = Result<(), Error>> + Send + use<>> {
    scene.clone().hold(&plan.clone(), async move {
        // What is alive is counted.
        let _scene = scene;
        let act = plan.act(cx.attempt().number);
        let work = async {
            if let Some(after) = act.ready {
                cx.sleep(after).await;
                cx.ready(Output::new(value(cx.attempt()), plan.has(Bomb::Output)));
                if act.again {
                    cx.ready(Output::new(0, false));
                }
            }
            end(&cx, act.ends).await
        };
        play(&cx, act, work).await
    })
}

/// What an attempt returns, so that outputs tell attempts apart.
pub(crate) fn value(attempt: Attempt) -> u64 {
    attempt.job.number() * 1_000 + u64::from(attempt.number)
}

/// What a hook does, as a closure to be called once.
pub(crate) fn hook(
    scene: Scene,
    plan: &HookPlan,
) -> impl FnOnce() -> Held<HookFuture> + Send + use<> {
    let (ends, explosive) = (plan.ends, Explosive::when(plan.bomb));
    move || {
        let clean_up: HookFuture = Box::pin(async move {
            scene.stage.note().hooks.push((scene.path, scene.clock.now()));
            let Some((after, how)) = ends else { return std::future::pending().await };
            scene.clock.sleep(after).await;
            scene.stage.note().hooks_ended.push((scene.path, scene.clock.now()));
            result(how)
        });
        Held::new(clean_up, None, explosive)
    }
}

type HookFuture = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

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
            let scene = Scene { path, ..scene.clone() };
            let child = dress_again(finite(scene.clone(), job), job, &[], &scene.pools);
            let adding = match &job.hook {
                None => scene.adder.add(child),
                Some(plan) => scene.adder.add(child.on_shutdown(hook(scene.clone(), plan))),
            };
            if let Ok(handle) = adding.await {
                scene.stage.note().ids.insert(path, handle.id());
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
    result(how)
}

fn result(how: Completion) -> Result<(), Error> {
    match how {
        Completion::Success => Ok(()),
        Completion::Error => Err("as planned".into()),
        Completion::Permanent => Err(Permanent::new("as planned").into()),
        Completion::Cancelled => Err(Cancelled.into()),
        // Silently: the hook for panics would print.
        Completion::Panic => std::panic::resume_unwind(Box::new("as planned")),
    }
}
