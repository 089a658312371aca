use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use jobgraph::{Context, Job, Latest, ServiceContext, Verdict, latest};

use crate::ways::{Log, Way, end, nap};

pub(crate) fn three_services_start_and_stop_in_order(way: &Way) {
    let (mut graph, log) = (way.graph(), Log::default());
    let (ms10, grace) = (way.ms(10), way.ms(60_000));
    let service = |name: &'static str| {
        let (log, hook) = (log.clone(), log.clone());
        let service = Job::service(move |cx: ServiceContext<&'static str>| async move {
            cx.sleep(ms10).await;
            log.say(format!("{name} ready"));
            cx.ready(name);
            cx.cancelled().await;
            log.say(format!("{name} stopping"));
            cx.sleep(ms10).await;
            log.say(format!("{name} stopped"));
            Ok(())
        });
        service.label(name).grace(grace).on_shutdown(move || {
            let log = hook.clone();
            async move { log.say(format!("{name} hook")) }
        })
    };
    let disk = graph.add(service("disk"));
    let store = graph.add(service("store").requires(&disk));
    let server = graph.add(service("server").requires(&store));
    let jobs = [50, 80].map(|ms| {
        let (log, nap) = (log.clone(), way.ms(ms));
        graph.add(
            Job::with_context(move |cx| async move {
                log.say(format!("job of {ms} ms"));
                cx.sleep(nap).await;
                ms
            })
            .requires(&server),
        )
    });
    let report = way.run(graph);
    assert!(report.is_completed());
    assert_eq!(jobs.map(|job| report.output(&job).copied()), [Some(50), Some(80)]);
    let mut log = log.take();
    log[3..5].sort();
    let expected = "disk ready, store ready, server ready, job of 50 ms, job of 80 ms, \
                    server stopping, server stopped, store stopping, store stopped, disk stopping, disk stopped, \
                    server hook, store hook, disk hook";
    assert_eq!(log.join(", "), expected);
    assert_eq!(report.output(&store), Some(&"store"));
    assert_eq!(end(report.job(&disk)), "succeeded");
    way.assert_time(Some(report.elapsed()), 140);
}

pub(crate) fn a_service_may_be_ready_with_its_last_breath(way: &Way) {
    let mut graph = way.graph();
    let service = graph.add(Job::service(|cx: ServiceContext<u8>| async move {
        cx.ready(7);
        Ok(())
    }));
    let user = graph.add(Job::with(&service, |seven| async move { *seven + 1 }));
    let report = way.run(graph);
    assert_eq!(end(report.job(&service)), "succeeded");
    assert_eq!(report.output(&user), Some(&8));
}

pub(crate) fn a_service_that_is_never_ready(way: &Way) {
    let mut graph = way.graph();
    let ends = graph.add(Job::service(|_: ServiceContext<()>| async { Ok(()) }));
    let fails = graph.add(Job::service(|_: ServiceContext<()>| async { Err("no port".into()) }));
    let waits = graph.add(Job::new(async {}).requires(&ends));
    let ms20 = way.ms(20);
    graph.add(Job::with_context(move |cx| nap(cx, ms20)));
    let report = way.run(graph);
    assert!(report.is_completed());
    assert_eq!(end(report.job(&ends)), "failed (never ready): ended without having been ready");
    assert_eq!(end(report.job(&waits)), "skipped (#1)");
    assert_eq!(end(report.job(&fails)), "failed (error): no port");
}

pub(crate) fn a_service_that_takes_too_long(way: &Way) {
    let mut graph = way.graph();
    let (ms100, ms250) = (way.ms(100), way.ms(250));
    let (ms300, long) = (way.ms(300), way.ms(60_000));
    let slow = graph.add(
        Job::service(move |cx| async move {
            cx.sleep(long).await;
            cx.ready(());
            Ok(())
        })
        .timeout(ms100),
    );
    let quick = graph.add(
        Job::service(move |cx| async move {
            cx.ready(());
            cx.cancelled().await;
            Ok(())
        })
        .timeout(ms250),
    );
    let waits = graph.add(Job::new(async {}).requires(&slow));
    let user = graph.add(Job::with_context(move |cx| nap(cx, ms300)).requires(&quick));
    let report = way.run(graph);
    assert_eq!(end(report.job(&slow)), "failed (timed out): timed out");
    assert_eq!(end(report.job(&waits)), "skipped (#1)");
    // Its timeout was disarmed when it was ready.
    assert_eq!(end(report.job(&quick)), "cancelled");
    assert_eq!(end(report.job(&user)), "succeeded");
    way.assert_time(Some(report.elapsed()), 300);
}

pub(crate) fn a_supervised_service_is_restarted(way: &Way) {
    let (mut graph, tries) = (way.graph(), Arc::new(AtomicU32::new(0)));
    let (ms20, ms200) = (way.ms(20), way.ms(200));
    let counted = Arc::clone(&tries);
    let service = graph.add(
        Job::restartable(move |cx: ServiceContext<u32>| {
            let attempt = counted.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                if attempt == 1 {
                    return Err("no port yet".into());
                }
                cx.ready(attempt);
                if attempt == 2 {
                    cx.sleep(ms20).await;
                    // No backtrace is to be written while its time runs out.
                    std::panic::resume_unwind(Box::new("lost the connection"));
                }
                cx.cancelled().await;
                Ok(())
            }
        })
        .retries(5)
        .grace(ms200),
    );
    let user = graph.add(Job::with(&service, |attempt| async move { *attempt }));
    graph.add(Job::with_context(move |cx| nap(cx, ms200)).requires(&service));
    let report = way.run(graph);
    assert_eq!(report.output(&user), Some(&2));
    assert_eq!(tries.load(Ordering::SeqCst), 3);
    assert_eq!(end(report.job(&service)), "succeeded");
}

pub(crate) fn a_service_that_fails_when_it_has_been_ready(way: &Way) {
    let mut graph = way.graph();
    let (ms20, ms100) = (way.ms(20), way.ms(100));
    let service = |critical: bool| {
        let job = Job::service(move |cx: ServiceContext<()>| async move {
            cx.ready(());
            cx.sleep(ms20).await;
            Err("connection lost".into())
        });
        if critical { job.critical() } else { job }
    };
    let lost = graph.add(service(false));
    let user = graph.add(Job::with_context(move |cx| nap(cx, ms100)).requires(&lost));
    let report = way.run(graph);
    assert_eq!(end(report.job(&lost)), "failed (error): connection lost");
    assert_eq!(end(report.job(&user)), "succeeded");

    let mut graph = way.graph();
    let lost = graph.add(service(true));
    let user = graph.add(Job::new(std::future::pending::<()>()).requires(&lost));
    let report = way.run(graph);
    assert_eq!(report.verdict(), Verdict::CriticalFailure(lost.id()));
    assert_eq!(end(report.job(&user)), "cancelled");
}

/// Who was fed the value keeps it; who asked for the latest has that of the attempt that is under way, also where
/// it asked before there was another one.
pub(crate) fn a_restarted_service_and_its_latest_value(way: &Way) {
    struct Connection(u32, Arc<AtomicUsize>);
    impl Drop for Connection {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (mut graph, dropped) = (way.graph(), Arc::new(AtomicUsize::new(0)));
    let (nap, drops, used) = (way.ms(1), Arc::clone(&dropped), Arc::new(AtomicBool::new(false)));
    let begins = Arc::clone(&used);
    let db = Job::restartable(move |cx: ServiceContext<Connection>| {
        let (drops, used) = (Arc::clone(&drops), Arc::clone(&used));
        async move {
            let number = cx.attempt().number;
            drop(cx.ready(Connection(number, drops)));
            if number < 3 {
                while !used.load(Ordering::SeqCst) {
                    cx.sleep(nap).await;
                }
                return Err("connection lost".into());
            }
            cx.cancelled().await;
            Ok(())
        }
    });
    let db = graph.add(db.retries(5).label("db"));
    let uses = move |cx: Context, fed: Arc<Connection>, latest: Latest<Connection>| async move {
        begins.store(true, Ordering::SeqCst);
        let clone = latest.clone();
        while clone.get().0 < 3 {
            cx.sleep(nap).await;
        }
        jobgraph::ok((fed.0, latest))
    };
    let uses = graph.add(Job::once_with((&db, latest(&db)), uses));
    // A job that is no service has one value.
    let plain = graph.add(Job::new(async { 7 }));
    let seven =
        graph.add(Job::with(latest(&plain), |seven: Latest<i32>| async move { *seven.get() }));
    let mut report = way.run(graph);
    assert_eq!(report.output(&seven), Some(&7));
    assert_eq!(report.take_output(&plain), Some(7));
    let (fed, latest) = report.take_output(&uses).unwrap();
    assert_eq!((fed, latest.get().0), (1, 3));
    assert_eq!(dropped.load(Ordering::SeqCst), 2, "the first two are nobody's");
    assert_eq!(report.output(&db).unwrap().0, 3);
    assert!(report.take_output(&db).is_none(), "somebody else holds it");
    drop(latest);
    assert_eq!(report.take_output(&db).unwrap().0, 3);
    assert_eq!(dropped.load(Ordering::SeqCst), 3);
}
