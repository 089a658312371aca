//! Bodies that do what the plan says, and put down what they live through.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_lite::future::yield_now;
use jobgraph::{
    Adder, Adding, Body, Cancelled, Condition, Context, Error, Handle, Hook, Job, NoHook, Pool,
    Repeat, SendJobGraph, Sendable, ServiceContext, StopHandle,
};

use crate::plan::{End, JobPlan, Kind, OnDrop, Plan, Step};

/// What the pools are called.
const NAMES: [&str; 3] = ["disk", "host", "licence"];

/// What all bodies of a run share.
pub(crate) struct World {
    pub(crate) plan: Plan,
    adder: Adder<Sendable>,
    stop: StopHandle,
    /// The number of the next event.
    events: AtomicU64,
    /// Values in bodies, factories, hooks and observers.
    alive: AtomicUsize,
    begun: AtomicUsize,
    pools: Vec<Pool>,
    /// How much the bodies that have begun take of each.
    taken: Vec<AtomicU32>,
    pub(crate) stops: AtomicUsize,
    /// What was seen to be wrong while the run went on.
    pub(crate) faults: Mutex<Vec<String>>,
    pub(crate) jobs: Vec<Story>,
}

/// What became of a job, as its bodies saw it.
#[derive(Default)]
pub(crate) struct Story {
    pub(crate) lives: Mutex<Vec<Life>>,
    added: AtomicBool,
    pub(crate) hooks: AtomicUsize,
}

/// One attempt, by numbers of events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life {
    pub(crate) attempt: u32,
    pub(crate) begun: Option<u64>,
    pub(crate) ready: Option<u64>,
    pub(crate) ended: Option<End>,
    pub(crate) gone: Option<u64>,
    pub(crate) panicked_in_drop: bool,
    /// It has asked for the run to stop; and has waited after that, so that the run has heard it.
    stopped: bool,
    pub(crate) waited_after_stop: bool,
}

/// Something that is to be gone when the run is over.
pub(crate) struct Alive(Arc<World>);

impl Alive {
    pub(crate) fn new(world: &Arc<World>) -> Self {
        world.alive.fetch_add(1, SeqCst);
        Self(Arc::clone(world))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, SeqCst);
    }
}

impl World {
    pub(crate) fn new(plan: Plan, graph: &mut SendJobGraph) -> Arc<Self> {
        Arc::new(Self {
            adder: graph.adder(),
            stop: graph.stop_handle(),
            events: AtomicU64::new(0),
            alive: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            pools: (0..).zip(&plan.pools).map(|(pool, &of)| graph.pool(NAMES[pool], of)).collect(),
            taken: plan.pools.iter().map(|_| AtomicU32::new(0)).collect(),
            stops: AtomicUsize::new(0),
            faults: Mutex::default(),
            jobs: plan.jobs.iter().map(|_| Story::default()).collect(),
            plan,
        })
    }

    pub(crate) fn alive(&self) -> usize {
        self.alive.load(SeqCst)
    }

    fn event(&self) -> u64 {
        self.events.fetch_add(1, SeqCst)
    }

    fn take_seat(&self, job: usize) {
        let begun = self.begun.fetch_add(1, SeqCst) + 1;
        if let Some(window) = self.plan.window.filter(|window| begun > *window) {
            let fault = format!("job {job} begins as the {begun}th in a window of {window}");
            self.faults.lock().unwrap().push(fault);
        }
        for &(pool, amount) in &self.plan.jobs[job].takes {
            let taken = self.taken[pool].fetch_add(amount, SeqCst) + amount;
            let capacity = self.plan.pools[pool];
            if taken > capacity {
                let fault = format!("job {job} makes {taken} taken of {capacity} in pool {pool}");
                self.faults.lock().unwrap().push(fault);
            }
        }
    }

    fn leave_seat(&self, job: usize) {
        for &(pool, amount) in &self.plan.jobs[job].takes {
            self.taken[pool].fetch_sub(amount, SeqCst);
        }
        self.begun.fetch_sub(1, SeqCst);
    }
}

/// Lives and dies with the body of an attempt.
struct Guard {
    job: usize,
    life: usize,
    begun: bool,
    alive: Alive,
}

impl Guard {
    fn new(world: &Arc<World>, job: usize, attempt: u32) -> Self {
        let mut lives = world.jobs[job].lives.lock().unwrap();
        lives.push(Life { attempt, ..Life::default() });
        Self { job, life: lives.len() - 1, begun: false, alive: Alive::new(world) }
    }

    fn note(&self, what: impl FnOnce(&mut Life)) {
        what(&mut self.alive.0.jobs[self.job].lives.lock().unwrap()[self.life]);
    }

    fn plan(&self) -> &JobPlan {
        &self.alive.0.plan.jobs[self.job]
    }

    /// Returns which attempt it is.
    fn begin(&mut self) -> u32 {
        let event = self.alive.0.event();
        if self.plan().kind.is_finite() {
            self.alive.0.take_seat(self.job);
        }
        self.begun = true;
        let mut attempt = 0;
        self.note(|life| (life.begun, attempt) = (Some(event), life.attempt));
        attempt
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let on_drop = self.plan().on_drop;
        if let OnDrop::Block(time) = on_drop {
            std::thread::sleep(time);
        }
        if self.begun && self.plan().kind.is_finite() {
            self.alive.0.leave_seat(self.job);
        }
        let gone = self.alive.0.event();
        let panics = on_drop == OnDrop::Panic && !std::thread::panicking();
        self.note(|life| (life.gone, life.panicked_in_drop) = (Some(gone), panics));
        assert!(!panics, "planned: drop of {}", self.job);
    }
}

/// What a body sees of its run.
enum Sees {
    Nothing,
    Context(Context),
    Service(ServiceContext<usize>),
}

impl Sees {
    fn context(&self) -> Option<&Context> {
        match self {
            Self::Nothing => None,
            Self::Context(cx) => Some(cx),
            Self::Service(cx) => Some(cx),
        }
    }

    async fn sleep(&self, time: Duration) {
        match self.context() {
            Some(cx) => cx.sleep(time).await,
            None => drop(async_io::Timer::after(time).await),
        }
    }

    async fn heed(&self) {
        match self.context() {
            Some(cx) => cx.cancelled().await,
            None => pending().await,
        }
    }
}

type Ending = Pin<Box<dyn Future<Output = Result<usize, Error>> + Send>>;

fn body(mut guard: Guard, sees: Sees) -> Ending {
    Box::pin(async move {
        let attempt = guard.begin();
        for step in guard.plan().steps.clone() {
            take(step, &guard, &sees).await;
        }
        let plan = guard.plan();
        let end = if attempt <= plan.fails { plan.failure } else { plan.end };
        guard.note(|life| life.ended = Some(end));
        match end {
            End::Return => Ok(guard.job),
            End::Fail => Err(format!("planned: failure of {}", guard.job).into()),
            End::Panic => panic!("planned: panic of {}", guard.job),
            End::Quit => Err(Cancelled.into()),
        }
    })
}

async fn take(step: Step, guard: &Guard, sees: &Sees) {
    let world = &guard.alive.0;
    match step {
        Step::Yield(times) => {
            for _ in 0..times {
                guard.note(|life| life.waited_after_stop |= life.stopped);
                yield_now().await;
            }
        }
        Step::Sleep(time) => sees.sleep(time).await,
        Step::Block(time) => std::thread::sleep(time),
        Step::Add { job, wait } => {
            if world.jobs[job].added.swap(true, SeqCst) {
                return;
            }
            let adding = put(&mut &world.adder, world, job, &[]);
            if wait {
                // It is refused in a run that is ending.
                drop(adding.await);
            }
        }
        Step::Stop => {
            world.stops.fetch_add(1, SeqCst);
            guard.note(|life| life.stopped = true);
            world.stop.stop();
        }
        Step::Ready => {
            let event = world.event();
            guard.note(|life| life.ready = Some(event));
            if let Sees::Service(cx) = sees {
                cx.ready(guard.job);
            }
        }
        Step::Heed => sees.heed().await,
        Step::Hang => pending().await,
    }
}

/// Where a job may be added.
pub(crate) trait Sink {
    type Added;

    fn add<B, H>(&mut self, job: Job<B, H>) -> Self::Added
    where
        B: Body<Output = usize> + Send + 'static,
        H: Hook + Send + 'static;
}

impl Sink for SendJobGraph {
    type Added = Handle<usize>;

    fn add<B, H>(&mut self, job: Job<B, H>) -> Handle<usize>
    where
        B: Body<Output = usize> + Send + 'static,
        H: Hook + Send + 'static,
    {
        SendJobGraph::add(self, job)
    }
}

impl Sink for &Adder<Sendable> {
    type Added = Adding<usize>;

    fn add<B, H>(&mut self, job: Job<B, H>) -> Adding<usize>
    where
        B: Body<Output = usize> + Send + 'static,
        H: Hook + Send + 'static,
    {
        Adder::<Sendable>::add(self, job)
    }
}

/// Adds a job of the plan.
pub(crate) fn put<S: Sink>(
    sink: &mut S,
    world: &Arc<World>,
    job: usize,
    handles: &[Handle<usize>],
) -> S::Added {
    let putting = Putting { world, job, handles };
    let alive = Alive::new(world);
    let service = move |cx: ServiceContext<usize>| {
        let guard = Guard::new(&alive.0, job, cx.attempt().number);
        let body = body(guard, Sees::Service(cx));
        async move { body.await.map(drop) }
    };
    let alive = Alive::new(world);
    let seeing = move |cx: Context| {
        let guard = Guard::new(&alive.0, job, cx.attempt().number);
        body(guard, Sees::Context(cx))
    };
    match world.plan.jobs[job].kind {
        Kind::Once => {
            let guard = Guard::new(world, job, 1);
            putting.put(sink, Job::try_new(body(guard, Sees::Nothing)))
        }
        Kind::Context => putting.put(sink, Job::try_with_context(seeing)),
        Kind::Forever => putting.put(sink, Job::try_with_context(seeing).forever()),
        Kind::Again => putting.put_again(sink, Job::repeat_with_context(seeing)),
        Kind::Service => putting.put(sink, Job::service(service)),
        Kind::Supervised => putting.put_again(sink, Job::restartable(service)),
    }
}

struct Putting<'a> {
    world: &'a Arc<World>,
    job: usize,
    handles: &'a [Handle<usize>],
}

impl Putting<'_> {
    fn put_again<S: Sink, B>(&self, sink: &mut S, job: Job<B, NoHook>) -> S::Added
    where
        B: Repeat<Output = usize> + Send + 'static,
    {
        let plan = &self.world.plan.jobs[self.job];
        let job = job.retries(plan.retries);
        // A pause without retries makes no sense.
        let pauses = plan.retries > 0 && !plan.pause.is_zero();
        self.put(sink, if pauses { job.backoff(plan.pause, plan.pause * 2) } else { job })
    }

    fn put<S: Sink, B>(&self, sink: &mut S, mut job: Job<B, NoHook>) -> S::Added
    where
        B: Body<Output = usize> + Send + 'static,
    {
        let plan = &self.world.plan.jobs[self.job];
        job = job.label(self.job.to_string());
        job = match plan.grace {
            Some(grace) => job.grace(grace),
            None => job.unlimited_grace(),
        };
        if let Some(timeout) = plan.timeout {
            job = job.timeout(timeout);
        }
        if plan.critical {
            job = job.critical();
        }
        for &(pool, amount) in &plan.takes {
            job = job.takes(amount, &self.world.pools[pool]);
        }
        for (required, condition) in &plan.requires {
            let required = &self.handles[*required];
            job = match condition {
                Condition::Finished => job.after(required),
                Condition::Settled => job.once_settled(required),
                Condition::Any => unreachable!("none is planned"),
                Condition::Failed => job.on_failure_of(required),
                Condition::Succeeded => job.requires(required),
            };
        }
        if !plan.hook {
            return sink.add(job);
        }
        let (alive, index) = (Alive::new(self.world), self.job);
        sink.add(job.on_shutdown(move || async move {
            yield_now().await;
            alive.0.jobs[index].hooks.fetch_add(1, SeqCst);
        }))
    }
}
