//! Programs that serve: what ends them, and what does not.

use futures_lite::future::zip;
use jobgraph::{Adder, Job, SendJobGraph, Sendable, ServiceContext, Verdict};

use crate::ways::{Log, Way, end};

/// Serves until it is asked to stop, and says when it begins and ends.
macro_rules! server {
    ($name:literal, $log:expr) => {{
        let log = $log.clone();
        Job::service(move |cx: ServiceContext<()>| async move {
            log.say(concat!($name, " serves"));
            cx.ready(());
            cx.cancelled().await;
            log.say(concat!($name, " stops"));
            Ok(())
        })
        .label($name)
        .unlimited_grace()
    }};
}

/// Stops the run when so long has passed, beside it.
fn stops_after(way: &Way, graph: &mut SendJobGraph, millis: u64) {
    let (stop, after) = (graph.stop_handle(), way.ms(millis));
    let timer = Job::with_context(move |cx| async move {
        cx.sleep(after).await;
        stop.stop();
        std::future::pending::<()>().await;
    });
    graph.add(timer.forever());
}

/// config -> store -> migrations -> http, which answers three requests.
pub(crate) fn a_server_goes_on_after_its_set_up(way: &Way) {
    let (mut graph, log) = (way.graph(), Log::default());
    let config = graph.add(Job::new(async {}).label("config"));
    let store = graph.add(server!("store", log).requires(&config));
    let migrations = graph.add(Job::new(async {}).label("migrations").requires(&store));
    let http = graph.add(server!("http", log).requires(&migrations).awaited());
    let (stop, ms5) = (graph.stop_handle(), way.ms(5));
    let clients = Job::with_context(move |cx| async move {
        for _ in 0..3 {
            cx.sleep(ms5).await;
        }
        stop.stop();
    });
    graph.add(clients.requires(&http));
    let report = way.run(graph);
    assert_eq!(report.verdict(), Verdict::Stopped);
    assert_eq!(log.take().join(", "), "store serves, http serves, http stops, store stops");
    assert_eq!(end(report.job(&http)), "succeeded");
    assert_eq!(report.never_started().count(), 0);
}

pub(crate) fn a_server_that_nobody_awaits_never_starts(way: &Way) {
    let (mut graph, log) = (way.graph(), Log::default());
    let migrations = graph.add(Job::new(async {}).label("migrations"));
    let http = graph.add(server!("http", log).requires(&migrations));
    let report = way.run(graph);
    report.check().unwrap();
    let never: Vec<_> = report.never_started().map(|job| job.id()).collect();
    assert_eq!(never, [http.id()]);
    let listing = report.to_string();
    assert!(listing.contains("http       [∞] never started, the run completed first"), "{listing}");
    let explained = report.job(&http).unwrap().explain().unwrap().to_string();
    assert_eq!(explained, "never started: the run completed first");
    assert!(log.take().is_empty());
}

pub(crate) fn services_alone_go_on_beside_additions(way: &Way) {
    let (mut graph, log) = (way.graph(), Log::default());
    let adder = graph.adder();
    let http = graph.add(server!("http", log));
    let (said, ms5) = (log.clone(), way.ms(5));
    let acceptor = Job::with_context(move |cx| async move {
        for request in ["a", "b"] {
            let log = said.clone();
            let answer = async move { log.say(request) };
            let answered = adder.add(Job::new(answer)).await;
            assert!(answered.is_ok());
            cx.sleep(ms5).await;
        }
        std::future::pending::<()>().await;
    });
    graph.add(acceptor.forever().requires(&http));
    stops_after(way, &mut graph, 100);
    let report = way.run(graph);
    assert_eq!(report.verdict(), Verdict::Stopped);
    assert_eq!(log.take(), ["http serves", "a", "b", "http stops"]);
    way.assert_time(Some(report.elapsed()), 100);
}

pub(crate) fn an_awaited_service_that_ends_completes_the_run(way: &Way) {
    let (mut graph, log, ms10) = (way.graph(), Log::default(), way.ms(10));
    let set_up = graph.add(Job::new(async {}));
    let store = graph.add(server!("store", log).requires(&set_up));
    let serves = Job::service(move |cx: ServiceContext<()>| async move {
        cx.ready(());
        cx.sleep(ms10).await;
        Ok(())
    });
    let http = graph.add(serves.requires(&store).awaited());
    let report = way.run(graph);
    report.check().unwrap();
    assert_eq!(end(report.job(&http)), "succeeded");
    assert_eq!(log.take(), ["store serves", "store stops"]);
    way.assert_time(Some(report.elapsed()), 10);
}

pub(crate) fn an_awaited_service_that_fails_ends_the_run_and_is_told(way: &Way) {
    let mut graph = way.graph();
    let set_up = graph.add(Job::new(async {}));
    let fails = Job::service(|cx: ServiceContext<()>| async move {
        cx.ready(());
        Err::<(), _>("the socket is gone".into())
    });
    graph.add(fails.label("http").requires(&set_up).awaited());
    let report = way.run(graph);
    assert_eq!(report.verdict(), Verdict::Completed);
    let failed = report.check().unwrap_err().to_string();
    assert_eq!(failed, "the run completed, with a failure: #2 http: the socket is gone");
}

/// An empty graph, to which jobs are added as they come, from outside.
pub(crate) fn a_run_until_stopped_waits_for_what_is_added(way: &Way) {
    async fn requests(adder: Adder<Sendable>, log: Log) -> Result<(), jobgraph::RunError> {
        for request in ["a", "b"] {
            let log = log.clone();
            adder.add(Job::new(async move { log.say(request) })).await?;
        }
        Ok(())
    }
    let (mut graph, log) = (way.graph().until_stopped(), Log::default());
    let (adder, stop, ms20) = (graph.adder(), graph.stop_handle(), way.ms(20));
    let said = log.clone();
    let first = Job::with_context(move |cx| async move {
        let sleep = cx.sleep(ms20);
        let (added, ()) = zip(requests(adder, said), sleep).await;
        added.map(|()| stop.stop()).unwrap();
    });
    graph.add(first);
    let report = way.run(graph);
    assert_eq!((report.verdict(), report.counts().succeeded), (Verdict::Stopped, 3));
    assert_eq!(log.take(), ["a", "b"]);

    let (empty, ms5) = (way.graph().until_stopped().timeout(way.ms(5)), way.ms(5));
    let report = way.run(empty);
    assert_eq!(report.verdict(), Verdict::TimedOut);
    assert!(report.elapsed() >= ms5);
}
