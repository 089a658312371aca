//! What jobs see of a run, and what people see of both: contexts, handles, texts.
#![cfg(feature = "testing")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use jobgraph::testing::VirtualClock;
use jobgraph::{Clock, Context, Error, Graph, Job, JobGraph, Payload, Report, RunJob, Timestamp};

fn run<P: Payload>(clock: &VirtualClock, graph: Graph<P>) -> Report<P::Outputs> {
    clock.block_on(jobgraph::run(clock, graph)).unwrap()
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn a_context_knows_the_time_and_whether_it_is_cancelled() {
    let clock = VirtualClock::new();
    let seen = RefCell::new(Vec::new());
    let mut graph = JobGraph::new();
    graph.add(
        Job::with_context(async |cx: Context| {
            seen.borrow_mut().push((cx.is_cancelled(), cx.now()));
            cx.cancelled().await;
            seen.borrow_mut().push((cx.is_cancelled(), cx.now()));
        })
        .forever()
        .grace(millis(1)),
    );
    graph.add(Job::new(clock.sleep(millis(30))));
    assert!(run(&clock, graph).is_success());
    let later = Timestamp::ZERO + millis(30);
    assert_eq!(*seen.borrow(), [(false, Timestamp::ZERO), (true, later)]);
}

#[test]
fn contexts_and_handles_tell_debuggers_what_they_are() {
    let clock = VirtualClock::new();
    let texts = RefCell::new(Vec::new());
    let mut graph = JobGraph::new();
    let adder = graph.adder();
    texts.borrow_mut().push(format!("{adder:?}").split(' ').next().unwrap().to_owned());
    let service = graph.add(Job::service(async |cx| {
        texts.borrow_mut().push(format!("{cx:?}"));
        cx.ready(());
        cx.cancelled().await;
        Ok::<_, Error>(())
    }));
    let debug = async |cx: Context| texts.borrow_mut().push(format!("{cx:?}"));
    graph.add(Job::with_context(debug).requires(&service));
    run(&clock, graph);
    assert_eq!(
        *texts.borrow(),
        [
            "Adder",
            "Context { attempt: Attempt { job: #1, number: 1 }, cancelled: false, .. }",
            "Context { attempt: Attempt { job: #2, number: 1 }, cancelled: false, .. }",
        ]
    );
}

#[test]
fn a_custom_job_needs_no_label() {
    struct Plain;
    impl RunJob for Plain {
        type Output = ();
        async fn run(&self, _: Context) -> Result<(), Error> {
            Ok(())
        }
    }
    let mut graph = JobGraph::new();
    let plain = graph.add(Job::custom(Plain));
    let report = run(&VirtualClock::new(), graph);
    assert_eq!(report.job(&plain).unwrap().label(), None);
}

#[test]
fn the_hook_of_an_added_job_runs_although_no_other_job_has_one() {
    let cleaned = Cell::new(false);
    let mut graph = JobGraph::new();
    let adder = graph.adder();
    let cleaned_up = &cleaned;
    graph.add(Job::new(async move {
        let hook = move || async move { cleaned_up.set(true) };
        adder.add(Job::new(async {}).on_shutdown(hook)).await.unwrap();
    }));
    assert!(run(&VirtualClock::new(), graph).is_success());
    assert!(cleaned.get());
}

#[test]
fn what_a_job_captured_is_dropped_when_it_ends_although_another_has_a_hook() {
    let guard = Rc::new(());
    let mut graph = JobGraph::new();
    let held = Rc::clone(&guard);
    let first = graph.add(Job::repeat(move || {
        let _held = &held;
        async { Ok::<_, Error>(()) }
    }));
    let count = graph.add(Job::new(async { Rc::strong_count(&guard) }).after(&first));
    graph.add(Job::new(async {}).on_shutdown(|| async {}));
    let report = run(&VirtualClock::new(), graph);
    assert_eq!(report.output(&count), Some(&1));
}
