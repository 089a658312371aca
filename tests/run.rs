//! Runs in place, in virtual time: what jobs see, and what the report says.
#![cfg(feature = "testing")]

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use expect_test::expect;
use jobgraph::testing::VirtualClock;
use jobgraph::{
    Clock, Condition, Failure, Graph, Job, JobGraph, Outcome, Payload, Report, RunError,
    SendJobGraph, SkipReason, Verdict,
};

/// Runs a graph on a virtual clock.
fn run<P: Payload>(clock: &VirtualClock, graph: Graph<P>) -> Report<P::Outputs> {
    clock.block_on(jobgraph::run(clock, graph)).unwrap()
}

fn refused<P: Payload>(graph: Graph<P>) -> String {
    let clock = VirtualClock::new();
    clock.block_on(jobgraph::run(&clock, graph)).unwrap_err().to_string()
}

const SECOND: Duration = Duration::from_secs(1);

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Counts how many of its guards are alive.
#[derive(Clone, Default)]
struct Alive(Arc<()>);

impl Alive {
    fn guard(&self) -> Arc<()> {
        Arc::clone(&self.0)
    }

    fn count(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

#[test]
fn unrelated_jobs_start_at_once() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let jobs = [1_000, 2_000, 1_500].map(|ms| {
        let clock = clock.clone();
        graph.add(Job::new(async move {
            clock.sleep(millis(ms)).await;
            ms
        }))
    });
    let report = run(&clock, graph);
    assert!(report.is_completed());
    assert_eq!(report.elapsed(), millis(2_000));
    assert_eq!(
        jobs.map(|job| report.output(&job).copied()),
        [Some(1_000), Some(2_000), Some(1_500)]
    );
    for job in report.jobs() {
        assert_eq!(job.started(), Some(Duration::ZERO));
    }
}

#[test]
fn a_required_job_ends_before_its_dependent_starts() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let b1 = graph.add(Job::new(clock.sleep(millis(1_000))).label("b1"));
    graph.add(Job::new(clock.sleep(millis(2_000))));
    let b3 = graph.add(
        Job::new(async {
            clock.sleep(millis(1_500)).await;
            1_500
        })
        .label("b3")
        .requires(&b1),
    );
    let report = run(&clock, graph);
    assert!(report.is_done(&b1));
    assert_eq!(report.job(&b3).unwrap().started(), Some(millis(1_000)));
    expect![[r"
        #1 ✓ b1      succeeded allows [b3] 1 s
        #2 ✓ NOLABEL succeeded 2 s
        #3 ✓ b3      succeeded -> 1500 requires [b1] 1.5 s"]]
    .assert_eq(&report.to_string());
}

#[test]
fn a_report_is_asked_for_what_a_job_left_or_why_not() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let good = graph.add(Job::new(async { 7 }));
    let bad = graph.add(Job::try_new(async { Err::<u8, _>("no such host") }).label("fetch"));
    let slow = graph.add(Job::new(pending::<u8>()).timeout(millis(5)).label("slow"));
    let parse = graph.add(Job::new(async { 8 }).requires(&bad).label("parse"));
    let ticker = graph.add(Job::new(pending::<u8>()).forever());
    let mut others = JobGraph::new();
    let elsewhere = others.add(Job::new(async { 9_u8 }));
    let mut report = run(&clock, graph);
    assert_eq!(report.result(&good).unwrap(), &7);
    let why = |job| report.result(job).unwrap_err().to_string();
    assert_eq!(why(&bad), "#2 fetch failed: no such host");
    assert_eq!(why(&slow), "#3 slow failed: timed out");
    assert_eq!(why(&ticker), "#5: cancelled: the run completed");
    assert_eq!(why(&elsewhere), "#1 is a job of another graph");
    let missing = report.result(&parse).unwrap_err();
    assert_eq!(missing.to_string(), "#4 parse was skipped because of #2 fetch: no such host");
    assert_eq!(missing.outcome(), report.outcome(&parse));
    report.take_output(&good);
    assert_eq!(report.result(&good).unwrap_err().to_string(), "the output of #1 is gone");
}

#[test]
fn a_forever_job_is_cancelled_when_the_others_have_ended() {
    let clock = VirtualClock::new();
    let ticks = Cell::new(0);
    let mut graph = JobGraph::new();
    let ticker = graph.add(
        Job::new(async {
            loop {
                ticks.set(ticks.get() + 1);
                clock.sleep(millis(300)).await;
            }
        })
        .forever(),
    );
    graph.add(Job::new(clock.sleep(millis(1_000))));
    let report = run(&clock, graph);
    assert!(report.is_completed());
    assert_eq!(report.elapsed(), millis(1_000));
    assert_eq!(report.outcome(&ticker), Some(Outcome::Cancelled));
    assert!(!report.is_done(&ticker));
    assert_eq!(ticks.get(), 4);
}

#[test]
fn the_global_timeout_ends_a_run_of_forever_jobs() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new().timeout(millis(2_500));
    let ticker = graph.add(Job::new(pending::<()>()).forever());
    let report = run(&clock, graph);
    assert_eq!(report.verdict(), Verdict::TimedOut);
    assert!(!report.is_completed());
    assert_eq!(report.elapsed(), millis(2_500));
    assert_eq!(report.outcome(&ticker), Some(Outcome::Cancelled));
}

#[test]
fn jobs_that_never_yield_do_not_starve_the_global_timeout() {
    let clock = VirtualClock::new();
    let ran = Cell::new(0);
    let mut graph = JobGraph::new().timeout(millis(500));
    let jobs: Vec<_> = (0..10)
        .map(|_| {
            graph.add(Job::new(async {
                clock.advance(millis(200));
                ran.set(ran.get() + 1);
            }))
        })
        .collect();
    graph.sequence(&jobs).unwrap();
    let report = run(&clock, graph);
    assert_eq!(report.verdict(), Verdict::TimedOut);
    assert_eq!((ran.get(), report.elapsed()), (3, millis(600)));
    assert_eq!(report.counts().skipped, 7);
}

#[test]
fn jobs_that_never_yield_do_not_starve_the_timeout_of_another() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let slow = graph.add(Job::new(pending::<()>()).timeout(millis(500)));
    for _ in 0..10 {
        graph.add(Job::new(async { clock.advance(millis(200)) }));
    }
    let report = run(&clock, graph);
    assert_eq!(report.outcome(&slow), Some(Outcome::Failed(Failure::TimedOut)));
    assert_eq!(report.job(&slow).unwrap().ended(), Some(millis(600)));
}

#[test]
fn a_job_that_wakes_itself_for_ever_starves_nobody() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new().window(1).timeout(millis(100));
    graph.add(
        Job::new(async {
            loop {
                clock.advance(Duration::from_micros(10));
                futures_lite::future::yield_now().await;
            }
        })
        .forever(),
    );
    let jobs: Vec<_> =
        (0..20).map(|_| graph.add(Job::new(futures_lite::future::yield_now()))).collect();
    let report = run(&clock, graph);
    assert!(report.is_completed());
    assert_eq!(report.counts().succeeded, jobs.len());
}

#[test]
fn a_timeout_of_zero_starts_nothing() {
    let clock = VirtualClock::new();
    let ran = Cell::new(false);
    let mut graph = JobGraph::new().timeout(Duration::ZERO);
    let job = graph.add(Job::new(async { ran.set(true) }));
    let report = run(&clock, graph);
    assert_eq!(report.verdict(), Verdict::TimedOut);
    assert_eq!(report.outcome(&job), Some(Outcome::Skipped(SkipReason::RunStopped)));
    assert!(!ran.get());
}

#[test]
fn an_empty_graph_completes_at_once() {
    let report = run(&VirtualClock::new(), JobGraph::new().timeout(Duration::ZERO));
    assert_eq!(report.verdict(), Verdict::Completed);
    assert_eq!(report.to_string(), "");
}

#[test]
fn a_failure_skips_what_requires_it_and_nothing_else() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let a = graph.add(Job::new(clock.sleep(millis(200))).label("a"));
    let b = graph.add(
        Job::try_new(async {
            clock.sleep(millis(200)).await;
            Err::<(), _>("no such\nhost")
        })
        .label("b")
        .requires(&a),
    );
    let c = graph.add(Job::new(async {}).label("c").requires(&b));
    let d = graph.add(Job::new(async {}).label("d").after(&b));
    let e = graph.add(Job::new(async { "sorry" }).label("e").on_failure_of(&b));
    let f = graph.add(Job::new(async {}).label("f").on_failure_of(&a));
    graph.add(Job::new(clock.sleep(millis(900))));
    let report = run(&clock, graph);
    assert!(report.is_completed());
    assert_eq!(report.error(&b).unwrap().to_string(), "no such\nhost");
    assert_eq!(report.outcome(&c), Some(Outcome::Skipped(SkipReason::Requirement(b.id()))));
    assert_eq!(report.outcome(&d), Some(Outcome::Succeeded));
    assert_eq!(report.output(&e), Some(&"sorry"));
    assert_eq!(report.outcome(&f), Some(Outcome::Skipped(SkipReason::Requirement(a.id()))));
    assert_eq!(report.failures().map(|job| job.label().unwrap()).collect::<Vec<_>>(), ["b"]);
    expect![[r#"
        #1 ✓ a       succeeded allows [b, f to fail] 0.2 s
        #7 ✓ NOLABEL succeeded 0.9 s
        #2 ✗ b       failed: no such\nhost requires [a] allows [c, d to finish, e to fail] 0.2 s
        #6 ○ f       skipped because of a requires [a to fail]
        #3 ○ c       skipped because of b requires [b]
        #4 ✓ d       succeeded requires [b to finish] 0 s
        #5 ✓ e       succeeded -> "sorry" requires [b to fail] 0 s"#]]
    .assert_eq(&report.to_string());
}

#[test]
fn a_critical_failure_ends_the_run() {
    let clock = VirtualClock::new();
    let alive = Alive::default();
    let mut graph = JobGraph::new();
    let guard = alive.guard();
    let running = graph.add(Job::new(async move {
        let _guard = guard;
        pending::<()>().await;
    }));
    let b = graph.add(
        Job::try_new(async {
            clock.sleep(millis(400)).await;
            Err::<(), _>("broken")
        })
        .critical(),
    );
    let waiting = graph.add(Job::new(async {}).requires(&running));
    let report = run(&clock, graph);
    assert_eq!(report.verdict(), Verdict::CriticalFailure(b.id()));
    assert_eq!(report.elapsed(), millis(400));
    assert_eq!(report.outcome(&running), Some(Outcome::Cancelled));
    assert_eq!(report.outcome(&waiting), Some(Outcome::Skipped(SkipReason::RunStopped)));
    assert_eq!(alive.count(), 0);
}

#[test]
fn a_panic_is_a_failure_with_its_message() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let text = graph.add(Job::new(async { panic!("with a text") }));
    let number = graph.add(Job::new(async { panic!("with number {}", 7) }));
    let other = graph.add(Job::new(async { std::panic::panic_any(7) }));
    let making = graph.add(
        Job::repeat(|| -> std::future::Ready<Result<(), &str>> { panic!("while made") }).retries(2),
    );
    let after = graph.add(Job::new(async { "goes on" }).after((&text, &number, &other, &making)));
    let report = run(&clock, graph);
    let errors = [&text, &number, &other].map(|job| report.error(job).unwrap().to_string());
    assert_eq!(
        errors,
        ["panicked: with a text", "panicked: with number 7", "panicked: (no message)"]
    );
    assert_eq!(report.error(&making).unwrap().to_string(), "panicked: while made");
    assert_eq!(report.job(&making).unwrap().attempts(), 3);
    assert_eq!(report.output(&after), Some(&"goes on"));
}

#[test]
fn a_panic_in_the_drop_of_an_aborted_job_does_not_end_the_run() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let bomb = graph.add(
        Job::new(async {
            let _bomb = Bomb;
            pending::<()>().await;
        })
        .timeout(millis(10)),
    );
    let other = graph.add(Job::new(clock.sleep(millis(20))));
    let report = run(&clock, graph);
    assert_eq!(report.outcome(&bomb), Some(Outcome::Failed(Failure::TimedOut)));
    assert_eq!(report.outcome(&other), Some(Outcome::Succeeded));
}

#[test]
fn retries_wait_twice_as_long_each_time() {
    let clock = VirtualClock::new();
    let started = RefCell::new(vec![]);
    let mut graph = JobGraph::new();
    let flaky = graph.add(
        Job::repeat(|| async {
            started.borrow_mut().push(clock.now().as_nanos() / 1_000_000);
            if started.borrow().len() < 5 { Err("not yet") } else { Ok("at last") }
        })
        .retries(9)
        .backoff(millis(100), millis(300))
        .label("flaky"),
    );
    let report = run(&clock, graph);
    assert_eq!(*started.borrow(), [0, 100, 300, 600, 900]);
    assert_eq!(report.output(&flaky), Some(&"at last"));
    expect![[r#"#1 ✓ flaky succeeded -> "at last", 5 attempts 0.9 s"#]]
        .assert_eq(&report.to_string());
}

#[test]
fn a_timeout_counts_one_attempt_and_drops_it() {
    let clock = VirtualClock::new();
    let alive = Alive::default();
    let most = Cell::new(0);
    let mut graph = JobGraph::new();
    let slow = graph.add(
        Job::repeat(|| {
            let guard = alive.guard();
            most.set(most.get().max(alive.count()));
            async move {
                let _guard = guard;
                pending::<Result<(), &str>>().await
            }
        })
        .retries(2)
        .timeout(millis(50)),
    );
    let report = run(&clock, graph);
    assert_eq!(report.error(&slow).unwrap().to_string(), "timed out");
    assert_eq!((report.job(&slow).unwrap().attempts(), report.elapsed()), (3, millis(150)));
    assert_eq!((most.get(), alive.count()), (1, 0));
}

#[test]
fn a_job_has_its_grace_to_end_by_itself() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new().timeout(millis(100));
    let quick = graph.add(
        Job::new(async {
            clock.sleep(millis(120)).await;
            "made it"
        })
        .grace(millis(50)),
    );
    let slow = graph.add(Job::new(clock.sleep(millis(1_000))).grace(millis(50)));
    let report = run(&clock, graph);
    assert_eq!(report.verdict(), Verdict::TimedOut);
    assert_eq!(report.output(&quick), Some(&"made it"));
    assert_eq!(report.outcome(&slow), Some(Outcome::Cancelled));
    assert_eq!(report.elapsed(), millis(150));
}

#[test]
fn a_place_in_the_window_is_freed_however_a_job_ends() {
    let clock = VirtualClock::new();
    let (running, most) = (Cell::new(0), Cell::new(0));
    let mut graph = JobGraph::new().window(2);
    graph.add(Job::new(pending::<()>()).forever());
    for number in 0..12_u32 {
        let (clock, running, most) = (&clock, &running, &most);
        graph.add(
            Job::try_new(async move {
                running.set(running.get() + 1);
                most.set(most.get().max(running.get()));
                clock.sleep(millis(10)).await;
                if number % 4 == 3 {
                    running.set(running.get() - 1);
                    pending::<()>().await;
                }
                running.set(running.get() - 1);
                match number % 4 {
                    0 => Ok(number),
                    1 => Err("fails"),
                    _ => panic!("panics"),
                }
            })
            .timeout(millis(30)),
        );
    }
    let report = run(&clock, graph);
    assert!(report.is_completed());
    assert_eq!(most.get(), 2);
    assert_eq!((report.counts().succeeded, report.counts().failed), (3, 9));
}

#[test]
fn a_higher_priority_goes_first() {
    let log = RefCell::new(vec![]);
    let mut graph = JobGraph::new().window(1);
    for (name, priority) in [("low", -1), ("usual", 0), ("high", 5), ("usual too", 0)] {
        let log = &log;
        graph.add(Job::new(async move { log.borrow_mut().push(name) }).priority(priority));
    }
    let _ = run(&VirtualClock::new(), graph);
    assert_eq!(*log.borrow(), ["high", "usual", "usual too", "low"]);
}

#[test]
fn outputs_flow_into_other_jobs() {
    let mut graph = JobGraph::new();
    let text = graph.add(Job::new(async { String::from("to be or not to be") }).label("text"));
    let words = graph.add(Job::with(&text, async move |text| text.split(' ').count()));
    let local = graph.add(Job::new(async { Rc::new(7_usize) }));
    let sum =
        graph.add(Job::with((&words, &local), |words, local| async move { *words + **local }));
    let parsed = graph.add(Job::try_with(&text, |text| async move { text.parse::<u8>() }));
    let never = graph.add(Job::with(&parsed, |_| async {}));
    let mut report = run(&VirtualClock::new(), graph);
    assert_eq!(report.output(&sum), Some(&13));
    assert_eq!(report.error(&parsed).unwrap().to_string(), "invalid digit found in string");
    assert_eq!(
        report.outcome(&never),
        Some(Outcome::Skipped(SkipReason::Requirement(parsed.id())))
    );
    assert_eq!(report.take_output(&text).as_deref(), Some("to be or not to be"));
    assert_eq!(report.take_output(&text), None);
    assert_eq!(report.output(&parsed), None);
}

#[test]
fn what_a_job_borrowed_comes_back_when_the_run_ends() {
    let mut list = vec![1];
    let mut graph = JobGraph::new();
    let length = graph.add(Job::new(async {
        list.push(2);
        list.len()
    }));
    let report = run(&VirtualClock::new(), graph);
    assert_eq!(list, [1, 2]);
    assert_eq!(report.output(&length), Some(&2));
}

#[test]
fn dropping_the_run_drops_every_job() {
    let clock = VirtualClock::new();
    let alive = Alive::default();
    let mut graph = SendJobGraph::new().window(4);
    for _ in 0..10 {
        let (guard, clock) = (alive.guard(), clock.clone());
        graph.add(Job::new(async move {
            let _guard = guard;
            clock.sleep(millis(1_000)).await;
        }));
    }
    let run = jobgraph::run(&clock, graph);
    let dropped = futures_lite::future::or(async { Some(run.await) }, async {
        clock.sleep(millis(200)).await;
        assert_eq!(alive.count(), 10);
        None
    });
    assert!(clock.block_on(dropped).is_none());
    assert_eq!(alive.count(), 0);
}

#[test]
fn the_run_of_a_send_graph_is_send() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let clock = VirtualClock::new();
    let mut graph = SendJobGraph::new();
    let job = graph.add(Job::new(async { 5 }));
    let report = clock.block_on(is_send(jobgraph::run(&clock, graph))).unwrap();
    assert_eq!(is_send(report).output(&job), Some(&5));
}

#[test]
fn a_waker_that_outlives_its_job_wakes_nobody_else() {
    let kept = RefCell::new(None::<Waker>);
    let polls = Cell::new(0);
    let mut graph = JobGraph::new();
    let keeps = graph.add(Job::new(poll_fn(|cx| {
        *kept.borrow_mut() = Some(cx.waker().clone());
        Poll::Ready(())
    })));
    let counts = graph.add(
        Job::new(poll_fn(|_| {
            polls.set(polls.get() + 1);
            Poll::<()>::Pending
        }))
        .forever()
        .requires(&keeps),
    );
    graph.add(
        Job::new(async {
            for _ in 0..5 {
                kept.borrow().as_ref().unwrap().wake_by_ref();
                futures_lite::future::yield_now().await;
            }
        })
        .requires(&keeps),
    );
    let report = run(&VirtualClock::new(), graph);
    assert_eq!(report.outcome(&counts), Some(Outcome::Cancelled));
    assert_eq!(polls.get(), 1);
}

#[test]
fn a_wake_from_another_thread_arrives() {
    let (sender, receiver) = async_channel::bounded(1);
    let mut graph = JobGraph::new();
    let job = graph.add(Job::try_new(async move { receiver.recv().await }));
    let thread = std::thread::spawn(move || sender.send_blocking(42));
    let report =
        futures_lite::future::block_on(jobgraph::run(&VirtualClock::new(), graph)).unwrap();
    thread.join().unwrap().unwrap();
    assert_eq!(report.output(&job), Some(&42));
}

#[test]
fn a_graph_that_cannot_start_says_why_and_starts_nothing() {
    let ran = Cell::new(false);
    let mut graph = JobGraph::new();
    let a = graph.add(Job::new(async { ran.set(true) }).label("a"));
    let b = graph.add(Job::new(async {}).requires(&a));
    let c = graph.add(Job::new(async {}).label("c").requires(&b));
    graph.require(&a, &c, Condition::Finished).unwrap();
    assert_eq!(refused(graph), "the requirements form a cycle: a -> c -> #2 -> a");
    assert!(!ran.get());

    let (mut graph, mut other) = (JobGraph::new(), JobGraph::new());
    let here = graph.add(Job::new(async {}).label("here"));
    let there = other.add(Job::new(async {}).label("there"));
    let error = graph.require(&here, &there, Condition::Succeeded).unwrap_err();
    assert!(matches!(error, RunError::ForeignHandle { .. }), "{error}");
    graph.add(Job::new(async {}).label("mixed").requires(&there));
    expect!["the new job mixed requires #1 of another graph: add that job to this graph and use the handle that `add` returns"]
        .assert_eq(&refused(graph));

    let mut graph = JobGraph::new();
    let forever = graph.add(Job::new(async {}).label("clock").forever());
    graph.add(Job::new(async {}).label("late").requires(&forever));
    expect!["the new job late requires #1 clock to succeed: a forever job only ends with the run; make it a service to require its readiness"]
        .assert_eq(&refused(graph));

    expect!["the window has room for zero jobs: nothing could start; leave it out for no limit"]
        .assert_eq(&refused(JobGraph::new().window(0)));
}

#[test]
fn a_graph_can_be_edited_and_listed_before_it_runs() {
    let mut graph = JobGraph::new();
    let [a, b, c, d] =
        ["a", "b", "c", "d"].map(|label| graph.add(Job::new(async { 1 }).label(label)));
    graph.sequence((&a, &b, &c)).unwrap();
    graph.sequence([&a, &d]).unwrap();
    graph.bypass(&b).unwrap();
    assert_eq!(graph.requirements(&c).collect::<Vec<_>>(), [(a.id(), Condition::Succeeded)]);
    graph.remove_requirement(&d, &a).unwrap();
    expect![[r"
        #1 · a waiting allows [c]
        #4 · d waiting
        #3 · c waiting requires [a]"]]
    .assert_eq(&graph.to_string());
    graph.keep_between((), &c).unwrap();
    assert_eq!(graph.len(), 2);
    let report = run(&VirtualClock::new(), graph);
    assert_eq!((report.output(&c), report.output(&d)), (Some(&1), None));
}

#[test]
fn a_handle_of_another_graph_finds_nothing_in_a_report() {
    let mut graph = JobGraph::new();
    graph.add(Job::new(async { 1 }));
    let stranger = JobGraph::new().add(Job::new(async { 2 }));
    let report = run(&VirtualClock::new(), graph);
    assert_eq!(report.output(&stranger), None);
    assert_eq!(report.outcome(&stranger), None);
    assert!(report.job(&stranger).is_none());
}

#[test]
fn a_hundred_thousand_jobs_run_in_a_chain_and_side_by_side() {
    const JOBS: usize = 100_000;
    let sum = Cell::new(0);
    let mut graph = JobGraph::new();
    let chain: Vec<_> =
        (0..JOBS).map(|_| graph.add(Job::new(async { sum.set(sum.get() + 1) }))).collect();
    graph.sequence(&chain).unwrap();
    for _ in 0..JOBS {
        graph.add(Job::new(async {
            futures_lite::future::yield_now().await;
            sum.set(sum.get() + 1);
        }));
    }
    let report = run(&VirtualClock::new(), graph);
    assert_eq!(sum.get(), 2 * JOBS);
    assert_eq!(report.counts().succeeded, 2 * JOBS);
}

/// Who ended in order when asked to is told from who was dropped after its grace, or by an abort.
#[test]
fn what_was_dropped_though_it_had_time_is_said() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new().timeout(10 * SECOND);
    let service = |takes: u32| {
        Job::service(move |cx: jobgraph::ServiceContext<()>| async move {
            cx.ready(());
            cx.cancelled().await;
            cx.note("two connections");
            cx.sleep(takes * SECOND).await;
            Ok(())
        })
        .grace(3 * SECOND)
        .awaited()
    };
    graph.add(service(2).label("in time"));
    graph.add(service(4).label("late"));
    graph.add(Job::new(std::future::pending::<()>()).label("has no time"));
    let report = clock.block_on(jobgraph::run(&clock, graph)).unwrap();
    let note = |number: usize| report.jobs().nth(number).unwrap().note().map(ToString::to_string);
    assert_eq!(note(0).as_deref(), Some("two connections"));
    assert_eq!(note(1).as_deref(), Some("two connections; dropped before it had ended"));
    assert_eq!(note(2), None);
}
