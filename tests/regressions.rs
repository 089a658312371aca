//! What was wrong once, by name.
#![cfg(all(feature = "testing", feature = "tokio"))]

use std::future::{Future, pending, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jobgraph::testing::VirtualClock;
use jobgraph::{
    Clock, Condition, Error, Graph, Job, JobGraph, Outcome, Payload, Report, RunError,
    SendJobGraph, SendReport, Verdict,
};

fn run<P: Payload>(graph: Graph<P>) -> Report<P::Outputs> {
    let clock = VirtualClock::new();
    clock.block_on(jobgraph::run(&clock, graph)).unwrap()
}

fn run_parallel(graph: SendJobGraph) -> SendReport {
    let clock = VirtualClock::new();
    let report = clock.block_on(jobgraph::run_parallel(&clock, graph)).unwrap();
    assert_eq!(clock.tasks_left(), 0);
    report
}

fn run_on_threads(graph: SendJobGraph) -> SendReport {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(jobgraph::tokio::run_parallel(graph)).unwrap()
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Does something when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn a_job_added_by_a_hook_is_refused() {
    let graph = || {
        let (mut graph, refused) = (SendJobGraph::new(), Arc::new(AtomicBool::new(false)));
        let (adder, seen) = (graph.adder(), Arc::clone(&refused));
        graph.add(Job::new(async {}).on_shutdown(move || {
            let (adder, seen) = (adder.clone(), Arc::clone(&seen));
            async move {
                let over = adder.add(Job::new(async {})).await == Err(RunError::Over);
                seen.store(over, Ordering::SeqCst);
            }
        }));
        (graph, refused)
    };
    for run in [run, run_parallel, run_on_threads] {
        let (graph, refused) = graph();
        assert_eq!(run(graph).jobs().count(), 1);
        assert!(refused.load(Ordering::SeqCst));
    }
}

#[test]
fn an_addition_is_answered_when_the_run_never_comes() {
    let graph = SendJobGraph::new();
    let adder = graph.adder();
    let mut add = Box::pin(async move { adder.add(Job::new(async {})).await });
    assert!(add.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(graph);
    assert_eq!(futures_lite::future::block_on(add).unwrap_err(), RunError::Over);
}

#[test]
fn a_run_does_not_return_while_a_body_is_being_dropped() {
    let (mut graph, alive) = (SendJobGraph::new(), Arc::new(AtomicBool::new(true)));
    let (stop, dropped) = (graph.stop_handle(), Arc::clone(&alive));
    let slow = OnDrop(move || {
        // The caller is woken, and finds a verdict.
        stop.stop();
        std::thread::sleep(millis(100));
        dropped.store(false, Ordering::SeqCst);
    });
    graph.add(Job::new(poll_fn(move |_| {
        let _ = &slow;
        Poll::Ready(())
    })));
    let _ = run_on_threads(graph);
    assert!(!alive.load(Ordering::SeqCst));
}

#[test]
fn an_aborted_body_may_ask_for_an_addition_when_it_is_dropped() {
    // What a Drop that takes the lock itself meets is tried in `faults::reenter`.
    let (mut graph, answered) = (SendJobGraph::new(), Arc::new(AtomicBool::new(false)));
    let (adder, seen) = (graph.adder(), Arc::clone(&answered));
    let adds = OnDrop(move || {
        let mut add = Box::pin(adder.add(Job::new(async {})));
        let pending = add.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
        seen.store(pending, Ordering::SeqCst);
    });
    graph.add(
        Job::with_context(|_| async move {
            let _adds = adds;
            pending::<()>().await;
        })
        .timeout(millis(5)),
    );
    graph.add(Job::with_context(|cx| async move { cx.sleep(millis(50)).await }));
    let _ = run_parallel(graph);
    assert!(answered.load(Ordering::SeqCst));
}

#[test]
fn who_waited_for_a_cancellation_is_forgotten() {
    let left = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&left);
    let mut graph = JobGraph::new();
    graph.add(Job::with_context(|cx| async move {
        struct Noop;
        impl std::task::Wake for Noop {
            fn wake(self: Arc<Self>) {}
        }
        for _ in 0..100 {
            let waker = Arc::new(Noop);
            let mut cancelled = Box::pin(cx.cancelled());
            let _ =
                cancelled.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&waker))));
            drop(cancelled);
            seen.fetch_add(u32::try_from(Arc::strong_count(&waker)).unwrap() - 1, Ordering::SeqCst);
        }
    }));
    let _ = run(graph);
    assert_eq!(left.load(Ordering::SeqCst), 0);
}

#[test]
fn a_nested_run_that_ends_by_itself_is_not_aborted_by_the_first_stop() {
    for run in [run, run_parallel] {
        let (mut inner, closed) = (SendJobGraph::new(), Arc::new(AtomicBool::new(false)));
        inner.add(Job::with_context(|cx| async move { cx.sleep(millis(10)).await }));
        let seen = Arc::clone(&closed);
        let polite = Job::service(move |cx| async move {
            cx.ready(());
            cx.cancelled().await;
            cx.sleep(millis(50)).await;
            seen.store(true, Ordering::SeqCst);
            Ok(())
        });
        inner.add(polite.grace(millis(100)));
        let mut outer = SendJobGraph::new();
        outer.add(Job::graph(inner));
        let stop = outer.stop_handle();
        outer.add(Job::with_context(move |cx| async move {
            cx.sleep(millis(20)).await;
            stop.stop();
        }));
        assert_eq!(run(outer).verdict(), Verdict::Stopped);
        assert!(closed.load(Ordering::SeqCst));
    }
}

#[test]
fn a_panic_that_carries_a_bomb_is_a_failure_like_any_other() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "dropped");
        }
    }
    for run in [run, run_parallel, run_on_threads] {
        let mut graph = SendJobGraph::new();
        let bomb = graph.add(Job::new(async { std::panic::panic_any(Bomb) }));
        assert_eq!(run(graph).error(&bomb).unwrap().to_string(), "panicked: (no message)");
    }
}

#[test]
fn dropping_a_run_survives_bodies_that_panic_when_they_are_dropped() {
    let dropped = Arc::new(AtomicU32::new(0));
    let graph = || {
        let mut graph = SendJobGraph::new();
        for _ in 0..3 {
            let dropped = Arc::clone(&dropped);
            let bomb = OnDrop(move || {
                dropped.fetch_add(1, Ordering::SeqCst);
                panic!("dropped");
            });
            graph.add(Job::with_context(|_| async move {
                let _bomb = bomb;
                pending::<()>().await;
            }));
        }
        graph
    };
    let clock = VirtualClock::new();
    let limit = || async {
        clock.sleep(millis(1)).await;
        None
    };
    let in_place = async { Some(jobgraph::run(&clock, graph()).await) };
    assert!(clock.block_on(async { futures_lite::future::or(in_place, limit()).await }).is_none());
    let parallel = async { Some(jobgraph::run_parallel(&clock, graph()).await) };
    assert!(clock.block_on(async { futures_lite::future::or(parallel, limit()).await }).is_none());
    assert_eq!((dropped.load(Ordering::SeqCst), clock.tasks_left()), (6, 0));
}

#[test]
fn what_is_said_to_a_run_is_not_for_the_next_and_what_is_said_between_them_is() {
    let mut graph = JobGraph::new();
    let (stop, ladder) = (graph.stop_handle(), graph.stop_handle());
    let ladder = move || {
        let ladder = ladder.clone();
        async move {
            for _ in 0..3 {
                ladder.stop();
            }
        }
    };
    let stops = graph.add(Job::repeat(|| async { Ok::<_, Error>(()) }).on_each_shutdown(ladder));
    let mut graph = graph.repeatable().unwrap();
    let clock = VirtualClock::new();
    for _ in 0..3 {
        assert_eq!(clock.block_on(graph.run(&clock)).unwrap().verdict(), Verdict::Completed);
    }
    stop.stop();
    assert_eq!(clock.block_on(graph.run(&clock)).unwrap().verdict(), Verdict::Stopped);
    assert_eq!(clock.block_on(graph.run(&clock)).unwrap().verdict(), Verdict::Completed);
    stop.cancel(&stops);
    let report = clock.block_on(graph.run(&clock)).unwrap();
    assert_eq!((report.verdict(), report.counts().cancelled), (Verdict::Completed, 1));
    assert_eq!(clock.block_on(graph.run(&clock)).unwrap().counts().cancelled, 0);
}

#[test]
fn a_third_stop_that_comes_before_the_hooks_aborts_them() {
    let mut graph = JobGraph::new();
    let stop = graph.stop_handle();
    let job = Job::new(async move {
        for _ in 0..3 {
            stop.stop();
        }
        pending::<()>().await;
    });
    let job = graph.add(job.on_shutdown(pending::<()>));
    let report = run(graph);
    assert_eq!(report.elapsed(), Duration::ZERO);
    assert!(report.job(&job).unwrap().hook().unwrap().outcome() != Outcome::Succeeded);
}

#[test]
fn a_job_that_stops_the_run_with_its_last_breath_has_succeeded() {
    for run in [run, run_parallel] {
        let mut graph = SendJobGraph::new();
        let stop = graph.stop_handle();
        let job = graph.add(Job::new(async move {
            stop.stop();
            42
        }));
        graph.add(Job::new(pending::<()>()));
        let report = run(graph);
        assert_eq!(report.verdict(), Verdict::Stopped);
        assert_eq!(report.output(&job), Some(&42));
    }
}

#[test]
fn a_handle_of_another_graph_has_no_requirements_here() {
    let (mut graph, mut other) = (JobGraph::new(), JobGraph::new());
    let a = graph.add(Job::new(async {}));
    let b = graph.add(Job::new(async {}).requires(&a));
    other.add(Job::new(async {}));
    let stranger = other.add(Job::new(async {}));
    assert_eq!(graph.requirements(&b).collect::<Vec<_>>(), [(a.id(), Condition::Succeeded)]);
    assert_eq!(graph.requirements(&stranger).count() + graph.dependents(&stranger).count(), 0);
}

#[test]
fn timers_fire_although_somebody_is_always_busy() {
    let clock = VirtualClock::new();
    let busy = async {
        loop {
            clock.advance(Duration::from_micros(10));
            futures_lite::future::yield_now().await;
        }
    };
    clock.block_on(futures_lite::future::or(clock.sleep(millis(1)), busy));
    assert_eq!(clock.now().as_nanos() / 1_000_000, 1);
}

#[test]
fn an_attempt_that_is_added_late_starts_late() {
    let mut graph = JobGraph::new();
    let adder = graph.adder();
    let adds = graph.add(Job::try_with_context(move |cx| async move {
        cx.sleep(millis(100)).await;
        adder.add(Job::new(pending::<()>()).timeout(millis(50))).await
    }));
    let report = run(graph);
    let added = report.output(&adds).unwrap();
    assert_eq!(report.job(added).unwrap().started(), Some(millis(100)));
    assert_eq!(report.job(added).unwrap().ended(), Some(millis(150)));
}

#[test]
fn a_run_ends_when_its_runtime_is_shut_down() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut graph = SendJobGraph::new();
    let (begins, begun) = std::sync::mpsc::channel();
    let job = graph.add(Job::new(async move {
        begins.send(()).unwrap();
        pending::<()>().await;
    }));
    graph.add(Job::new(async {}).requires(&job));
    let mut facts = graph.facts();
    let clock = {
        let _guard = runtime.enter();
        jobgraph::tokio::TokioRuntime::current()
    };
    let mut run = Box::pin(jobgraph::run_parallel(&clock, graph));
    assert!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    begun.recv().unwrap();
    runtime.shutdown_timeout(Duration::from_secs(10));
    let report = futures_lite::future::block_on(run).unwrap();
    assert_eq!(report.verdict(), Verdict::Stopped);
    assert_eq!(report.outcome(&job), Some(Outcome::Cancelled));
    // Whoever waits for the run tells the rest.
    let last = std::iter::from_fn(|| facts.try_next()).last().unwrap();
    assert!(matches!(last.what, jobgraph::FactKind::Over(Verdict::Stopped)), "{last}");
}

#[test]
fn what_one_run_added_into_a_gap_is_gone_in_the_next() {
    let (clock, hooks, drops) = (VirtualClock::new(), AtomicU32::new(0), AtomicU32::new(0));
    let mut graph = JobGraph::new();
    let (adder, first) = (graph.adder(), AtomicBool::new(true));
    let (hooks, drops, first) = (&hooks, &drops, &first);
    let gap = graph.add(Job::repeat(|| async { Ok::<_, Error>(()) }));
    graph.add(Job::repeat(move || {
        let adder = adder.clone();
        async move {
            let held = OnDrop(move || _ = drops.fetch_add(1, Ordering::SeqCst));
            if first.swap(false, Ordering::SeqCst) {
                let hook = move || async move { _ = hooks.fetch_add(1, Ordering::SeqCst) };
                adder
                    .add(
                        Job::repeat(move || {
                            let _held = &held;
                            async { Ok::<_, Error>(()) }
                        })
                        .on_shutdown(hook),
                    )
                    .await
                    .map(drop)
            } else {
                // That of the run before went when this began, as this one goes when it ends.
                assert_eq!(drops.load(Ordering::SeqCst), 1);
                adder.add(Job::new(async {})).await.map(drop)
            }
        }
    }));
    graph.bypass(&gap).unwrap();
    let mut graph = graph.repeatable().unwrap();
    for _ in 0..2 {
        let report = clock.block_on(graph.run(&clock)).unwrap();
        report.check().unwrap();
        assert_eq!(hooks.load(Ordering::SeqCst), 1);
    }
}

/// A job drives another run while it is polled; each run is asked to stop by its own jobs.
#[test]
fn a_stop_asked_for_around_another_run_reaches_its_own() {
    let mut outer = SendJobGraph::new();
    let stop = outer.stop_handle();
    let job = outer.add(Job::new(async move {
        stop.stop();
        let mut inner = SendJobGraph::new();
        let added = inner.adder();
        inner.add(Job::new(async move { added.add(Job::new(async {})).await.is_ok() }));
        let verdict = run_parallel(inner).verdict();
        pending::<()>().await;
        verdict
    }));
    let report = run_parallel(outer);
    assert_eq!(
        (report.verdict(), report.outcome(&job)),
        (Verdict::Stopped, Some(Outcome::Cancelled))
    );
    let mut outer = SendJobGraph::new();
    let stop = outer.stop_handle();
    let job = outer.add(Job::new(async move {
        stop.stop();
        let mut inner = SendJobGraph::new();
        inner.add(Job::new(async {}));
        run_parallel(inner).verdict()
    }));
    assert_eq!(run_parallel(outer).output(&job), Some(&Verdict::Completed));
}

/// Two panics at once would abort the process.
#[test]
fn a_future_and_the_closure_that_made_it_may_both_panic_when_they_are_dropped() {
    let bomb = || OnDrop(|| assert!(std::thread::panicking(), "a drop"));
    let mut graph = JobGraph::new();
    let (of_closure, adder) = (bomb(), graph.adder());
    graph.add(Job::repeat(move || {
        let (_closure, of_future) = (&of_closure, bomb());
        async move {
            let _held = of_future;
            pending::<Result<(), Error>>().await
        }
    }));
    let clock = VirtualClock::new();
    let mut run = Box::pin(jobgraph::run(&clock, graph));
    assert!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(run);
    let (body, hook) = (bomb(), bomb());
    let refused = adder
        .add(Job::new(async move { drop(body) }).on_shutdown(move || async move { drop(hook) }));
    assert!(matches!(clock.block_on(refused), Err(RunError::Over)));
}

/// The tasks of the run inside are polled in the poll of the job around it.
#[test]
fn a_stop_that_an_observer_of_a_run_inside_asks_for_is_that_of_the_run_around() {
    let mut outer = SendJobGraph::new();
    let stop = outer.stop_handle();
    let inside = outer.add(Job::new(async move {
        let mut inner = SendJobGraph::new();
        let first = inner.add(Job::new(async {}));
        inner.add(Job::new(async {}).requires(&first));
        let mut told = false;
        inner.observe(move |_| {
            if !std::mem::replace(&mut told, true) {
                stop.stop();
            }
        });
        run_parallel(inner).verdict()
    }));
    outer.add(Job::new(async {}).requires(&inside));
    let report = run_parallel(outer);
    assert_eq!(report.output(&inside), Some(&Verdict::Completed));
    assert_eq!(report.verdict(), Verdict::Stopped);
}
