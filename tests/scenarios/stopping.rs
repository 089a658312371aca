//! What asks a run, or one of its jobs, to stop.

use std::future::pending;
use std::sync::{Arc, Mutex};

use jobgraph::{Handle, Job, Outcome, SendJobGraph, SkipReason, StopHandle, Verdict};

use crate::ways::{Log, Way, end};

/// Ends once it is asked to, and says so.
macro_rules! heeds {
    ($name:literal, $log:expr) => {{
        let log = $log.clone();
        Job::with_context(move |cx| async move {
            cx.cancelled().await;
            log.say(concat!($name, " stops"));
        })
        .label($name)
        .unlimited_grace()
    }};
}

/// Calls back with the handle after a while, in a job of its own.
fn later(
    way: &Way,
    graph: &mut SendJobGraph,
    millis: u64,
    call: impl FnOnce(StopHandle) + Send + 'static,
) {
    let (stop, nap) = (graph.stop_handle(), way.ms(millis));
    graph.add(Job::with_context(move |cx| async move {
        cx.sleep(nap).await;
        call(stop);
    }));
}

pub(crate) fn one_job_is_cancelled_wherever_it_is(way: &Way) {
    let (mut graph, log) = (way.graph(), Log::default());
    let runs = graph.add(heeds!("runs", log));
    let drops = graph.add(Job::new(pending::<()>()));
    let after = graph.add(Job::new(async {}).requires(&runs));
    let waits = graph.add(Job::new(async {}).requires(&drops));
    let done = graph.add(Job::new(async {}));
    let critical = graph.add(Job::new(pending::<()>()).critical());
    later(way, &mut graph, 10, move |stop| {
        stop.cancel(&waits);
        for job in [runs, drops, critical] {
            stop.cancel(&job);
        }
        // It has ended.
        stop.cancel(&done);
    });
    let report = way.run(graph);
    report.check().unwrap();
    assert_eq!(report.verdict(), Verdict::Completed);
    // Asked to end it ended well; the others were dropped.
    assert_eq!(end(report.job(&runs)), "succeeded");
    assert_eq!(end(report.job(&after)), "succeeded");
    for job in [drops, waits, critical] {
        assert_eq!(report.outcome(&job), Some(Outcome::Cancelled));
    }
    assert_eq!(end(report.job(&done)), "succeeded");
    assert_eq!(log.take(), ["runs stops"]);
}

pub(crate) fn what_requires_a_cancelled_job_is_skipped(way: &Way) {
    let mut graph = way.graph();
    let drops = graph.add(Job::new(pending::<()>()));
    let after = graph.add(Job::new(async {}).requires(&drops));
    later(way, &mut graph, 10, move |stop| stop.cancel(&drops));
    let report = way.run(graph);
    let skipped = Outcome::Skipped(SkipReason::Requirement(drops.id()));
    assert_eq!(report.outcome(&after), Some(skipped));
}

pub(crate) fn a_job_cancels_itself(way: &Way) {
    let mut graph = way.graph();
    let own: Arc<Mutex<Option<Handle<()>>>> = Arc::default();
    let (stop, me) = (graph.stop_handle(), Arc::clone(&own));
    let goes_on = graph.add(Job::new(async move {
        let me = me.lock().unwrap().unwrap();
        stop.cancel(&me);
        pending::<()>().await;
    }));
    *own.lock().unwrap() = Some(goes_on);
    let report = way.run(graph);
    assert_eq!(report.outcome(&goes_on), Some(Outcome::Cancelled));

    // In the poll in which it ends that comes too late.
    let mut graph = way.graph();
    let own: Arc<Mutex<Option<Handle<()>>>> = Arc::default();
    let (stop, me) = (graph.stop_handle(), Arc::clone(&own));
    let ends = graph.add(Job::new(async move {
        let me = me.lock().unwrap().unwrap();
        stop.cancel(&me);
    }));
    *own.lock().unwrap() = Some(ends);
    assert_eq!(end(way.run(graph).job(&ends)), "succeeded");
}

pub(crate) fn a_job_of_another_graph_is_not_cancelled(way: &Way) {
    let mut other = SendJobGraph::new();
    let stranger = other.add(Job::new(async {}));
    let mut graph = way.graph();
    let same_number = graph.add(Job::new(async {}));
    graph.stop_handle().cancel(&stranger);
    assert_eq!(end(way.run(graph).job(&same_number)), "succeeded");
}

pub(crate) fn a_cancel_before_the_run_is_remembered(way: &Way) {
    let mut graph = way.graph();
    let [kept, dropped] = [graph.add(Job::new(async {})), graph.add(Job::new(pending::<()>()))];
    graph.stop_handle().cancel(&dropped);
    let report = way.run(graph);
    assert_eq!(
        (end(report.job(&kept)), end(report.job(&dropped))),
        ("succeeded".into(), "cancelled".into())
    );
    assert_eq!(report.job(&dropped).unwrap().attempts(), 0);
}

/// However often it is asked for, nothing is aborted.
pub(crate) fn stopping_in_order_again_and_again_aborts_nothing(way: &Way) {
    let (mut graph, log) = (way.graph(), Log::default());
    let store = graph.add(heeds!("store", log));
    let server = graph.add(heeds!("server", log).after(&store).forever());
    let hook = log.clone();
    let hooked = Job::with_context(|cx| async move { cx.cancelled().await })
        .unlimited_grace()
        .on_shutdown(move || async move { hook.say("hook") });
    graph.add(hooked);
    let (stop, nap) = (graph.stop_handle(), way.ms(2));
    graph.add(
        Job::with_context(move |cx| async move {
            for _ in 0..4 {
                stop.stop_in_order();
                cx.sleep(nap).await;
            }
        })
        .unlimited_grace(),
    );
    let report = way.run(graph);
    assert_eq!(report.verdict(), Verdict::Stopped);
    assert_eq!(end(report.job(&store)), "succeeded");
    assert_eq!(log.take(), ["store stops", "hook"]);
    assert_eq!(report.job(&server).unwrap().attempts(), 0);
}

pub(crate) fn abort_ends_what_does_not_heed(way: &Way) {
    let (mut graph, log) = (way.graph(), Log::default());
    let stubborn = graph.add(Job::new(pending::<()>()).unlimited_grace());
    let hook = log.clone();
    let hooked = Job::new(pending::<()>()).unlimited_grace();
    graph.add(hooked.on_shutdown(move || async move { hook.say("hook") }));
    later(way, &mut graph, 5, |stop| stop.abort());
    let report = way.run(graph);
    assert_eq!(report.verdict(), Verdict::Stopped);
    assert_eq!(report.outcome(&stubborn), Some(Outcome::Cancelled));
    // Hooks run after the jobs were aborted.
    assert_eq!(log.take(), ["hook"]);
}

pub(crate) fn abort_while_the_hooks_run_aborts_them(way: &Way) {
    let mut graph = way.graph();
    let (stop, ends) = (graph.stop_handle(), Job::new(async {}));
    let hooked = graph.add(ends.on_shutdown(move || async move {
        stop.abort();
        pending::<()>().await;
    }));
    let report = way.run(graph);
    let hook = report.job(&hooked).unwrap().hook().unwrap();
    assert_eq!(hook.outcome(), Outcome::Cancelled);
    assert!(report.check().is_err());
}

/// The handle of a context is that of the whole run; another one is that of the graph inside.
pub(crate) fn a_job_inside_stops_the_whole_run_or_its_own_graph(way: &Way) {
    for whole in [true, false] {
        let (mut graph, mut inner, mut innermost) =
            (way.graph(), SendJobGraph::new(), SendJobGraph::new());
        innermost.add(Job::with_context(move |cx| async move {
            if whole {
                cx.stop_handle().stop();
            } else {
                cx.this_graph().stop();
            }
            pending::<()>().await;
        }));
        let innermost = inner.add(Job::graph(innermost));
        let beside = inner.add(Job::new(async {}).after(&innermost));
        let inner = graph.add(Job::graph(inner));
        let outside = graph.add(Job::new(async {}).after(&inner));
        let report = way.run(graph);
        let inside = report.output(&inner).unwrap();
        assert_eq!(inside.output(&innermost).unwrap().verdict(), Verdict::Stopped);
        let ends = (end(inside.job(&beside)), end(report.job(&outside)));
        if whole {
            assert_eq!(report.verdict(), Verdict::Stopped);
            assert_eq!(ends, ("skipped (run stopped)".into(), "skipped (run stopped)".into()));
        } else {
            assert_eq!(report.verdict(), Verdict::Completed);
            assert_eq!(ends, ("succeeded".into(), "succeeded".into()));
        }
    }
}

/// A job inside cancels another one inside, which the run around knows nothing of.
pub(crate) fn a_job_inside_cancels_one_of_its_own_graph(way: &Way) {
    let (mut graph, mut inner) = (way.graph(), SendJobGraph::new());
    let drops = inner.add(Job::new(pending::<()>()));
    inner.add(Job::with_context(move |cx| async move {
        cx.stop_handle().cancel(&drops);
        cx.this_graph().cancel(&drops);
    }));
    let inner = graph.add(Job::graph(inner));
    let report = way.run(graph);
    report.check().unwrap();
    assert_eq!(report.output(&inner).unwrap().outcome(&drops), Some(Outcome::Cancelled));
}
