use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jobgraph::{Context, Error, Job, Outcome, RunError, RunJob, SkipReason, Verdict};

use crate::ways::{Alive, Log, Way, end, nap};

pub(crate) fn jobs_add_jobs(way: &Way) {
    let (mut graph, log) = (way.graph().window(1), Log::default());
    let adder = graph.adder();
    let said = log.clone();
    let root = graph.add(
        Job::try_new(async move {
            let mut before = None;
            let mut handles = vec![];
            for number in 0..5_u32 {
                let log = said.clone();
                let job = Job::new(async move {
                    log.say(format!("added {number}"));
                    number
                });
                let job = match &before {
                    Some(before) => job.requires(before),
                    None => job,
                };
                let handle = adder.add(job).await?;
                before = Some(handle);
                handles.push(handle);
            }
            said.say("root ends");
            let unknown = jobgraph::JobGraph::new().add(Job::new(async {}));
            let refused = adder.add(Job::new(async {}).requires(&unknown)).await.unwrap_err();
            assert!(matches!(refused, RunError::ForeignHandle { .. }));
            Ok::<_, RunError>((handles, adder))
        })
        .label("root"),
    );
    let mut report = way.run(graph);
    assert!(report.is_completed(), "{report}");
    assert_eq!(log.take(), ["root ends", "added 0", "added 1", "added 2", "added 3", "added 4"]);
    let (handles, adder) = report.take_output(&root).unwrap();
    assert_eq!(handles.iter().map(|job| *report.output(job).unwrap()).sum::<u32>(), 10);
    let late = futures_lite::future::block_on(adder.add(Job::new(async {})));
    assert_eq!(late.unwrap_err(), RunError::Over);
}

pub(crate) fn a_graph_is_a_job(way: &Way) {
    let mut inner = way.graph().window(1);
    let one = inner.add(Job::new(async { 1 }).label("one"));
    inner.add(Job::new(async { 2 }).label("two").requires(&one));
    let mut graph = way.graph();
    let before = graph.add(Job::new(async {}).label("before"));
    let nested = graph.add(Job::graph(inner).label("nested").requires(&before));
    graph.add(Job::new(async {}).label("after").requires(&nested));
    let listed = "#1 · before waiting allows [nested]\n#2 · nested waiting requires [before] allows [after]\n    \
                  #1 · one waiting allows [two]\n    #2 · two waiting requires [one]\n#3 · after  waiting requires [nested]";
    assert_eq!(graph.to_string(), listed);
    let report = way.run(graph);
    assert!(report.is_completed());
    let inside = report.output(&nested).unwrap();
    assert_eq!(inside.output(&one), Some(&1));
    let text = report.to_string();
    let lines: Vec<&str> =
        text.lines().map(|line| &line[..line.find("succeeded").unwrap()]).collect();
    assert_eq!(
        lines,
        ["#1 ✓ before ", "#2 ✓ nested ", "    #1 ✓ one ", "    #2 ✓ two ", "#3 ✓ after  "]
    );
}

pub(crate) fn a_nested_failure_is_a_failure(way: &Way) {
    let mut inner = way.graph();
    let bad = inner.add(Job::try_new(async { Err::<(), _>("broken") }).label("bad").critical());
    let mut graph = way.graph();
    let nested = graph.add(Job::graph(inner));
    let waits = graph.add(Job::new(async {}).requires(&nested));
    let report = way.run(graph);
    assert!(report.is_completed());
    assert_eq!(end(report.job(&nested)), "failed (error): critical failure of #1 bad: broken");
    assert_eq!(end(report.job(&waits)), "skipped (#1)");
    // Its report is there all the same.
    assert_eq!(report.output(&nested).unwrap().verdict(), Verdict::CriticalFailure(bad.id()));
}

pub(crate) fn a_nested_timeout_is_a_failure(way: &Way) {
    let (long, alive) = (way.ms(60_000), Alive::default());
    let mut inner = way.graph().timeout(way.ms(100));
    let guard = alive.guard();
    inner.add(Job::with_context(move |cx| async move {
        let _guard = guard;
        cx.sleep(long).await;
    }));
    let mut graph = way.graph();
    let nested = graph.add(Job::graph(inner));
    let report = way.run(graph);
    assert_eq!(end(report.job(&nested)), "failed (error): timed out");
    way.assert_time(Some(report.elapsed()), 100);
    alive.assert_none();

    let mut inner = way.graph();
    inner.add(Job::with_context(move |cx| nap(cx, long)));
    let mut graph = way.graph();
    let nested = graph.add(Job::graph(inner).timeout(way.ms(100)).grace(std::time::Duration::ZERO));
    let report = way.run(graph);
    assert_eq!(end(report.job(&nested)), "failed (timed out): timed out");
}

pub(crate) fn stopping_the_parent_stops_inside_in_order(way: &Way) {
    let (mut inner, log) = (way.graph(), Log::default());
    let (ms10, long) = (way.ms(10), way.ms(60_000));
    let polite = |name: &'static str| {
        let (log, hook) = (log.clone(), log.clone());
        let job = Job::service(move |cx| async move {
            cx.ready(());
            cx.cancelled().await;
            cx.sleep(ms10).await;
            log.say(name);
            Ok(())
        });
        job.grace(long).on_shutdown(move || {
            let log = hook.clone();
            async move { log.say(format!("{name} hook")) }
        })
    };
    let disk = inner.add(polite("disk"));
    let store = inner.add(polite("store").requires(&disk));
    inner.add(Job::with_context(move |cx| nap(cx, long)).requires(&store));
    let mut graph = way.graph().timeout(way.ms(200));
    let nested = graph.add(Job::graph(inner));
    let report = way.run(graph);
    assert_eq!(report.verdict(), Verdict::TimedOut);
    assert_eq!(log.take(), ["store", "disk", "store hook", "disk hook"]);
    assert_eq!(end(report.job(&nested)), "cancelled");
    assert_eq!(report.output(&nested).unwrap().verdict(), Verdict::Stopped);
    way.assert_time(Some(report.elapsed()), 220);
}

pub(crate) fn aborting_the_parent_leaves_nothing_alive(way: &Way) {
    let (mut inner, alive, log) = (way.graph(), Alive::default(), Log::default());
    let (guard, hook, long) = (alive.guard(), log.clone(), way.ms(60_000));
    let deaf = Job::with_context(move |cx| async move {
        let _guard = guard;
        cx.sleep(long).await;
    });
    inner.add(deaf.grace(long).on_shutdown(move || {
        hook.say("hook");
        async {}
    }));
    let mut graph = way.graph();
    let nested = graph.add(Job::graph(inner));
    let (stop, ms50) = (graph.stop_handle(), way.ms(50));
    graph.add(
        Job::with_context(move |cx| async move {
            for _ in 0..2 {
                cx.sleep(ms50).await;
                stop.stop();
            }
            std::future::pending::<()>().await;
        })
        .grace(long),
    );
    let report = way.run(graph);
    assert_eq!(report.verdict(), Verdict::Stopped);
    assert_eq!(end(report.job(&nested)), "cancelled");
    assert!(report.output(&nested).is_none());
    assert!(log.take().is_empty());
    alive.assert_none();
}

struct Ping {
    tries: Arc<AtomicU32>,
    log: Log,
}

impl RunJob for Ping {
    type Output = u32;

    async fn run(&self, cx: Context) -> Result<u32, Error> {
        let attempt = self.tries.fetch_add(1, Ordering::SeqCst) + 1;
        assert_eq!(cx.attempt().number, attempt);
        if attempt < 3 { Err("no answer".into()) } else { Ok(attempt) }
    }

    async fn shutdown(&self) -> Result<(), Error> {
        self.log.say("shut down");
        Err("the line is cut".into())
    }

    fn label(&self) -> Option<String> {
        Some("ping".into())
    }
}

pub(crate) fn custom_jobs_are_retried_and_shut_down(way: &Way) {
    let (mut graph, log) = (way.graph(), Log::default());
    let ping = graph.add(Job::custom(Ping { tries: Arc::default(), log: log.clone() }).retries(4));
    let report = way.run(graph);
    assert_eq!(report.output(&ping), Some(&3));
    assert_eq!(report.job(&ping).unwrap().label(), Some("ping"));
    assert_eq!(log.take(), ["shut down"]);
    let failed = report.check().unwrap_err().to_string();
    assert!(
        failed.ends_with("with a failure: #1 ping: its hook failed: the line is cut"),
        "{failed}"
    );
}

pub(crate) fn a_graph_runs_again(way: &Way) {
    let (mut graph, log) = (way.graph(), Log::default());
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let first = graph.add(
        Job::repeat(move || {
            let run = counted.fetch_add(1, Ordering::SeqCst) + 1;
            async move { if run == 2 { Err("the second fails") } else { Ok(run) } }
        })
        .label("first"),
    );
    let said = log.clone();
    let second = graph.add(
        Job::repeat(move || {
            let log = said.clone();
            async move {
                log.say("second");
                Ok::<_, Error>("ran")
            }
        })
        .requires(&first),
    );
    let service = graph.add(Job::restartable(|cx: jobgraph::ServiceContext<u8>| async move {
        cx.ready(7);
        cx.cancelled().await;
        Ok(())
    }));
    let mut graph = graph.repeatable().unwrap();
    for run in 1..=3 {
        let report = way.run_again(&mut graph);
        assert!(report.is_completed());
        let succeeds = run != 2;
        assert_eq!(report.output(&first).copied(), succeeds.then_some(run));
        assert_eq!(report.output(&second).is_some(), succeeds);
        assert_eq!(log.take().len(), usize::from(succeeds));
        assert!(matches!(report.output(&service), Some(7) | None));
        assert_eq!(report.job(&first).unwrap().attempts(), 1);
    }

    let mut graph = way.graph();
    graph.add(Job::repeat(|| async { Ok::<_, Error>(()) }));
    graph.add(Job::new(async {}).label("once"));
    let error = graph.repeatable().unwrap_err();
    let text = "the graph cannot run again because of #2 once: its future can be awaited once only; make it with `Job::repeat`";
    assert_eq!(error.to_string(), text);
}

/// The first mirror that answers is enough; when none does, what waits for one is skipped.
pub(crate) fn any_of_three_mirrors_is_enough(way: &Way) {
    for answers in [true, false] {
        let mut graph = way.graph();
        let mirror = |millis, answers| {
            let nap = way.ms(millis);
            Job::try_with_context(move |cx| async move {
                cx.sleep(nap).await;
                if answers { Ok(millis) } else { Err("no answer") }
            })
        };
        let mirrors = [mirror(10, false), mirror(20, answers), mirror(60, false)];
        let mirrors = mirrors.map(|job| graph.add(job));
        let unpack = graph.add(Job::new(async {}).requires_any(&mirrors));
        let first = graph.add(Job::new(async {}).after_any(&mirrors));
        let never = graph.add(Job::new(async {}).requires_any(&[mirrors[0], mirrors[2]]));
        let report = way.run(graph);
        way.assert_time(report.job(&first).unwrap().started(), 10);
        let skipped = Some(Outcome::Skipped(SkipReason::Requirement(mirrors[2].id())));
        assert_eq!(report.outcome(&never), skipped);
        if answers {
            way.assert_time(report.job(&unpack).unwrap().started(), 20);
            assert_eq!(report.output(&mirrors[1]), Some(&20));
        } else {
            assert_eq!(report.outcome(&unpack), skipped);
        }
    }
}
