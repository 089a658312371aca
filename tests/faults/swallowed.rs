//! Nothing that went wrong is swallowed. Variants: a `Result` taken for a plain value, from each constructor of such
//! jobs, in a graph, in one inside, and in one added; failures one and two graphs down; a run that failed, in each
//! way that a program may look at it.

use std::io;

use jobgraph::{Job, JobError, RunError, RunFailed, SendJobGraph, Trouble, Verdict};

use crate::ways::Way;

fn fallible() -> Result<u8, io::Error> {
    Err(io::Error::other("no disk"))
}

/// A graph with one job that fails.
fn failing(label: &str) -> SendJobGraph {
    let mut graph = SendJobGraph::new();
    graph.add(Job::try_new(async { fallible() }).label(label));
    graph
}

#[test]
fn a_result_is_no_plain_value() {
    let mut graph = SendJobGraph::new();
    let one = graph.add(Job::new(async { 1 }));
    graph.add(Job::new(async { fallible() }).label("a"));
    graph.add(Job::with(&one, |_| async { io::Result::Ok(()) }).label("b"));
    graph.add(Job::with_context(|_| async { fallible() }).label("c"));
    let mut inside = SendJobGraph::new();
    inside.add(Job::new(async { fallible() }).label("d"));
    graph.add(Job::graph(inside).label("inside"));
    let problems = graph.check().unwrap_err();
    let twin = |problem: &RunError| match problem {
        RunError::ResultAsValue { instead, .. } => *instead,
        other => panic!("{other}"),
    };
    let own: Vec<_> = problems.iter().take(3).map(twin).collect();
    assert_eq!(own, ["Job::try_new", "Job::try_with", "Job::try_with_context"]);
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts[3],
        "#5 inside: the new job d returns a `Result`, whose `Err` would pass for a success: make it with \
         `Job::try_new`, or with `Job::value` if the `Result` is its output"
    );
    assert_eq!(texts.len(), 4);
}

#[test]
fn a_result_is_no_plain_value_of_an_added_job_either() {
    for way in Way::ALL {
        let mut graph = SendJobGraph::new();
        let adder = graph.adder();
        let adds =
            graph.add(Job::value(async move { adder.add(Job::new(async { fallible() })).await }));
        let report = way.run(graph);
        let refused = report.output(&adds).unwrap().as_ref().unwrap_err();
        assert!(matches!(refused, RunError::ResultAsValue { .. }), "{refused}");
        assert_eq!(report.jobs().count(), 1);
    }
}

#[test]
fn a_result_that_is_meant_is_an_output_like_any_other() {
    for way in Way::ALL {
        let mut graph = SendJobGraph::new();
        let value = graph.add(Job::value(async { fallible() }));
        let report = way.run(graph);
        assert!(report.output(&value).unwrap().is_err());
        assert!(report.check().is_ok());
    }
}

#[test]
fn failures_inside_count_outside() {
    for way in Way::ALL {
        let mut middle = SendJobGraph::new();
        middle.add(Job::graph(failing("unit tests")).label("checks"));
        let mut graph = SendJobGraph::new();
        let nested = graph.add(Job::graph(middle).label("build"));
        let after = graph.add(Job::new(async {}).requires(&nested));
        let report = way.run(graph);
        // It completed, and says what did not go well.
        assert!(report.is_completed() && report.is_done(&after));
        let failed = report.check().unwrap_err();
        assert_eq!(
            failed.to_string(),
            "the run completed, with a failure: #1 build / #1 checks / #1 unit tests: no disk"
        );
        let failures: Vec<_> = report.failures().map(|job| job.name().to_string()).collect();
        assert_eq!(failures, ["#1 build"]);
        let disk = |trouble: &Trouble| match trouble.error() {
            Some(JobError::Error(error)) => error.is::<io::Error>(),
            _ => false,
        };
        assert!(failed.troubles().iter().all(disk));
        assert_eq!(
            format!("{:?}", report.exit_code()),
            format!("{:?}", std::process::ExitCode::FAILURE)
        );
    }
}

#[test]
fn a_critical_failure_is_named_once_with_its_label() {
    for way in Way::ALL {
        let mut graph = SendJobGraph::new();
        let other = graph.add(Job::try_new(async { Err::<(), _>("not here") }).label("probe"));
        graph.add(Job::try_new(async { fallible() }).label("upload").critical().after(&other));
        let failed = way.run(graph).check().unwrap_err();
        assert_eq!(failed.verdict(), Verdict::CriticalFailure(failed_job(&failed)));
        let text = "the run ended by the critical failure of #2 upload: no disk, with a failure: #1 probe: not here";
        assert_eq!(failed.to_string(), text);
        // For `?` in a `main`.
        assert_eq!(format!("{failed:?}"), text);
    }
}

fn failed_job(failed: &RunFailed) -> jobgraph::JobId {
    match failed.verdict() {
        Verdict::CriticalFailure(job) => job,
        other => panic!("{other}"),
    }
}

#[test]
fn a_text_names_the_first_of_many_failures() {
    let mut graph = SendJobGraph::new();
    for _ in 0..1_000 {
        graph.add(Job::try_new(async { fallible() }));
    }
    let failed = Way::ALL[0].run(graph).check().unwrap_err();
    assert_eq!(failed.troubles().len(), 1_000);
    let text = failed.to_string();
    assert!(text.starts_with("the run completed, with 1000 failures: #1: no disk; #2"), "{text}");
    assert!(text.ends_with("#10: no disk; and 990 more"), "{text}");
    // Whatever an error says, it is one line, and no long one.
    let mut graph = SendJobGraph::new();
    graph.add(Job::try_new(async { Err::<(), _>("x\n\u{1b}[2J".repeat(10_000)) }));
    let text = Way::ALL[0].run(graph).check().unwrap_err().to_string();
    assert!(text.chars().count() < 1_000 && !text.contains(['\n', '\u{1b}']), "{text}");
}

#[test]
fn what_a_program_exits_with() {
    let code = |graph: SendJobGraph| format!("{:?}", Way::ALL[0].run(graph).exit_code());
    let expected = |code: u8| format!("{:?}", std::process::ExitCode::from(code));
    assert_eq!(code(SendJobGraph::new()), expected(0));
    assert_eq!(code(failing("a")), expected(1));
    assert_eq!(code(failing("a").timeout(std::time::Duration::ZERO)), expected(124));
    let mut stopped = SendJobGraph::new();
    stopped.add(Job::with_context(|cx| async move {
        cx.stop_handle().stop();
        cx.cancelled().await;
    }));
    assert_eq!(code(stopped), expected(130));
}

#[test]
fn a_stop_that_was_wanted_is_well() {
    for way in Way::ALL {
        let stopped = |fails: bool| {
            let mut graph = SendJobGraph::new().until_stopped();
            let stop = graph.stop_handle();
            let first = Job::try_new(async move { if fails { fallible() } else { Ok(1) } });
            let first = graph.add(first.label("a"));
            graph.add(Job::new(async move { stop.stop() }).after(&first));
            way.run(graph)
        };
        assert!(stopped(false).check_stopped().is_ok());
        assert_eq!(stopped(false).check().unwrap_err().to_string(), "the run stopped");
        let failed = stopped(true).check_stopped().unwrap_err();
        assert_eq!(failed.to_string(), "the run stopped, with a failure: #1 a: no disk");
    }
}
