//! What observers of a run hear.
#![cfg(feature = "testing")]

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use expect_test::{Expect, expect};
use jobgraph::testing::VirtualClock;
use jobgraph::{
    Clock, Fact, FactKind, Graph, Job, JobGraph, JobState, Outcome, Payload, RunError, SendJobGraph,
};

const SECOND: Duration = Duration::from_secs(1);

fn listen<P: Payload>(graph: &mut Graph<P>) -> Receiver<Fact> {
    let (sender, facts) = channel();
    graph.observe(move |fact| sender.send(fact.clone()).unwrap());
    facts
}

fn text(facts: impl IntoIterator<Item = Fact>) -> String {
    let lines: Vec<String> = facts.into_iter().map(|fact| fact.to_string()).collect();
    lines.join("\n") + "\n"
}

/// Retries, timeouts, a service, a skipped job and shutdown hooks.
fn eventful(clock: &VirtualClock) -> SendJobGraph {
    let mut graph = SendJobGraph::new().window(2);
    let ready = clock.clone();
    let db = graph.add(
        Job::service(move |cx| async move {
            ready.sleep(SECOND).await;
            cx.ready(5);
            cx.cancelled().await;
            Ok(())
        })
        .label("db")
        .grace(SECOND)
        .on_shutdown(|| async { Err::<(), _>("still in use") }),
    );
    let mut attempts = 0;
    let flaky = graph.add(
        Job::repeat(move || {
            attempts += 1;
            async move { if attempts < 2 { Err("no answer") } else { Ok(attempts) } }
        })
        .label("flaky")
        .retries(1)
        .requires(&db),
    );
    let slow = graph
        .add(Job::new(std::future::pending::<()>()).label("slow").timeout(SECOND).requires(&flaky));
    graph.add(Job::new(async {}).label("late").requires(&slow));
    graph
}

const EVENTFUL: [&str; 2] = ["in place", "parallel"];

fn facts_of_eventful(way: &str) -> Vec<Fact> {
    let clock = VirtualClock::new();
    let mut graph = eventful(&clock);
    let facts = listen(&mut graph);
    let report = match way {
        "in place" => clock.block_on(jobgraph::run(&clock, graph)),
        _ => clock.block_on(jobgraph::run_parallel(&clock, graph)),
    };
    let facts: Vec<_> = facts.try_iter().collect();
    assert_eq!(report.unwrap().counts().failed, 1);
    facts
}

#[test]
fn a_run_is_told_from_its_beginning_to_its_end() {
    let told = text(facts_of_eventful("in place"));
    expect![[r"
        0 s: the run has begun
        0 s: #1 db added
        0 s: #2 flaky added
        0 s: #3 slow added
        0 s: #4 late added
        0 s: #1 queued
        0 s: #1 running
        1 s: #1 is ready
        1 s: #2 queued
        1 s: #2 running
        1 s: #2 queued: no answer
        1 s: #2 running (attempt 2)
        1 s: #2 succeeded
        1 s: #3 queued
        1 s: #3 running
        2 s: #3 failed (timed out): timed out
        2 s: #4 skipped (#3)
        2 s: #1 stopping (run ending)
        2 s: #1 succeeded
        2 s: the hook of #1 has begun
        2 s: the hook of #1 failed (error): still in use
        2 s: the run is over: completed
    "]]
    .assert_eq(&told);
}

#[test]
fn a_parallel_run_tells_the_same() {
    let [in_place, parallel] = EVENTFUL.map(|way| text(facts_of_eventful(way)));
    assert_eq!(in_place, parallel);
}

#[test]
fn a_report_retells_the_run() {
    let clock = VirtualClock::new();
    let report = clock.block_on(jobgraph::run(&clock, eventful(&clock))).unwrap();
    let told = text(report.retell());
    expect![[r"
        0 s: the run has begun
        0 s: #1 db added
        0 s: #2 flaky added
        0 s: #3 slow added
        0 s: #4 late added
        0 s: #1 running
        1 s: #1 is ready
        1 s: #2 running (attempt 2)
        1 s: #2 succeeded
        1 s: #3 running
        2 s: #1 succeeded
        2 s: the hook of #1 has begun
        2 s: the hook of #1 failed (error): still in use
        2 s: #3 failed (timed out): timed out
        2 s: #4 skipped (#3)
        2 s: the run is over: completed
    "]]
    .assert_eq(&told);
}

fn nested(clock: &VirtualClock) -> JobGraph<'_> {
    let mut innermost = JobGraph::new();
    innermost.add(Job::new(clock.sleep(SECOND)).label("deep"));
    let mut inner = JobGraph::new();
    inner.add(Job::graph(innermost).label("middle"));
    let mut outer = JobGraph::new();
    outer.add(Job::graph(inner).label("outside"));
    outer
}

fn check_nested(facts: impl IntoIterator<Item = Fact>, expected: &Expect) {
    expected.assert_eq(&text(facts));
}

#[test]
fn what_happens_inside_is_told_with_the_way_to_it() {
    let clock = VirtualClock::new();
    let mut graph = nested(&clock);
    let facts = listen(&mut graph);
    let report = clock.block_on(jobgraph::run(&clock, graph)).unwrap();
    check_nested(
        facts.try_iter(),
        &expect![[r"
            0 s: the run has begun
            0 s: #1 outside added
            0 s: #1 queued
            0 s: #1 running
            0 s: #1 / the run has begun
            0 s: #1 / #1 middle added
            0 s: #1 / #1 queued
            0 s: #1 / #1 running
            0 s: #1 / #1 / the run has begun
            0 s: #1 / #1 / #1 deep added
            0 s: #1 / #1 / #1 queued
            0 s: #1 / #1 / #1 running
            1 s: #1 / #1 / #1 succeeded
            1 s: #1 / #1 / the run is over: completed
            1 s: #1 / #1 succeeded
            1 s: #1 / the run is over: completed
            1 s: #1 succeeded
            1 s: the run is over: completed
        "]],
    );
    check_nested(
        report.retell(),
        &expect![[r"
            0 s: the run has begun
            0 s: #1 outside added
            0 s: #1 running
            0 s: #1 / the run has begun
            0 s: #1 / #1 middle added
            0 s: #1 / #1 running
            0 s: #1 / #1 / the run has begun
            0 s: #1 / #1 / #1 deep added
            0 s: #1 / #1 / #1 running
            1 s: #1 / #1 / #1 succeeded
            1 s: #1 / #1 / the run is over: completed
            1 s: #1 / #1 succeeded
            1 s: #1 / the run is over: completed
            1 s: #1 succeeded
            1 s: the run is over: completed
        "]],
    );
}

#[test]
fn an_outline_shows_what_is_inside() {
    let clock = VirtualClock::new();
    let graph = nested(&clock);
    let outline = graph.outline();
    let middle = &outline[0].inside.as_ref().unwrap()[0];
    let deep = &middle.inside.as_ref().unwrap()[0];
    assert_eq!(
        (middle.name().to_string(), deep.name().to_string()),
        ("#1 middle".into(), "#1 deep".into())
    );
    assert_eq!(deep.inside, None);
}

#[test]
fn jobs_that_are_added_are_told_of_before_they_start() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let adder = graph.adder();
    graph.add(Job::try_new(async move {
        adder.add(Job::new(async {}).label("new")).await?;
        Ok::<_, RunError>(())
    }));
    let facts = listen(&mut graph);
    let _ = clock.block_on(jobgraph::run(&clock, graph)).unwrap();
    let told: Vec<String> = facts.try_iter().map(|fact| fact.to_string()).collect();
    let position = |line: &str| told.iter().position(|told| told == line).unwrap();
    assert!(position("0 s: #2 new added") < position("0 s: #2 queued"));
    assert!(position("0 s: #2 queued") < position("0 s: #2 running"));
}

#[test]
fn an_observer_that_panics_hears_no_more_and_the_others_do() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    graph.add(Job::new(async {}));
    let mut heard = 0;
    graph.observe(move |_| {
        heard += 1;
        assert!(heard < 2, "too much");
    });
    let facts = listen(&mut graph);
    let report = clock.block_on(jobgraph::run(&clock, graph)).unwrap();
    assert!(report.is_completed());
    assert_eq!(facts.try_iter().count(), 6);
}

#[test]
fn an_observer_may_end_the_run() {
    let clock = VirtualClock::new();
    let mut graph = SendJobGraph::new();
    let stop = graph.stop_handle();
    graph.add(Job::new(std::future::pending::<()>()));
    graph.observe(move |fact| {
        if matches!(fact.what, FactKind::State { to: JobState::Running { .. }, .. }) {
            stop.stop();
        }
    });
    let report = clock.block_on(jobgraph::run_parallel(&clock, graph)).unwrap();
    assert_eq!(report.verdict(), jobgraph::Verdict::Stopped);
}

#[test]
fn a_stream_ends_with_its_run() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    graph.add(Job::new(clock.sleep(SECOND)));
    let mut facts = graph.facts();
    assert!(facts.try_next().is_none());
    let read = async {
        let mut last = None;
        while let Some(fact) = facts.next().await {
            last = Some(fact);
        }
        last
    };
    let both = futures_lite::future::zip(jobgraph::run(&clock, graph), read);
    let (report, last) = clock.block_on(both);
    assert!(report.unwrap().is_completed());
    assert!(matches!(last.unwrap().what, FactKind::Over(_)));
}

#[test]
fn a_stream_ends_when_its_run_is_dropped_even_while_somebody_keeps_a_context() {
    let clock = VirtualClock::new();
    let mut graph = SendJobGraph::new();
    let (sender, contexts) = channel();
    graph.add(Job::with_context(move |cx| {
        sender.send(cx).unwrap();
        std::future::pending::<()>()
    }));
    let mut facts = graph.facts();
    clock.block_on(async {
        let run = jobgraph::run(&clock, graph);
        futures_lite::future::or(async { assert!(run.await.is_err()) }, clock.sleep(SECOND)).await;
    });
    let context = contexts.recv().unwrap();
    let mut told = 0;
    clock.block_on(async {
        while facts.next().await.is_some() {
            told += 1;
        }
    });
    assert_eq!(told, 4);
    drop(context);
}

/// A parallel run whose tasks are still there when it is over, and are not polled any more.
#[cfg(feature = "smol")]
fn over_but_for_its_tasks(abandoned: bool) {
    let executor = std::sync::Arc::new(async_executor::Executor::new());
    let mut graph = SendJobGraph::new();
    for _ in 0..9 {
        graph.add(Job::new(futures_lite::future::yield_now()));
    }
    let forever = Job::new(std::future::pending::<()>());
    if abandoned {
        graph.add(forever);
    } else {
        graph.add(forever.forever());
    }
    let mut facts = graph.facts();
    let run = async {
        let run = jobgraph::smol::run_parallel(std::sync::Arc::clone(&executor), graph);
        let mut steps = 0;
        let give_up = std::future::poll_fn(|cx| {
            steps += 1;
            cx.waker().wake_by_ref();
            if abandoned && steps > 50 {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        });
        futures_lite::future::or(async { drop(run.await) }, give_up).await;
    };
    futures_lite::future::block_on(executor.run(run));
    while facts.try_next().is_some() {}
    let next = facts.poll_next(&std::task::Context::from_waker(std::task::Waker::noop()));
    assert!(next.is_ready());
}

#[cfg(feature = "smol")]
#[test]
fn a_stream_ends_with_its_run_whatever_becomes_of_its_tasks() {
    over_but_for_its_tasks(false);
    over_but_for_its_tasks(true);
}

#[test]
fn each_run_of_a_graph_is_told_of() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    graph.add(Job::repeat(|| async { Ok::<_, jobgraph::Error>(()) }));
    let facts = listen(&mut graph);
    let mut graph = graph.repeatable().unwrap();
    for run in 1..=3 {
        let _ = clock.block_on(graph.run(&clock)).unwrap();
        let told: Vec<_> = facts.try_iter().collect();
        assert!(matches!(told[0].what, FactKind::Begun { .. }), "run {run}");
        assert!(matches!(told[5].what, FactKind::Over(_)), "run {run}");
        assert_eq!(told.len(), 6);
    }
}

#[test]
fn a_critical_failure_inside_reaches_the_observers_outside() {
    let clock = VirtualClock::new();
    let mut inner = JobGraph::new();
    inner.add(Job::try_new(async { Err::<(), _>("broken") }).critical());
    let mut outer = JobGraph::new();
    outer.add(Job::graph(inner).label("inner"));
    let facts = listen(&mut outer);
    let _ = clock.block_on(jobgraph::run(&clock, outer)).unwrap();
    let failed: Vec<String> = facts
        .try_iter()
        .filter(|fact| {
            matches!(fact.what, FactKind::State { to: JobState::Ended(Outcome::Failed(_)), .. })
        })
        .map(|fact| fact.to_string())
        .collect();
    assert_eq!(
        failed,
        [
            "0 s: #1 / #1 failed (error): broken",
            "0 s: #1 failed (error): critical failure of #1: broken",
        ]
    );
}

#[cfg(feature = "tokio")]
#[test]
fn observers_in_many_threads_hear_in_order() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build()
        .unwrap();
    let mut graph = SendJobGraph::new();
    for _ in 0..500 {
        graph.add(Job::new(tokio::task::yield_now()));
    }
    let facts = listen(&mut graph);
    let _ = runtime.block_on(jobgraph::tokio::run_parallel(graph)).unwrap();
    let facts: Vec<_> = facts.try_iter().collect();
    assert!(facts.is_sorted_by_key(|fact| fact.at));
    let mut states = vec![JobState::Waiting; 500];
    for fact in &facts {
        if let FactKind::State { id, from, to, .. } = fact.what {
            assert_eq!(std::mem::replace(&mut states[id.index()], to), from);
        }
    }
    assert!(states.iter().all(|state| state.is_ended()));
    assert!(matches!(facts.last().unwrap().what, FactKind::Over(_)));
}
