//! Jobs that leave a run that goes on.

use std::future::pending;
use std::sync::Arc;

use jobgraph::{Handle, Job, RunError, SendJobGraph, ServiceContext};

use crate::ways::{Alive, Way, end};

/// A server that answers many requests, and keeps none of them.
pub(crate) fn what_has_ended_leaves_with_all_that_it_kept(way: &Way) {
    let (mut graph, alive) = (way.graph(), Alive::default());
    let adder = graph.adder();
    let guard = alive.clone();
    let acceptor = graph.add(Job::try_new(async move {
        let mut last = None;
        for request in 0..50_u32 {
            let guards = [guard.guard(), guard.guard()];
            let answer = Job::try_new(async move {
                let [kept, dropped] = guards;
                drop(dropped);
                // Each third fails, with something in its error.
                if request % 3 == 0 { Err(format!("{request}")) } else { Ok(kept) }
            });
            let answer = adder.add(answer).await?;
            adder.remove(&answer);
            last = Some(answer);
        }
        Ok::<_, RunError>(last)
    }));
    let report = way.run(graph);
    report.check().unwrap();
    assert_eq!((report.jobs().count(), report.counts().removed), (1, 50));
    let last: Handle<Arc<()>> = report.output(&acceptor).unwrap().unwrap();
    assert!(report.job(&last).is_none() || report.outcome(&last).is_none());
    alive.assert_none();
}

/// What others are fed stays until they have ended.
pub(crate) fn it_leaves_after_those_that_require_it(way: &Way) {
    let mut graph = way.graph();
    let adder = graph.adder();
    let a = graph.add(Job::new(async { 20 }));
    let nap = way.ms(10);
    let b = graph.add(Job::try_with_context({
        let adder = adder.clone();
        move |cx| async move {
            adder.remove(&a);
            cx.sleep(nap).await;
            Ok::<_, RunError>(())
        }
    }));
    let double = graph.add(Job::with(&a, |n| async move { *n * 2 }).after(&b));
    let keeps = graph.add(Job::new(async {}).after(&double));
    let report = way.run(graph);
    report.check().unwrap();
    assert_eq!(report.output(&double), Some(&40));
    assert_eq!((report.output(&a), report.counts().removed), (None, 1));
    assert_eq!(end(report.job(&keeps)), "succeeded");
}

/// However it ends: cancelled in its poll, dropped, skipped; and with a hook it stays.
pub(crate) fn it_leaves_however_it_ends(way: &Way) {
    let (mut graph, alive) = (way.graph(), Alive::default());
    let (adder, stop) = (graph.adder(), graph.stop_handle());
    let guard = || alive.guard();
    let holds = |guard: Arc<()>| async move {
        let _guard = guard;
        pending::<()>().await;
    };
    let runs = graph.add(Job::new(holds(guard())));
    let heeds = graph.add(
        Job::service(|cx: ServiceContext<u8>| async move {
            cx.ready(7);
            cx.cancelled().await;
            Ok(())
        })
        .unlimited_grace(),
    );
    let skipped = graph.add(Job::new(holds(guard())).requires(&runs));
    let times_out = graph.add(Job::new(holds(guard())).timeout(way.ms(5)));
    let hooked = graph.add(Job::new(async {}).on_shutdown(|| async {}));
    let mut other = SendJobGraph::new();
    let stranger = other.add(Job::new(async {}));
    let nap = way.ms(20);
    let driver = graph.add(Job::with_context(move |cx| async move {
        for job in [runs, skipped, times_out, hooked, stranger] {
            adder.remove(&job);
        }
        adder.remove(&heeds);
        stop.cancel(&runs);
        stop.cancel(&heeds);
        cx.sleep(nap).await;
        // What is added now has the indices of those that left.
        for _ in 0..4 {
            let added = adder.add(Job::new(async { 3_u8 })).await.unwrap();
            adder.remove(&added);
        }
    }));
    let report = way.run(graph);
    report.check().unwrap();
    let left: Vec<_> = report.jobs().map(|job| job.id()).collect();
    assert_eq!(left, [hooked.id(), driver.id()]);
    assert_eq!(report.counts().removed, 8);
    alive.assert_none();
}
