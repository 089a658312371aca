//! A runtime whose threads stop at gates, and whose time is moved by hand: what happens on several
//! threads happens in the order that a test chooses.
//!
//! A test puts gates into jobs, Drops, observers and clocks, lets the run begin, and waits until nothing
//! moves any more ([`Stage::settle`]): then each thread is idle or stands at a gate, and what has not
//! happened will not happen before a gate opens or time passes.

use std::collections::{BTreeSet, VecDeque};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use jobgraph::{Clock, SendJobGraph, SendReport, Spawn, Timestamp};

/// How long a thread may be busy. Each takes microseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// The runtime, and what a test knows of it. Its gates open when it is dropped.
pub(crate) struct Stage(Runtime);

/// What runs graphs.
#[derive(Clone)]
pub(crate) struct Runtime(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    now: Timestamp,
    timers: Vec<(Timestamp, Waker)>,
    queue: VecDeque<Arc<Task>>,
    queued: BTreeSet<usize>,
    running: BTreeSet<usize>,
    /// Those that were woken while they were running.
    again: BTreeSet<usize>,
    tasks: usize,
    turns: usize,
    threads: usize,
    /// How many threads poll a task, and how many of these stand at gates.
    busy: usize,
    at_gates: usize,
    gates: Vec<GateState>,
    panics: Vec<String>,
    closed: bool,
}

#[derive(Default)]
struct GateState {
    open: bool,
    /// How many stand there, and how many have been there.
    standing: usize,
    reached: usize,
}

struct Task {
    number: usize,
    future: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    stage: Runtime,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// Which poll of a task this thread is at, if it is one of a stage.
    static TURN: std::cell::Cell<Option<usize>> = const { std::cell::Cell::new(None) };
}

impl Stage {
    /// With so many threads.
    pub(crate) fn new(threads: usize) -> Self {
        let stage = Self(Runtime(Arc::default()));
        stage.add_threads(threads);
        stage
    }

    /// With so many more, until nothing moves any more.
    #[track_caller]
    pub(crate) fn add_threads(&self, threads: usize) {
        lock(&self.0.0.state).threads += threads;
        for _ in 0..threads {
            let runtime = self.0.clone();
            thread::spawn(move || runtime.work());
        }
        self.settle();
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.0
    }

    pub(crate) fn gate(&self) -> Gate {
        let mut state = lock(&self.0.0.state);
        state.gates.push(GateState::default());
        Gate { runtime: self.0.clone(), number: state.gates.len() - 1 }
    }

    /// Begins to run a graph, until nothing moves any more. The run is a task like any other.
    #[track_caller]
    pub(crate) fn begin(&self, graph: SendJobGraph) -> Run {
        self.begin_on(&self.0, graph)
    }

    /// The same, on a runtime made of this one.
    #[track_caller]
    pub(crate) fn begin_on(&self, runtime: &impl Spawn, graph: SendJobGraph) -> Run {
        let report = Arc::new(Mutex::new(None));
        let (run, returned) = (jobgraph::run_parallel(runtime, graph), Arc::clone(&report));
        self.0.spawn(async move {
            let report = run.await.unwrap();
            *lock(&returned) = Some(report);
        });
        self.settle();
        Run { runtime: self.0.clone(), report }
    }

    /// Waits until each thread is idle or stands at a gate.
    #[track_caller]
    pub(crate) fn settle(&self) {
        self.0.settle();
    }

    /// Lets time pass, until nothing moves any more.
    #[track_caller]
    pub(crate) fn advance(&self, duration: Duration) {
        let mut state = lock(&self.0.0.state);
        state.now = state.now + duration;
        let now = state.now;
        let due: Vec<_> = state.timers.extract_if(.., |(at, _)| *at <= now).collect();
        drop(state);
        for (_, waker) in due {
            waker.wake();
        }
        self.settle();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let mut state = lock(&self.0.0.state);
        state.closed = true;
        state.at_gates = 0;
        let timers = std::mem::take(&mut state.timers);
        self.0.0.changed.notify_all();
        drop(state);
        drop(timers);
    }
}

/// A run that has begun.
pub(crate) struct Run {
    runtime: Runtime,
    report: Arc<Mutex<Option<SendReport>>>,
}

impl Run {
    pub(crate) fn is_over(&self) -> bool {
        self.runtime.settle();
        lock(&self.report).is_some()
    }

    /// What it returned.
    #[track_caller]
    pub(crate) fn report(self) -> SendReport {
        self.runtime.settle();
        let panics = lock(&self.runtime.0.state).panics.join("; ");
        assert!(panics.is_empty(), "a task panicked: {panics}");
        lock(&self.report).take().expect("the run is over")
    }
}

/// Where threads wait until it is opened.
#[derive(Clone)]
pub(crate) struct Gate {
    runtime: Runtime,
    number: usize,
}

impl Gate {
    /// Waits until it is open.
    pub(crate) fn pass(&self) {
        assert!(TURN.get().is_some(), "the thread of the test stands at a gate");
        let inner = &self.runtime.0;
        let mut state = lock(&inner.state);
        let gate = &mut state.gates[self.number];
        gate.reached += 1;
        if gate.open || state.closed {
            return;
        }
        state.gates[self.number].standing += 1;
        state.at_gates += 1;
        inner.changed.notify_all();
        let shut = |state: &mut State| !state.gates[self.number].open && !state.closed;
        drop(inner.changed.wait_while(state, shut));
    }

    /// Opens it for good, and waits until nothing moves any more.
    #[track_caller]
    pub(crate) fn open(&self) {
        let mut state = lock(&self.runtime.0.state);
        let gate = &mut state.gates[self.number];
        gate.open = true;
        let standing = std::mem::take(&mut gate.standing);
        state.at_gates -= standing;
        self.runtime.0.changed.notify_all();
        drop(state);
        self.runtime.settle();
    }

    /// How often somebody has come to it.
    pub(crate) fn reached(&self) -> usize {
        lock(&self.runtime.0.state).gates[self.number].reached
    }
}

impl Runtime {
    /// Which poll of a task this thread is at.
    pub(crate) fn turn() -> Option<usize> {
        TURN.get()
    }

    #[track_caller]
    fn settle(&self) {
        let moves = |state: &mut State| {
            let idle = state.threads - state.busy;
            state.busy > state.at_gates || idle > 0 && !state.queue.is_empty()
        };
        let state = lock(&self.0.state);
        let waited = self.0.changed.wait_timeout_while(state, PATIENCE, moves);
        let (state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        let (busy, at_gates, queued) = (state.busy, state.at_gates, state.queue.len());
        drop(state);
        assert!(
            !waited.timed_out(),
            "{busy} threads are busy, {at_gates} of them at gates; {queued} tasks wait for one"
        );
    }

    fn work(&self) {
        while let Some(task) = self.next() {
            let polled = caught(|| task.poll());
            let mut state = lock(&self.0.state);
            state.busy -= 1;
            state.running.remove(&task.number);
            let again = state.again.remove(&task.number);
            match polled {
                Ok(Poll::Pending) if again => state.enqueue(task),
                Ok(_) => {}
                Err(panic) => state.panics.push(panic),
            }
            self.0.changed.notify_all();
        }
    }

    fn next(&self) -> Option<Arc<Task>> {
        let mut state = lock(&self.0.state);
        loop {
            if let Some(task) = state.queue.pop_front() {
                state.queued.remove(&task.number);
                state.running.insert(task.number);
                state.busy += 1;
                state.turns += 1;
                TURN.set(Some(state.turns));
                return Some(task);
            }
            if state.closed {
                return None;
            }
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    fn enqueue(&mut self, task: Arc<Task>) {
        if self.running.contains(&task.number) {
            self.again.insert(task.number);
        } else if self.queued.insert(task.number) {
            self.queue.push_back(task);
        }
    }
}

fn caught<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(act)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
    })
}

impl Task {
    /// What is done is dropped, and what has panicked.
    fn poll(self: &Arc<Self>) -> Poll<()> {
        let Some(mut future) = lock(&self.future).take() else { return Poll::Ready(()) };
        let waker = Waker::from(Arc::clone(self));
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_pending() {
            *lock(&self.future) = Some(future);
        }
        polled
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let inner = Arc::clone(&self.stage.0);
        lock(&inner.state).enqueue(self);
        inner.changed.notify_all();
    }
}

impl Clock for Runtime {
    fn now(&self) -> Timestamp {
        lock(&self.0.state).now
    }

    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send {
        let runtime = self.clone();
        poll_fn(move |cx| {
            let waker = cx.waker().clone();
            let mut state = lock(&runtime.0.state);
            if state.now >= at {
                drop(state);
                return Poll::Ready(());
            }
            state.timers.push((at, waker));
            Poll::Pending
        })
    }
}

impl Spawn for Runtime {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut state = lock(&self.0.state);
        state.tasks += 1;
        let task = Task {
            number: state.tasks,
            future: Mutex::new(Some(Box::pin(task))),
            stage: self.clone(),
        };
        state.enqueue(Arc::new(task));
        self.0.changed.notify_all();
    }

    fn publish(&self) {}
}
