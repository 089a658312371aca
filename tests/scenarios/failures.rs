use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use expect_test::expect;
use jobgraph::{Job, Outcome, SkipReason, Verdict};

use crate::ways::{Alive, Log, Way, end, nap};

pub(crate) fn a_failure_skips_its_dependents(way: &Way) {
    let mut graph = way.graph();
    let (ms200, ms600) = (way.ms(200), way.ms(600));
    let a = graph.add(Job::with_context(move |cx| nap(cx, ms200)).label("a"));
    let fails = move |cx: jobgraph::Context| async move {
        cx.sleep(ms200).await;
        Err::<(), _>("broken")
    };
    let b = graph.add(Job::try_with_context(fails).label("b").requires(&a));
    let c = graph.add(Job::new(async {}).label("c").requires(&b));
    let unrelated = graph.add(Job::with_context(move |cx| nap(cx, ms600)));
    let report = way.run(graph);
    assert!(report.is_completed());
    assert_eq!(report.outcome(&c), Some(Outcome::Skipped(SkipReason::Requirement(b.id()))));
    assert_eq!(report.outcome(&unrelated), Some(Outcome::Succeeded));
    assert_eq!(report.failures().map(|job| job.label().unwrap()).collect::<Vec<_>>(), ["b"]);
    way.assert_time(report.job(&b).unwrap().ended(), 400);
    way.assert_time(Some(report.elapsed()), 600);
}

pub(crate) fn a_critical_failure_cancels_what_runs(way: &Way) {
    let mut graph = way.graph();
    let (ms200, long, alive) = (way.ms(200), way.ms(60_000), Alive::default());
    let a = graph.add(Job::with_context(move |cx| nap(cx, ms200)));
    let fails = move |cx: jobgraph::Context| async move {
        cx.sleep(ms200).await;
        Err::<(), _>("broken")
    };
    let b = graph.add(Job::try_with_context(fails).critical().requires(&a));
    let c = graph.add(Job::new(async {}).requires(&b));
    let guard = alive.guard();
    let runs = graph.add(Job::with_context(move |cx| async move {
        let _guard = guard;
        cx.sleep(long).await;
    }));
    let waits = graph.add(Job::new(async {}).requires(&runs));
    let report = way.run(graph);
    assert_eq!(report.verdict(), Verdict::CriticalFailure(b.id()));
    way.assert_time(Some(report.elapsed()), 400);
    way.assert_time(report.job(&runs).unwrap().ended(), 400);
    assert_eq!(report.outcome(&runs), Some(Outcome::Cancelled));
    assert_eq!(report.outcome(&waits), Some(Outcome::Skipped(SkipReason::RunStopped)));
    assert_eq!(report.outcome(&c), Some(Outcome::Skipped(SkipReason::Requirement(b.id()))));
    assert_eq!(report.error(&b).unwrap().to_string(), "broken");
    alive.assert_none();
}

pub(crate) fn two_critical_failures_are_both_kept(way: &Way) {
    let mut graph = way.graph();
    let (ms100, grace) = (way.ms(100), way.ms(20_000));
    let jobs = ["first", "second"].map(|name| {
        let fails = move |cx: jobgraph::Context| async move {
            cx.sleep(ms100).await;
            Err::<(), _>(name)
        };
        graph.add(Job::try_with_context(fails).critical().grace(grace))
    });
    let report = way.run(graph);
    let Verdict::CriticalFailure(culprit) = report.verdict() else { panic!("{report:?}") };
    // Whichever was heard first; always the same where nothing runs at the same time.
    assert!(culprit == jobs[0].id() || culprit == jobs[1].id() && !way.is_deterministic());
    assert_eq!(jobs.map(|job| report.error(&job).unwrap().to_string()), ["first", "second"]);
}

pub(crate) fn after_and_on_failure_of(way: &Way) {
    let mut graph = way.graph();
    let good = graph.add(Job::new(async {}));
    let bad = graph.add(Job::try_new(async { Err::<(), _>("bad") }));
    let after_good = graph.add(Job::new(async {}).after(&good));
    let after_bad = graph.add(Job::new(async {}).after(&bad));
    let on_good = graph.add(Job::new(async {}).on_failure_of(&good));
    let on_bad = graph.add(Job::new(async {}).on_failure_of(&bad));
    let report = way.run(graph);
    let ends = [after_good, after_bad, on_good, on_bad].map(|job| end(report.job(&job)));
    assert_eq!(ends, ["succeeded", "succeeded", "skipped (#1)", "succeeded"]);
}

pub(crate) fn a_failing_job_frees_its_place(way: &Way) {
    let mut graph = way.graph().window(1);
    let forever = graph.add(Job::new(std::future::pending::<()>()).forever());
    let bad = graph.add(Job::try_new(async { Err::<(), _>("bad") }));
    let worse = graph.add(Job::new(async { panic!("worse") }));
    let late = way.ms(50);
    let slow = graph.add(Job::new(std::future::pending::<()>()).timeout(late));
    let last = graph.add(Job::new(async { "last" }));
    let report = way.run(graph);
    assert!(report.is_completed());
    assert_eq!(report.output(&last), Some(&"last"));
    assert_eq!(end(report.job(&forever)), "cancelled");
    assert_eq!(end(report.job(&bad)), "failed (error): bad");
    assert_eq!(end(report.job(&worse)), "failed (panic): panicked: worse");
    assert_eq!(end(report.job(&slow)), "failed (timed out): timed out");
}

pub(crate) fn a_panic_is_reported(way: &Way) {
    let mut graph = way.graph();
    let ms10 = way.ms(10);
    let late = graph.add(Job::with_context(move |cx| async move {
        cx.sleep(ms10).await;
        panic!("after {} ms", 10)
    }));
    let making =
        graph.add(Job::with_context(|_| -> std::future::Ready<()> { panic!("while made") }));
    let dropping = graph.add(
        Job::new(async {
            let _bomb = Bomb;
            std::future::pending::<()>().await;
        })
        .timeout(ms10),
    );
    let report = way.run(graph);
    assert!(report.is_completed());
    assert_eq!(end(report.job(&late)), "failed (panic): panicked: after 10 ms");
    assert_eq!(end(report.job(&making)), "failed (panic): panicked: while made");
    assert_eq!(end(report.job(&dropping)), "failed (timed out): timed out");
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

pub(crate) fn a_job_may_drop_its_context(way: &Way) {
    let mut graph = way.graph().timeout(way.ms(100));
    let service = graph.add(Job::service(|cx: jobgraph::ServiceContext<()>| async move {
        drop(cx);
        std::future::pending().await
    }));
    let waits = graph.add(Job::new(async {}).requires(&service));
    let finite = graph.add(Job::with_context(|cx| async move { drop(cx) }));
    let report = way.run(graph);
    assert_eq!(report.verdict(), Verdict::TimedOut);
    assert_eq!(end(report.job(&service)), "cancelled");
    assert_eq!(end(report.job(&waits)), "skipped (run stopped)");
    assert_eq!(end(report.job(&finite)), "succeeded");
}

pub(crate) fn retries_and_timeouts(way: &Way) {
    let mut graph = way.graph();
    let (ms50, log, tries) = (way.ms(50), Log::default(), Arc::new(AtomicU32::new(0)));
    let flaky = {
        let (log, tries) = (log.clone(), Arc::clone(&tries));
        graph.add(
            Job::repeat_with_context(move |cx| {
                let (log, tries) = (log.clone(), Arc::clone(&tries));
                async move {
                    log.say(format!("attempt {}", cx.attempt().number));
                    match tries.fetch_add(1, Ordering::SeqCst) {
                        0 => Err("not yet"),
                        1 => std::future::pending().await,
                        // No backtrace is to be written while its time runs out.
                        2 => std::panic::resume_unwind(Box::new("not now")),
                        _ => Ok("at last"),
                    }
                }
            })
            .retries(3)
            .backoff(ms50, ms50)
            .timeout(ms50),
        )
    };
    let report = way.run(graph);
    assert_eq!(report.output(&flaky), Some(&"at last"));
    assert_eq!(log.take(), ["attempt 1", "attempt 2", "attempt 3", "attempt 4"]);
    assert_eq!(report.job(&flaky).unwrap().attempts(), 4);
    way.assert_time(Some(report.elapsed()), 200);
}

/// A bit of everything, and the same report but for times.
pub(crate) fn reports_are_equal(way: &Way) {
    let mut graph = way.graph();
    let (ms50, ms100) = (way.ms(50), way.ms(100));
    let one = graph.add(Job::new(async { 1 }).label("one"));
    let two = graph.add(Job::with(&one, |one| async move { *one + 1 }).label("two"));
    let bad =
        graph.add(Job::try_with((&one, &two), |_, _| async { Err::<(), _>("no") }).label("bad"));
    graph.add(Job::new(async {}).label("skipped").requires(&bad));
    graph.add(Job::new(async { "done" }).label("after").after(&bad));
    graph.add(Job::new(async { "sorry" }).label("sorry").on_failure_of(&bad));
    let service = graph.add(
        Job::service(|cx| async move {
            cx.ready("pool");
            cx.cancelled().await;
            Ok(())
        })
        .label("service")
        .grace(ms100),
    );
    graph.add(Job::with_context(move |cx| nap(cx, ms50)).label("user").requires(&service));
    graph.add(
        Job::new(async { panic!("oh") }).label("panics").on_shutdown(|| async { Err("hook") }),
    );
    graph.add(Job::new(std::future::pending::<()>()).label("slow").timeout(ms50));
    graph.add(Job::new(std::future::pending::<()>()).label("forever").forever());
    let report = way.run(graph);
    let text: Vec<String> = report.to_string().lines().map(without_time).collect();
    expect![[r#"
         #1 ✓ one     succeeded -> 1 allows [two, bad]
         #7 ✓ service [∞] succeeded -> "pool" allows [user]
         #9 ✗ panics  failed: panicked: oh, its hook failed: hook
        #10 ✗ slow    failed: timed out
        #11 ■ forever [∞] cancelled
         #2 ✓ two     succeeded -> 2 requires [one] allows [bad]
         #8 ✓ user    succeeded requires [service]
         #3 ✗ bad     failed: no requires [one, two] allows [skipped, after to finish, sorry to fail]
         #4 ○ skipped skipped because of bad requires [bad]
         #5 ✓ after   succeeded -> "done" requires [bad to finish]
         #6 ✓ sorry   succeeded -> "sorry" requires [bad to fail]"#]]
    .assert_eq(&text.join("\n"));
}

/// A job without retries has one attempt, whatever else is asked of it.
pub(crate) fn a_job_knows_its_last_attempt(way: &Way) {
    let mut graph = way.graph();
    let is_last = |cx: jobgraph::Context| async move { cx.is_last_attempt() };
    let plain = graph.add(Job::with_context(is_last));
    let with_grace = graph.add(Job::with_context(is_last).grace(way.ms(50)));
    let without_end = graph.add(Job::with_context(is_last).forever().awaited());
    let third = |cx: jobgraph::Context| async move {
        let number = cx.attempt().number;
        if cx.is_last_attempt() || number == 3 { Ok(number == 3) } else { Err("once more") }
    };
    let tried = graph.add(Job::repeat_with_context(third).retries(2));
    let report = way.run(graph);
    for job in [&plain, &with_grace, &without_end, &tried] {
        assert_eq!(report.output(job), Some(&true));
    }
}

/// A line of a listing without the time at its end.
fn without_time(line: &str) -> String {
    let words: Vec<&str> = line.rsplitn(3, ' ').collect();
    match words[..] {
        ["s", number, rest] if number.parse::<f64>().is_ok() => rest.to_string(),
        ["ns" | "µs", _, rest] => rest.to_string(),
        _ => line.to_string(),
    }
}
