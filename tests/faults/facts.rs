//! A reader of facts that was dropped is fed no more.
//!
//! Looked for: one that is dropped before the run, during it, while it waits, and beside one that reads on;
//! of a graph and of one inside; in place and in parallel; an observer that has panicked; one that is kept,
//! which is fed all.

use std::fmt;
use std::future::ready;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use jobgraph::{FactKind, Facts, Handle, Job, SendJobGraph, SendReport};

use crate::ways::Way;

const WAYS: [Way; 4] = [Way::Virtual, Way::VirtualTasks, Way::Smol, Way::Tokio];
const ATTEMPTS: usize = 5_000;
/// As many as a run may not have told yet: what happened in two turns of a graph inside.
const UNTOLD: usize = 2_500;

/// An error that is counted as long as anybody keeps it.
#[derive(Debug)]
struct Counted {
    _counted: Arc<()>,
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no luck")
    }
}

impl std::error::Error for Counted {}

/// A job that fails very often, and one that counts what is left of that.
fn add_failing(graph: &mut SendJobGraph) -> Handle<usize> {
    let counter = Arc::new(());
    let (count, mut left) = (Arc::clone(&counter), ATTEMPTS);
    let fails = Job::repeat(move || {
        left -= 1;
        ready(if left == 0 { Ok(()) } else { Err(Counted { _counted: Arc::clone(&count) }) })
    });
    let fails = graph.add(fails.retries(u32::MAX));
    let counts = Job::new(async move {
        futures_lite::future::yield_now().await;
        // The closure of the other one is gone, and its last error.
        Arc::strong_count(&counter) - 1
    });
    graph.add(counts.requires(&fails))
}

fn kept(report: &SendReport, counts: &Handle<usize>) -> usize {
    report.check().unwrap();
    *report.output(counts).unwrap()
}

#[test]
fn a_reader_that_is_kept_is_fed_all() {
    for way in WAYS {
        let mut graph = SendJobGraph::new();
        let counts = add_failing(&mut graph);
        let mut facts = graph.facts();
        let report = way.run(graph);
        assert!(kept(&report, &counts) >= ATTEMPTS - UNTOLD, "{way:?}");
        let told = std::iter::from_fn(|| facts.try_next());
        let failed =
            told.filter(|fact| matches!(fact.what, FactKind::State { error: Some(_), .. }));
        assert_eq!(failed.count(), ATTEMPTS - 1, "{way:?}");
    }
}

/// How the reader of a graph comes to be dropped.
const DROPPED: [fn(&mut SendJobGraph); 4] = [
    |graph| drop(graph.facts()),
    |graph| {
        // While it waits.
        let mut facts = graph.facts();
        let next = pin!(facts.next());
        assert!(next.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    },
    |graph| {
        // By a job, when it has read something.
        let mut facts = graph.facts();
        graph.add(Job::new(async move { facts.next().await.is_some() }).priority(1));
    },
    |graph| graph.observe(|_| panic!("an observer")),
];

#[test]
fn a_reader_that_was_dropped_is_fed_no_more() {
    for way in WAYS {
        for (number, drop_reader) in DROPPED.iter().enumerate() {
            let mut graph = SendJobGraph::new();
            drop_reader(&mut graph);
            let counts = add_failing(&mut graph);
            let kept = kept(&way.run(graph), &counts);
            assert!(kept <= UNTOLD, "{way:?}, {number}: {kept} errors are kept");
        }
    }
}

#[test]
fn a_reader_outside_that_was_dropped_is_not_told_of_what_is_inside() {
    for way in WAYS {
        let mut inner = SendJobGraph::new();
        let counts = add_failing(&mut inner);
        let mut outer = SendJobGraph::new();
        drop(outer.facts());
        let nested = outer.add(Job::graph(inner));
        let report = way.run(outer);
        let kept = kept(report.output(&nested).unwrap(), &counts);
        assert!(kept <= UNTOLD, "{way:?}: {kept} errors are kept");
    }
}

#[test]
fn a_reader_inside_that_was_dropped_is_fed_no_more() {
    for way in WAYS {
        let mut inner = SendJobGraph::new();
        drop(inner.facts());
        let counts = add_failing(&mut inner);
        let mut outer = SendJobGraph::new();
        let nested = outer.add(Job::graph(inner));
        let report = way.run(outer);
        let kept = kept(report.output(&nested).unwrap(), &counts);
        assert!(kept <= UNTOLD, "{way:?}: {kept} errors are kept");
    }
}

fn read(mut facts: Facts) -> usize {
    std::iter::from_fn(|| facts.try_next()).count()
}

#[test]
fn another_reader_is_told_all_the_same() {
    for way in WAYS {
        let mut graph = SendJobGraph::new();
        let first = graph.facts();
        drop(graph.facts());
        let last = graph.facts();
        graph.add(Job::new(async {}));
        way.run(graph).check().unwrap();
        // Begun, added, queued, running, succeeded, over.
        assert_eq!([first, last].map(read), [6, 6], "{way:?}");
    }
}
