//! All ways to run a graph, with code of the user's in their clocks, tasks and wakers.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use async_executor::Executor;
use jobgraph::smol::SmolClock;
use jobgraph::testing::VirtualClock;
use jobgraph::tokio::TokioRuntime;
use jobgraph::{Clock, SendJobGraph, SendReport, Spawn, Timestamp};

use crate::sites::Bomb;

/// A way to run a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Virtual,
    VirtualTasks,
    Smol,
    SmolThreads,
    Tokio,
    TokioThreads,
}

impl Way {
    pub(crate) const ALL: [Self; 6] = [
        Self::Virtual,
        Self::VirtualTasks,
        Self::Smol,
        Self::SmolThreads,
        Self::Tokio,
        Self::TokioThreads,
    ];
    /// Those with several threads.
    pub(crate) const THREADS: [Self; 2] = [Self::SmolThreads, Self::TokioThreads];

    pub(crate) fn run(self, graph: SendJobGraph) -> SendReport {
        self.run_beside(graph, &Beside::default())
    }

    /// The same, and what is beside what a runtime does.
    pub(crate) fn run_beside(self, graph: SendJobGraph, beside: &Beside) -> SendReport {
        match self {
            Self::Virtual => {
                let clock = VirtualClock::new();
                let run = jobgraph::run(&beside.with(clock.clone()), graph);
                clock.block_on(beside.around(run))
            }
            Self::VirtualTasks => {
                let clock = VirtualClock::new();
                let run = jobgraph::run_parallel(&beside.with(clock.clone()), graph);
                let report = clock.block_on(beside.around(run));
                assert_eq!(clock.tasks_left(), 0);
                report
            }
            Self::Smol => {
                let run = jobgraph::run(&beside.with(SmolClock::new()), graph);
                async_io::block_on(beside.around(run))
            }
            Self::SmolThreads => Smol::with_threads(3, |smol| {
                let run = jobgraph::run_parallel(&beside.with(smol), graph);
                async_io::block_on(beside.around(run))
            }),
            Self::Tokio => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(async {
                    let run = jobgraph::run(&beside.with(TokioRuntime::current()), graph);
                    beside.around(run).await
                })
            }
            Self::TokioThreads => tokio_threads().block_on(async {
                let run = jobgraph::run_parallel(&beside.with(TokioRuntime::current()), graph);
                beside.around(run).await
            }),
        }
        .unwrap()
    }
}

pub(crate) fn tokio_threads() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap()
}

/// An executor, and smol's clock.
#[derive(Clone)]
pub(crate) struct Smol {
    clock: SmolClock,
    executor: Arc<Executor<'static>>,
}

impl Smol {
    /// Does this while so many threads drive the executor.
    fn with_threads<T>(threads: usize, run: impl FnOnce(Self) -> T) -> T {
        let smol = Self { clock: SmolClock::new(), executor: Arc::default() };
        let (stop, stopped) = async_channel::bounded::<()>(1);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                let (executor, stopped) = (Arc::clone(&smol.executor), stopped.clone());
                scope.spawn(move || async_io::block_on(executor.run(stopped.recv())));
            }
            // Those who drive it end, whatever becomes of this.
            let _stop = stop;
            run(smol)
        })
    }
}

impl Clock for Smol {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send {
        self.clock.sleep_until(at)
    }
}

impl Spawn for Smol {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.executor.spawn(task).detach();
    }

    fn publish(&self) {}
}

type Act = Arc<dyn Fn() + Send + Sync>;

/// What a runtime of the user's does beside its work.
#[derive(Clone, Default)]
pub(crate) struct Beside {
    now: Option<Act>,
    budget: Option<Act>,
    sleep: Option<Arc<dyn Fn(Timer) + Send + Sync>>,
    spawn: Option<Act>,
    waker: Option<Arc<dyn Fn(Touched) + Send + Sync>>,
}

/// What happened to a waker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touched {
    Woken,
    Dropped,
}

/// What happened to a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    Made,
    Polled,
    Dropped,
}

impl Beside {
    /// When the time is asked for.
    pub(crate) fn now(act: impl Fn() + Send + Sync + 'static) -> Self {
        Self { now: Some(Arc::new(act)), ..Self::default() }
    }

    /// When it is asked whether a task may go on.
    pub(crate) fn budget(act: impl Fn() + Send + Sync + 'static) -> Self {
        Self { budget: Some(Arc::new(act)), ..Self::default() }
    }

    /// When a timer is made, polled, or dropped.
    pub(crate) fn sleep(act: impl Fn(Timer) + Send + Sync + 'static) -> Self {
        Self { sleep: Some(Arc::new(act)), ..Self::default() }
    }

    /// When a task is spawned, before it is.
    pub(crate) fn spawn(act: impl Fn() + Send + Sync + 'static) -> Self {
        Self { spawn: Some(Arc::new(act)), ..Self::default() }
    }

    /// When a waker of the run, or of one of its tasks, has been used. Each poll has one of its own.
    pub(crate) fn waker(act: impl Fn(Touched) + Send + Sync + 'static) -> Self {
        Self { waker: Some(Arc::new(act)), ..Self::default() }
    }

    pub(crate) fn with<R>(&self, runtime: R) -> Meddling<R> {
        Meddling { runtime, beside: self.clone() }
    }

    /// A future whose wakers are used as this says.
    pub(crate) async fn around<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| match &self.waker {
            None => future.as_mut().poll(cx),
            Some(act) => {
                let waker = Arc::new(Meddled { waker: cx.waker().clone(), act: Arc::clone(act) });
                let waker = Waker::from(waker);
                let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
                // If nobody has kept it, this is its end.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(waker)));
                polled
            }
        })
        .await
    }
}

/// A waker that does more than to wake.
struct Meddled {
    waker: Waker,
    act: Arc<dyn Fn(Touched) + Send + Sync>,
}

impl Wake for Meddled {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.waker.wake_by_ref();
        (self.act)(Touched::Woken);
    }
}

impl Drop for Meddled {
    fn drop(&mut self) {
        (self.act)(Touched::Dropped);
    }
}

/// A runtime that does more than it has to.
#[derive(Clone)]
pub(crate) struct Meddling<R> {
    runtime: R,
    beside: Beside,
}

impl<R: Clock> Clock for Meddling<R> {
    fn now(&self) -> Timestamp {
        let now = self.runtime.now();
        self.beside.now.iter().for_each(|act| act());
        now
    }

    fn has_budget(&self) -> bool {
        self.beside.budget.iter().for_each(|act| act());
        self.runtime.has_budget()
    }

    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send {
        let act = self.beside.sleep.clone();
        let act = move |what| act.iter().for_each(|act| act(what));
        act(Timer::Made);
        let on_drop = act.clone();
        let dropped = Bomb::new(move || on_drop(Timer::Dropped));
        async move {
            let mut sleep = pin!(self.runtime.sleep_until(at));
            poll_fn(|cx| {
                let polled = sleep.as_mut().poll(cx);
                act(Timer::Polled);
                polled
            })
            .await;
            drop(dropped);
        }
    }
}

impl<R: Spawn> Spawn for Meddling<R> {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.beside.spawn.iter().for_each(|act| act());
        let beside = self.beside.clone();
        self.runtime.spawn(async move { beside.around(task).await });
    }

    fn publish(&self) {
        self.runtime.publish();
    }
}

impl fmt::Debug for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beside").finish_non_exhaustive()
    }
}
