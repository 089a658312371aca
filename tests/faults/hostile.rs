//! Observers, wakers, clocks and executors that panic: the run goes on, or is stopped, and reports.
//!
//! Looked for: an observer at each of its calls, with a payload that panics when it is dropped, and with
//! what it captured doing so; the observer of a graph inside; a reader's waker; wakers of the run and its
//! tasks, woken and dropped, by all that wakes them; the clock at each time that it is asked, once and from
//! then on; a timer when it is made, polled and dropped; an executor that refuses a task. Every way to run.

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use jobgraph::testing::VirtualClock;
use jobgraph::{Clock, FactKind, Job, Outcome, SendJobGraph, SendReport, Spawn, Verdict};

use crate::alone::{alone_each, pairs};
use crate::sites::Bomb;
use crate::ways::{Beside, Timer, Touched, Way};

const SHORT: Duration = Duration::from_millis(5);

/// Jobs that are woken, aborted, cancelled and added by the run alone, without any timer.
fn busy() -> SendJobGraph {
    let mut graph = SendJobGraph::new();
    let db = graph.add(
        Job::service(|cx| async move {
            cx.ready(7);
            cx.cancelled().await;
            Ok(())
        })
        .unlimited_grace(),
    );
    graph.add(Job::new(pending::<()>()).forever());
    let adder = graph.adder();
    graph.add(Job::try_with(&db, |seven| async move {
        assert_eq!(*seven, 7);
        adder.add(Job::new(async {})).await.map(drop)
    }));
    let many: Vec<_> = (0..2_500).map(|_| graph.add(Job::new(async {}))).collect();
    graph.add(Job::new(async {}).requires(&many));
    graph
}

/// All went well.
#[track_caller]
fn assert_well(report: &SendReport) {
    report.check().unwrap();
    let counts = report.counts();
    assert_eq!((counts.succeeded, counts.cancelled), (2_504, 1));
}

#[test]
fn an_observer_that_panics_changes_nothing_for_anybody() {
    alone_each(&Way::ALL, |way| {
        for time in [1, 2, 3, 10, 100, 5_000] {
            let mut graph = busy();
            let mut left = time;
            // Its payload panics as well, and what it captured.
            let captured = Bomb::new(|| panic!("what an observer captured"));
            graph.observe(move |_| {
                let _captured = &captured;
                left -= 1;
                if left == 0 {
                    panic_any(Bomb::new(|| panic!("the payload of an observer")));
                }
            });
            let (sender, facts) = channel();
            graph.observe(move |fact| sender.send(fact.clone()).unwrap());
            let mut stream = graph.facts();
            assert_well(&way.run(graph));
            let facts: Vec<_> = facts.try_iter().collect();
            assert!(matches!(facts.last().unwrap().what, FactKind::Over(Verdict::Completed)));
            assert_eq!(std::iter::from_fn(|| stream.try_next()).count(), facts.len());
        }
    });
}

#[test]
fn an_observer_inside_that_panics_changes_nothing_outside() {
    alone_each(&Way::ALL, |way| {
        let mut inner = SendJobGraph::new();
        let answer = inner.add(Job::new(async { 42 }));
        inner.observe(|_| panic!("an observer inside"));
        let mut outer = SendJobGraph::new();
        let nested = outer.add(Job::graph(inner));
        let (sender, facts) = channel();
        outer.observe(move |fact| sender.send(fact.clone()).unwrap());
        let report = way.run(outer);
        assert_eq!(report.output(&nested).unwrap().output(&answer), Some(&42));
        let inside = facts.try_iter().filter(|fact| !fact.within.is_empty()).count();
        // Begun, added, queued, running, succeeded, over.
        assert_eq!(inside, 6);
    });
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("the waker of a reader");
    }
}

#[test]
fn the_waker_of_a_reader_that_panics_changes_nothing() {
    alone_each(&Way::ALL, |way| {
        let mut graph = busy();
        let mut facts = graph.facts();
        let waker = Waker::from(Arc::new(Panics));
        assert!(pin!(facts.next()).poll(&mut Context::from_waker(&waker)).is_pending());
        let (sender, told) = channel();
        graph.observe(move |_| sender.send(()).unwrap());
        assert_well(&way.run(graph));
        // It can read on, to the end.
        let read = std::iter::from_fn(|| facts.try_next()).count();
        assert_eq!(read, told.try_iter().count());
    });
}

#[test]
fn a_waker_that_panics_changes_nothing() {
    let touched = [Touched::Woken, Touched::Dropped];
    alone_each(&pairs(&touched, &Way::ALL), |(touched, way)| {
        let beside = Beside::waker(move |what| assert!(what != touched, "a waker"));
        assert_well(&way.run_beside(busy(), &beside));
        // And those that are aborted or told to stop while they wait.
        let mut graph = SendJobGraph::new();
        graph.add(Job::new(pending::<()>()));
        let polite = Job::with_context(|cx| async move { cx.cancelled().await });
        let polite = graph.add(polite.unlimited_grace());
        let stop = graph.stop_handle();
        graph.add(Job::new(async move { stop.stop() }));
        let report = way.run_beside(graph, &beside);
        assert_eq!(report.verdict(), Verdict::Stopped);
        assert_eq!(report.outcome(&polite), Some(Outcome::Succeeded));
    });
}

/// Jobs with deadlines, and how many bodies of them are there.
fn timed(begun: &Arc<AtomicUsize>, alive: &Arc<()>) -> SendJobGraph {
    let mut graph = SendJobGraph::new().timeout(Duration::from_secs(3_600));
    for number in 0..4 {
        let (begun, alive) = (Arc::clone(begun), Arc::clone(alive));
        let job = Job::new(async move {
            let _alive = alive;
            begun.fetch_add(1, Ordering::SeqCst);
            if number % 2 == 0 {
                pending::<()>().await;
            }
        });
        graph.add(job.timeout(SHORT).on_shutdown(|| async {}));
    }
    graph
}

/// How a run ends beside this: with a report, if it has begun to run jobs, and without any body left.
fn assert_ends(way: Way, beside: &Beside, panicked: &str) {
    let (begun, alive) = (Arc::default(), Arc::new(()));
    let graph = timed(&begun, &alive);
    let report = catch_unwind(AssertUnwindSafe(|| way.run_beside(graph, beside)));
    let jobs = begun.load(Ordering::SeqCst);
    assert!(report.is_ok() || jobs == 0, "{panicked}, after {jobs} jobs: the report is lost");
    if let Ok(report) = report {
        let verdict = report.verdict();
        let right = matches!(verdict, Verdict::Completed | Verdict::Stopped);
        assert!(right, "{panicked}: {verdict}");
        assert_eq!(report.counts().unfinished(), 0, "{panicked}");
    }
    assert_eq!(Arc::strong_count(&alive), 1, "{panicked}: a body is alive");
}

#[test]
fn a_clock_that_panics_stops_the_run() {
    let for_good = [false, true];
    alone_each(&pairs(&for_good, &Way::ALL), |(for_good, way)| {
        for time in 1..=40 {
            let asked = AtomicUsize::new(0);
            let beside = Beside::now(move || {
                let asked = asked.fetch_add(1, Ordering::SeqCst) + 1;
                assert!(asked < time || (asked > time && !for_good), "a clock, time {time}");
            });
            assert_ends(way, &beside, &format!("clock, time {time}"));
        }
    });
}

/// Whoever waits for the run has to hear of it, though nothing of the run is over then.
#[test]
fn a_clock_that_panics_once_stops_an_endless_run() {
    alone_each(&[false, true], |parallel| {
        assert_stops_endless(parallel, &Beside::budget(|| panic!("a budget")));
        for time in 4..=8 {
            let asked = AtomicUsize::new(1);
            assert_stops_endless(
                parallel,
                &Beside::now(move || {
                    assert_ne!(asked.fetch_add(1, Ordering::SeqCst), time, "a clock");
                }),
            );
        }
    });
}

fn run_either<S: Spawn>(
    parallel: bool,
    clock: &VirtualClock,
    runtime: &S,
    graph: SendJobGraph,
) -> SendReport {
    let report = if parallel {
        clock.block_on(jobgraph::run_parallel(runtime, graph))
    } else {
        clock.block_on(jobgraph::run(runtime, graph))
    };
    report.unwrap()
}

fn assert_stops_endless(parallel: bool, beside: &Beside) {
    let clock = VirtualClock::new();
    let mut graph = SendJobGraph::new();
    let endless = graph.add(Job::new(pending::<()>()));
    for _ in 0..10 {
        graph.add(Job::new(async {}));
    }
    let runtime = beside.with(clock.clone());
    let report = run_either(parallel, &clock, &runtime, graph);
    let outcome = report.outcome(&endless);
    assert_eq!((report.verdict(), outcome), (Verdict::Stopped, Some(Outcome::Cancelled)));
    assert_eq!(report.mishaps().count(), 1, "{report}");
}

#[test]
fn a_timer_that_panics_stops_the_run() {
    let timers = [Timer::Made, Timer::Polled, Timer::Dropped];
    alone_each(&pairs(&timers, &Way::ALL), |(timer, way)| {
        for time in 1..=4 {
            let seen = AtomicUsize::new(0);
            let beside = Beside::sleep(move |what| {
                let at = if what == timer { seen.fetch_add(1, Ordering::SeqCst) + 1 } else { 0 };
                assert!(at != time, "a timer, time {time}");
            });
            assert_ends(way, &beside, &format!("timer, time {time}"));
        }
    });
}

/// Long before it is due: something else has happened.
#[test]
fn a_timer_that_panics_when_it_is_dropped_is_a_mishap_and_stops_what_is_left() {
    alone_each(&[false, true], |parallel| {
        let clock = VirtualClock::new();
        let mut graph = SendJobGraph::new().timeout(Duration::from_secs(3_600));
        let [short, long] = [1, 2].map(|times| {
            let clock = clock.clone();
            graph.add(Job::new(async move { clock.sleep(times * SHORT).await }))
        });
        let beside = Beside::sleep(|what| assert!(what != Timer::Dropped, "a timer"));
        let runtime = beside.with(clock.clone());
        let report = run_either(parallel, &clock, &runtime, graph);
        assert!(report.outcome(&short).is_some());
        assert_eq!(report.mishaps().count(), 1, "{report}");
        // In parallel nobody waits for the first job: the timer is dropped when all is over.
        let (verdict, outcome) = if parallel {
            (Verdict::Completed, Outcome::Succeeded)
        } else {
            (Verdict::Stopped, Outcome::Cancelled)
        };
        assert_eq!((report.verdict(), report.outcome(&long)), (verdict, Some(outcome)));
    });
}

#[test]
fn an_executor_that_panics_does_not_hang_the_run() {
    let ways = [Way::VirtualTasks, Way::SmolThreads, Way::TokioThreads];
    alone_each(&pairs(&[false, true], &ways), |(for_good, way)| {
        for time in 1..=6 {
            let asked = AtomicUsize::new(0);
            let beside = Beside::spawn(move || {
                let asked = asked.fetch_add(1, Ordering::SeqCst) + 1;
                assert!(asked < time || (asked > time && !for_good), "spawn, time {time}");
            });
            assert_ends(way, &beside, &format!("spawn, time {time}"));
        }
    });
}
