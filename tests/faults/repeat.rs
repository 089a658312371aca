//! Handles of jobs that were added in one run of a graph, in another run of it.
//!
//! Looked for: such a handle in the report of another run, by all that takes one, with an output of the
//! same type and of another; as a requirement of each kind and as an input in another run; equality; in
//! the report of its own run, later; handles of jobs that the graph was built with, and of a run that was
//! dropped; in place and in parallel.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use jobgraph::testing::VirtualClock;
use jobgraph::{Handle, Job, JobGraph, Outcome, Repeatable, Report, RunError, SendJobGraph};

fn run(clock: &VirtualClock, graph: &mut Repeatable<jobgraph::Local<'_>>) -> Report {
    clock.block_on(graph.run(clock)).unwrap()
}

/// A graph each of whose runs adds a job that says which run this is, and keeps its handle here.
fn adding(added: &RefCell<Vec<Handle<String>>>) -> Repeatable<jobgraph::Local<'_>> {
    let mut graph = JobGraph::new();
    let adder = graph.adder();
    graph.add(Job::repeat(move || {
        let adder = adder.clone();
        async move {
            let run = added.borrow().len();
            let job = Job::repeat(move || async move { jobgraph::ok(format!("run {run}")) });
            let handle = adder.add(job.label(format!("added in run {run}"))).await?;
            added.borrow_mut().push(handle);
            jobgraph::ok(())
        }
    }));
    graph.repeatable().unwrap()
}

#[test]
fn a_job_added_in_a_run_is_not_in_the_report_of_another() {
    let (clock, added) = (VirtualClock::new(), RefCell::default());
    let mut graph = adding(&added);
    let mut reports = [(); 3].map(|()| run(&clock, &mut graph));
    for (at, report) in reports.iter_mut().enumerate() {
        for (of, handle) in added.borrow().iter().enumerate() {
            let own = at == of;
            assert_eq!(report.job(handle).is_some(), own, "{of} in {at}");
            assert_eq!(report.outcome(handle), own.then_some(Outcome::Succeeded), "{of} in {at}");
            assert_eq!(report.is_done(handle), own, "{of} in {at}");
            assert!(report.error(handle).is_none());
            let text = own.then(|| format!("run {of}"));
            assert_eq!(report.output(handle), text.as_ref(), "{of} in {at}");
            assert_eq!(report.take_output(handle), text, "{of} in {at}");
        }
    }
}

#[test]
fn handles_of_jobs_added_in_different_runs_are_not_equal() {
    let (clock, added) = (VirtualClock::new(), RefCell::default());
    let mut graph = adding(&added);
    for _ in 0..3 {
        let _ = run(&clock, &mut graph);
    }
    let added = added.borrow();
    assert_eq!(added.iter().map(Handle::id).collect::<HashSet<_>>().len(), 1);
    assert_eq!(added.iter().collect::<HashSet<_>>().len(), 3);
    assert!(added[0] != added[1] && added[1] != added[2]);
}

/// What it names by its number has an output of another type.
#[test]
fn an_output_of_another_type_is_not_looked_for() {
    let (clock, first) = (VirtualClock::new(), RefCell::new(None));
    let mut graph = JobGraph::new();
    let (adder, kept) = (graph.adder(), &first);
    graph.add(Job::repeat(move || {
        let adder = adder.clone();
        async move {
            if kept.borrow().is_none() {
                let number = Job::repeat(|| async { jobgraph::ok(7_u32) });
                let number = adder.add(number).await?;
                kept.replace(Some(number));
            } else {
                adder.add(Job::repeat(|| async { jobgraph::ok("text") })).await?;
            }
            jobgraph::ok(())
        }
    }));
    let mut graph = graph.repeatable().unwrap();
    let [own, other] = [(); 2].map(|()| run(&clock, &mut graph));
    let number = first.take().unwrap();
    assert_eq!((own.output(&number), other.output(&number)), (Some(&7), None));
    assert_eq!(other.outcome(&number), None);
}

/// The ways in which a job may require another one.
const WAYS: [&str; 4] = ["requires", "after", "on_failure_of", "with"];

/// In the second run a job of the first is required, in each way. What is answered.
fn required_later(clock: &VirtualClock, parallel: bool) -> Vec<Result<(), RunError>> {
    let (first, answers) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(Vec::new())));
    let mut graph = SendJobGraph::new();
    let (adder, kept, answered) = (graph.adder(), Arc::clone(&first), Arc::clone(&answers));
    graph.add(Job::repeat(move || {
        let (adder, kept, answered) = (adder.clone(), Arc::clone(&kept), Arc::clone(&answered));
        async move {
            let added = *kept.lock().unwrap();
            let Some(earlier) = added else {
                let job = adder.add(Job::repeat(|| async { jobgraph::ok(7) })).await?;
                *kept.lock().unwrap() = Some(job);
                return jobgraph::ok(());
            };
            // There is a job with its number.
            adder.add(Job::repeat(|| async { jobgraph::ok(8) })).await?;
            for way in WAYS {
                let job = || Job::new(async {});
                let answer = match way {
                    "requires" => adder.add(job().requires(&earlier)).await.map(drop),
                    "after" => adder.add(job().after(&earlier)).await.map(drop),
                    "on_failure_of" => adder.add(job().on_failure_of(&earlier)).await.map(drop),
                    _ => adder.add(Job::with(&earlier, async |_| {})).await.map(drop),
                };
                answered.lock().unwrap().push(answer);
            }
            jobgraph::ok(())
        }
    }));
    let mut graph = graph.repeatable().unwrap();
    for _ in 0..2 {
        let report = if parallel {
            clock.block_on(graph.run_parallel(clock))
        } else {
            clock.block_on(graph.run(clock))
        };
        report.unwrap().check().unwrap();
    }
    std::mem::take(&mut answers.lock().unwrap())
}

#[test]
fn a_job_added_in_a_run_cannot_be_required_in_another() {
    for parallel in [false, true] {
        let answers = required_later(&VirtualClock::new(), parallel);
        assert_eq!(answers.len(), WAYS.len());
        for (way, answer) in WAYS.into_iter().zip(answers) {
            let foreign = matches!(answer, Err(RunError::ForeignHandle { .. }));
            assert!(foreign, "{way}: {answer:?}");
        }
    }
}

#[test]
fn jobs_that_a_graph_was_built_with_are_the_same_in_each_run() {
    let (clock, all) = (VirtualClock::new(), RefCell::new(Vec::new()));
    let mut graph = JobGraph::new();
    let built = graph.add(Job::repeat(|| async { jobgraph::ok(7) }));
    let (adder, kept) = (graph.adder(), &all);
    graph.add(Job::repeat(move || {
        let adder = adder.clone();
        async move {
            let job = Job::with(&built, async |seven| *seven + 1);
            let added = adder.add(job).await?;
            kept.borrow_mut().push(added);
            jobgraph::ok(())
        }
    }));
    let mut graph = graph.repeatable().unwrap();
    let reports = [(); 2].map(|()| run(&clock, &mut graph));
    for (report, added) in reports.iter().zip(all.take()) {
        report.check().unwrap();
        assert_eq!((report.output(&built), report.output(&added)), (Some(&7), Some(&8)));
    }
}

/// A handle says of which graph it is, and a job that is added knows its own run's.
#[test]
fn jobs_added_in_one_run_can_require_one_another() {
    let (clock, sums) = (VirtualClock::new(), RefCell::new(Vec::new()));
    let mut graph = JobGraph::new();
    let (adder, kept) = (graph.adder(), &sums);
    graph.add(Job::repeat(move || {
        let adder = adder.clone();
        async move {
            let one = adder.add(Job::new(async { 1 })).await?;
            let two = adder.add(Job::with(&one, async |one| *one + 1)).await?;
            kept.borrow_mut().push((one, two));
            jobgraph::ok(())
        }
    }));
    let mut graph = graph.repeatable().unwrap();
    for number in 0..3 {
        let report = run(&clock, &mut graph);
        report.check().unwrap();
        assert_eq!(report.output(&sums.borrow()[number].1), Some(&2));
    }
}
