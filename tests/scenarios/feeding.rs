use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use jobgraph::{
    Context, Fact, FactKind, Job, JobError, Missing, Outcome, Report, SendJobGraph, ServiceContext,
    optional, settled,
};

use crate::ways::{Log, Way};

/// One of each way to leave nothing behind, and one that leaves something.
pub(crate) fn a_job_is_fed_what_became_of_others(way: &Way) {
    let mut graph = way.graph();
    let well = graph.add(Job::new(async { 1_u8 }).label("well"));
    let fails = graph.add(Job::try_new(async { Err::<u8, _>("no host") }).label("fails"));
    let panics = graph.add(Job::new(async { panic!("oh no") }).label("panics"));
    let _: &jobgraph::Handle<()> = &panics;
    let late = async {
        pending::<()>().await;
        1_u8
    };
    let late = graph.add(Job::new(late).timeout(Duration::ZERO).label("late"));
    let skipped = graph.add(Job::new(async { 1_u8 }).requires(&fails).label("skipped"));
    let gives_up = Job::try_new(async { Err::<u8, _>(jobgraph::Cancelled) });
    let gives_up = graph.add(gives_up.label("gives up"));
    let all = [well, fails, late, skipped, gives_up];
    let texts =
        graph.add(Job::with(settled(&all), |all: Vec<Result<Arc<u8>, Missing>>| async move {
            all.iter()
                .map(|one| one.as_ref().map_or_else(ToString::to_string, ToString::to_string))
                .collect::<Vec<_>>()
        }));
    let some =
        graph.add(Job::with(optional(&all), |all| async move { all.iter().flatten().count() }));
    let one =
        graph.add(Job::with((settled(&panics), optional(&fails)), |panics, fails| async move {
            let panicked = matches!(panics.unwrap_err().error(), Some(JobError::Panic(_)));
            (panicked, fails.is_none())
        }));
    let report = way.run(graph);
    assert_eq!(
        report.output(&texts).unwrap()[..],
        [
            "1",
            "#2 fails failed: no host",
            "#4 late failed: timed out",
            "#5 skipped was skipped because of #2 fails: no host",
            "#6 gives up: cancelled",
        ],
    );
    assert_eq!((report.output(&some), report.output(&one)), (Some(&1), Some(&(true, true))));
    // What was fed has failed all the same.
    assert_eq!(report.check().unwrap_err().troubles().len(), 3);
}

/// A service settles when it is ready, or when it ends without.
pub(crate) fn a_job_is_fed_what_became_of_services(way: &Way) {
    let mut graph = way.graph();
    let serve = |cx: ServiceContext<u8>| async move {
        cx.ready(7);
        cx.cancelled().await;
        Ok(())
    };
    let ready = graph.add(Job::service(serve).label("ready"));
    let never = |_: ServiceContext<u8>| async { Err("no port".into()) };
    let never = graph.add(Job::service(never).label("never"));
    let both =
        graph.add(Job::with((settled(&ready), settled(&never)), |ready, never| async move {
            (ready.is_ok_and(|value| *value == 7), never.unwrap_err().to_string())
        }));
    let report = way.run(graph);
    assert_eq!(report.output(&both), Some(&(true, "#2 never failed: no port".to_string())));
}

pub(crate) fn a_handle_a_list_and_what_may_be_missing_feed_one_job(way: &Way) {
    let mut graph = way.graph();
    let base = graph.add(Job::new(async { 100 }));
    let numbers: Vec<_> = (0..3).map(|number| graph.add(Job::new(async move { number }))).collect();
    let missing = graph.add(Job::try_new(async { Err::<i32, _>("none") }));
    let inputs = || (&base, &numbers, optional(&missing), settled(&numbers));
    let sum = graph.add(Job::with(
        (&base, &numbers, optional(&missing)),
        |base, numbers, missing| async move {
            *base + numbers.iter().map(|one| **one).sum::<i32>() + missing.map_or(1_000, |one| *one)
        },
    ));
    // The same job asked for in two ways is one thing too many.
    let twice = Job::with(inputs(), |_, _, _, _| async {});
    let report = way.run(graph);
    assert_eq!(report.output(&sum), Some(&1_103));
    let mut graph = way.graph();
    graph.add(twice);
    assert!(graph.check().is_err());
}

pub(crate) fn a_graph_is_made_of_what_others_left(way: &Way) {
    let mut graph = way.graph();
    let hosts = graph.add(Job::new(async { vec!["a", "b", "?"] }).label("inventory"));
    let survey = graph.add(
        Job::graph_with(hosts, |hosts: Arc<Vec<&'static str>>| async move {
            let mut survey = SendJobGraph::new().window(1);
            for &host in hosts.iter() {
                let ask = async move { if host == "?" { Err("no such host") } else { Ok(host) } };
                survey.add(Job::try_new(ask).label(host));
            }
            survey
        })
        .label("survey"),
    );
    let down = graph.add(Job::with(&survey, |survey| async move { survey.failures().count() }));
    let report = way.run(graph);
    assert_eq!(report.output(&down), Some(&1));
    let failed = report.check().unwrap_err().to_string();
    assert_eq!(failed, "the run completed, with a failure: #2 survey / #3 ?: no such host");
}

/// As many as it likes, each observed with the way to it.
pub(crate) fn a_job_runs_graphs(way: &Way) {
    let mut graph = way.graph();
    let (told, said) = (Log::default(), Log::default());
    let heard = told.clone();
    graph.observe(move |fact: &Fact| {
        if let (FactKind::Over(verdict), [job]) = (&fact.what, &fact.within[..]) {
            heard.say(format!("{verdict} inside {job}"));
        }
    });
    let says = said.clone();
    let batches = graph.add(Job::try_with_context(|cx| async move {
        for batch in 0..3 {
            let (mut jobs, says) = (SendJobGraph::new(), says.clone());
            jobs.add(Job::new(async move { says.say(format!("batch {batch}")) }));
            cx.run(jobs).await?.check()?;
        }
        let mut broken = SendJobGraph::new();
        broken.add(Job::try_new(async { Err::<(), _>("broken") }));
        let report: Report<_> = cx.run(broken).await?;
        assert!(report.check().is_err());
        assert!(cx.run(SendJobGraph::new().window(0)).await.is_err());
        jobgraph::ok(())
    }));
    let report = way.run(graph);
    assert_eq!(report.outcome(&batches), Some(Outcome::Succeeded), "{report}");
    assert_eq!(said.take(), ["batch 0", "batch 1", "batch 2"]);
    assert_eq!(told.take(), ["completed inside #1"; 4]);
}

pub(crate) fn a_graph_that_a_job_runs_is_stopped_with_it(way: &Way) {
    let (mut graph, log) = (way.graph().until_stopped(), Log::default());
    let says = log.clone();
    let job = Job::try_with_context(|cx: Context| async move {
        let (mut inside, stop) = (SendJobGraph::new(), cx.stop_handle());
        let (one, two) = (says.clone(), says.clone());
        inside.add(
            Job::with_context(|cx| async move {
                cx.cancelled().await;
                one.say("below");
            })
            .unlimited_grace(),
        );
        let above = Job::with_context(|cx| async move {
            stop.stop();
            cx.cancelled().await;
            two.say("above");
        });
        inside.add(above.unlimited_grace());
        let report = cx.run(inside).await?;
        says.say(report.verdict().to_string());
        jobgraph::ok(())
    });
    graph.add(job.unlimited_grace());
    let report = way.run(graph);
    assert_eq!(report.check().unwrap_err().to_string(), "the run stopped");
    let mut said = log.take();
    assert_eq!(said.pop().as_deref(), Some("stopped"));
    said.sort();
    assert_eq!(said, ["above", "below"]);
}

/// Also while it has no graph yet.
pub(crate) fn a_graph_that_is_being_made_is_stopped(way: &Way) {
    let mut graph = way.graph();
    let stop = graph.stop_handle();
    let one = graph.add(Job::new(async { 1_u8 }));
    let never = |_: Arc<u8>| async { pending::<SendJobGraph>().await };
    let made = graph.add(Job::graph_with(one, never));
    graph.add(Job::new(async move { stop.stop_in_order() }).after(&one));
    let report = way.run(graph);
    assert_eq!(report.outcome(&one), Some(Outcome::Succeeded));
    assert!(!report.is_done(&made), "{report}");
    assert_eq!(report.check().unwrap_err().to_string(), "the run stopped");
}
