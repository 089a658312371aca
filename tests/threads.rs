//! Parallel runs whose threads meet at points that the tests choose.
#![cfg(feature = "smol")]

use std::future::{Future, poll_fn, ready};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_executor::Executor;
use futures_lite::future::block_on;
use jobgraph::{Clock, Job, Outcome, SendJobGraph, Spawn, Timestamp};

/// How long a thread is waited for that should be there at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// A clock that stands until it is set, and tasks of an executor.
#[derive(Clone, Default)]
struct Manual {
    now: Arc<AtomicU64>,
    executor: Arc<Executor<'static>>,
    spawned: Arc<AtomicUsize>,
    published: Arc<AtomicUsize>,
}

impl Clock for Manual {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.now.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send {
        poll_fn(move |_| if self.now() >= at { Poll::Ready(()) } else { Poll::Pending })
    }
}

impl Spawn for Manual {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawned.fetch_add(1, Ordering::SeqCst);
        self.executor.spawn(task).detach();
    }

    fn publish(&self) {
        self.published.fetch_add(1, Ordering::SeqCst);
    }
}

impl Manual {
    /// Does this while two threads execute tasks. None is left then.
    fn with_threads<T>(&self, work: impl FnOnce() -> T) -> T {
        with_threads(2, &self.executor, work)
    }
}

/// Does this while so many threads execute tasks. None is left then.
fn with_threads<T>(threads: usize, executor: &Executor<'_>, work: impl FnOnce() -> T) -> T {
    let (stop, stopped) = async_channel::bounded::<()>(1);
    let result = std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| block_on(executor.run(stopped.recv())));
        }
        let result = work();
        drop(stop);
        result
    });
    while executor.try_tick() {}
    assert!(executor.is_empty(), "a task outlives its run");
    result
}

fn poll_once<F: Future + ?Sized>(run: Pin<&mut F>) -> Poll<F::Output> {
    run.poll(&mut Context::from_waker(Waker::noop()))
}

/// Says that its drop has begun, and waits to be allowed to end it.
struct SlowToDrop {
    dropping: Sender<()>,
    allowed: Mutex<Receiver<()>>,
}

impl Drop for SlowToDrop {
    fn drop(&mut self) {
        self.dropping.send(()).unwrap();
        self.allowed.get_mut().unwrap().recv().unwrap();
    }
}

#[test]
fn a_run_is_not_over_while_what_an_ended_job_held_is_being_dropped() {
    let runtime = Manual::default();
    let ((dropping, begun), (allow, allowed)) = (channel(), channel());
    let (go, gone) = async_channel::bounded::<()>(1);
    let (ended, all_ended) = channel();

    let mut graph = SendJobGraph::new();
    // A closure that makes futures goes when its job has ended.
    let slow = SlowToDrop { dropping, allowed: Mutex::new(allowed) };
    let slow = graph.add(Job::repeat(move || {
        let _held = &slow;
        ready(jobgraph::ok(()))
    }));
    let last = graph.add(Job::new(async move { gone.recv().await.unwrap() }));
    let last = last.id();
    graph.observe(move |fact| {
        if let jobgraph::FactKind::State { id, to, .. } = &fact.what
            && *id == last
            && to.is_ended()
        {
            ended.send(()).unwrap();
        }
    });

    let report = runtime.with_threads(|| {
        let mut run = pin!(jobgraph::run_parallel(&runtime, graph));
        // Gone before the run if this panics.
        let allow = allow;
        assert!(poll_once(run.as_mut()).is_pending());
        begun.recv_timeout(PATIENCE).unwrap();
        go.send_blocking(()).unwrap();
        all_ended.recv_timeout(PATIENCE).expect("another job goes on");
        // There is a verdict, and nothing else to wait for.
        assert!(poll_once(run.as_mut()).is_pending());
        allow.send(()).unwrap();
        block_on(run)
    });
    assert_eq!(report.unwrap().outcome(&slow), Some(Outcome::Succeeded));
}

/// Does something when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

type Run = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Whoever polls the run takes its lock.
#[test]
fn what_a_job_held_is_dropped_without_the_lock_of_the_run() {
    let (runtime, run) = (Manual::default(), Arc::new(Mutex::new(None::<Run>)));
    let ((polled, was_polled), polls) = (channel(), Arc::clone(&run));
    let held = OnDrop(move || {
        let ((done, is_done), polls) = (channel(), Arc::clone(&polls));
        std::thread::spawn(move || {
            let _ = poll_once(polls.lock().unwrap().as_mut().unwrap().as_mut());
            let _ = done.send(());
        });
        polled.send(is_done.recv_timeout(PATIENCE).is_ok()).unwrap();
    });
    let mut graph = SendJobGraph::new();
    graph.add(Job::repeat(move || {
        let _held = &held;
        ready(jobgraph::ok(()))
    }));
    let begun = jobgraph::run_parallel(&runtime, graph);
    *run.lock().unwrap() = Some(Box::pin(async move { drop(begun.await) }));
    assert!(poll_once(run.lock().unwrap().as_mut().unwrap().as_mut()).is_pending());
    while runtime.executor.try_tick() {}
    assert_eq!(was_polled.recv(), Ok(true));
    assert!(poll_once(run.lock().unwrap().as_mut().unwrap().as_mut()).is_ready());
}

#[test]
fn an_attempt_whose_time_ran_out_during_a_poll_elsewhere_is_followed_by_the_next() {
    let runtime = Manual::default();
    let ((started, has_started), (go, gone)) = (channel(), channel::<()>());
    let gone = Arc::new(Mutex::new(gone));
    let attempts = Arc::new(AtomicUsize::new(0));

    let mut graph = SendJobGraph::new();
    let job = {
        let attempts = Arc::clone(&attempts);
        Job::repeat(move || {
            let first = attempts.fetch_add(1, Ordering::SeqCst) == 0;
            let (started, gone) = (started.clone(), Arc::clone(&gone));
            poll_fn(move |_| {
                if !first {
                    return Poll::Ready(Ok::<_, std::io::Error>("at last"));
                }
                started.send(()).unwrap();
                gone.lock().unwrap().recv().unwrap();
                Poll::Pending
            })
        })
    };
    let job = graph.add(job.timeout(Duration::from_millis(1)).retries(1));

    let report = runtime.with_threads(|| {
        let mut run = pin!(jobgraph::run_parallel(&runtime, graph));
        assert!(poll_once(run.as_mut()).is_pending());
        has_started.recv().unwrap();
        runtime.now.store(2_000_000, Ordering::SeqCst);
        // The attempt is over, and its body still away.
        assert!(poll_once(run.as_mut()).is_pending());
        go.send(()).unwrap();
        block_on(run)
    });
    let report = report.unwrap();
    assert_eq!(report.output(&job), Some(&"at last"));
    assert_eq!(report.job(&job).unwrap().attempts(), 2);
}

/// The documentation of `run_parallel` promises that the task which ends a job goes on with what it freed;
/// others have their turn after 1,024 jobs, when another task may take over.
#[test]
fn a_chain_is_one_task_that_lets_others_have_their_turn() {
    let runtime = Manual::default();
    let done = Arc::new(AtomicUsize::new(0));
    let mut graph = SendJobGraph::new();
    let mut before = None;
    for _ in 0..2_500 {
        let done = Arc::clone(&done);
        let mut job = Job::new(async move { done.fetch_add(1, Ordering::SeqCst) });
        if let Some(before) = &before {
            job = job.requires(before);
        }
        before = Some(graph.add(job));
    }
    let mut run = pin!(jobgraph::run_parallel(&runtime, graph));
    assert!(poll_once(run.as_mut()).is_pending());
    let mut turns = vec![];
    while runtime.executor.try_tick() {
        turns.push(done.load(Ordering::SeqCst));
    }
    turns.dedup();
    assert_eq!(turns, [1_024, 2_048, 2_500]);
    let Poll::Ready(report) = poll_once(run.as_mut()) else { panic!("the run is over") };
    assert_eq!(report.unwrap().counts().succeeded, 2_500);
    let spawned = runtime.spawned.load(Ordering::SeqCst);
    assert!(spawned <= 3, "{spawned} tasks");
}

/// Others have their turn as well after a millisecond.
#[test]
fn a_long_job_ends_the_turn_of_its_task() {
    let runtime = Manual::default();
    let done = Arc::new(AtomicUsize::new(0));
    let mut graph = SendJobGraph::new();
    for millis in [0, 0, 2, 0, 0] {
        let (done, now) = (Arc::clone(&done), Arc::clone(&runtime.now));
        graph.add(Job::new(async move {
            done.fetch_add(1, Ordering::SeqCst);
            now.fetch_add(millis * 1_000_000, Ordering::SeqCst);
        }));
    }
    let mut run = pin!(jobgraph::run_parallel(&runtime, graph));
    assert!(poll_once(run.as_mut()).is_pending());
    assert!(runtime.executor.try_tick());
    assert_eq!(done.load(Ordering::SeqCst), 3);
    while runtime.executor.try_tick() {}
    let Poll::Ready(report) = poll_once(run.as_mut()) else { panic!("the run is over") };
    assert_eq!(report.unwrap().counts().succeeded, 5);
}

/// Jobs that end at once are taken by the tasks that are there; one that waits keeps its task.
#[test]
fn there_are_as_many_tasks_as_jobs_that_wait() {
    for waiting in [0, 100] {
        let runtime = Manual::default();
        let (open, closed) = async_channel::bounded::<()>(1);
        let mut graph = SendJobGraph::new();
        for number in 0..10_000 {
            let waits = (number % 100 == 0 && number / 100 < waiting).then(|| closed.clone());
            graph.add(Job::new(async move {
                if let Some(closed) = waits {
                    let _ = closed.recv().await;
                }
            }));
        }
        let mut run = pin!(jobgraph::run_parallel(&runtime, graph));
        assert!(poll_once(run.as_mut()).is_pending());
        while runtime.executor.try_tick() {}
        let spawned = runtime.spawned.load(Ordering::SeqCst);
        // One more goes on with those that do not wait, and one may find that all is taken.
        assert!((waiting..=waiting + 2).contains(&spawned), "{spawned} tasks for {waiting} jobs");
        drop(open);
        while runtime.executor.try_tick() {}
        assert!(poll_once(run.as_mut()).is_ready());
    }
}

/// However many jobs may start, one task is on its way at a time; it sends for the next.
#[test]
fn tasks_are_sent_for_one_by_one() {
    let runtime = Manual::default();
    let (open, closed) = async_channel::bounded::<()>(1);
    let mut graph = SendJobGraph::new();
    for _ in 0..50 {
        let closed = closed.clone();
        graph.add(Job::new(async move {
            let _ = closed.recv().await;
        }));
    }
    let mut run = pin!(jobgraph::run_parallel(&runtime, graph));
    assert!(poll_once(run.as_mut()).is_pending());
    for waiting in 0..50 {
        assert_eq!(runtime.spawned.load(Ordering::SeqCst), waiting + 1);
        assert!(runtime.executor.try_tick());
    }
    drop(open);
    while runtime.executor.try_tick() {}
    assert!(poll_once(run.as_mut()).is_ready());
    assert_eq!(runtime.spawned.load(Ordering::SeqCst), 51);
}

/// What a task has spawned is not to wait for the job that it goes on with.
#[test]
fn a_task_that_goes_on_publishes_what_it_has_spawned() {
    let runtime = Manual::default();
    let (spawned, published) = (Arc::clone(&runtime.spawned), Arc::clone(&runtime.published));
    let counts = move || (spawned.load(Ordering::SeqCst), published.load(Ordering::SeqCst));
    let mut graph = SendJobGraph::new();
    let mut seen = vec![];
    for _ in 0..100 {
        let counts = counts.clone();
        // Each leaves the end of its context to be done, which wakes nobody.
        let job = Job::with_context(move |_| std::future::ready(counts()));
        seen.push(graph.add(job.requires(seen.last().into_iter().collect::<Vec<_>>())));
    }
    let mut run = pin!(jobgraph::run_parallel(&runtime, graph));
    assert!(poll_once(run.as_mut()).is_pending());
    while runtime.executor.try_tick() {}
    let Poll::Ready(report) = poll_once(run.as_mut()) else { panic!("the run is over") };
    let report = report.unwrap();
    // One for the chain, and one that is sent for in its place: it looks at the clock first.
    assert!(seen.iter().all(|job| report.output(job) == Some(&(2, 1))), "{report}");
}

/// Blocks until so many have come; `false` if they do not.
fn meet((here, all_here): &(Mutex<usize>, Condvar), all: usize) -> bool {
    let mut here = here.lock().unwrap();
    *here += 1;
    all_here.notify_all();
    let (here, waited) = all_here.wait_timeout_while(here, PATIENCE, |here| *here < all).unwrap();
    drop(here);
    !waited.timed_out()
}

/// Jobs that block until all of them run, those freed by one job or all there from the start: each
/// needs a thread of its own.
fn graph_that_needs_threads(threads: usize, freed: bool) -> SendJobGraph {
    let meeting = Arc::new((Mutex::new(0), Condvar::new()));
    let mut graph = SendJobGraph::new();
    let first = graph.add(Job::new(async {}));
    for _ in 0..threads {
        let meeting = Arc::clone(&meeting);
        let mut job = Job::try_new(async move {
            if meet(&meeting, threads) { Ok(()) } else { Err("somebody did not start") }
        });
        if freed {
            job = job.requires(&first);
        }
        graph.add(job);
    }
    graph
}

#[test]
fn no_thread_is_idle_while_a_job_may_start() {
    const THREADS: usize = 4;
    for round in 0..20 {
        let executor = Arc::new(Executor::new());
        let graph = graph_that_needs_threads(THREADS, round % 2 == 0);
        let report = with_threads(THREADS, &executor, || {
            block_on(jobgraph::smol::run_parallel(Arc::clone(&executor), graph)).unwrap()
        });
        assert!(report.is_completed(), "{report}");
    }
}

#[cfg(feature = "tokio")]
fn tokio_threads(threads: usize) -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(threads).enable_all().build().unwrap()
}

/// The same for tokio, each of whose threads keeps the last task that was spawned on it to itself.
#[cfg(feature = "tokio")]
#[test]
fn no_thread_of_tokio_is_idle_while_a_job_may_start() {
    const THREADS: usize = 4;
    let runtime = tokio_threads(THREADS);
    for round in 0..40 {
        let graph = graph_that_needs_threads(THREADS, round % 2 == 0);
        let run = async { jobgraph::tokio::run_parallel(graph).await.unwrap() };
        let report = if round < 20 {
            runtime.block_on(run)
        } else {
            runtime.block_on(async { tokio::spawn(run).await.unwrap() })
        };
        assert!(report.is_completed(), "{report}");
    }
}

/// A run that is itself a task of tokio hears of a deadline, and of a stop, while one of its jobs blocks
/// the thread on which it was woken.
#[cfg(feature = "tokio")]
#[test]
fn a_job_that_blocks_its_thread_does_not_keep_the_run_from_its_deadlines() {
    let (report, waited) = tokio_threads(3).block_on(async {
        let over = Arc::new((Mutex::new(0), Condvar::new()));
        let mut graph = SendJobGraph::new();
        let first = graph.add(Job::new(async {}));
        let told = Arc::clone(&over);
        // The run is woken for the timeout of this one.
        let blocks = Job::new(async move { meet(&over, 2) }).requires(&first);
        let blocks = graph.add(blocks.timeout(PATIENCE * 2));
        let late = Job::new(std::future::pending::<()>()).requires(&first);
        let late = graph.add(late.timeout(Duration::from_millis(50)));
        graph.add(Job::new(async move { meet(&told, 2) }).after(&late));
        let report = tokio::spawn(jobgraph::tokio::run_parallel(graph)).await.unwrap().unwrap();
        let met = report.output(&blocks).copied();
        (report, met)
    });
    assert!(waited == Some(true), "{report}");
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

type OnPublish = Box<dyn FnOnce() + Send>;

/// Tasks that are handed out when they are asked for, and a clock that stands until it is set.
#[derive(Clone, Default)]
struct Handed {
    clock: Manual,
    tasks: Arc<Mutex<Vec<Task>>>,
    /// Done when something is published for the next time.
    on_publish: Arc<Mutex<Option<OnPublish>>>,
}

impl Clock for Handed {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send {
        self.clock.sleep_until(at)
    }
}

impl Spawn for Handed {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.lock().unwrap().push(Box::pin(task));
    }

    fn publish(&self) {
        let next = self.on_publish.lock().unwrap().take();
        if let Some(next) = next {
            next();
        }
    }
}

/// A runtime drops the task of an attempt that was aborted, which it has not polled again since.
#[test]
fn a_run_ends_whose_runtime_is_gone_while_a_job_waits_to_be_tried_again() {
    let runtime = Handed::default();
    let mut graph = SendJobGraph::new();
    let again =
        Job::repeat(|| async { std::future::pending::<Result<(), jobgraph::Error>>().await });
    let pause = Duration::from_secs(1);
    graph.add(again.timeout(pause).retries(1).backoff(pause, pause));
    let mut run = pin!(jobgraph::run_parallel(&runtime, graph));
    let mut context = Context::from_waker(Waker::noop());
    let poll_all = |tasks: &mut Vec<Task>| {
        tasks.retain_mut(|task| {
            task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
        });
    };
    assert!(run.as_mut().poll(&mut context).is_pending());
    let mut waits = std::mem::take(&mut *runtime.tasks.lock().unwrap());
    poll_all(&mut waits);
    runtime.clock.now.store(1_000_000_000, Ordering::SeqCst);
    assert!(run.as_mut().poll(&mut context).is_pending());
    // Others drop the body.
    let mut others = std::mem::take(&mut *runtime.tasks.lock().unwrap());
    poll_all(&mut others);
    drop((waits, others));
    runtime.clock.now.store(2_000_000_000, Ordering::SeqCst);
    let Poll::Ready(report) = run.as_mut().poll(&mut context) else { panic!("it goes on") };
    assert_eq!(report.unwrap().verdict(), jobgraph::Verdict::Stopped);
}

/// A job that others wait for, on the threads that they stand on.
#[derive(Clone, Default)]
struct Awaited(Arc<(Mutex<bool>, Condvar)>);

impl Awaited {
    fn job(&self) -> Job<impl jobgraph::Body<Output = ()> + Send + use<>> {
        let this = self.clone();
        Job::new(async move { this.has_run() })
    }

    fn has_run(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Whether it has run, in time.
    fn wait(&self) -> bool {
        let has_run = self.0.0.lock().unwrap();
        !self.0.1.wait_timeout_while(has_run, PATIENCE, |run| !*run).unwrap().1.timed_out()
    }
}

/// A waker that waits for a job, and what came of that.
#[derive(Default)]
struct WaitsAsWaker {
    armed: std::sync::atomic::AtomicBool,
    awaited: Awaited,
    waited: Mutex<Option<bool>>,
}

impl std::task::Wake for WaitsAsWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.armed.swap(false, Ordering::SeqCst) {
            *self.waited.lock().unwrap() = Some(self.awaited.wait());
        }
    }
}

/// The one who waits for the answer of an addition is woken by the thread that has sent for a task that is to
/// take the job.
#[cfg(feature = "tokio")]
#[test]
fn a_waker_may_wait_for_a_job_that_was_added() {
    let waker = Arc::new(WaitsAsWaker::default());
    let mut graph = SendJobGraph::new();
    let (adder, waits) = (graph.adder(), Arc::clone(&waker));
    graph.add(Job::new(async move {
        // The task that was sent for beside this one finds nothing, meanwhile, and ends.
        std::thread::sleep(Duration::from_millis(50));
        let mut adding = Box::pin(adder.add(waits.awaited.job()));
        waits.armed.store(true, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&waits));
        assert!(adding.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        // Who waits for an answer is told if they are still there.
        std::mem::forget(adding);
    }));
    tokio_threads(4).block_on(async {
        let _ = tokio::spawn(jobgraph::tokio::run_parallel(graph)).await.unwrap().unwrap();
    });
    assert_eq!(*waker.waited.lock().unwrap(), Some(true));
}

/// A task that comes back for its job finds that the caller is to be woken. Others do that.
#[test]
fn a_task_that_has_a_job_in_hand_wakes_nobody() {
    let runtime = Handed::default();
    let waker = Arc::new(WaitsAsWaker::default());
    let (awaited, mut graph) = (waker.awaited.clone(), SendJobGraph::new());
    graph.add(Job::new(async move {
        futures_lite::future::yield_now().await;
        awaited.has_run();
    }));
    let hand = Arc::new(Mutex::new(None::<Task>));
    let (comes_back, arms) = (Arc::clone(&hand), Arc::clone(&waker));
    let poll = |task: &mut Task| task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let in_between = async move {
        arms.armed.store(true, Ordering::SeqCst);
        let mut task = comes_back.lock().unwrap().take().unwrap();
        // On a thread of its own, while this one is being polled.
        let polled = std::thread::spawn(move || (poll(&mut task).is_ready(), task)).join().unwrap();
        assert!(polled.0 || arms.armed.load(Ordering::SeqCst), "it goes on");
    };
    // Its deadline is what the caller is to hear of.
    graph.add(Job::new(in_between).timeout(Duration::from_secs(100)));
    let mut run = pin!(jobgraph::run_parallel(&runtime, graph));
    let caller = Waker::from(Arc::clone(&waker));
    let mut caller = Context::from_waker(&caller);
    assert!(run.as_mut().poll(&mut caller).is_pending());
    let mut polled = 0;
    while let Some(mut task) = { runtime.tasks.lock().unwrap().pop() } {
        if poll(&mut task).is_pending() {
            *hand.lock().unwrap() = Some(task);
        }
        polled += 1;
        assert!(polled < 10, "tasks without end");
    }
    assert!(run.as_mut().poll(&mut caller).is_ready());
    assert_eq!(*waker.waited.lock().unwrap(), Some(true));
}

/// It ended in time as far as anybody knew: nobody had let time pass before that was heard.
#[test]
fn an_end_comes_before_a_deadline_that_has_passed_meanwhile() {
    let runtime = Manual::default();
    let now = Arc::clone(&runtime.now);
    let mut graph = SendJobGraph::new();
    let late = Job::new(async move { now.store(2_000_000_000, Ordering::SeqCst) });
    let late = graph.add(late.timeout(Duration::from_secs(1)));
    let mut run = pin!(jobgraph::run_parallel(&runtime, graph));
    assert!(poll_once(run.as_mut()).is_pending());
    while runtime.executor.try_tick() {}
    let Poll::Ready(report) = poll_once(run.as_mut()) else { panic!("the run is over") };
    let report = report.unwrap();
    assert_eq!(report.job(&late).unwrap().outcome(), Some(Outcome::Succeeded), "{report}");
}

/// Between the time at which it was handed out, and its first poll.
#[test]
fn an_attempt_that_is_aborted_before_its_first_poll_is_not_polled() {
    let runtime = Handed::default();
    let polled = Arc::new(AtomicUsize::new(0));
    let mut graph = SendJobGraph::new();
    let (stop, waits) = (graph.stop_handle(), futures_lite::future::yield_now());
    let first = graph.add(Job::new(waits));
    for _ in 0..2 {
        let polled = Arc::clone(&polled);
        let job = Job::new(async move { polled.fetch_add(1, Ordering::SeqCst) });
        graph.add(job.requires(&first));
    }
    let run = Arc::new(Mutex::new(Box::pin(jobgraph::run_parallel(&runtime, graph))));
    let poll_run = {
        let run = Arc::clone(&run);
        move || poll_once(run.lock().unwrap().as_mut())
    };
    assert!(poll_run().is_pending());
    let poll = |task: &mut Task| task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let pop = || runtime.tasks.lock().unwrap().pop();
    let mut task = pop().unwrap();
    assert!(poll(&mut task).is_pending());
    while pop().is_some_and(|mut other| poll(&mut other).is_ready()) {}
    // It goes on with one of the two, and publishes that it has sent for somebody to take the other one.
    let ends = poll_run.clone();
    *runtime.on_publish.lock().unwrap() = Some(Box::new(move || {
        stop.stop();
        assert!(ends().is_pending());
    }));
    assert!(poll(&mut task).is_pending());
    assert!(runtime.on_publish.lock().unwrap().is_none());
    assert!(poll(&mut task).is_ready());
    while pop().is_some_and(|mut other| poll(&mut other).is_ready()) {}
    let Poll::Ready(report) = poll_run() else { panic!("the run is over") };
    let report = report.unwrap();
    assert_eq!(report.verdict(), jobgraph::Verdict::Stopped, "{report}");
    assert_eq!(polled.load(Ordering::SeqCst), 0, "{report}");
}
