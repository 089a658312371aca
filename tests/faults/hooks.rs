//! Shutdown hooks: each has a budget of its own, and what became of it is told.
//!
//! Looked for: a hook that never returns above, below and beside others, of a job, a service, a job of
//! one's own type; many that are slow; the budget asked for; hooks that fail, panic, are cut off, are
//! aborted or never run, in `check`, `failures`, the report, the history, the facts and the progress;
//! the same in a nested graph, and in one that is aborted; closures that capture by move.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::time::Duration;

use jobgraph::testing::VirtualClock;
use jobgraph::view::History;
use jobgraph::{
    Clock, Context, Error, FactKind, Failure, Graph, Handle, Job, JobError, JobGraph, Outcome,
    Payload, Report, RunJob, SendJobGraph, Verdict,
};

use crate::ways::Way;

const SECOND: Duration = Duration::from_secs(1);
const TIMED_OUT: Outcome = Outcome::Failed(Failure::TimedOut);

fn run<P: Payload>(clock: &VirtualClock, graph: Graph<P>) -> Report<P::Outputs> {
    clock.block_on(jobgraph::run(clock, graph)).unwrap()
}

fn hook<T>(report: &Report, job: &Handle<T>) -> Outcome {
    report.job(job).unwrap().hook().expect("its hook was to run").outcome()
}

/// Hooks run in reverse: that of the last job of the chain first.
#[test]
fn a_hook_that_never_returns_does_not_keep_those_below_from_running() {
    let (clock, cleaned) = (VirtualClock::new(), Cell::new(false));
    let mut graph = JobGraph::new();
    let db = Job::new(async {}).on_shutdown(|| async { cleaned.set(true) });
    let db = graph.add(db.label("db"));
    let slow = Job::new(async {}).requires(&db).on_shutdown(|| clock.sleep(9 * SECOND));
    let slow = graph.add(slow.label("slow"));
    let stuck = Job::new(async {}).requires(&slow).on_shutdown(pending::<()>);
    let stuck = graph.add(stuck.label("stuck"));
    let report = run(&clock, graph);
    let hooks = [&stuck, &slow, &db].map(|job| hook(&report, job));
    assert_eq!(hooks, [TIMED_OUT, Outcome::Succeeded, Outcome::Succeeded]);
    assert!(cleaned.get());
    assert_eq!((report.verdict(), report.elapsed()), (Verdict::Completed, 19 * SECOND));
}

#[test]
fn many_slow_hooks_have_ten_seconds_each() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let mut last = None;
    for _ in 0..20 {
        let job = Job::new(async {}).on_shutdown(|| clock.sleep(8 * SECOND));
        let below: Vec<&Handle<()>> = last.iter().collect();
        last = Some(graph.add(job.requires(below)));
    }
    let report = run(&clock, graph);
    report.check().unwrap();
    assert_eq!(report.elapsed(), 160 * SECOND);
}

#[test]
fn the_budget_is_what_was_asked_for() {
    for (budget, outcome) in [(2, TIMED_OUT), (4, Outcome::Succeeded)] {
        let clock = VirtualClock::new();
        let mut graph = JobGraph::new().hook_timeout(budget * SECOND);
        let one = graph.add(Job::new(async {}).on_shutdown(|| clock.sleep(3 * SECOND)));
        let two = Job::new(async {}).requires(&one).on_shutdown(|| clock.sleep(3 * SECOND));
        let two = graph.add(two);
        let report = run(&clock, graph);
        assert_eq!([hook(&report, &one), hook(&report, &two)], [outcome; 2]);
        assert_eq!(report.elapsed(), 2 * SECOND * budget.min(3));
    }
}

/// What shows that a hook did not end well.
struct Shown {
    check: String,
    failures: Vec<String>,
    error: Option<String>,
}

fn shown(graph: JobGraph<'_>, clock: &VirtualClock) -> Shown {
    let report = run(clock, graph);
    assert_eq!(report.counts().failed, 0, "no job has failed: {report}");
    let hooked = report.jobs().find_map(|job| job.hook()).unwrap();
    Shown {
        check: report.check().unwrap_err().to_string(),
        failures: report.failures().map(|job| job.name().to_string()).collect(),
        error: hooked.error().map(ToString::to_string),
    }
}

#[test]
fn a_hook_that_fails_is_a_failure_of_the_run() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let db = Job::new(async {}).label("db").on_shutdown(|| async { Err::<(), _>("disk full") });
    graph.add(db);
    let shown = shown(graph, &clock);
    assert!(shown.check.contains("#1 db: its hook failed: disk full"), "{}", shown.check);
    assert_eq!((shown.failures, shown.error), (vec!["#1 db".into()], Some("disk full".into())));
}

async fn panics() {
    panic!("oh no");
}

#[test]
fn a_hook_that_panics_is_a_failure_of_the_run() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    graph.add(Job::new(async {}).label("db").on_shutdown(panics));
    let shown = shown(graph, &clock);
    assert!(shown.check.contains("#1 db: its hook failed: panicked: oh no"), "{}", shown.check);
    assert_eq!(shown.failures, ["#1 db"]);
}

#[test]
fn a_hook_that_was_cut_off_is_a_failure_of_the_run() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    graph.add(Job::new(async {}).label("db").on_shutdown(pending::<()>));
    let shown = shown(graph, &clock);
    assert!(shown.check.contains("#1 db: its hook timed out"), "{}", shown.check);
    assert_eq!((shown.failures, shown.error), (vec!["#1 db".into()], Some("timed out".into())));
}

/// The third stop aborts the one that runs, and the one below it never runs.
fn stopped_thrice(clock: &VirtualClock) -> (JobGraph<'_>, [Handle<()>; 2]) {
    let mut graph = JobGraph::new();
    let stop = graph.stop_handle();
    let below = graph.add(Job::new(async {}).label("below").on_shutdown(|| async {}));
    let above = Job::new(async {}).requires(&below).on_shutdown(move || async move {
        clock.sleep(SECOND).await;
        (0..3).for_each(|_| stop.stop());
        pending::<()>().await;
    });
    let above = graph.add(above.label("above"));
    (graph, [above, below])
}

#[test]
fn hooks_that_were_aborted_or_never_ran_are_failures_of_the_run() {
    let clock = VirtualClock::new();
    let (graph, [above, below]) = stopped_thrice(&clock);
    let report = run(&clock, graph);
    assert_eq!(hook(&report, &above), Outcome::Cancelled);
    assert!(matches!(hook(&report, &below), Outcome::Skipped(_)));
    let check = report.check().unwrap_err().to_string();
    assert!(check.contains("#2 above: its hook was cancelled"), "{check}");
    assert!(check.contains("#1 below: its hook never ran"), "{check}");
    let failures: Vec<_> = report.failures().map(|job| job.id()).collect();
    assert_eq!(failures, [below.id(), above.id()]);
    assert_eq!((report.verdict(), report.elapsed()), (Verdict::Completed, SECOND));
}

/// Also with what each way has as threads.
#[test]
fn hooks_are_told_alike_in_all_ways() {
    for way in Way::ALL {
        let mut graph = SendJobGraph::new().hook_timeout(Duration::from_millis(200));
        let good = graph.add(Job::new(async {}).on_shutdown(|| async {}));
        let stuck = Job::new(async {}).requires(&good).on_shutdown(pending::<()>);
        let stuck = graph.add(stuck.label("stuck"));
        let bad = Job::new(async {}).requires(&stuck).on_shutdown(|| async { Err::<(), _>("no") });
        graph.add(bad.label("bad"));
        let report = way.run(graph);
        let hook = |job: &Handle<()>| report.job(job).unwrap().hook().unwrap().outcome();
        assert_eq!((hook(&good), hook(&stuck)), (Outcome::Succeeded, TIMED_OUT), "{way:?}");
        let check = report.check().unwrap_err().to_string();
        assert!(check.contains("#2 stuck: its hook timed out"), "{way:?}: {check}");
        assert!(check.contains("#3 bad: its hook failed: no"), "{way:?}: {check}");
    }
}

#[test]
fn the_history_and_the_facts_know_what_became_of_hooks() {
    let clock = VirtualClock::new();
    let (mut graph, [above, below]) = stopped_thrice(&clock);
    let mut facts = graph.facts();
    let report = run(&clock, graph);
    let facts: Vec<_> = std::iter::from_fn(|| facts.try_next()).collect();
    let mut ended: Vec<_> = facts
        .iter()
        .filter_map(|fact| match &fact.what {
            FactKind::HookEnded { id, outcome, .. } => Some((*id, *outcome)),
            _ => None,
        })
        .collect();
    ended.sort_by_key(|&(id, _)| id);
    let outcomes = [&below, &above].map(|job| (job.id(), hook(&report, job)));
    assert_eq!(ended, outcomes);
    for history in [facts.into_iter().collect(), History::from(&report)] {
        for (id, outcome) in outcomes {
            let told = history.job(&[], id).unwrap().hook.as_ref().unwrap();
            assert_eq!(told.ended.map(|(_, outcome)| outcome), Some(outcome), "{id}");
        }
    }
}

#[cfg(feature = "progress")]
#[test]
fn the_progress_names_hooks_that_did_not_end_well() {
    use jobgraph::view::Monitor;

    let clock = VirtualClock::new();
    let (mut graph, _) = stopped_thrice(&clock);
    let mut facts = graph.facts();
    let _ = run(&clock, graph);
    let mut monitor = Monitor::new();
    let mut lines = Vec::new();
    while let Some(fact) = facts.try_next() {
        monitor.apply(&fact);
        lines.extend(monitor.event(&fact));
    }
    for shown in [lines, monitor.summary(), monitor.failures()] {
        let names =
            |label: &str| shown.iter().any(|line| line.contains(label) && line.contains("hook"));
        assert!(names("above") && names("below"), "{shown:#?}");
    }
}

#[test]
fn a_listing_shows_hooks_that_did_not_end_well() {
    let clock = VirtualClock::new();
    let (graph, _) = stopped_thrice(&clock);
    let listing = run(&clock, graph).to_string();
    assert!(listing.contains("its hook was cancelled"), "{listing}");
    assert!(listing.contains("its hook never ran"), "{listing}");
}

struct Stubborn<'a>(&'a VirtualClock);

impl RunJob for Stubborn<'_> {
    type Output = ();

    async fn run(&self, _: Context) -> Result<(), Error> {
        Ok(())
    }

    async fn shutdown(&self) -> Result<(), Error> {
        self.0.sleep(60 * SECOND).await;
        Ok(())
    }
}

/// A service, a job of a type of one's own, one that was retried and one that was aborted.
#[test]
fn hooks_of_all_kinds_of_jobs_have_budgets() {
    let clock = VirtualClock::new();
    let ran = RefCell::new(Vec::new());
    let mut graph = JobGraph::new();
    let service = Job::service(async |cx| {
        cx.ready(());
        cx.cancelled().await;
        Ok(())
    });
    let says = |what| {
        ran.borrow_mut().push(what);
        async {}
    };
    let service = graph.add(service.on_shutdown(|| says("service")));
    let custom = graph.add(Job::custom(Stubborn(&clock)).requires(&service));
    let retried = Job::repeat(|| async { Err::<(), _>("no") }).retries(2).after(&custom);
    let retried = graph.add(retried.on_shutdown(|| says("retried")));
    let aborted = Job::new(pending::<()>()).timeout(SECOND).after(&retried);
    let aborted = graph.add(aborted.on_shutdown(|| says("aborted")));
    let report = run(&clock, graph);
    assert_eq!(*ran.borrow(), ["aborted", "retried", "service"]);
    assert_eq!(hook(&report, &custom), TIMED_OUT);
    let error = report.job(&custom).unwrap().hook().unwrap().error();
    assert!(matches!(error, Some(JobError::TimedOut)));
    assert_eq!(hook(&report, &aborted), Outcome::Succeeded);
    assert_eq!(report.elapsed(), 11 * SECOND);
}

/// They count outside, with the way to them.
#[test]
fn a_hook_inside_that_does_not_end_well_is_a_failure_outside() {
    let clock = VirtualClock::new();
    let mut inner = JobGraph::new().hook_timeout(SECOND);
    let db =
        inner.add(Job::new(async {}).label("db").on_shutdown(|| async { Err::<(), _>("full") }));
    let web = Job::new(async {}).requires(&db).on_shutdown(pending::<()>);
    inner.add(web.label("web"));
    let mut outer = JobGraph::new();
    let nested = outer.add(Job::graph(inner).label("deploy"));
    let report = run(&clock, outer);
    assert_eq!(report.outcome(&nested), Some(Outcome::Succeeded));
    let check = report.check().unwrap_err().to_string();
    assert!(check.contains("deploy / #1 db: its hook failed: full"), "{check}");
    assert!(check.contains("deploy / #2 web: its hook timed out"), "{check}");
}

/// What was to be cleaned up is not, and that is told.
#[test]
fn hooks_inside_an_aborted_graph_never_run_and_are_failures_outside() {
    let clock = VirtualClock::new();
    let cleaned = Cell::new(false);
    let mut inner = JobGraph::new();
    let db = Job::new(pending::<()>()).label("db").on_shutdown(|| async { cleaned.set(true) });
    inner.add(db);
    let mut outer = JobGraph::new();
    let aborted = Job::graph(inner).label("deploy").timeout(SECOND).grace(Duration::ZERO);
    outer.add(aborted);
    let report = run(&clock, outer);
    let check = report.check().unwrap_err().to_string();
    assert!(check.contains("never ran"), "{check}");
    drop(report);
    assert!(!cleaned.get());
}

/// What a closure captured is moved into its future, without a clone for each call.
#[test]
fn a_hook_may_be_an_inline_closure_that_moves_what_it_captured() {
    struct Connection(String);
    let clock = VirtualClock::new();
    let closed = RefCell::new(String::new());
    let connection = Connection("db:5432".into());
    let mut graph = JobGraph::new();
    let to = &closed;
    graph.add(Job::new(async {}).on_shutdown(move || async move {
        let Connection(host) = connection;
        to.replace(host);
    }));
    run(&clock, graph).check().unwrap();
    assert_eq!(*closed.borrow(), "db:5432");
    let (send, receive) = std::sync::mpsc::channel();
    let mut graph = SendJobGraph::new();
    let text = String::from("moved");
    graph.add(Job::new(async {}).on_shutdown(move || async move { send.send(text) }));
    clock.block_on(jobgraph::run_parallel(&clock, graph)).unwrap().check().unwrap();
    assert_eq!(receive.recv().unwrap(), "moved");
}

/// A graph that runs again needs hooks that can: they are called in each run.
#[test]
fn a_hook_of_a_graph_that_runs_again_is_called_in_each_run() {
    let (clock, calls) = (VirtualClock::new(), Cell::new(0));
    let mut graph = JobGraph::new();
    let job = || Job::repeat(|| async { jobgraph::ok(()) });
    let each = job().on_each_shutdown(|| async { calls.set(calls.get() + 1) });
    graph.add(each);
    let mut graph = graph.repeatable().unwrap();
    for run in 1..=3 {
        clock.block_on(graph.run(&clock)).unwrap().check().unwrap();
        assert_eq!(calls.get(), run);
    }
    let mut graph = JobGraph::new();
    graph.add(job().label("db").on_shutdown(|| async {}));
    let refused = graph.repeatable().unwrap_err().to_string();
    assert!(refused.contains("#1 db"), "{refused}");
}
