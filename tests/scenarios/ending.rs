use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jobgraph::{Job, Verdict};

use crate::ways::{Alive, Log, Way, end, nap};

pub(crate) fn a_job_that_ignores_its_cancellation_has_its_grace(way: &Way) {
    let mut graph = way.graph().timeout(way.ms(100));
    let (alive, grace) = (Alive::default(), way.ms(200));
    let guard = alive.guard();
    let deaf = graph.add(
        Job::new(async move {
            let _guard = guard;
            pending::<()>().await;
        })
        .grace(grace),
    );
    let report = way.run(graph);
    assert_eq!(report.verdict(), Verdict::TimedOut);
    assert_eq!(end(report.job(&deaf)), "cancelled");
    way.assert_time(Some(report.elapsed()), 300);
    alive.assert_none();
}

pub(crate) fn a_job_that_blocks_delays_the_end(way: &Way) {
    let mut graph = way.graph();
    let (ms50, block, alive) = (way.ms(50), way.ms(200), Alive::default());
    let guard = alive.guard();
    let blocks = graph.add(Job::with_context(move |cx| async move {
        let _guard = guard;
        cx.sleep(ms50).await;
        std::thread::sleep(block);
        pending::<()>().await;
    }));
    let fails = move |cx: jobgraph::Context| async move {
        cx.sleep(ms50).await;
        Err::<(), _>("broken")
    };
    let critical = graph.add(Job::try_with_context(fails).critical());
    let report = way.run(graph);
    assert_eq!(report.verdict(), Verdict::CriticalFailure(critical.id()));
    assert_eq!(end(report.job(&blocks)), "cancelled");
    // Nothing is alive after the run, even if it was being polled when the run ended.
    alive.assert_none();
}

pub(crate) fn dropping_the_run_leaves_nothing_alive(way: &Way) {
    let (alive, started) = (Alive::default(), Arc::new(AtomicU32::new(0)));
    let long = way.ms(60_000);
    let job = |way_window: bool| {
        let (guard, started) = (alive.guard(), Arc::clone(&started));
        let job = Job::with_context(move |cx| async move {
            let _guard = guard;
            started.fetch_add(1, Ordering::SeqCst);
            cx.sleep(long).await;
        });
        if way_window { job.priority(1) } else { job }
    };
    let mut graph = way.graph();
    graph.add(job(true));
    graph.add(job(false));
    let mut inner = way.graph();
    inner.add(job(false));
    graph.add(Job::graph(inner));
    let adder = graph.adder();
    let (added, waiting) = (job(false), job(false));
    graph.add(Job::try_new(async move {
        let first = adder.add(added).await?;
        adder.add(waiting.requires(&first)).await?;
        Ok::<_, jobgraph::RunError>(())
    }));
    assert!(way.run_and_drop(graph, way.ms(800)).is_none());
    assert_eq!(started.load(Ordering::SeqCst), 4);
    alive.assert_none();
}

pub(crate) fn hooks_run_in_reverse_order(way: &Way) {
    let (mut graph, log) = (way.graph(), Log::default());
    let hook = |name: &'static str| {
        let log = log.clone();
        move || {
            let log = log.clone();
            async move { log.say(name) }
        }
    };
    let store = graph.add(Job::new(async {}).on_shutdown(hook("store")));
    let plain = graph.add(Job::new(async {}).requires(&store));
    let server = graph.add(
        Job::try_new(async { Err::<(), _>("no port") })
            .requires(&plain)
            .on_shutdown(hook("server")),
    );
    let skipped =
        graph.add(Job::new(async {}).requires(&server).on_shutdown(hook("never started")));
    let worker = graph.add(Job::new(async {}).after(&server).on_shutdown(hook("worker")));
    let report = way.run(graph);
    assert_eq!(log.take(), ["worker", "server", "store"]);
    assert!(report.is_completed());
    let outcome = |hook: Option<&jobgraph::HookReport>| hook.map(|hook| hook.outcome().to_string());
    assert_eq!(outcome(report.job(&server).unwrap().hook()).as_deref(), Some("succeeded"));
    assert_eq!(outcome(report.job(&worker).unwrap().hook()).as_deref(), Some("succeeded"));
    assert_eq!(outcome(report.job(&skipped).unwrap().hook()), None);
    assert_eq!(outcome(report.job(&plain).unwrap().hook()), None);
}

pub(crate) fn a_hook_that_hangs_or_panics_is_reported(way: &Way) {
    let mut graph = way.graph().hook_timeout(way.ms(300));
    let hangs = graph.add(Job::new(async {}).on_shutdown(pending::<()>));
    let panics = graph.add(Job::new(async {}).on_shutdown(|| async {
        // No backtrace is to be written while the time runs out.
        if std::hint::black_box(true) {
            std::panic::resume_unwind(Box::new("in the hook"));
        }
    }));
    let fails = graph.add(Job::new(async {}).on_shutdown(|| async { Err::<(), _>("failed") }));
    let report = way.run(graph);
    assert!(report.is_completed());
    way.assert_time(Some(report.elapsed()), 300);
    let hook = |job| {
        let hook = report.job(job).unwrap().hook().unwrap();
        format!("{}: {}", hook.outcome(), hook.error().map_or(String::new(), ToString::to_string))
    };
    assert_eq!(hook(&hangs), "failed (timed out): timed out");
    assert_eq!(hook(&panics), "failed (panic): panicked: in the hook");
    assert_eq!(hook(&fails), "failed (error): failed");
    let error = report.check().unwrap_err().to_string();
    assert_eq!(
        error,
        "the run completed, with 3 failures: #1: its hook timed out; #2: its hook failed: panicked: in the hook; #3: \
         its hook failed: failed"
    );
}

pub(crate) fn the_ladder_of_stops(way: &Way) {
    for stops in [1, 2] {
        let mut graph = way.graph();
        let (stop, ms100, ms200, grace) =
            (graph.stop_handle(), way.ms(100), way.ms(200), way.ms(60_000));
        let polite = graph.add(
            Job::with_context(move |cx| async move {
                cx.cancelled().await;
                cx.sleep(ms200).await;
                "tidied up"
            })
            .grace(grace),
        );
        let ladder = Job::with_context(move |cx| async move {
            for _ in 0..stops {
                cx.sleep(ms100).await;
                stop.stop();
            }
            pending::<()>().await;
        });
        graph.add(ladder.forever().grace(grace));
        let wait = graph.add(Job::new(async {}).requires(&polite));
        let report = way.run_and_drop(graph, way.ms(if stops == 1 { 1_000 } else { 20_000 }));
        if stops == 1 {
            // The one with the ladder ignores its cancellation, and has a long grace.
            assert!(report.is_none());
        } else {
            let report = report.unwrap();
            assert_eq!(report.verdict(), Verdict::Stopped);
            assert_eq!(end(report.job(&polite)), "cancelled");
            assert_eq!(end(report.job(&wait)), "skipped (run stopped)");
            way.assert_time(Some(report.elapsed()), 200);
        }
    }
}

pub(crate) fn the_third_stop_aborts_the_hooks(way: &Way) {
    let (mut graph, log) = (way.graph().hook_timeout(way.ms(60_000)), Log::default());
    let stop = graph.stop_handle();
    let said = log.clone();
    let job = graph.add(Job::new(pending::<()>()).on_shutdown(move || {
        let (stop, log) = (stop.clone(), said.clone());
        async move {
            log.say("hook");
            stop.stop();
            futures_lite::future::yield_now().await;
            log.say("goes on after the second");
            stop.stop();
            pending::<()>().await;
        }
    }));
    let stop = graph.stop_handle();
    graph.add(Job::new(async move { stop.stop() }));
    let report = way.run(graph);
    assert_eq!(report.verdict(), Verdict::Stopped);
    assert_eq!(log.take(), ["hook", "goes on after the second"]);
    assert_eq!(report.job(&job).unwrap().hook().unwrap().outcome().to_string(), "cancelled");
    assert!(report.elapsed() < way.ms(60_000), "only its timeout ended the hook");
}

pub(crate) fn a_bus_is_drained(way: &Way) {
    let (mut graph, log) = (way.graph(), Log::default());
    let (bus, messages) = async_channel::unbounded();
    let said = log.clone();
    let monitor = Job::with_context(move |cx| async move {
        let listen = async {
            while let Ok(message) = messages.recv().await {
                said.say(format!("{message}"));
            }
        };
        futures_lite::future::or(listen, cx.cancelled()).await;
        while let Ok(message) = messages.try_recv() {
            said.say(format!("{message}"));
        }
    });
    let monitor = graph.add(monitor.forever().grace(way.ms(60_000)));
    let ms50 = way.ms(50);
    graph.add(Job::with_context(move |cx| async move {
        cx.sleep(ms50).await;
        for message in 0..10 {
            bus.try_send(message).unwrap();
        }
    }));
    let report = way.run(graph);
    assert!(report.is_completed());
    assert_eq!(log.take(), (0..10).map(|message| message.to_string()).collect::<Vec<_>>());
    assert_eq!(end(report.job(&monitor)), "succeeded");
}

pub(crate) fn a_stop_before_the_run(way: &Way) {
    let mut graph = way.graph();
    let long = way.ms(60_000);
    let job = graph.add(Job::with_context(move |cx| nap(cx, long)));
    graph.stop_handle().stop();
    let report = way.run(graph);
    assert_eq!(report.verdict(), Verdict::Stopped);
    assert!(end(report.job(&job)).contains("skipped"), "{}", end(report.job(&job)));
}

pub(crate) fn what_the_run_cut_short_says_why(way: &Way) {
    let (ms20, long) = (way.ms(20), way.ms(60_000));
    let waits = move |cx: jobgraph::Context| async move { cx.sleep(long).await };
    let listing = |timeout: bool| {
        let mut graph = way.graph();
        if timeout {
            graph = graph.timeout(way.ms(100));
        }
        let lone = graph.add(Job::with_context(waits).label("lone"));
        let slow = graph.add(Job::with_context(waits).label("slow"));
        graph.add(Job::new(async {}).label("next").requires(&slow));
        graph.add(Job::new(pending::<()>()).forever().label("monitor"));
        let stop = graph.stop_handle();
        let cancels = Job::try_with_context(move |cx| async move {
            cx.sleep(ms20).await;
            stop.cancel(&lone);
            if timeout { Ok(()) } else { Err("broken") }
        });
        graph.add(cancels.label("first").critical());
        way.run(graph).to_string()
    };
    for (timeout, why) in [(true, "the run timed out"), (false, "first failed")] {
        let listing = listing(timeout);
        let line = |label: &str| listing.lines().find(|line| line.contains(label)).unwrap();
        assert!(line(" slow").contains(&format!(" cancelled, {why} ")), "{listing}");
        assert!(line(" next").contains(&format!(" skipped, {why} first ")), "{listing}");
        assert!(line(" monitor").contains(&format!(" cancelled, {why} ")), "{listing}");
        assert!(!line(" lone").contains("the run"), "{listing}");
    }
}
