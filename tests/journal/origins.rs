//! What something comes from: whatever lies behind it, and by whatever way.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jobgraph::{Condition, Context, Job, SendJobGraph, ServiceContext, optional};

use crate::{Done, Folder, run};

#[test]
fn what_lies_behind_a_job_that_is_not_durable_counts() {
    let folder = Folder::new();
    for a in [1_u32, 2] {
        let file = Arc::new(AtomicU32::new(0));
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let first = graph.add(Job::new(async move { a }).durable("a").version(a));
        let writes = Arc::clone(&file);
        let plain =
            Job::with(&first, move |a: Arc<u32>| async move { writes.store(*a, Ordering::SeqCst) });
        let plain = graph.add(plain.label("plain"));
        let reads = Job::new(async move { file.load(Ordering::SeqCst) * 10 });
        let b = graph.add(reads.durable("b").requires(&plain).label("b"));
        let report = run(graph);
        assert_eq!(report.result(&b).unwrap(), &(a * 10), "{report}");
    }
}

#[test]
fn what_is_inside_a_graph_counts_for_what_comes_after() {
    // A durable job that requires (orders) a plain graph with durable jobs inside.
    let folder = Folder::new();
    for v in [1_u32, 2] {
        let cell = Arc::new(AtomicU32::new(0));
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let mut inner = SendJobGraph::new();
        let put = Arc::clone(&cell);
        inner.add(
            Job::new(async move {
                put.store(v, Ordering::SeqCst);
                v
            })
            .durable("k")
            .version(v),
        );
        let g = graph.add(Job::graph(inner).label("g"));
        let b = graph.add(
            Job::new(async move { cell.load(Ordering::SeqCst) * 10 })
                .durable("b")
                .requires(&g)
                .label("b"),
        );
        let report = run(graph);
        assert_eq!(report.result(&b).unwrap(), &(v * 10), "{report}");
    }
}

#[test]
fn requirements_that_are_made_later_count() {
    let folder = Folder::new();
    for a in [1_u32, 2] {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let b = graph.add(Job::new(async move { a * 10 }).durable("b").label("b"));
        let first = graph.add(Job::new(async move { a }).durable("a").version(a));
        graph.require(&b, &first, Condition::Succeeded).unwrap();
        let report = run(graph);
        assert_eq!(report.result(&b).unwrap(), &(a * 10));
    }
}

#[test]
fn what_is_added_comes_from_the_job_that_adds_it() {
    let folder = Folder::new();
    for a in [1_u32, 2] {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let hosts = graph.add(Job::new(async move { a }).durable("hosts").version(a));
        let adder = graph.adder();
        let fan = Job::try_with(&hosts, |a: Arc<u32>| async move {
            adder.add(Job::new(async move { *a * 10 }).durable("page 0")).await
        });
        let fan = graph.add(fan.label("fan"));
        let report = run(graph);
        let page = report.result(&fan).unwrap();
        assert_eq!(report.result(page).unwrap(), &(a * 10));
    }
}

#[test]
fn a_job_that_was_removed_still_lies_behind() {
    let folder = Folder::new();
    for a in [1_u32, 2] {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let first = graph.add(Job::new(async move { a }).durable("a").version(a).label("a"));
        let service =
            Job::service_with(&first, |cx: ServiceContext<u32>, a: Arc<u32>| async move {
                cx.ready(*a);
                cx.sleep(Duration::from_millis(1)).await;
                Ok(())
            });
        let service = graph.add(service.label("service"));
        let adder = graph.adder();
        let adds = Job::repeat_with_context(move |cx: Context| {
            let adder = adder.clone();
            async move {
                adder.remove(&first);
                cx.sleep(Duration::from_millis(10)).await;
                Ok::<_, jobgraph::Error>(
                    adder
                        .add(
                            Job::with(optional(&service), |n: Option<Arc<u32>>| async move {
                                n.map(|n| *n * 10)
                            })
                            .durable("b")
                            .label("b"),
                        )
                        .await?,
                )
            }
        });
        let adds = graph.add(adds.label("adds"));
        let report = run(graph);
        let b = report.result(&adds).unwrap();
        assert_eq!(report.result(b).unwrap(), &Some(a * 10), "{report}");
    }
}

#[test]
fn the_version_of_the_job_around_counts() {
    let folder = Folder::new();
    for version in [1_u32, 2] {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let x = Job::repeat_with_context(move |cx: Context| async move {
            let mut inner = SendJobGraph::new();
            let k = inner.add(Job::new(async move { version * 10 }).durable("k"));
            Ok::<_, jobgraph::Error>(*cx.run(inner).await?.result(&k)?)
        });
        let x = graph.add(x.durable("x").version(version).label("x"));
        let report = run(graph);
        assert_eq!(report.result(&x).unwrap(), &(version * 10), "{report}");
    }
}

#[test]
fn the_second_graph_of_an_attempt_comes_from_the_first() {
    let folder = Folder::new();
    for v in [1_u32, 2] {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let x = Job::repeat_with_context(move |cx: Context| async move {
            let mut one = SendJobGraph::new();
            let k = one.add(Job::new(async move { v }).durable("one").version(v));
            let got = *cx.run(one).await?.result(&k)?;
            let mut two = SendJobGraph::new();
            let k = two.add(Job::new(async move { got * 10 }).durable("two"));
            Ok::<_, jobgraph::Error>(*cx.run(two).await?.result(&k)?)
        });
        let x = graph.add(x.label("x"));
        let report = run(graph);
        assert_eq!(report.result(&x).unwrap(), &(v * 10), "{report}");
    }
}

#[test]
fn two_graphs_of_an_attempt_have_no_record_in_common() {
    let folder = Folder::new();
    let mut graph = SendJobGraph::new().journal(folder.resume());
    let x = Job::repeat_with_context(move |cx: Context| async move {
        let mut got = vec![];
        for n in 1..=2_u32 {
            let mut middle = SendJobGraph::new();
            let m = middle.add(
                Job::repeat_with_context(move |cx: Context| async move {
                    if cx.attempt().number < n {
                        return Err(jobgraph::Error::from("not yet"));
                    }
                    let mut inner = SendJobGraph::new();
                    let k = inner.add(Job::new(async move { n * 10 }).durable("k"));
                    Ok::<_, jobgraph::Error>(*cx.run(inner).await?.result(&k)?)
                })
                .retries(3)
                .label("m"),
            );
            got.push(*cx.run(middle).await?.result(&m)?);
        }
        Ok::<_, jobgraph::Error>(got)
    });
    let x = graph.add(x.label("x"));
    let report = run(graph);
    match report.result(&x) {
        Ok(got) => assert_eq!(got, &[10, 20], "{report}"),
        Err(missing) => assert!(missing.to_string().contains("the key"), "{missing}"),
    }
}

#[test]
fn of_several_jobs_any_may_be_the_same() {
    let (folder, done) = (Folder::new(), Done::default());
    for round in 0..4 {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let a = graph.add(Job::new(async { 1 }).durable("a").label("a"));
        let b = Job::with_context(async |cx: Context| cx.sleep(Duration::from_millis(5)).await);
        let b = graph.add(b.durable("b").label("b"));
        let said = done.clone();
        let c = Job::new(async move { said.say(format!("c {round}")) });
        graph.add(c.durable("c").requires_any((&a, &b)).label("c"));
        let _ = run(graph);
    }
    assert_eq!(done.take(), ["c 0"]);
}

#[test]
fn one_of_several_may_fail() {
    let (folder, done) = (Folder::new(), Done::default());
    for round in 0..3 {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let a = graph.add(Job::new(async { 1 }).durable("a").label("a"));
        let b = graph.add(Job::try_new(async { Err::<u8, _>("down") }).durable("b").label("b"));
        let said = done.clone();
        let c = Job::new(async move { said.say(format!("c {round}")) });
        graph.add(c.durable("c").requires_any((&a, &b)).label("c"));
        let _ = run(graph);
    }
    assert_eq!(done.take(), ["c 0"]);
}

#[test]
fn what_lies_behind_is_recorded_as_one() {
    let folder = Folder::new();
    let n = 1_000_u32;
    for _ in 0..2 {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let first: Vec<_> = (0..n)
            .map(|n| graph.add(Job::new(async move { n }).durable(format!("a{n}"))))
            .collect();
        let db = graph.add(
            Job::service(async |cx: ServiceContext<u8>| {
                cx.ready(1);
                cx.cancelled().await;
                Ok(())
            })
            .requires(&first),
        );
        for n in 0..n {
            graph.add(Job::with(&db, move |_: Arc<u8>| async move { n }).durable(format!("b{n}")));
        }
        run(graph).check().unwrap();
    }
    assert!(fs::metadata(folder.file()).unwrap().len() < 1_000_000);
}
