//! Inputs that make no sense, ids that outlive their job, and outputs that are not drained.

use jobgraph::{
    Attempt, Completion, Condition, GraphError, InputError, JobOptions, JobState, Orchestrator,
    RunOptions, Timestamp,
};

use crate::support::{Timeline, job, service, time};

#[test]
fn before_start_inputs_are_refused_and_outputs_empty() {
    let mut run = Timeline::new().timeout(5);
    run.add(job("a").timeout(1));
    let attempt = Attempt { job: run.id("a"), number: 1 };
    let text = "the run has not started: call `start` first";
    let errors = [
        run.graph.on_job_complete(attempt, Completion::Success, time(9)).unwrap_err(),
        run.graph.on_job_ready(attempt, time(9)).unwrap_err(),
        run.graph.cancel(attempt.job, time(9)).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error, InputError::NotStarted);
        assert_eq!(error.to_string(), text);
    }
    run.at(9).due().starts("").signals("").no_deadline().states("a: waiting").goes_on();
    assert_eq!(run.graph.clock(), Timestamp::ZERO);
    assert_eq!(run.graph.verdict(), None);
    run.start(3).starts("a").deadline(4);
}

#[test]
fn a_second_start_is_refused() {
    let mut run = Timeline::new().timeout(10);
    run.add(job("a"));
    run.start(5);
    let error = run.graph.start(time(8)).unwrap_err();
    assert_eq!(error.to_string(), "the run has started already: it is too late to start");
    assert_eq!(run.graph.clock(), time(5));
    run.deadline(15).starts("a").at(15).due().verdict("timed out");
    assert!(matches!(run.graph.start(time(20)), Err(GraphError::AlreadyStarted { .. })));
}

#[test]
fn building_is_over_once_the_run_has_started() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b").requires("a"));
    run.start(0).told();
    let (a, b) = (run.id("a"), run.id("b"));
    let graph = &mut run.graph;
    let errors = [
        graph.require(b, a, Condition::Succeeded).unwrap_err(),
        graph.remove_requirement(b, a).unwrap_err(),
        graph.bypass(a).unwrap_err(),
        graph.keep_between(&[], &[]).unwrap_err(),
        graph.set_options(RunOptions::default()).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, GraphError::AlreadyStarted { .. }), "{error}");
        assert!(error.to_string().starts_with("the run has started already: "), "{error}");
    }
    assert_eq!(graph.requirement_count(), 1);
    assert_eq!(run.told(), [""; 0]);
}

#[test]
fn only_ended_jobs_can_be_removed_from_a_run() {
    let mut run = Timeline::new().window(3);
    run.add(job("backoff").retries(1).backoff(9, 9)).add(job("stopping").grace(9));
    run.add(job("running")).add(job("waits").requires("running"));
    run.start(0).starts("backoff stopping running").at(1).fail("backoff").cancel("stopping");
    run.add(job("x")).starts("x").add(job("queued")).told();
    for (label, state) in [
        ("backoff", "in backoff until 10 s"),
        ("stopping", "stopping (cancelled)"),
        ("running", "running"),
        ("waits", "waiting"),
        ("queued", "queued"),
    ] {
        let job = run.id(label);
        let error = run.graph.remove(job).unwrap_err();
        assert!(matches!(error, InputError::NotEnded { .. }));
        assert_eq!(
            error.to_string(),
            format!("{job} {label} cannot be removed: it is {state}; cancel it first")
        );
    }
    assert_eq!(run.told(), [""; 0]);
    run.at(2).succeed("running").remove("running").starts("queued");
    let running = run.id("running");
    assert_eq!(run.graph.remove(running), Err(InputError::UnknownJob { id: running }));
    run.states("running: gone, waits: queued");
}

#[test]
fn ids_and_attempts_of_a_removed_job_never_touch_the_newcomer_in_its_place() {
    let mut run = Timeline::new();
    run.add(job("a").retries(1)).add(job("keep"));
    run.start(0).starts("a keep");
    let (old, old_attempt) = (run.id("a"), run.attempt("a"));
    run.at(1).succeed("a").remove("a").add(service("new").grace(5)).starts("new");
    let new = run.id("new");
    assert_eq!((old.index(), old.number()), (new.index(), 1));
    assert_eq!(new.number(), 3);
    assert!(old < new && old != new);
    let graph = &mut run.graph;
    let unknown = InputError::UnknownJob { id: old };
    assert_eq!(
        graph.on_job_complete(old_attempt, Completion::Error, time(5)),
        Err(unknown.clone())
    );
    assert_eq!(graph.on_job_ready(old_attempt, time(5)), Err(unknown.clone()));
    assert_eq!(graph.cancel(old, time(5)), Err(unknown.clone()));
    assert_eq!(graph.remove(old), Err(unknown));
    assert!(matches!(
        graph.add((), JobOptions::default(), &[(old, Condition::Succeeded)]),
        Err(GraphError::UnknownJob { id }) if id == old
    ));
    assert_eq!((graph.state(old), graph.payload(old), graph.label(old)), (None, None, None));
    assert_eq!((graph.kind(old), graph.attempts(old), graph.explain(old)), (None, 0, None));
    assert!(!graph.was_ready(old) && !graph.is_critical(old));
    assert_eq!(graph.requirements(old).count() + graph.dependents(old).count(), 0);
    assert_eq!(graph.clock(), time(1));
    run.states("new: running, keep: running");
}

#[test]
fn requirements_on_a_removed_job_are_settled() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b")).add(job("c").requires("a b"));
    run.start(0).starts("a b").at(1).succeed("a").remove("a").states("c: waiting");
    assert_eq!(run.graph.requirements(run.id("c")).count(), 1);
    // The newcomer in the place of `a` has nothing to do with `c`.
    run.add(job("new")).starts("new").at(2).fail("new").states("c: waiting");
    run.at(3).succeed("b").starts("c");
}

#[test]
fn a_skip_keeps_the_id_of_a_culprit_that_is_removed() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b").requires("a")).add(job("c"));
    run.start(0).starts("a c").at(1).fail("a").explains("b", "skipped: #1 a failed").remove("a");
    run.states("b: skipped by a").explains("b", "skipped: because of #1, since removed");
}

#[test]
fn a_long_lived_run_uses_its_places_again() {
    let mut run = Timeline::new();
    run.add(service("db"));
    run.start(0).starts("db").ready("db");
    // `open` is there all the time, so that the run goes on.
    run.add(job("open")).starts("open");
    for round in 1..200 {
        run.at(round).add(job("work").requires("db")).add(job("then").after("work"));
        run.starts("work").fail("work").starts("then").succeed("then");
        assert_eq!(run.id("then").number(), 2 + 2 * round);
        assert!(run.id("then").index() < 4, "{round}");
        run.remove("work then");
    }
    assert_eq!(run.graph.counts().to_string(), "2 running, 398 removed");
}

#[test]
fn nothing_is_merged_or_lost_before_the_outputs_are_drained() {
    let mut run = Timeline::new();
    run.add(job("a").grace(5)).add(job("b").grace(5)).add(job("c")).add(job("d").grace(5));
    run.start(0).starts("a b c d");
    run.at(1).cancel("b").cancel("a").cancel("c").succeed("b").at(2).stop();
    run.at(6).due().ending("stopped");
    run.signals("cancel b, cancel a, abort c, cancel d, abort a");
    run.at(7).stop().signals("abort d").verdict("stopped");
}

#[test]
fn signals_that_nobody_polls_hold_up_the_next_attempt_and_nothing_else() {
    let mut run = Timeline::new();
    run.add(job("a").timeout(5).retries(1)).add(job("b").timeout(5)).add(job("c").after("b"));
    run.start(0).starts("a b").at(5).due();
    let undrained: Vec<_> = run.graph.poll_ready_jobs(time(5)).collect();
    assert_eq!(undrained, [run.attempt("c")]);
    run.signals("abort a, abort b").starts("a").at(10).due().succeed("c").verdict("completed");
    run.signals("abort a");
}

#[test]
fn ended_jobs_can_be_removed_after_the_verdict() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b").requires("a"));
    run.start(0).starts("a").at(1).fail("a").verdict("completed").remove("a b");
    run.verdict("completed");
    assert!(run.graph.is_empty());
    assert_eq!(run.graph.counts().to_string(), "2 removed");
}

#[test]
fn ids_of_another_graph_are_unknown_or_of_the_same_number() {
    let mut other = Orchestrator::new(RunOptions::default());
    for _ in 0..5 {
        other.add((), JobOptions::default(), &[]).unwrap();
    }
    let foreign = other.jobs().last().unwrap();
    let mut run = Timeline::new();
    run.add(job("a"));
    run.start(0).starts("a");
    assert_eq!(run.graph.cancel(foreign, time(1)), Err(InputError::UnknownJob { id: foreign }));
    assert_eq!(
        InputError::UnknownJob { id: foreign }.to_string(),
        "there is no job #5: it was never in this graph, or was removed from it"
    );
}

#[test]
fn errors_carry_the_state() {
    let mut run = Timeline::new();
    run.add(job("a")).add(service("s").grace(5));
    run.start(0).starts("a s");
    let error = run.try_ready("a").unwrap_err();
    assert_eq!(error.to_string(), "#1 a cannot be ready: it is not a service, and is running");
    run.ready("s");
    let error = run.try_ready("s").unwrap_err();
    assert_eq!(error.to_string(), "#2 s cannot be ready twice: it is running");
    run.cancel("s");
    let error = run.try_ready("s").unwrap_err();
    assert_eq!(error.to_string(), "#2 s cannot be ready any more: it is stopping (cancelled)");
    assert!(matches!(error, InputError::StoppingAlready { state: JobState::Stopping { .. }, .. }));
    run.at(1).succeed("a s");
    let error = run.try_cancel("s").unwrap_err();
    assert_eq!(error.to_string(), "#2 s cannot be cancelled: it has ended (succeeded)");
}
