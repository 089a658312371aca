//! In doubt it is done again: what looks as if it could be restored, and must not be.

use std::sync::Arc;
use std::time::Duration;

use jobgraph::journal::{Journal, Kept};
use jobgraph::testing::VirtualClock;
use jobgraph::{Context, Job, SendJobGraph, ServiceContext, settled};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Done, Folder, kept, run};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// It says so itself when it is asked to end.
#[test]
fn a_service_that_is_not_needed_ends_at_once() {
    let folder = Folder::new();
    for _ in 0..2 {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let db = Job::service(async |cx: ServiceContext<u8>| {
            cx.ready(1);
            cx.cancelled().await;
            Ok(())
        });
        let db = graph.add(db.unlimited_grace().label("db"));
        graph.add(Job::with(&db, |n: Arc<u8>| async move { *n }).durable("page"));
        let report = run(graph);
        assert!(report.elapsed() < ms(1), "{report}");
        assert!(report.succeeded(&db));
    }
}

/// Jobs that are added come from somewhere, too.
#[test]
fn what_is_added_and_fed_by_a_job_that_is_not_durable_is_done_again() {
    let folder = Folder::new();
    for plain in [1, 2] {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let plain = graph.add(Job::new(async move { plain }));
        let adder = graph.adder();
        let adds = Job::try_new(async move {
            adder.add(Job::with(&plain, |n: Arc<u32>| async move { *n * 10 }).durable("fed")).await
        });
        let adds = graph.add(adds.requires(&plain));
        let report = run(graph);
        let fed = report.result(&adds).unwrap();
        assert_eq!(report.result(fed).unwrap(), &(report.result(&plain).unwrap() * 10));
    }
}

/// What an attempt leaves behind that was asked to end may be a part.
#[test]
fn what_was_asked_to_end_is_not_recorded() {
    for stops in [false, true] {
        let folder = Folder::new();
        for round in 0..2 {
            let mut graph = SendJobGraph::new().journal(folder.resume());
            let stop = graph.stop_handle();
            let a = Job::with_context(async move |cx: Context| {
                if round == 1 {
                    return "whole".to_owned();
                }
                if stops {
                    stop.stop();
                }
                cx.cancelled().await;
                "part".to_owned()
            });
            let a = graph.add(a.timeout(ms(30)).grace(ms(500)).durable("a").label("a"));
            let b =
                Job::with(settled(&a), |a: Result<Arc<String>, jobgraph::Missing>| async move {
                    a.map_or_else(|missing| missing.to_string(), |a| a.to_string())
                });
            let b = graph.add(b.durable("b"));
            let report = run(graph);
            if round == 1 {
                assert_eq!([report.result(&a).unwrap(), report.result(&b).unwrap()], ["whole"; 2]);
                assert_eq!(kept(&report, "a"), "ran again: no record");
            }
        }
    }
}

/// One that was skipped has left nothing behind in this run, whatever is recorded of it.
#[test]
fn what_was_skipped_is_not_what_was_recorded() {
    let folder = Folder::new();
    let round = |fails: bool, version: u32| {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let x = graph.add(Job::try_new(async move { if fails { Err("no") } else { Ok(()) } }));
        let a = graph.add(Job::new(async { 7 }).durable("a").requires(&x).label("a"));
        let b = Job::with(settled(&a), |a: Result<Arc<i32>, jobgraph::Missing>| async move {
            a.map_or_else(|missing| missing.to_string(), |a| a.to_string())
        });
        let b = graph.add(b.durable("b").version(version));
        run(graph).result(&b).unwrap().clone()
    };
    assert_eq!(round(false, 0), "7");
    assert_eq!(round(true, 0), "#2 a was skipped because of #1: no");
    assert_eq!(round(true, 1), "#2 a was skipped because of #1: no");
    assert_eq!(round(false, 1), "7");
}

/// Two failures are not the same.
#[test]
fn what_comes_from_a_failure_is_done_again() {
    let (folder, done) = (Folder::new(), Done::default());
    for why in ["no such host", "timeout"] {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let a = graph.add(Job::try_new(async move { Err::<u8, _>(why) }).durable("a").label("a"));
        let b = Job::with(settled(&a), |a: Result<Arc<u8>, jobgraph::Missing>| async move {
            a.unwrap_err().to_string()
        });
        let b = graph.add(b.durable("b"));
        let said = done.clone();
        let refund = Job::new(async move { said.say("refund") });
        graph.add(refund.durable("refund").on_failure_of(&a));
        assert_eq!(run(graph).result(&b).unwrap(), &format!("#1 a failed: {why}"));
    }
    assert_eq!(done.take(), ["refund", "refund"]);
}

/// What a service is ready with comes from what it is fed.
#[test]
fn what_comes_through_a_service_counts() {
    let (folder, done) = (Folder::new(), Done::default());
    let round = |a: u32, plain: bool| {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let first = Job::new(async move { a });
        let first = if plain { graph.add(first) } else { graph.add(first.durable("a").version(a)) };
        let said = done.clone();
        let serves = move |cx: ServiceContext<u32>, a: Arc<u32>| async move {
            said.say("serves");
            cx.ready(*a);
            cx.cancelled().await;
            Ok(())
        };
        let service = graph.add(Job::service_with(&first, serves));
        let b = graph.add(Job::with(&service, |n: Arc<u32>| async move { *n * 10 }).durable("b"));
        assert_eq!(run(graph).result(&b).unwrap(), &(a * 10));
    };
    round(1, false);
    round(1, false);
    assert_eq!(done.take(), ["serves"]);
    round(2, false);
    round(3, true);
    assert_eq!(done.take(), ["serves", "serves"]);
}

/// What is inside a graph comes from what that is made of.
#[test]
fn what_is_inside_comes_from_what_is_around() {
    let folder = Folder::new();
    for a in [1, 2] {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let first = graph.add(Job::new(async move { a }).durable("a").version(a));
        let made = Job::graph_with(first, |a: Arc<u32>| async move {
            let mut inner = SendJobGraph::new();
            inner.add(Job::new(async move { *a * 10 }).durable("k").label("k"));
            inner
        });
        let made = graph.add(made.label("made"));
        let runs = Job::repeat_with(&first, |cx: Context, a: Arc<u32>| async move {
            let mut inner = SendJobGraph::new();
            let k = inner.add(Job::new(async move { *a * 10 }).durable("k"));
            Ok::<_, jobgraph::Error>(*cx.run(inner).await?.result(&k)?)
        });
        let runs = graph.add(runs.durable("runs"));
        let report = run(graph);
        let inside = report.result(&made).unwrap().jobs().next().unwrap().kept();
        assert!(inside != Some(Kept::Restored), "{report}");
        assert_eq!(report.result(&runs).unwrap(), &(a * 10));
    }
}

#[test]
fn numbers_come_back_as_they_were() {
    let folder = Folder::new();
    for _ in 0..2 {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let number = f64::from_bits(0x7969_0975_fbde_15b0);
        let job = graph.add(Job::new(async move { number }).durable("n"));
        assert_eq!(run(graph).result(&job).unwrap().to_bits(), number.to_bits());
    }
}

/// However far out the name is missing.
#[test]
fn a_path_that_is_lost_is_told() {
    let folder = Folder::new();
    let mut inner = SendJobGraph::new();
    inner.add(Job::new(async {}).durable("k"));
    let mut middle = SendJobGraph::new();
    let labelled = middle.add(Job::graph(inner).label("labelled"));
    let mut graph = SendJobGraph::new().journal(folder.resume());
    let mut middle = Some(middle);
    let nameless = graph
        .add(Job::try_with_context(async move |cx: Context| cx.run(middle.take().unwrap()).await));
    let report = run(graph);
    let error = report.result(&nameless).unwrap().error(&labelled).unwrap().to_string();
    assert!(error.contains("give that one a label"), "{error}");
}

/// Goes there, and not back.
struct Bomb;

impl Serialize for Bomb {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Bomb {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("oh no")
    }
}

#[test]
fn what_panics_when_it_is_read_is_done_again() {
    let folder = Folder::new();
    for round in 0..2 {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        graph.add(Job::new(async { Bomb }).durable("bomb").label("bomb"));
        let report = run(graph);
        report.check().unwrap();
        let why = ["no record", "what is recorded is of another type"][round];
        assert_eq!(kept(&report, "bomb"), format!("ran again: {why}"));
    }
}

#[test]
fn a_key_is_free_again_until_its_job_has_begun() {
    let folder = Folder::new();
    let mut others = SendJobGraph::new();
    let foreign = others.add(Job::new(async {}));
    let mut graph = SendJobGraph::new().journal(folder.resume());
    let adder = graph.adder();
    let rounds = graph.add(Job::try_new(async move {
        let wrong = Job::new(async {}).durable("x").requires(&foreign);
        assert!(adder.add(wrong).await.is_err());
        // What has been done is not done again under the same name: its record is that of the first.
        for round in 0..3 {
            let Ok(job) = adder.add(Job::new(async {}).durable("x").label("again")).await else {
                return jobgraph::ok(round);
            };
            adder.remove(&job);
            // It leaves once it has ended.
            adder.add(Job::new(async {}).requires(&job)).await?;
            futures_lite::future::yield_now().await;
        }
        jobgraph::ok(3)
    }));
    assert_eq!(run(graph).result(&rounds).unwrap(), &1);
}

/// A context may outlive the run; what the journal keeps does not.
#[test]
fn a_journal_is_free_when_the_run_is_over() {
    let folder = Folder::new();
    let mut graph = SendJobGraph::new().journal(folder.resume());
    let (tell, told) = async_channel::bounded(1);
    graph.add(Job::with_context(async move |cx: Context| tell.try_send(cx).unwrap()).label("a"));
    run(graph).check().unwrap();
    let _context = told.try_recv().unwrap();
    Journal::resume(folder.file()).unwrap();
}

#[test]
fn what_does_not_end_cannot_be_durable() {
    let mut graph = SendJobGraph::new();
    let ticker = Job::new(std::future::pending::<()>()).forever();
    graph.add(ticker.durable("ticker").label("ticker"));
    let error = graph.check().unwrap_err().to_string();
    assert!(error.starts_with("#1 ticker is not expected to end"), "{error}");
    // Nor what a hook takes back.
    let mut graph = SendJobGraph::new();
    graph.add(Job::new(async {}).durable("vm").label("vm").on_shutdown(|| async {}));
    let error = graph.check().unwrap_err().to_string();
    assert!(error.starts_with("#1 vm has a shutdown hook, which takes back"), "{error}");
}

/// That of a graph inside is its own.
#[test]
fn a_graph_inside_may_have_a_journal_of_its_own() {
    let (outer, inner) = (Folder::new(), Folder::new());
    let mut inside = SendJobGraph::new().journal(inner.resume());
    inside.add(Job::new(async {}).durable("k"));
    let mut graph = SendJobGraph::new().journal(outer.resume());
    graph.add(Job::graph(inside));
    run(graph).check().unwrap();
    assert_eq!(inner.resume().keys().collect::<Vec<_>>(), ["k"]);
    assert_eq!(outer.resume().keys().count(), 0);
}

/// In parallel as well.
#[test]
fn tasks_restore_as_well() {
    let (folder, done) = (Folder::new(), Done::default());
    for seed in 0..20 {
        let clock = VirtualClock::seeded(seed);
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let mut before = graph.add(Job::new(async { 0 }).durable("0"));
        for number in 1..30 {
            let said = done.clone();
            let next = Job::with(&before, move |n: Arc<u32>| async move {
                said.say(number.to_string());
                *n + number
            });
            before = graph.add(next.durable(number.to_string()));
        }
        let report = clock.block_on(jobgraph::run_parallel(&clock, graph)).unwrap();
        assert_eq!(report.result(&before).unwrap(), &435);
    }
    assert_eq!(done.take().len(), 29);
}
