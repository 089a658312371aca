//! A seat in the window, and the next attempt of a job, wait until a body is gone.
//!
//! Looked for: an attempt that is over while its body is polled, which returns late, ended or not; whose
//! Drop is slow, after a poll or instead of one; with a grace period; what the future of a job holds that
//! has succeeded; several seats; the next attempt, with a pause and without, and its time; what a body
//! holds back at the end of the run: the stop of what it requires, hooks, and the return of the run.

use std::future::{Future, pending, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use jobgraph::{Failure, Job, Outcome, SendJobGraph};

use crate::sites::Bomb;
use crate::stage::{Gate, Stage};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const TIMED_OUT: Option<Outcome> = Some(Outcome::Failed(Failure::TimedOut));

/// Counts bodies: a user's connections, say.
#[derive(Clone, Default)]
struct Bodies(Arc<Counts>);

#[derive(Default)]
struct Counts {
    begun: AtomicUsize,
    alive: AtomicUsize,
    most: AtomicUsize,
}

impl Bodies {
    /// A body has begun, and is alive until this is dropped.
    fn begin(&self) -> Bomb {
        self.0.begun.fetch_add(1, Ordering::SeqCst);
        let alive = self.0.alive.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most.fetch_max(alive, Ordering::SeqCst);
        let counts = Arc::clone(&self.0);
        Bomb::new(move || _ = counts.alive.fetch_sub(1, Ordering::SeqCst))
    }

    /// The same, and its Drop stands at a gate.
    fn begin_slow(&self, gate: &Gate) -> (Bomb, Bomb) {
        let gate = gate.clone();
        // Dropped in this order.
        (Bomb::new(move || gate.pass()), self.begin())
    }

    fn begun(&self) -> usize {
        self.0.begun.load(Ordering::SeqCst)
    }

    fn most(&self) -> usize {
        self.0.most.load(Ordering::SeqCst)
    }
}

/// It stands at a gate in its first poll, and is polled for ever after that.
fn stands_at(gate: &Gate, bodies: &Bodies) -> impl Future<Output = ()> + Send + use<> {
    let (gate, bodies) = (gate.clone(), bodies.clone());
    async move {
        let _body = bodies.begin();
        gate.pass();
        pending::<()>().await;
    }
}

fn add_others(graph: &mut SendJobGraph, bodies: &Bodies) {
    for _ in 0..3 {
        let bodies = bodies.clone();
        graph.add(Job::new(async move {
            let _body = bodies.begin();
            futures_lite::future::yield_now().await;
        }));
    }
}

#[test]
fn a_body_that_is_polled_past_its_timeout_keeps_its_seat() {
    let stage = Stage::new(4);
    let (gate, bodies) = (stage.gate(), Bodies::default());
    let mut graph = SendJobGraph::new().window(1);
    let long = graph.add(Job::new(stands_at(&gate, &bodies)).timeout(millis(50)));
    add_others(&mut graph, &bodies);
    let run = stage.begin(graph);
    assert_eq!(gate.reached(), 1);
    stage.advance(millis(60));
    assert_eq!(bodies.begun(), 1);
    gate.open();
    let report = run.report();
    assert_eq!((report.outcome(&long), report.counts().succeeded), (TIMED_OUT, 3));
    assert_eq!((bodies.begun(), bodies.most()), (4, 1));
}

#[test]
fn a_body_that_is_being_dropped_keeps_its_seat() {
    let stage = Stage::new(4);
    let (gate, bodies) = (stage.gate(), Bodies::default());
    let mut graph = SendJobGraph::new().window(1);
    let (at, all) = (gate.clone(), bodies.clone());
    let slow = Job::new(async move {
        let _body = all.begin_slow(&at);
        pending::<()>().await;
    });
    graph.add(slow.timeout(millis(50)));
    add_others(&mut graph, &bodies);
    let run = stage.begin(graph);
    stage.advance(millis(60));
    assert_eq!((gate.reached(), bodies.begun()), (1, 1));
    gate.open();
    assert_eq!(run.report().counts().succeeded, 3);
    assert_eq!((bodies.begun(), bodies.most()), (4, 1));
}

/// Whether its late poll ends the attempt changes nothing.
#[test]
fn a_body_whose_poll_returns_late_and_whose_drop_is_slow_keeps_its_seat() {
    for ends in [false, true] {
        let stage = Stage::new(4);
        let ([poll, end], bodies) = ([(); 2].map(|()| stage.gate()), Bodies::default());
        let mut graph = SendJobGraph::new().window(1);
        let ([polled, dropped], all) = ([poll.clone(), end.clone()], bodies.clone());
        let late = Job::new(async move {
            let _body = all.begin_slow(&dropped);
            polled.pass();
            if !ends {
                pending::<()>().await;
            }
        });
        let late = graph.add(late.timeout(millis(50)));
        add_others(&mut graph, &bodies);
        let run = stage.begin(graph);
        stage.advance(millis(60));
        assert_eq!((poll.reached(), bodies.begun()), (1, 1), "ends: {ends}");
        poll.open();
        assert_eq!((end.reached(), bodies.begun()), (1, 1), "ends: {ends}");
        end.open();
        let report = run.report();
        assert_eq!((report.outcome(&late), bodies.most()), (TIMED_OUT, 1), "ends: {ends}");
    }
}

#[test]
fn a_body_that_outlasts_its_grace_keeps_its_seat() {
    let stage = Stage::new(4);
    let (gate, bodies) = (stage.gate(), Bodies::default());
    let mut graph = SendJobGraph::new().window(1);
    let job = Job::new(stands_at(&gate, &bodies)).timeout(millis(50)).grace(millis(50));
    graph.add(job);
    add_others(&mut graph, &bodies);
    let run = stage.begin(graph);
    for _ in 0..3 {
        stage.advance(millis(50));
        assert_eq!(bodies.begun(), 1);
    }
    gate.open();
    assert_eq!(run.report().counts().succeeded, 3);
    assert_eq!(bodies.most(), 1);
}

/// It holds what it captured until it is dropped, which is after it has ended.
#[test]
fn what_the_future_of_a_job_holds_that_has_succeeded_keeps_its_seat() {
    let stage = Stage::new(4);
    let (gate, bodies) = (stage.gate(), Bodies::default());
    let mut graph = SendJobGraph::new().window(1);
    let (at, all, mut body) = (gate.clone(), bodies.clone(), None);
    let slow = graph.add(Job::new(poll_fn(move |_| {
        body.get_or_insert_with(|| all.begin_slow(&at));
        Poll::Ready(7)
    })));
    add_others(&mut graph, &bodies);
    let run = stage.begin(graph);
    assert_eq!((gate.reached(), bodies.begun()), (1, 1));
    gate.open();
    let report = run.report();
    assert_eq!((report.output(&slow), bodies.most()), (Some(&7), 1));
}

#[test]
fn each_of_several_seats_is_kept_until_its_body_is_gone() {
    let stage = Stage::new(8);
    let (gates, bodies) = ([(); 3].map(|()| stage.gate()), Bodies::default());
    let mut graph = SendJobGraph::new().window(3);
    for gate in &gates {
        graph.add(Job::new(stands_at(gate, &bodies)).timeout(millis(50)));
    }
    let last = stage.gate();
    for _ in 0..3 {
        graph.add(Job::new(stands_at(&last, &bodies)).timeout(millis(500)));
    }
    let run = stage.begin(graph);
    stage.advance(millis(60));
    for (open, gate) in gates.iter().enumerate() {
        assert_eq!(bodies.begun(), 3 + open);
        gate.open();
    }
    assert_eq!((bodies.begun(), bodies.most()), (6, 3));
    last.open();
    stage.advance(millis(500));
    assert_eq!(run.report().counts().failed, 6);
}

/// What is polled first when the earlier body is gone has all of its time.
#[test]
fn no_attempt_begins_while_the_body_of_the_one_before_is_polled() {
    for pause in [0, 20] {
        let stage = Stage::new(4);
        let (gate, bodies) = (stage.gate(), Bodies::default());
        let mut graph = SendJobGraph::new();
        let (at, all) = (gate.clone(), bodies.clone());
        let job = Job::repeat_with_context(move |cx| {
            let (at, all) = (at.clone(), all.clone());
            async move {
                let _body = all.begin();
                if cx.attempt().number == 1 {
                    at.pass();
                }
                cx.sleep(millis(40)).await;
                jobgraph::ok(cx.attempt().number)
            }
        });
        let job = job.retries(3).backoff(millis(pause), millis(pause)).timeout(millis(50));
        let job = graph.add(job);
        let run = stage.begin(graph);
        for _ in 0..5 {
            stage.advance(millis(60));
            assert_eq!(bodies.begun(), 1, "a pause of {pause} ms");
        }
        gate.open();
        assert_eq!(bodies.begun(), 2, "a pause of {pause} ms");
        stage.advance(millis(40));
        let report = run.report();
        assert_eq!((report.output(&job), bodies.most()), (Some(&2), 1), "a pause of {pause} ms");
    }
}

#[test]
fn no_attempt_begins_while_the_body_of_the_one_before_is_dropped() {
    let stage = Stage::new(4);
    let (gate, bodies) = (stage.gate(), Bodies::default());
    let mut graph = SendJobGraph::new();
    let (at, all) = (gate.clone(), bodies.clone());
    let job = Job::repeat_with_context(move |cx| {
        let (at, all) = (at.clone(), all.clone());
        async move {
            if cx.attempt().number == 1 {
                let _body = all.begin_slow(&at);
                pending::<()>().await;
            }
            let _body = all.begin();
            cx.sleep(millis(40)).await;
            jobgraph::ok(())
        }
    });
    let job = graph.add(job.retries(3).timeout(millis(50)));
    let run = stage.begin(graph);
    for _ in 0..5 {
        stage.advance(millis(60));
        assert_eq!((gate.reached(), bodies.begun()), (1, 1));
    }
    gate.open();
    stage.advance(millis(40));
    let report = run.report();
    assert_eq!(report.outcome(&job), Some(Outcome::Succeeded));
    assert_eq!((report.job(&job).unwrap().attempts(), bodies.most()), (2, 1));
}

/// A server that is still being polled needs the database that it uses.
#[test]
fn a_body_that_is_not_gone_holds_back_the_stop_of_what_it_requires() {
    let stage = Stage::new(4);
    let (gate, asked) = (stage.gate(), stage.gate());
    let mut graph = SendJobGraph::new();
    let stopping = asked.clone();
    let db = Job::service(|cx| async move {
        cx.ready(());
        cx.cancelled().await;
        stopping.pass();
        Ok(())
    });
    let db = graph.add(db.grace(millis(1_000)));
    let at = gate.clone();
    graph.add(Job::new(async move { at.pass() }).requires(&db));
    let stop = graph.stop_handle();
    let run = stage.begin(graph);
    stop.stop();
    stage.settle();
    assert_eq!((gate.reached(), asked.reached()), (1, 0));
    gate.open();
    assert_eq!(asked.reached(), 1);
    asked.open();
    assert_eq!(run.report().outcome(&db), Some(Outcome::Succeeded));
}

#[test]
fn hooks_wait_until_the_last_body_is_gone() {
    let stage = Stage::new(4);
    let (gate, hook) = (stage.gate(), stage.gate());
    let mut graph = SendJobGraph::new();
    let cleans = hook.clone();
    graph.add(Job::new(async {}).on_shutdown(move || {
        cleans.pass();
        async {}
    }));
    let at = gate.clone();
    let long = Job::new(async move {
        let at = at;
        let _slow = Bomb::new(move || at.pass());
        pending::<()>().await;
    });
    graph.add(long.timeout(millis(50)));
    let run = stage.begin(graph);
    stage.advance(millis(60));
    assert_eq!((gate.reached(), hook.reached()), (1, 0));
    gate.open();
    assert_eq!(hook.reached(), 1);
    hook.open();
    assert!(run.is_over());
}
