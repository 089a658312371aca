//! Settings that are taken back, and what must not grow.
//!
//! Looked for: a window that was zero once, and is so last; requirements that are made and taken back,
//! with and without others; additions that are refused, for different reasons, with outputs that are large;
//! a graph that has a job which was refused.

use std::future::ready;

use allocation_counter::measure;
use jobgraph::testing::VirtualClock;
use jobgraph::{Condition, Job, JobGraph, RunError};

#[test]
fn a_window_counts_as_it_was_said_last() {
    let run = |graph: JobGraph<'_>| {
        let clock = VirtualClock::new();
        clock.block_on(jobgraph::run(&clock, graph)).map(|report| report.verdict().to_string())
    };
    let graph = |windows: &[usize]| {
        let mut graph = JobGraph::new();
        for window in windows {
            graph = graph.window(*window);
        }
        graph.add(Job::new(ready(())));
        graph
    };
    assert_eq!(run(graph(&[0, 3])), Ok("completed".into()));
    assert_eq!(run(graph(&[3, 0, 0, 1])), Ok("completed".into()));
    assert_eq!(run(graph(&[3, 0])), Err(RunError::NoWindow));
    assert!(graph(&[0, 3]).repeatable().is_err_and(|error| error != RunError::NoWindow));
    assert_eq!(graph(&[3, 0]).repeatable().err(), Some(RunError::NoWindow));
}

/// Another mistake is not forgotten with it.
#[test]
fn a_window_that_is_mended_mends_nothing_else() {
    let clock = VirtualClock::new();
    let foreign = JobGraph::new().add(Job::new(ready(())));
    let mut graph = JobGraph::new().window(0);
    graph.add(Job::new(ready(())).requires(&foreign));
    let refused = clock.block_on(jobgraph::run(&clock, graph.window(3)));
    assert!(matches!(refused, Err(RunError::ForeignHandle { .. })), "{refused:?}");
}

/// How much is allocated by this, and kept.
fn kept<T>(make: impl FnOnce() -> T) -> i64 {
    let mut made = None;
    measure(|| made = Some(make())).bytes_current
}

#[test]
fn requirements_that_are_taken_back_leave_nothing_behind() {
    let after = |rounds: usize, others: usize| {
        kept(|| {
            let mut graph = JobGraph::new();
            let [a, b, c] = [(); 3].map(|()| graph.add(Job::new(ready(()))));
            for _ in 0..others {
                let other = graph.add(Job::new(ready(())));
                graph.require(&a, &other, Condition::Succeeded).unwrap();
            }
            for _ in 0..rounds {
                graph.require(&a, &b, Condition::Succeeded).unwrap();
                graph.require(&c, &a, Condition::Finished).unwrap();
                graph.remove_requirement(&c, &a).unwrap();
                graph.remove_requirement(&a, &b).unwrap();
            }
            graph
        })
    };
    for others in [0, 10, 100] {
        let [few, many] = [10, 10_000].map(|rounds| after(rounds, others));
        assert!(many < few + 4_096, "{others} others: {few} bytes, {many} bytes");
    }
}

/// A kilobyte that nobody has.
type Large = [u64; 128];

/// A run in which so many additions are refused before one is not, and how much it needs at most.
fn refuse(additions: usize, reason: &'static str) -> u64 {
    let clock = VirtualClock::new();
    let info = measure(|| {
        let foreign = JobGraph::new().add(Job::new(ready(())));
        let mut graph = JobGraph::new();
        let adder = graph.adder();
        let after = graph.add(Job::new(ready(())));
        let last = graph.add(Job::try_new(async move {
            for _ in 0..additions {
                let job = Job::new(ready::<Large>([0; 128]));
                let refused = match reason {
                    "foreign" => adder.add(job.requires(&foreign)).await,
                    "two conditions" => adder.add(job.requires(&after).after(&after)).await,
                    _ => adder.add(job.requires(&after).critical().forever()).await,
                };
                // The last one is not refused: it shows that the test can fail.
                assert_eq!(refused.is_err(), reason != "none");
            }
            adder.add(Job::new(ready::<Large>([1; 128]))).await
        }));
        let report = clock.block_on(jobgraph::run(&clock, graph)).unwrap();
        let added = report.output(&last).unwrap();
        assert_eq!(report.output(added).map(|output| output[0]), Some(1));
    });
    info.bytes_max
}

#[test]
fn additions_that_are_refused_leave_no_place_for_an_output() {
    for reason in ["foreign", "two conditions"] {
        let [few, many] = [10, 5_000].map(|additions| refuse(additions, reason));
        assert!(many < few + 100_000, "{reason}: {few} bytes, {many} bytes");
    }
    let [few, many] = [10, 5_000].map(|additions| refuse(additions, "none"));
    assert!(many > few + 100_000, "the outputs are that large");
}

/// Jobs that a graph cannot take while it is built have handles, which name nothing in a report.
#[test]
fn a_job_that_was_refused_refuses_the_graph() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let a = graph.add(Job::new(ready(())).label("a"));
    graph.add(Job::new(ready(())).label("b").requires(&a).after(&a));
    let refused = clock.block_on(jobgraph::run(&clock, graph)).unwrap_err().to_string();
    assert!(refused.contains("#1 a") && refused.contains('b'), "{refused}");
}
