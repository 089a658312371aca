use std::sync::Arc;

use jobgraph::testing::VirtualClock;
use jobgraph::view::{History, JobHistory};
use jobgraph::{
    Counts, Fact, FactKind, Job, JobGraph, JobId, JobInfo, JobState, Outcome, SkipReason,
    Timestamp, Verdict,
};

use crate::{SECOND, diamond, motley, observed, work};

fn recount<'a>(jobs: impl Iterator<Item = &'a JobHistory>) -> String {
    let (mut succeeded, mut failed, mut skipped, mut cancelled, mut others) = (0, 0, 0, 0, 0);
    for job in jobs {
        match job.state {
            JobState::Ended(Outcome::Succeeded) => succeeded += 1,
            JobState::Ended(Outcome::Failed(_)) => failed += 1,
            JobState::Ended(Outcome::Skipped(_)) => skipped += 1,
            JobState::Ended(Outcome::Cancelled) => cancelled += 1,
            _ => others += 1,
        }
    }
    format!("{succeeded} {failed} {skipped} {cancelled} {others}")
}

fn numbers(counts: Counts) -> String {
    format!(
        "{} {} {} {} {}",
        counts.succeeded,
        counts.failed,
        counts.skipped,
        counts.cancelled,
        counts.unfinished()
    )
}

#[test]
fn it_knows_attempts_pauses_and_errors() {
    let clock = VirtualClock::new();
    let history = observed(&clock, motley(&clock));
    let flaky = history.jobs().find(|job| job.info.label.as_deref() == Some("flaky")).unwrap();
    let attempts: Vec<String> = flaky
        .attempts
        .iter()
        .map(|attempt| {
            let error = attempt.error.as_ref().map_or("no error".into(), ToString::to_string);
            let end = attempt.ended.unwrap().at;
            format!("{}: {} to {end}, {error}", attempt.number, attempt.started.at)
        })
        .collect();
    assert_eq!(
        attempts,
        ["1: 1 s to 2 s, no answer", "2: 3 s to 4 s, no answer", "3: 5 s to 6 s, no error",]
    );
    assert_eq!(flaky.busy(history.now().at), 3 * SECOND);
    assert!(flaky.error().is_none());
}

#[test]
fn it_counts_as_the_report_does() {
    let clock = VirtualClock::new();
    let mut graph = motley(&clock);
    let mut facts = graph.facts();
    let report = clock.block_on(jobgraph::run(&clock, graph)).unwrap();
    let exact: History = std::iter::from_fn(|| facts.try_next()).collect();
    let coarse = History::from(&report);
    for history in [&exact, &coarse] {
        assert_eq!(history.counts(), report.counts());
        assert_eq!(recount(history.jobs_within(&[])), numbers(report.counts()));
        assert_eq!(history.verdict(), Some(report.verdict()));
        assert_eq!(history.elapsed(), report.elapsed());
        for job in report.jobs() {
            let known = history.job(&[], job.id()).unwrap();
            assert_eq!(JobState::Ended(job.outcome().unwrap()), known.state);
            let begun = history.begun();
            let since = |moment: jobgraph::view::Moment| moment.at.saturating_since(begun);
            assert_eq!(job.started(), known.started().map(since));
            let ended = known.attempts.last().and_then(|attempt| attempt.ended);
            assert_eq!(job.ended(), ended.map(since));
            assert_eq!(
                job.error().map(ToString::to_string),
                known.error().map(ToString::to_string)
            );
        }
    }
}

#[test]
fn jobs_inside_are_known_before_they_run() {
    let clock = VirtualClock::new();
    let graph = motley(&clock);
    let history = History::from(&graph);
    let deploy = history.jobs().find(|job| job.info.label.as_deref() == Some("deploy")).unwrap();
    let inside: Vec<String> =
        history.jobs_within(&[deploy.info.id]).map(|job| history.path(job)).collect();
    assert_eq!(inside, ["deploy / #1 copy", "deploy / #2 check"]);
    assert_eq!(history.counts(), History::from(&graph).counts());
    // They are there once when the run has told of them, too.
    let told = observed(&clock, graph);
    assert_eq!(told.jobs().count(), history.jobs().count());
}

#[test]
fn what_was_inside_an_aborted_job_is_over_too() {
    let clock = VirtualClock::new();
    let mut inner = JobGraph::new();
    let long = inner.add(Job::new(work(&clock, 9 * SECOND)).label("long"));
    inner.add(Job::new(async {}).label("next").requires(&long));
    let mut graph = JobGraph::new();
    let outer = graph.add(Job::graph(inner).timeout(SECOND).grace(std::time::Duration::ZERO));
    let history = observed(&clock, graph);
    let inside: Vec<String> =
        history.jobs_within(&[outer.id()]).map(|job| job.state.to_string()).collect();
    assert_eq!(inside, ["cancelled", "skipped (run stopped)"]);
    let counts = history.graph(&[outer.id()]).unwrap().counts;
    assert_eq!((counts.cancelled, counts.skipped, counts.present()), (1, 1, 2));
}

#[test]
fn a_run_that_begins_anew_is_a_new_history() {
    let clock = VirtualClock::new();
    let mut graph = diamond(&clock);
    let mut facts = graph.facts();
    let _ = clock.block_on(jobgraph::run(&clock, graph)).unwrap();
    let facts: Vec<Fact> = std::iter::from_fn(|| facts.try_next()).collect();
    let mut history: History = facts.iter().cloned().collect();
    history
        .extend(facts.into_iter().take_while(|fact| !matches!(fact.what, FactKind::State { .. })));
    assert_eq!(history.counts().to_string(), "4 waiting");
}

#[test]
fn many_graphs_that_are_skipped_are_cut_short_each_in_its_turn() {
    const GRAPHS: u32 = 100_000;
    let mut history = History::new();
    let nowhere = Arc::new([]) as Arc<[JobId]>;
    let mut note =
        |what| history.apply(&Fact { at: Timestamp::ZERO, within: nowhere.clone(), what });
    let mut core = jobgraph::Orchestrator::new(jobgraph::RunOptions::default());
    let mut id = || core.add((), jobgraph::JobOptions::default(), &[]).unwrap();
    let inner = id();
    let graphs: Vec<JobId> = (1..GRAPHS).map(|_| id()).collect();
    note(FactKind::Begun { window: None, pools: Vec::new() });
    for &graph in &graphs {
        let mut info = JobInfo::new(graph);
        info.inside = Some(vec![Arc::new(JobInfo::new(inner))]);
        note(FactKind::Added(Arc::new(info)));
    }
    // Where all graphs were looked at for each that ends, this would not come to an end.
    let skipped = JobState::Ended(Outcome::Skipped(SkipReason::RunStopped));
    for &id in &graphs {
        note(FactKind::State { id, from: JobState::Waiting, to: skipped, error: None });
    }
    assert!(history.jobs().all(|job| job.state == skipped));
}

#[test]
fn a_graph_that_a_job_runs_is_known_each_time() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let mut attempts = 0;
    graph.add(
        Job::repeat_with_context(move |cx| {
            attempts += 1;
            let jobs = if attempts == 1 { 3 } else { 2 };
            async move {
                let mut inner = JobGraph::new();
                for _ in 0..jobs {
                    inner.add(Job::with_context(async |cx| cx.sleep(SECOND).await));
                }
                if jobs == 3 {
                    inner.add(Job::try_new(async { Err::<(), _>("no") }).critical());
                }
                cx.run(inner).await?.check()?;
                jobgraph::ok(())
            }
        })
        .retries(1)
        .label("twice"),
    );
    let mut facts = graph.facts();
    let _ = clock.block_on(jobgraph::run(&clock, graph)).unwrap();
    let mut history = History::new();
    while let Some(fact) = facts.try_next() {
        history.apply(&fact);
        let known = history.graph(&fact.within).unwrap().counts;
        assert_eq!(numbers(known), recount(history.jobs_within(&fact.within)), "{fact}");
    }
    let twice = history.jobs().next().unwrap();
    assert!(twice.is_graph);
    let inside: Vec<JobState> =
        history.jobs_within(&[twice.info.id]).map(|job| job.state).collect();
    assert_eq!(inside[..2], [JobState::Ended(Outcome::Succeeded); 2]);
    assert_eq!(history.graph(&[twice.info.id]).unwrap().over.unwrap().1, Verdict::Completed);
    let listing = history.to_string();
    assert_eq!(listing.lines().count(), 1 + inside.len(), "{listing}");
}

/// A job that runs a graph of six jobs, is cut off in the midst of that, and runs one of a single job.
fn cut_off() -> JobGraph<'static> {
    let mut graph = JobGraph::new();
    let job = Job::repeat_with_context(async |cx: jobgraph::Context| {
        let first = cx.attempt().number == 1;
        let mut inner = JobGraph::new();
        for _ in 0..if first { 6 } else { 1 } {
            inner.add(Job::with_context(async move |cx| {
                if first {
                    cx.note("old");
                    std::future::pending::<()>().await;
                }
                cx.sleep(SECOND).await;
            }));
        }
        cx.run(inner).await?.check()?;
        jobgraph::ok(())
    });
    graph.add(job.timeout(2 * SECOND).retries(1).backoff(SECOND, SECOND).label("twice"));
    graph
}

#[test]
fn a_graph_that_is_cut_off_and_run_again_is_known_as_it_is() {
    let clock = VirtualClock::new();
    let mut graph = cut_off();
    let mut facts = graph.facts();
    let _ = clock.block_on(jobgraph::run(&clock, graph)).unwrap();
    let facts: Vec<Fact> = std::iter::from_fn(|| facts.try_next()).collect();
    let after = |seconds: u32| -> History {
        let until = Timestamp::ZERO + seconds * SECOND + SECOND / 2;
        facts.iter().filter(|fact| fact.at <= until).cloned().collect()
    };
    let inside = |history: &History| {
        let twice = history.jobs().next().unwrap().info.id;
        recount(history.jobs_within(&[twice]))
    };
    assert_eq!(inside(&after(1)), "0 0 0 0 6");
    // Its attempt is over.
    assert_eq!(inside(&after(2)), "0 0 0 6 0");
    let again = after(3);
    assert_eq!(inside(&again), "0 0 0 0 1");
    assert_eq!(again.jobs().count(), 2);
    let now = again.jobs().nth(1).unwrap();
    assert_eq!((now.attempts.len(), now.note.as_deref()), (1, None));
    let end = after(9);
    assert_eq!(inside(&end), "1 0 0 0 0");
    assert!(end.jobs().all(|job| job.state.is_ended()));
    assert_eq!(end.jobs().map(|job| job.busy(end.now().at)).max(), Some(3 * SECOND));
}

#[test]
fn whatever_is_inside_a_job_that_is_over_is_over_however_deep() {
    let mut core = jobgraph::Orchestrator::new(jobgraph::RunOptions::default());
    let id = core.add((), jobgraph::JobOptions::default(), &[]).unwrap();
    let mut info = JobInfo::new(id);
    for _ in 0..4 {
        let inside = std::mem::replace(&mut info, JobInfo::new(id));
        info.inside = Some(vec![Arc::new(inside)]);
    }
    let mut history = History::new();
    let skipped = JobState::Ended(Outcome::Skipped(SkipReason::RunStopped));
    for what in [
        FactKind::Begun { window: None, pools: Vec::new() },
        FactKind::Added(Arc::new(info)),
        FactKind::State { id, from: JobState::Waiting, to: skipped, error: None },
    ] {
        history.apply(&Fact { at: Timestamp::ZERO, within: Arc::new([]), what });
    }
    assert_eq!(history.jobs().count(), 5);
    assert!(history.jobs().all(|job| job.state == skipped), "{history}");
}
