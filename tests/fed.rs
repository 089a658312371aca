//! Jobs and services that are fed the outputs of others, in every form, and what reports say of jobs.
#![cfg(feature = "testing")]

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use jobgraph::testing::VirtualClock;
use jobgraph::{
    Context, Error, Graph, Job, JobGraph, JobKind, Payload, Report, RunError, SendJobGraph,
    ServiceContext, Timestamp,
};

fn run<P: Payload>(graph: Graph<P>) -> Report<P::Outputs> {
    let clock = VirtualClock::new();
    clock.block_on(jobgraph::run(&clock, graph)).unwrap()
}

#[test]
fn a_job_that_is_fed_outputs_can_be_attempted_again() {
    let mut graph = JobGraph::new();
    let two = graph.add(Job::new(async { 2 }));
    let attempts = Cell::new(0);
    let count = &attempts;
    let double = graph.add(
        Job::repeat_with(&two, move |_: Context, two: Arc<i32>| async move {
            count.set(count.get() + 1);
            if count.get() < 3 { Err("not yet") } else { Ok(*two * 2) }
        })
        .retries(5),
    );
    let report = run(graph);
    assert_eq!((report.output(&double), attempts.get()), (Some(&4), 3));
}

#[test]
fn a_job_is_fed_a_list_of_outputs() {
    let mut graph = JobGraph::new();
    let numbers: Vec<_> =
        (1..=4).map(|number| graph.add(Job::new(async move { number }))).collect();
    let sum = |numbers: Vec<Arc<i32>>| async move { numbers.iter().map(|one| **one).sum::<i32>() };
    let all = graph.add(Job::with(&numbers, sum));
    let some = graph.add(Job::with(&numbers[1..3], sum));
    assert_eq!(graph.requirements(&all).count(), 4);
    let report = run(graph);
    assert_eq!((report.output(&all), report.output(&some)), (Some(&10), Some(&5)));
}

#[test]
fn services_are_fed_outputs() {
    let mut graph = JobGraph::new();
    let port = graph.add(Job::new(async { 80 }));
    let serve = |cx: ServiceContext<i32>, port: Arc<i32>| async move {
        cx.ready(*port + 1);
        cx.cancelled().await;
        Ok::<_, Error>(())
    };
    let once = graph.add(Job::service_with(&port, serve));
    let again = graph.add(Job::restartable_with(&port, serve));
    let user = graph.add(Job::with((&once, &again), |a, b| async move { *a + *b }));
    assert_eq!(run(graph).output(&user), Some(&162));
}

#[test]
fn what_runs_once_makes_a_graph_that_does() {
    let add: [fn(&mut JobGraph<'_>); 3] = [
        |graph| {
            graph.add(Job::service(async |_: ServiceContext<()>| Ok::<_, Error>(())));
        },
        |graph| {
            graph.add(Job::graph(JobGraph::new()));
        },
        |graph| {
            graph.add(Job::new(async {}));
        },
    ];
    for add in add {
        let mut graph = JobGraph::new();
        add(&mut graph);
        assert!(matches!(graph.repeatable(), Err(RunError::RunsOnce { .. })));
    }
}

#[test]
fn a_report_says_in_one_line_whether_all_went_well() {
    let mut graph = JobGraph::new();
    graph.add(Job::new(async {}));
    assert!(run(graph).check().is_ok());

    let mut graph = JobGraph::new();
    graph.add(Job::try_new(async { Err::<(), _>("no such host") }).label("fetch"));
    let failed = run(graph).check().unwrap_err();
    assert_eq!(failed.to_string(), "the run completed, with a failure: #1 fetch: no such host");

    let mut graph = JobGraph::new().timeout(Duration::ZERO);
    graph.add(Job::new(async {}));
    assert_eq!(run(graph).check().unwrap_err().to_string(), "the run timed out");
}

#[test]
fn a_report_knows_what_each_job_is_and_why_it_is_there() {
    let mut graph = JobGraph::new();
    let ticker = graph.add(Job::new(std::future::pending::<()>()).forever());
    let fails = graph.add(Job::try_new(async { Err::<(), _>("broken") }).label("fails"));
    let skipped = graph.add(Job::new(async {}).requires(&fails));
    let report = run(graph);
    assert_eq!(report.job(&ticker).unwrap().kind(), JobKind::Forever);
    assert_eq!(report.job(&fails).unwrap().kind(), JobKind::Finite);
    let why = report.job(&skipped).unwrap().explain().unwrap().to_string();
    assert_eq!(why, "skipped: #2 fails failed");
}

#[test]
fn debug_texts_name_what_they_are_of() {
    let mut graph = JobGraph::new();
    let job = Job::repeat(|| async { Ok::<_, Error>(()) }).label("job");
    assert!(format!("{job:?}").starts_with("Job {"), "{job:?}");
    let job = graph.add(job);
    let ask = async |cx: Context| Ok::<_, Error>(format!("{:?}", cx.clock()));
    let of_clock = graph.add(Job::repeat_with_context(ask));
    let mut graph = graph.repeatable().unwrap();
    assert!(format!("{graph:?}").starts_with("Repeatable {"), "{graph:?}");
    let clock = VirtualClock::new();
    let report = clock.block_on(graph.run(&clock)).unwrap();
    assert!(format!("{report:?}").starts_with("Report {"), "{report:?}");
    assert!(report.output(&of_clock).unwrap().starts_with("AnyClock"));
    let job = report.job(&job).unwrap();
    assert!(format!("{job:?}").starts_with("JobReport {"), "{job:?}");
    assert!(format!("{:?}", SendJobGraph::new()).starts_with("Graph {"));
    assert!(format!("{:?}", JobGraph::new().facts()).starts_with("Facts {"));
}

#[test]
fn times_are_told_to_the_millisecond_and_short_ones_in_smaller_units() {
    let texts = [
        (0, "0 s"),
        (1, "1 ns"),
        (999, "999 ns"),
        (1_000, "1 µs"),
        (999_999, "999 µs"),
        (1_000_000, "0.001 s"),
        (12_000_000, "0.012 s"),
        (120_000_000, "0.12 s"),
        (1_200_000_000, "1.2 s"),
        (1_230_000_000, "1.23 s"),
        (1_234_567_890, "1.234 s"),
        (61_000_000_000, "61 s"),
    ];
    for (nanos, text) in texts {
        let time = Timestamp::from_nanos(nanos);
        assert_eq!((time.as_nanos(), time.to_string().as_str()), (nanos, text));
    }
}

/// Each edit that takes a feeder away from a job that is kept is refused, and names both; nothing has changed then.
#[test]
fn no_edit_takes_away_what_a_job_is_fed() {
    type Edit = fn(&mut JobGraph<'_>, [&jobgraph::Handle<i32>; 3]) -> Result<(), RunError>;
    let edits: [(Edit, &str); 7] = [
        (|graph, [a, b, _]| graph.remove_requirement(b, a), "#2 b is fed the output of #1 a"),
        (|graph, [_, b, c]| graph.remove_requirement(c, b), "#3 c is fed the output of #2 b"),
        (|graph, [a, ..]| graph.bypass(a), "#2 b is fed the output of #1 a"),
        (|graph, [_, b, _]| graph.bypass(b), "#3 c is fed the output of #2 b"),
        (|graph, [_, b, c]| graph.keep_between(b, c), "#2 b is fed the output of #1 a"),
        (|graph, [_, _, c]| graph.keep_between(c, ()), "#3 c is fed the output of #2 b"),
        (
            |graph, [a, b, _]| graph.require(b, a, jobgraph::Condition::Finished),
            "#2 b cannot require #1 a to finish: it requires it to succeed already",
        ),
    ];
    for (edit, text) in edits {
        let mut graph = JobGraph::new();
        let a = graph.add(Job::new(async { 1 }).label("a"));
        let repeat = |_: Context, a: Arc<i32>| async move { Ok::<_, Error>(*a + 1) };
        let b = graph.add(Job::repeat_with(&a, repeat).retries(2).label("b"));
        let c = Job::with(jobgraph::settled(&b), |b| async move { *b.unwrap() + 1 });
        let c = graph.add(c.label("c"));
        let before = graph.to_string();
        let error = edit(&mut graph, [&a, &b, &c]).unwrap_err().to_string();
        assert!(error.starts_with(text), "{error}");
        assert_eq!(graph.to_string(), before);
        assert_eq!(run(graph).output(&c), Some(&3));
    }
}

#[test]
fn a_job_may_be_taken_away_with_all_that_it_feeds() {
    let mut graph = JobGraph::new();
    let a = graph.add(Job::new(async { 1 }));
    let b = graph.add(Job::with(&a, |a| async move { *a }));
    let _c = graph.add(Job::with(&b, |b| async move { *b }));
    let d = graph.add(Job::new(async {}).requires(&a));
    // What only waits for a job is not fed by it.
    graph.remove_requirement(&d, &a).unwrap();
    graph.keep_between((), &b).unwrap();
    let report = run(graph);
    assert_eq!((report.output(&b), report.jobs().count()), (Some(&1), 2));
}

/// Quadratic, this would not come to an end.
#[test]
fn a_hundred_thousand_read_one_output_that_goes() {
    let mut graph = JobGraph::new().window(1);
    let text = graph.add(Job::new(async { String::from("text") }).transient());
    let read = |text: Arc<String>| async move { text.len() };
    let readers: Vec<_> = (0..100_000).map(|_| graph.add(Job::with(&text, read))).collect();
    let report = run(graph);
    assert_eq!(report.output(&text), None);
    assert!(readers.iter().all(|reader| report.output(reader) == Some(&4)));
}
