//! What is refused, and when a key or a journal is free again.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use jobgraph::journal::Journal;
use jobgraph::testing::VirtualClock;
use jobgraph::{Context, Job, SendJobGraph};
use serde::{Deserialize, Serialize};

use crate::{Done, Folder, run};

/// By `check`, and when it is to run.
fn refused(graph: SendJobGraph, why: &str) {
    let told = graph.check().unwrap_err().to_string();
    let clock = VirtualClock::new();
    let error = clock.block_on(jobgraph::run(&clock, graph)).unwrap_err().to_string();
    assert!(told.contains(why) && error.contains(why), "{told}, {error}");
}

#[test]
fn the_key_of_a_job_that_is_gone_is_free() {
    let folder = Folder::new();
    let mut graph = SendJobGraph::new().journal(folder.resume());
    let old = graph.add(Job::new(async { 1 }).durable("page").label("old"));
    graph.bypass(&old).unwrap();
    graph.add(Job::new(async { 2 }).durable("page").label("new"));
    graph.check().unwrap();
}

#[test]
fn keys_that_are_taken_inside_are_refused_before_anything_starts() {
    let (folder, done) = (Folder::new(), Done::default());
    let mut graph = SendJobGraph::new().journal(folder.resume());
    for n in 0..2 {
        let mut inner = SendJobGraph::new();
        let said = done.clone();
        inner.add(Job::new(async move { said.say(n.to_string()) }).durable("k"));
        graph.add(Job::graph(inner).label("same"));
    }
    refused(graph, "has the key `same/k`");
    assert_eq!(done.take(), [""; 0]);
}

#[test]
fn graphs_without_a_name_are_refused_before_anything_starts() {
    let (folder, done) = (Folder::new(), Done::default());
    let mut graph = SendJobGraph::new().journal(folder.resume());
    let said = done.clone();
    let a = graph.add(Job::new(async move { said.say("started") }));
    let mut inner = SendJobGraph::new();
    inner.add(Job::new(async {}).durable("k"));
    graph.add(Job::graph(inner).requires(&a));
    refused(graph, "there is no path to what is durable in #2");
    assert_eq!(done.take(), [""; 0]);
}

static READS: AtomicU32 = AtomicU32::new(0);

struct Reads;
impl Serialize for Reads {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_unit()
    }
}
impl<'de> Deserialize<'de> for Reads {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        READS.fetch_add(1, Ordering::SeqCst);
        <()>::deserialize(from).map(|()| Reads)
    }
}

#[test]
fn what_is_refused_reads_no_record() {
    let folder = Folder::new();
    let mut graph = SendJobGraph::new().journal(folder.resume());
    graph.add(Job::new(async { Reads }).durable("a"));
    run(graph).check().unwrap();
    let mut graph = SendJobGraph::new().window(0).journal(folder.resume());
    graph.add(Job::new(async { Reads }).durable("a"));
    let clock = VirtualClock::new();
    let _ = clock.block_on(jobgraph::run(&clock, graph)).err().unwrap();
    assert_eq!(READS.load(Ordering::SeqCst), 0);
}

#[test]
fn who_has_a_key_that_is_taken_is_told() {
    let folder = Folder::new();
    let mut graph = SendJobGraph::new().journal(folder.resume());
    let mut inner = SendJobGraph::new();
    inner.add(Job::new(async {}).durable("k"));
    let g = graph.add(Job::graph(inner).label("g"));
    let adder = graph.adder();
    let adds = graph.add(
        Job::try_new(
            async move { adder.add(Job::new(async {}).durable("g/k").label("added")).await },
        )
        .after(&g)
        .label("adds"),
    );
    let report = run(graph);
    let error = report.error(&adds).unwrap().to_string();
    assert!(error.contains("added"), "{error}");
}

#[test]
fn effects_of_two_versions_are_two() {
    let folder = Folder::new();
    let keys = Arc::new(Mutex::new(vec![]));
    for version in 0..2 {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let said = Arc::clone(&keys);
        graph.add(
            Job::with_context(async move |cx: Context| {
                said.lock().unwrap().push(cx.key().unwrap().to_owned());
            })
            .durable("pay")
            .version(version),
        );
        run(graph).check().unwrap();
    }
    let keys = keys.lock().unwrap();
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn a_journal_is_free_when_a_parallel_run_is_over() {
    let folder = Folder::new();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build()
        .unwrap();
    let mut taken = 0;
    let mut journal = Some(folder.resume());
    for _ in 0..1500 {
        let mut graph = SendJobGraph::new().journal(journal.take().unwrap());
        for n in 0..4 {
            graph.add(
                Job::with_context(async move |_cx: Context| {
                    futures_lite::future::yield_now().await;
                    n
                })
                .durable(n.to_string()),
            );
        }
        runtime.block_on(jobgraph::tokio::run_parallel(graph)).unwrap().check().unwrap();
        loop {
            match Journal::resume(folder.file()) {
                Ok(next) => {
                    journal = Some(next);
                    break;
                }
                Err(_) => taken += 1,
            }
        }
        if taken > 0 {
            break;
        }
        drop(journal.take());
        fs::remove_file(folder.file()).unwrap();
        journal = Some(folder.resume());
    }
    assert_eq!(taken, 0);
}
