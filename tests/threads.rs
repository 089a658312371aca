//! Parallel runs whose threads meet at points that the tests choose.
#![cfg(feature = "smol")]

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_executor::Executor;
use futures_lite::future::block_on;
use jobgraph::{Clock, Job, Outcome, SendJobGraph, Spawn, Timestamp};

/// A clock that stands until it is set, and tasks of an executor.
#[derive(Clone, Default)]
struct Manual {
    now: Arc<AtomicU64>,
    executor: Arc<Executor<'static>>,
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
        self.executor.spawn(task).detach();
    }
}

impl Manual {
    /// Does this while two threads execute tasks.
    fn with_threads<T>(&self, work: impl FnOnce() -> T) -> T {
        let (stop, stopped) = async_channel::bounded::<()>(1);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| block_on(self.executor.run(stopped.recv())));
            }
            let result = work();
            drop(stop);
            result
        })
    }
}

fn poll_once<F: Future>(run: Pin<&mut F>) -> Poll<F::Output> {
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

/// It is done at its first poll, and keeps what it has until it is dropped itself.
impl Future for SlowToDrop {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

#[test]
fn a_run_is_not_over_while_the_body_of_an_ended_job_is_being_dropped() {
    let runtime = Manual::default();
    let ((dropping, begun), (allow, allowed)) = (channel(), channel());
    let (go, gone) = async_channel::bounded::<()>(1);
    let (ended, all_ended) = channel();

    let mut graph = SendJobGraph::new();
    let slow = graph.add(Job::new(SlowToDrop { dropping, allowed: Mutex::new(allowed) }));
    let last = graph.add(Job::new(async move { gone.recv().await.unwrap() }));
    let last = last.id();
    graph.observe(move |fact| {
        if let jobgraph::What::State { id, to, .. } = &fact.what
            && *id == last
            && to.is_ended()
        {
            ended.send(()).unwrap();
        }
    });

    let report = runtime.with_threads(|| {
        let mut run = pin!(jobgraph::run_on(&runtime, graph));
        assert!(poll_once(run.as_mut()).is_pending());
        begun.recv().unwrap();
        go.send_blocking(()).unwrap();
        all_ended.recv().unwrap();
        // There is a verdict, and nothing else to wait for.
        assert!(poll_once(run.as_mut()).is_pending());
        allow.send(()).unwrap();
        block_on(run)
    });
    assert_eq!(report.unwrap().outcome(&slow), Some(Outcome::Succeeded));
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
        let mut run = pin!(jobgraph::run_on(&runtime, graph));
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

/// The documentation of `run_on` promises that the task which ends a job goes on with a single successor;
/// others have their turn after 128 of them.
#[test]
fn a_chain_is_one_task_that_lets_others_have_their_turn() {
    let runtime = Manual::default();
    let done = Arc::new(AtomicUsize::new(0));
    let mut graph = SendJobGraph::new();
    let mut before = None;
    for _ in 0..300 {
        let done = Arc::clone(&done);
        let mut job = Job::new(async move { done.fetch_add(1, Ordering::SeqCst) });
        if let Some(before) = &before {
            job = job.requires(before);
        }
        before = Some(graph.add(job));
    }
    let mut run = pin!(jobgraph::run_on(&runtime, graph));
    assert!(poll_once(run.as_mut()).is_pending());
    for turn in [128, 256, 300] {
        assert!(runtime.executor.try_tick());
        assert_eq!(done.load(Ordering::SeqCst), turn);
    }
    assert!(!runtime.executor.try_tick());
    let Poll::Ready(report) = poll_once(run.as_mut()) else { panic!("the run is over") };
    assert_eq!(report.unwrap().counts().succeeded, 300);
}
