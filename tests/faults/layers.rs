//! Subscribers of `tracing` that block until another job of the run has run, and that panic.
//!
//! Looked for: each callback, for a single time at different points of a run and each time that it is
//! called; jobs that succeed, fail, panic, are retried, time out, or have hooks; every way to run a graph.
#![cfg(feature = "tracing")]

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use jobgraph::{Failure, Job, Outcome, SendJobGraph, Verdict};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber, set_global_default};
use tracing::{Event, Metadata};

use crate::alone::{alone_each, pairs};
use crate::others::{Others, assert_ran};
use crate::ways::Way;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Callback {
    Enabled,
    NewSpan,
    Record,
    Event,
    Enter,
    Exit,
    CloneSpan,
    TryClose,
}

const CALLBACKS: [Callback; 8] = [
    Callback::Enabled,
    Callback::NewSpan,
    Callback::Record,
    Callback::Event,
    Callback::Enter,
    Callback::Exit,
    Callback::CloneSpan,
    Callback::TryClose,
];

/// It wants to know all, and acts in one of its callbacks.
struct Acting<F> {
    when: Callback,
    act: F,
    spans: AtomicU64,
}

impl<F: Fn() + Send + Sync + 'static> Acting<F> {
    /// For all of this process.
    fn install(when: Callback, act: F) {
        set_global_default(Self { when, act, spans: AtomicU64::new(1) }).unwrap();
    }

    fn called(&self, callback: Callback) {
        if callback == self.when {
            (self.act)();
        }
    }
}

impl<F: Fn() + Send + Sync + 'static> Subscriber for Acting<F> {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.module_path().is_some_and(|path| path.starts_with("jobgraph")) {
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        self.called(Callback::Enabled);
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        self.called(Callback::NewSpan);
        Id::from_u64(self.spans.fetch_add(1, Ordering::SeqCst))
    }

    fn record(&self, _: &Id, _: &Record<'_>) {
        self.called(Callback::Record);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.called(Callback::Event);
    }

    fn enter(&self, _: &Id) {
        self.called(Callback::Enter);
    }

    fn exit(&self, _: &Id) {
        self.called(Callback::Exit);
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.called(Callback::CloneSpan);
        id.clone()
    }

    fn try_close(&self, _: Id) -> bool {
        self.called(Callback::TryClose);
        true
    }
}

/// Once, at one of the first times that it is called after the first job has begun.
#[test]
fn a_layer_may_wait_for_another_job() {
    let times = [0, 1, 3];
    alone_each(&pairs(&pairs(&CALLBACKS, &times), &Way::THREADS), |((callback, time), way)| {
        let others = Others::new();
        let (left, waits) = (AtomicUsize::new(time), others.clone());
        Acting::install(callback, move || {
            if waits.is_armed() && left.fetch_sub(1, Ordering::SeqCst) == 0 {
                waits.wait_once();
            }
        });
        let mut graph = SendJobGraph::new();
        let [arms, calls] = [others.clone(), others.clone()];
        let first = graph.add(Job::new(async move { arms.arm() }).label("first"));
        let second = graph.add(Job::new(async {}).label("second").requires(&first));
        graph.add(Job::new(async move { calls.wait_once() }).label("third").requires(&second));
        let other = others.add_to(&mut graph);
        assert_ran(&way.run(graph), &other);
    });
}

/// One job for each way to end, and a hook.
fn motley() -> (SendJobGraph, Vec<(&'static str, Outcome)>) {
    let mut graph = SendJobGraph::new();
    let good = Job::new(async { 7 }).label("good").on_shutdown(|| async {});
    let good = graph.add(good);
    let with = Job::with(&good, |seven| async move { assert_eq!(*seven, 7) }).label("fed");
    graph.add(with);
    graph.add(Job::try_new(async { Err::<(), _>("no luck") }).label("fails"));
    graph.add(Job::new(async { panic!("oh no") }).label("panics"));
    graph.add(Job::new(pending::<()>()).label("late").timeout(Duration::from_millis(5)));
    let mut luck = false;
    let again = Job::repeat(move || {
        let before = std::mem::replace(&mut luck, true);
        async move { if before { Ok(()) } else { Err("try again") } }
    });
    graph.add(again.retries(1).label("again"));
    let outcomes = [
        ("good", Outcome::Succeeded),
        ("fed", Outcome::Succeeded),
        ("fails", Outcome::Failed(Failure::Error)),
        ("panics", Outcome::Failed(Failure::Panic)),
        ("late", Outcome::Failed(Failure::TimedOut)),
        ("again", Outcome::Succeeded),
    ];
    (graph, outcomes.into())
}

fn run_motley(way: Way, panicked: &str) {
    let (graph, outcomes) = motley();
    let report = way.run(graph);
    assert_eq!(report.verdict(), Verdict::Completed, "{panicked}");
    for (job, (label, outcome)) in report.jobs().zip(outcomes) {
        let is = (job.label(), job.outcome());
        assert_eq!(is, (Some(label), Some(outcome)), "{panicked}");
        let own_words = job.error().is_none_or(|error| !error.to_string().contains("layer"));
        assert!(own_words, "{panicked}: {:?}", job.error());
    }
    let hook = report.jobs().next().unwrap().hook().map(jobgraph::HookReport::outcome);
    assert_eq!(hook, Some(Outcome::Succeeded), "{panicked}");
}

#[test]
fn a_layer_that_panics_each_time_changes_nothing() {
    alone_each(&pairs(&CALLBACKS, &Way::ALL), |(callback, way)| {
        let called = Arc::new(AtomicBool::new(false));
        let was_called = Arc::clone(&called);
        Acting::install(callback, move || {
            called.store(true, Ordering::SeqCst);
            panic!("layer");
        });
        run_motley(way, "each time");
        assert!(was_called.load(Ordering::SeqCst) || callback == Callback::CloneSpan);
    });
}

/// A span may have been opened, and not be closed; or only half of it is known.
#[test]
fn a_layer_that_panics_once_changes_nothing() {
    alone_each(&pairs(&CALLBACKS, &Way::ALL), |(callback, way)| {
        let left = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&left);
        Acting::install(callback, move || {
            assert!(counted.fetch_sub(1, Ordering::SeqCst) != 1, "layer");
        });
        for time in 1..=12 {
            left.store(time, Ordering::SeqCst);
            run_motley(way, &format!("the {time}th time"));
        }
    });
}
