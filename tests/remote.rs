//! Remote tasks, handled in this process.
#![cfg(all(feature = "remote", feature = "testing"))]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jobgraph::remote::{CallContext, CallError, Engine, Handlers, Remote};
use jobgraph::testing::VirtualClock;
use jobgraph::{Cancelled, Error, Job, JobError, Outcome, Permanent, SendJobGraph, SendReport};

const DOUBLE: Remote<u64, u64> = Remote::named("double.v1");
const SLEEP: Remote<u64, String> = Remote::named("sleep.v1");
const FAIL: Remote<String, ()> = Remote::named("fail.v1");

fn run(graph: SendJobGraph) -> SendReport {
    let clock = VirtualClock::new();
    clock.block_on(jobgraph::run(&clock, graph)).unwrap()
}

fn handlers() -> Handlers {
    Handlers::new()
        .on(DOUBLE, async |_: CallContext, n: u64| jobgraph::ok(n * 2))
        .on(SLEEP, async |cx: CallContext, millis: u64| {
            let slept = cx.sleep(Duration::from_millis(millis));
            futures_lite::future::or(slept, cx.cancelled()).await;
            jobgraph::ok(if cx.is_cancelled() { "cut short" } else { "slept" }.to_owned())
        })
        .on(FAIL, async |_: CallContext, how: String| match &*how {
            "panic" => std::panic::resume_unwind(Box::new("oh no")),
            "permanent" => Err(Error::from(Permanent::new("no such host"))),
            "cancelled" => Err(Cancelled.into()),
            _ => Err(std::io::Error::other("busy").into()),
        })
}

/// A graph with an engine, and a job that asks it.
fn asks<O: Send + Sync + 'static>(
    ask: impl FnOnce(&mut SendJobGraph, &jobgraph::Handle<Engine>) -> jobgraph::Handle<O>,
) -> (SendReport, jobgraph::Handle<O>) {
    let mut graph = SendJobGraph::new();
    let engine = graph.add(Engine::embedded(handlers()).service());
    let job = ask(&mut graph, &engine);
    (run(graph), job)
}

#[test]
fn a_call_is_a_job_as_any_other() {
    let (report, sum) = asks(|graph, engine| {
        let one = graph.add(Job::new(async { 1_u64 }));
        let two = graph.add(DOUBLE.job(engine, &one));
        let four = graph.add(DOUBLE.job(engine, &two));
        let ten = graph.add(DOUBLE.of(engine, 5).label("ten"));
        graph.add(Job::with((&two, &four, &ten), async |a, b, c| *a + *b + *c))
    });
    assert_eq!(report.result(&sum).unwrap(), &16);
    let labels: Vec<_> = report.jobs().map(|job| job.label().unwrap_or("-").to_owned()).collect();
    assert_eq!(labels, ["engine", "-", "double.v1", "double.v1", "ten", "-"]);
}

#[test]
fn errors_keep_what_they_mean() {
    let told = |how: &str| {
        let (report, job) = asks(|graph, engine| graph.add(FAIL.of(engine, how.into()).retries(2)));
        let error = report.error(&job).map(ToString::to_string);
        (report.job(&job).unwrap().attempts(), report.outcome(&job).unwrap(), error)
    };
    let failed = Outcome::Failed(jobgraph::Failure::Error);
    assert_eq!(told("busy"), (3, failed, Some("busy".into())));
    assert_eq!(told("permanent"), (1, failed, Some("no such host".into())));
    assert_eq!(told("cancelled"), (1, Outcome::Cancelled, None));
    assert_eq!(told("panic"), (3, failed, Some("panicked: oh no".into())));
    let (report, job) = asks(|graph, engine| graph.add(FAIL.of(engine, "busy".into())));
    let Some(JobError::Error(error)) = report.error(&job) else { unreachable!() };
    let expected = CallError::Failed { text: "busy".into(), is_permanent: false };
    assert_eq!(error.downcast_ref::<CallError>(), Some(&expected));
}

#[test]
fn what_the_two_sides_do_not_agree_on_is_told() {
    let told = |report: SendReport, job: jobgraph::Handle<()>| {
        assert_eq!(report.job(&job).unwrap().attempts(), 1);
        report.error(&job).unwrap().to_string()
    };
    let ask = |name| {
        let (report, job) = asks(|graph, engine| {
            graph.add(Remote::<String, ()>::named(name).of(engine, "x".into()).retries(3))
        });
        told(report, job)
    };
    assert_eq!(
        ask("double.v2"),
        "nobody handles `double.v2` here: add it to the handlers, or is this another version?"
    );
    assert!(ask("double.v1").starts_with("double.v1: its input is of another type: "));
    let (report, job) = asks(|graph, engine| {
        graph.add(Remote::<u64, ()>::named("double.v1").of(engine, 1).retries(3))
    });
    assert!(told(report, job).starts_with("double.v1: its answer is of another type: "));
}

#[test]
fn who_is_asked_to_end_asks_the_handler() {
    let (report, job) =
        asks(|graph, engine| graph.add(SLEEP.of(engine, 60_000).timeout(Duration::from_secs(1))));
    assert_eq!(report.error(&job).unwrap().to_string(), "timed out");
    assert_eq!(report.elapsed(), Duration::from_secs(1));
    let (report, job) = asks(|graph, engine| graph.add(SLEEP.of(engine, 500)));
    assert_eq!(report.result(&job).unwrap(), "slept");
}

/// Of a durable job the id is the same in all attempts and runs.
#[cfg(all(unix, feature = "journal"))]
#[test]
fn a_durable_call_is_restored_and_has_one_id() {
    use jobgraph::journal::Journal;

    let file = std::env::temp_dir().join(format!("jobgraph-remote-{}", std::process::id()));
    let ids = Arc::new(std::sync::Mutex::new(Vec::new()));
    let calls = Arc::new(AtomicU32::new(0));
    for round in 0..3 {
        let (seen, count) = (Arc::clone(&ids), Arc::clone(&calls));
        let handlers = Handlers::new().on(DOUBLE, move |cx: CallContext, n: u64| {
            seen.lock().unwrap().push(cx.id().to_owned());
            let call = count.fetch_add(1, Ordering::SeqCst);
            async move { if call < 2 { Err("not yet") } else { Ok(n * 2) } }
        });
        let mut graph = SendJobGraph::new().journal(Journal::resume(&file).unwrap());
        let engine = graph.add(Engine::embedded(handlers).service());
        let job = graph.add(DOUBLE.of(&engine, 21).retries(1).durable("double"));
        let report = run(graph);
        assert_eq!(report.output(&job).copied(), (round > 0).then_some(42));
    }
    std::fs::remove_file(&file).unwrap();
    // Two attempts in the first run, one in the second, none in the third.
    let ids = ids.lock().unwrap();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| id == &ids[0]), "{ids:?}");
}
