//! What jobs see of a run, and what people see of both: contexts, handles, texts.
#![cfg(all(feature = "testing", feature = "smol"))]

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::error::Error as _;
use std::future::{Future, pending};
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{self, Wake, Waker};
use std::time::Duration;

use futures_lite::future::{or, yield_now};
use jobgraph::Condition;
use jobgraph::testing::VirtualClock;
use jobgraph::{
    Clock, Context, Error, FactKind, Failure, Graph, Job, JobError, JobGraph, JobState, Outcome,
    Payload, Report, RunError, RunJob, ServiceContext, Timestamp, Verdict,
};

fn run<P: Payload>(clock: &VirtualClock, graph: Graph<P>) -> Report<P::Outputs> {
    clock.block_on(jobgraph::run(clock, graph)).unwrap()
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn a_context_knows_the_time_and_whether_it_is_cancelled() {
    let clock = VirtualClock::new();
    let seen = RefCell::new(Vec::new());
    let mut graph = JobGraph::new();
    graph.add(
        Job::with_context(async |cx: Context| {
            seen.borrow_mut().push((cx.is_cancelled(), cx.now()));
            cx.cancelled().await;
            seen.borrow_mut().push((cx.is_cancelled(), cx.now()));
        })
        .forever()
        .grace(millis(1)),
    );
    graph.add(Job::new(clock.sleep(millis(30))));
    assert!(run(&clock, graph).is_completed());
    let later = Timestamp::ZERO + millis(30);
    assert_eq!(*seen.borrow(), [(false, Timestamp::ZERO), (true, later)]);
}

#[test]
fn contexts_and_handles_tell_debuggers_what_they_are() {
    let clock = VirtualClock::new();
    let texts = RefCell::new(Vec::new());
    let mut graph = JobGraph::new();
    let adder = graph.adder();
    texts.borrow_mut().push(format!("{adder:?}").split(' ').next().unwrap().to_owned());
    let service = graph.add(Job::service(async |cx| {
        texts.borrow_mut().push(format!("{cx:?}"));
        cx.ready(());
        cx.cancelled().await;
        Ok::<_, Error>(())
    }));
    let debug = async |cx: Context| texts.borrow_mut().push(format!("{cx:?}"));
    graph.add(Job::with_context(debug).requires(&service));
    let _ = run(&clock, graph);
    assert_eq!(
        *texts.borrow(),
        [
            "Adder",
            "Context { attempt: Attempt { job: #1, number: 1 }, cancelled: false, .. }",
            "Context { attempt: Attempt { job: #2, number: 1 }, cancelled: false, .. }",
        ]
    );
}

#[test]
fn a_custom_job_needs_no_label() {
    struct Plain;
    impl RunJob for Plain {
        type Output = ();
        async fn run(&self, _: Context) -> Result<(), Error> {
            Ok(())
        }
    }
    let mut graph = JobGraph::new();
    let plain = graph.add(Job::custom(Plain));
    let report = run(&VirtualClock::new(), graph);
    assert_eq!(report.job(&plain).unwrap().label(), None);
}

#[test]
fn the_hook_of_an_added_job_runs_although_no_other_job_has_one() {
    let cleaned = Cell::new(false);
    let mut graph = JobGraph::new();
    let adder = graph.adder();
    let cleaned_up = &cleaned;
    graph.add(Job::new(async move {
        let hook = move || async move { cleaned_up.set(true) };
        adder.add(Job::new(async {}).on_shutdown(hook)).await.unwrap();
    }));
    assert!(run(&VirtualClock::new(), graph).is_completed());
    assert!(cleaned.get());
}

#[test]
fn what_a_job_captured_is_dropped_when_it_ends_although_another_has_a_hook() {
    let guard = Rc::new(());
    let mut graph = JobGraph::new();
    let held = Rc::clone(&guard);
    let first = graph.add(Job::repeat(move || {
        let _held = &held;
        async { Ok::<_, Error>(()) }
    }));
    let count = graph.add(Job::new(async { Rc::strong_count(&guard) }).after(&first));
    graph.add(Job::new(async {}).on_shutdown(|| async {}));
    let report = run(&VirtualClock::new(), graph);
    assert_eq!(report.output(&count), Some(&1));
}

#[test]
fn handles_are_equal_if_they_name_the_same_job_of_the_same_graph() {
    let (mut graph, mut other) = (JobGraph::new(), JobGraph::new());
    let [a, b] = [(); 2].map(|()| graph.add(Job::new(async {})));
    let foreign = other.add(Job::new(async {}));
    assert_eq!(a.id(), foreign.id());
    let copy = a;
    assert!(a == copy && a != b && a != foreign);
    assert_eq!([a, b, foreign, a, b].into_iter().collect::<HashSet<_>>().len(), 3);
    let hasher = RandomState::new();
    assert_ne!(hasher.hash_one(a), hasher.hash_one(b));
    assert_eq!(format!("{b:?}"), "Handle(#2)");
}

#[test]
fn requirements_are_one_handle_or_several_in_any_form() {
    let mut graph = JobGraph::new();
    let handles: Vec<_> = (0..3).map(|_| graph.add(Job::new(async {}))).collect();
    let [a, b, c] = [handles[0], handles[1], handles[2]];
    let jobs = [
        graph.add(Job::new(async {}).requires(&a)),
        graph.add(Job::new(async {}).requires(())),
        graph.add(Job::new(async {}).requires(&handles)),
        graph.add(Job::new(async {}).requires(&handles[1..])),
        graph.add(Job::new(async {}).requires(&[c, a])),
        graph.add(Job::new(async {}).requires([&b, &c])),
        graph.add(Job::new(async {}).requires(vec![&c, &b])),
        graph.add(Job::new(async {}).requires((&a, [&b], &handles[2..]))),
    ];
    let numbers = |job| graph.requirements(&job).map(|(id, _)| id.number()).collect::<Vec<_>>();
    let expected: [&[u64]; 8] =
        [&[1], &[], &[1, 2, 3], &[2, 3], &[3, 1], &[2, 3], &[3, 2], &[1, 2, 3]];
    assert_eq!(jobs.map(numbers), expected);
}

#[test]
fn an_error_of_a_job_leads_to_its_cause() {
    #[derive(Debug)]
    struct Outer(std::io::Error);
    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("outer")
        }
    }
    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    let text = "no number".parse::<u8>().unwrap_err();
    let cause = std::io::Error::other(text.clone());
    let mut graph = JobGraph::new();
    let fails = graph.add(Job::try_new(async { Err::<(), _>(Outer(cause)) }));
    let panics = graph.add(Job::new(async { panic!("oh no") }));
    let report = run(&VirtualClock::new(), graph);
    let error = report.error(&fails).unwrap();
    // Each cause is said once: the second one reads like the first.
    assert_eq!(error.to_string(), format!("outer: {text}"));
    let JobError::Error(error) = error else { panic!("{error}") };
    assert!(error.downcast_ref::<Outer>().unwrap().source().is_some());
    assert_eq!(report.error(&panics).unwrap().to_string(), "panicked: oh no");
}

#[test]
fn a_graph_knows_its_size() {
    let mut graph = JobGraph::new();
    assert!(graph.is_empty());
    graph.add(Job::new(async {}).label("only"));
    assert!(!graph.is_empty());
    assert_eq!(graph.len(), 1);
    assert!(format!("{graph:?}").contains("waiting: 1"), "{graph:?}");
}

#[test]
fn a_graph_can_be_repeated_if_its_jobs_and_hooks_can() {
    let mut once = JobGraph::new();
    once.add(Job::new(async {}).on_each_shutdown(|| async {}));
    assert!(matches!(once.repeatable(), Err(RunError::RunsOnce { .. })));
    let mut often = JobGraph::new();
    often.add(Job::repeat(|| async { Ok::<_, Error>(()) }).on_each_shutdown(|| async {}));
    assert!(often.repeatable().is_ok());
    let mut with_hook = JobGraph::new();
    with_hook.add(Job::repeat(|| async { Ok::<_, Error>(()) }).on_shutdown(|| async {}));
    assert!(matches!(with_hook.repeatable(), Err(RunError::RunsOnce { .. })));
}

#[test]
fn a_run_in_place_lets_others_go_on_although_a_job_is_always_busy() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let stop = graph.stop_handle();
    graph.add(Job::new(async {
        loop {
            yield_now().await;
        }
    }));
    let others = async {
        for _ in 0..3 {
            yield_now().await;
        }
        stop.stop();
        pending().await
    };
    let run = async { jobgraph::run(&clock, graph).await.unwrap().verdict() };
    assert_eq!(clock.block_on(or(run, others)), Verdict::Stopped);
}

#[test]
fn a_context_of_an_earlier_run_has_nothing_to_say_in_the_next() {
    let clock = VirtualClock::new();
    let kept = RefCell::new(None::<ServiceContext<u8>>);
    let mut graph = JobGraph::new();
    let service = graph.add(Job::restartable(async |cx: ServiceContext<u8>| {
        let Some(earlier) = kept.replace(Some(cx.clone())) else {
            return Err::<(), Error>("not in the first run".into());
        };
        earlier.ready(1);
        cx.sleep(millis(10)).await;
        cx.ready(2);
        pending().await
    }));
    let user = graph.add(Job::repeat(|| async { Ok::<_, Error>(()) }).requires(&service));
    let mut graph = graph.repeatable().unwrap();
    let [first, second] = [(); 2].map(|()| clock.block_on(graph.run(&clock)).unwrap());
    assert!(!first.is_done(&user));
    assert_eq!(second.job(&user).unwrap().started(), Some(millis(10)));
    assert_eq!(second.output(&service), Some(&2));
}

#[test]
fn the_second_stop_aborts_the_jobs_and_leaves_the_hooks_to_run() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let stop = graph.stop_handle();
    let hook = || async { clock.sleep(millis(5)).await };
    let job = graph.add(Job::new(pending::<()>()).grace(millis(60_000)).on_shutdown(hook));
    let clock_of_stops = clock.clone();
    graph.add(Job::new(async move {
        clock_of_stops.sleep(millis(1)).await;
        stop.stop();
        stop.stop();
        pending::<()>().await;
    }));
    let report = run(&clock, graph);
    assert_eq!((report.verdict(), report.elapsed()), (Verdict::Stopped, millis(6)));
    let hook = report.job(&job).unwrap().hook().unwrap().outcome();
    assert_eq!(hook, Outcome::Succeeded);
}

#[test]
fn a_nested_graph_is_listed_although_it_has_a_hook() {
    let mut inner = JobGraph::new();
    inner.add(Job::new(async {}).label("within"));
    let mut graph = JobGraph::new();
    graph.add(Job::graph(inner).label("outer").on_shutdown(|| async {}));
    assert!(graph.to_string().contains("within"), "{graph}");
    let jobs = graph.outline();
    assert_eq!(jobs[0].inside.as_ref().unwrap()[0].label.as_deref(), Some("within"));
}

#[test]
fn what_is_reported_too_late_is_not_an_output() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let late = async |cx: Context| {
        cx.cancelled().await;
        "too late"
    };
    let late = graph.add(Job::with_context(late).timeout(millis(5)).grace(millis(60_000)));
    let report = run(&clock, graph);
    assert_eq!(report.outcome(&late), Some(Outcome::Failed(Failure::TimedOut)));
    assert_eq!(report.output(&late), None);
}

#[test]
fn what_is_inside_an_aborted_graph_is_gone_before_its_hook_runs() {
    let clock = VirtualClock::new();
    let guard = Rc::new(());
    let held = Rc::clone(&guard);
    let mut inner = JobGraph::new();
    inner.add(Job::new(async move {
        let _held = held;
        pending::<()>().await;
    }));
    let left = Cell::new(0);
    let hook = || async { left.set(Rc::strong_count(&guard)) };
    let mut graph = JobGraph::new();
    graph.add(Job::graph(inner).timeout(millis(1)).grace(Duration::ZERO).on_shutdown(hook));
    assert!(run(&clock, graph).is_completed());
    assert_eq!(left.get(), 1);
}

/// How often it was woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn who_polled_a_run_last_is_woken() {
    let clock = VirtualClock::new();
    let (send, receive) = async_channel::bounded::<()>(1);
    let mut graph = JobGraph::new();
    let stop = graph.stop_handle();
    graph.add(Job::new(async move { receive.recv().await.is_ok() }));
    graph.add(Job::new(pending::<()>()));
    let mut run = pin!(jobgraph::run(&clock, graph));
    let acts: [&dyn Fn(); 2] = [&|| send.try_send(()).unwrap(), &|| stop.stop()];
    for act in acts {
        let [first, last] = [(); 2].map(|()| Arc::new(Wakes::default()));
        for polls in [&first, &last] {
            let waker = Waker::from(Arc::clone(polls));
            assert!(run.as_mut().poll(&mut task::Context::from_waker(&waker)).is_pending());
        }
        act();
        let woken = [first, last].map(|wakes| wakes.0.load(Ordering::Relaxed));
        assert_eq!(woken, [0, 1]);
    }
}

#[test]
fn a_stop_before_the_first_of_many_runs_ends_that_one() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    graph.add(Job::repeat(|| async { Ok::<_, Error>(()) }));
    let stop = graph.stop_handle();
    let mut graph = graph.repeatable().unwrap();
    stop.stop();
    let verdicts = [(); 2].map(|()| clock.block_on(graph.run(&clock)).unwrap().verdict());
    assert_eq!(verdicts, [Verdict::Stopped, Verdict::Completed]);
}

#[test]
fn a_listing_names_eight_requirements_and_counts_the_others() {
    for (jobs, end) in [(8, "8]"), (9, "8 and 1 more]"), (11, "8 and 3 more]")] {
        let mut graph = JobGraph::new();
        let add = |number| graph.add(Job::new(async {}).label(format!("{number}")));
        let jobs: Vec<_> = (1..=jobs).map(add).collect();
        graph.add(Job::new(async {}).requires(&jobs));
        let text = graph.to_string();
        assert!(text.lines().last().unwrap().ends_with(end), "{text}");
    }
}

#[test]
fn a_rehearsal_respects_timeouts() {
    let mut graph = JobGraph::new();
    graph.add(Job::new(async {}).label("slow").timeout(millis(5)));
    graph.add(Job::new(async {}).label("just in time").timeout(millis(10)));
    let facts = graph.rehearse(|_| millis(10)).unwrap();
    let ends: Vec<_> = facts
        .into_iter()
        .filter_map(|fact| match fact.what {
            FactKind::State { to: JobState::Ended(outcome), .. } => Some((fact.at, outcome)),
            _ => None,
        })
        .collect();
    let [early, late] = [5, 10].map(|at| Timestamp::ZERO + millis(at));
    assert_eq!(ends, [(early, Outcome::Failed(Failure::TimedOut)), (late, Outcome::Succeeded)]);
}

/// Jobs that a run adds are of that run alone: their bodies go with it.
#[test]
fn what_a_run_adds_does_not_outlive_it() {
    let clock = VirtualClock::new();
    let guard = Arc::new(());
    let mut graph = JobGraph::new();
    let adder = graph.adder();
    let added = Arc::clone(&guard);
    graph.add(Job::repeat(move || {
        let (adder, added) = (adder.clone(), Arc::clone(&added));
        async move {
            let job = Job::repeat(move || {
                let held = Arc::clone(&added);
                async move { Ok::<_, Error>(Arc::strong_count(&held)) }
            });
            adder.add(job).await.map(drop)
        }
    }));
    let mut graph = graph.repeatable().unwrap();
    for _ in 0..3 {
        let report = clock.block_on(graph.run(&clock)).unwrap();
        assert_eq!((report.counts().succeeded, Arc::strong_count(&guard)), (2, 2));
    }
}

/// More jobs than lie side by side; those that were added in a run are not of the next one.
#[test]
fn a_large_graph_that_adds_jobs_runs_again() {
    for (built, added) in [(10, 2_500), (1_023, 3), (1_024, 1_024), (1_030, 10), (2_500, 2_500)] {
        let (clock, ran) = (VirtualClock::new(), Cell::new(0));
        let ran = &ran;
        let count = move || {
            ran.set(ran.get() + 1);
            async { Ok::<(), Error>(()) }
        };
        let mut graph = JobGraph::new();
        for _ in 1..built {
            graph.add(Job::repeat(count));
        }
        let adder = graph.adder();
        graph.add(Job::repeat(move || {
            for _ in 0..added {
                drop(adder.add(Job::repeat(count)));
            }
            count()
        }));
        let mut graph = graph.repeatable().unwrap();
        for run in 1..=3 {
            let report = clock.block_on(graph.run(&clock)).unwrap();
            assert!(report.is_completed());
            assert_eq!(report.jobs().count(), built + added);
            assert_eq!(ran.get(), run * (built + added), "{built} and {added}");
        }
    }
}

#[test]
fn a_pool_of_another_graph_is_refused() {
    let mut other = JobGraph::new();
    let pool = other.pool("disk", 2);
    let mut graph = JobGraph::new();
    graph.pool("disk", 2);
    graph.add(Job::new(async {}).label("copy").within(&pool));
    let error = jobgraph::smol::block_on(graph).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the new job copy takes from a pool of another graph: make that pool in this graph and use what `pool` returns"
    );
}

#[test]
fn a_pool_of_nothing_is_refused() {
    let mut graph = JobGraph::new();
    let pool = graph.pool("disk", 0);
    graph.add(Job::new(async {}).within(&pool));
    let error = jobgraph::smol::block_on(graph).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the pool disk has room for nothing: no job of it could ever start; make it of 1 at least"
    );
}

#[test]
fn what_a_job_takes_is_told_and_listed() {
    let mut graph = JobGraph::new();
    let [disk, gpu] = [graph.pool("disk", 4), graph.pool("gpu", 1)];
    graph.add(Job::new(async {}).label("sort").takes(3, &disk).within(&gpu));
    let mut facts = graph.facts();
    assert!(graph.to_string().contains("takes [3 of disk, 1 of gpu]"), "{graph}");
    let report = jobgraph::smol::block_on(graph).unwrap();
    assert!(report.to_string().contains("succeeded takes [3 of disk, 1 of gpu]"), "{report}");
    let facts: Vec<_> = std::iter::from_fn(|| facts.try_next()).collect();
    let FactKind::Begun { pools, .. } = &facts[0].what else { panic!("{facts:?}") };
    assert_eq!(pools[..], [("disk".into(), 4), ("gpu".into(), 1)]);
    let FactKind::Added(job) = &facts[1].what else { panic!("{facts:?}") };
    assert_eq!(job.takes[..], [("disk".into(), 3), ("gpu".into(), 1)]);
    let history: jobgraph::view::History = facts.into_iter().collect();
    assert!(history.to_string().contains("takes [3 of disk, 1 of gpu]"), "{history}");
    assert!(jobgraph::view::timeline(&history).contains("takes [3 of disk, 1 of gpu]"));
}

#[test]
fn all_that_is_wrong_is_found_at_once() {
    let mut inside = JobGraph::new();
    let [a, b] = ["a", "b"].map(|label| inside.add(Job::new(async {}).label(label)));
    inside.require(&a, &b, Condition::Succeeded).unwrap();
    inside.require(&b, &a, Condition::Succeeded).unwrap();
    let mut other = JobGraph::new();
    let stranger = other.add(Job::new(async {}));

    let mut graph = JobGraph::new().window(0);
    graph.add(Job::new(async {}).label("c").requires(&stranger));
    graph.pool("disk", 0);
    graph.add(Job::repeat(|| async { jobgraph::ok(()) }).label("d").jitter());
    graph.add(Job::graph(inside).label("inside"));
    let [e, f] = ["e", "f"].map(|label| graph.add(Job::new(async {}).label(label)));
    graph.require(&e, &f, Condition::Succeeded).unwrap();
    graph.require(&f, &e, Condition::Finished).unwrap();
    let problems = graph.check().unwrap_err();
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "the new job c requires #1 of another graph: add that job to this graph and use the handle that `add` returns",
            "the pool disk has room for nothing: no job of it could ever start; make it of 1 at least",
            "the new job d cannot be added: its jitter has no pause to change; give it one with `backoff`",
            "the window has room for zero jobs: nothing could start; leave it out for no limit",
            "#3 inside: the requirements form a cycle: a -> b -> a",
            "the requirements form a cycle: e -> f -> e",
        ]
    );
    assert!(problems.to_string().starts_with("6 problems: the new job c requires"));
    // A run names the first, and begins nothing.
    let error = jobgraph::smol::block_on(graph).unwrap_err();
    assert_eq!(error.to_string(), texts[0]);
}

#[test]
fn a_graph_that_can_run_has_no_problems() {
    let mut graph = JobGraph::new();
    let a = graph.add(Job::new(async {}));
    graph.add(Job::graph(JobGraph::new()).requires(&a));
    graph.check().unwrap();
    assert!(jobgraph::smol::block_on(graph).unwrap().is_completed());
}

#[test]
fn one_problem_reads_like_itself() {
    let mut graph = JobGraph::new().window(0);
    graph.add(Job::new(async {}));
    let problems = graph.check().unwrap_err();
    assert_eq!(problems.to_string(), problems.iter().next().unwrap().to_string());
}

#[test]
fn a_member_of_another_graph_is_refused() {
    let mut other = JobGraph::new();
    let stranger = other.add(Job::new(async {}));
    let mut graph = JobGraph::new();
    let own = graph.add(Job::new(async {}));
    graph.add(Job::new(async {}).label("x").requires_any((&own, &stranger)));
    let error = jobgraph::smol::block_on(graph).unwrap_err().to_string();
    assert!(error.starts_with("the new job x requires #1 of another graph"), "{error}");
}

#[test]
fn what_waits_for_any_is_listed() {
    let mut graph = JobGraph::new();
    let [a, b] = ["a", "b"].map(|label| graph.add(Job::new(async {}).label(label)));
    graph.add(Job::new(async {}).label("x").requires_any((&a, &b)));
    assert!(
        graph.to_string().contains("x waiting requires [a or another, b or another]"),
        "{graph}"
    );
}

#[test]
fn a_service_keeps_what_it_is_ready_with() {
    let mut graph = JobGraph::new();
    let service = graph.add(Job::service(|cx: ServiceContext<String>| async move {
        let pool = cx.ready("pool".into());
        let other = cx.ready("other".into());
        assert_eq!((&**pool, &**other), ("pool", "other"));
        cx.cancelled().await;
        // It, whoever was fed it, and the report.
        assert!(Arc::strong_count(&pool) >= 2);
        Ok(())
    }));
    let user = graph.add(Job::with(&service, |pool| async move { pool.len() }));
    let report = run(&VirtualClock::new(), graph);
    report.check().unwrap();
    assert_eq!((report.output(&user), report.output(&service)), (Some(&4), Some(&"pool".into())));
}

#[test]
fn what_is_done_every_second_is_done_on_time_and_never_twice_at_once() {
    for (takes, expected) in [(0, vec![0, 1, 2, 3, 4]), (1_500, vec![0, 2, 4])] {
        let (clock, times) = (VirtualClock::new(), RefCell::new(vec![]));
        let mut graph = JobGraph::new();
        let (noted, slow) = (&times, clock.clone());
        graph.add(Job::every(Duration::from_secs(1), move || {
            let slow = slow.clone();
            async move {
                noted.borrow_mut().push(slow.now().as_nanos() / 1_000_000_000);
                slow.sleep(Duration::from_millis(takes)).await;
            }
        }));
        graph.add(Job::with_context(
            |cx| async move { cx.sleep(Duration::from_millis(4_500)).await },
        ));
        run(&clock, graph).check().unwrap();
        assert_eq!(times.take(), expected);
    }
}

/// Of the shortest period there is, a minute has too many to count them.
#[test]
fn what_has_passed_is_left_out_at_once() {
    let (clock, ticks) = (VirtualClock::new(), Cell::new(0));
    let mut graph = JobGraph::new();
    let (slow, counted) = (clock.clone(), &ticks);
    let tick = move || {
        counted.set(counted.get() + 1);
        let slow = slow.clone();
        async move { slow.sleep(Duration::from_secs(60)).await }
    };
    graph.add(Job::every(Duration::from_nanos(1), tick));
    graph.add(Job::with_context(|cx| async move { cx.sleep(Duration::from_secs(150)).await }));
    run(&clock, graph).check().unwrap();
    assert_eq!(ticks.get(), 3);
}

#[test]
fn what_is_done_again_and_again_may_fail_and_lets_others_have_a_turn() {
    let left = Cell::new(3);
    let mut graph = JobGraph::new();
    // Without any period.
    let ticks = Job::try_every(Duration::ZERO, async || {
        left.set(left.get() - 1);
        if left.get() == 0 { Err("worn out") } else { Ok(()) }
    });
    let ticks = graph.add(ticks.awaited());
    let report = run(&VirtualClock::new(), graph);
    assert_eq!(report.error(&ticks).unwrap().to_string(), "worn out");
}

#[test]
fn boxed_jobs_are_like_others() {
    let (local, tries) = (String::from("borrowed"), Cell::new(0));
    let mut graph = JobGraph::new();
    let borrows = graph.add(Job::new(async { local.len() }).boxed_local());
    let fed = graph.add(Job::with(&borrows, |n| async move { *n + 1 }).boxed_local().label("fed"));
    let again = Job::repeat(|| async {
        tries.set(tries.get() + 1);
        if tries.get() < 3 { Err("again") } else { Ok(7) }
    });
    let again = graph.add(again.retries(3).boxed_local().critical());
    // What it is fed is known through the box.
    assert!(graph.remove_requirement(&fed, &borrows).is_err());
    let report = run(&VirtualClock::new(), graph);
    report.check().unwrap();
    assert_eq!([borrows, fed].map(|job| report.output(&job).copied()), [Some(8), Some(9)]);
    assert_eq!(report.output(&again), Some(&7));
    assert_eq!(report.job(&again.any()).unwrap().attempts(), 3);
}

#[test]
fn handles_of_different_jobs_stand_in_one_list() {
    let mut graph = JobGraph::new();
    let all =
        vec![graph.add(Job::new(async { 1 })).any(), graph.add(Job::new(async { "2" })).any()];
    let last = graph.add(Job::new(async {}).requires(&all));
    graph.remove_requirement(&last, &all[0]).unwrap();
    assert_eq!(graph.requirements(&last.any()).count(), 1);
    let report = run(&VirtualClock::new(), graph);
    assert!(all.iter().all(|job| report.is_done(job) && report.error(job).is_none()));
}

/// A graph inside a graph, and so on.
fn nested(depth: usize) -> JobGraph<'static> {
    let mut graph = JobGraph::new();
    let first = graph.add(Job::new(async { 1 }).label("first"));
    if depth > 0 {
        graph.add(Job::graph(nested(depth - 1)).label("inside").requires(&first));
    }
    graph
}

/// Twice as long for each floor, this would not come to an end.
#[test]
fn a_listing_is_as_long_as_what_it_shows() {
    let graph = nested(50);
    let before = graph.to_string();
    assert_eq!(
        (before.lines().count(), before.lines().last()),
        (101, Some(&*format!("{:200}#1 · first waiting", "")))
    );
    let report = run(&VirtualClock::new(), graph);
    let after = report.to_string();
    assert_eq!(after.lines().count(), 101);
    assert!(
        after.lines().last().unwrap().starts_with(&format!("{:200}#1 ✓ first succeeded -> 1", ""))
    );
}

#[test]
fn a_listing_has_one_line_a_job_whatever_it_holds() {
    #[derive(Debug)]
    #[expect(dead_code, reason = "it is shown")]
    struct Page(&'static str, Vec<u8>);
    let mut graph = JobGraph::new();
    graph.add(
        Job::new(async { Page("a\nb\u{1b}[31m", vec![1; 100_000]) })
            .show()
            .label("page\n\u{1b}[2J"),
    );
    graph.add(Job::new(async { "x".repeat(100_000) }).label("漢字"));
    let long =
        Job::try_new(async { Err::<(), _>("e".repeat(100_000) + "\n") }).label("l".repeat(1_000));
    graph.add(long);
    let text = run(&VirtualClock::new(), graph).to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(lines.iter().all(|line| line.chars().count() < 400), "{text}");
    // A wide character takes two columns.
    assert!(lines[1].starts_with("#2 ✓ 漢字                     succeeded -> \"xxx"), "{text}");
    assert!(lines[1].ends_with("xxx… 0 s"), "{text}");
    assert!(lines[2].contains("lll… failed: eee"), "{text}");
}

#[test]
fn a_graph_that_is_a_job_may_be_hidden_and_empty_and_tells_what_went_wrong() {
    let mut inner = JobGraph::new();
    inner.add(Job::new(async { "s3cr3t" }).label("token"));
    inner.add(Job::try_new(async { Err::<(), _>("no") }).label("fails"));
    let mut graph = JobGraph::new();
    let nested = graph.add(Job::graph(inner).hide().transient().label("log in"));
    graph.add(Job::graph(JobGraph::new()).label("nothing"));
    graph.add(Job::new(async {}).requires(&nested));
    assert_eq!(graph.to_string().lines().count(), 3);
    let report = run(&VirtualClock::new(), graph);
    assert_eq!(report.to_string().lines().count(), 3, "{report}");
    // Its report stays, which knows.
    let failed = report.check().unwrap_err().to_string();
    assert_eq!(failed, "the run completed, with a failure: #1 log in / #2 fails: no");
}

#[test]
fn a_job_of_another_graph_is_named_as_such() {
    let (mut graph, mut other) = (JobGraph::new(), JobGraph::new());
    graph.add(Job::new(async {}).label("mine"));
    let stranger = other.add(Job::new(async {}).label("theirs"));
    let text = "#1 is a job of another graph: use a handle that `add` of this one has returned";
    assert_eq!(graph.bypass(&stranger).unwrap_err().to_string(), text);
    assert_eq!(graph.keep_between(&stranger, ()).unwrap_err().to_string(), text);
    let both = graph.require(&stranger, &stranger, Condition::Finished);
    assert_eq!(both.unwrap_err().to_string(), text);
}

/// Where all notes that wait are moved for each that is read, this does not come to an end.
#[test]
fn many_notes_of_one_poll_are_read_each_in_its_turn() {
    const NOTES: usize = 400_000;
    let clock = VirtualClock::new();
    let (mut graph, heard) = (JobGraph::new(), Arc::new(AtomicUsize::new(0)));
    let hear = Arc::clone(&heard);
    graph.observe(move |fact| {
        if matches!(fact.what, FactKind::Note { .. }) {
            hear.fetch_add(1, Ordering::SeqCst);
        }
    });
    let talks = Job::with_context(async |cx| (0..NOTES).for_each(|note| cx.note(note.to_string())));
    let talks = graph.add(talks);
    let report = run(&clock, graph);
    assert_eq!(heard.load(Ordering::SeqCst), NOTES);
    assert_eq!(report.job(&talks).unwrap().note(), Some("399999"));
}
