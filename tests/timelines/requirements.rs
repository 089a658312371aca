//! Conditions, skipping, and jobs that are added to a run.

use jobgraph::Completion;

use crate::support::{Timeline, forever, job, service};

#[test]
fn a_job_starts_when_all_that_it_requires_has_succeeded() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b")).add(job("c").requires("a b"));
    run.start(0).starts("a b").states("c: waiting");
    run.at(1).succeed("b").starts("").states("c: waiting");
    run.at(2).succeed("a").states("c: queued").starts("c");
    run.at(3).succeed("c").verdict("completed");
}

#[test]
fn an_attempt_is_handed_out_once() {
    let mut run = Timeline::new();
    run.add(job("a"));
    run.start(0).starts("a").starts("").at(5).starts("").states("a: running");
}

/// Each way to end against each condition.
#[test]
fn conditions() {
    // (how `a` ends, `requires a`, `after a`, `on failure of a`)
    let table = [
        ("success", "queued", "queued", "skipped by a"),
        ("error", "skipped by a", "queued", "queued"),
        ("panic", "skipped by a", "queued", "queued"),
        ("timeout", "skipped by a", "queued", "queued"),
        ("gives up", "skipped by a", "queued", "skipped by a"),
        ("cancel", "skipped by a", "queued", "skipped by a"),
        ("skip", "skipped by a", "queued", "skipped by a"),
    ];
    for (how, requires, after, on_failure) in table {
        let mut run = Timeline::new();
        run.add(job("root")).add(job("a").requires("root").timeout(9));
        run.add(job("requires").requires("a")).add(job("after").after("a"));
        run.add(job("failure").on_failure_of("a"));
        run.start(0).starts("root").at(1);
        match how {
            "skip" => run.fail("root"),
            _ => run.succeed("root").starts("a").at(2),
        };
        match how {
            "success" => run.succeed("a"),
            "error" => run.fail("a"),
            "panic" => run.panic("a"),
            "gives up" => run.give_up("a"),
            "cancel" => run.cancel("a"),
            "timeout" => run.at(10).due(),
            _ => &mut run,
        };
        let expected = format!("requires: {requires}, after: {after}, failure: {on_failure}");
        run.states(&expected).goes_on();
    }
}

#[test]
fn a_skip_spreads_down_and_each_names_what_it_required() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b").requires("a")).add(job("c").requires("b"));
    run.add(job("clean-up").after("c")).add(job("d").on_failure_of("c"));
    run.start(0).starts("a").at(1).fail("a");
    run.states("b: skipped by a, c: skipped by b, clean-up: queued, d: skipped by c");
    run.starts("clean-up").at(2).succeed("clean-up").verdict("completed");
}

/// Depth first, the long way round would come first.
#[test]
fn skipping_goes_breadth_first() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("x").requires("a")).add(job("y").requires("x"));
    run.add(job("late").requires("y a"));
    run.start(0).starts("a").told();
    run.at(1).fail("a").states("late: skipped by a");
    let order = [
        "1 s: a failed (error)",
        "1 s: x skipped by a",
        "1 s: late skipped by a",
        "1 s: y skipped by x",
    ];
    assert_eq!(run.told(), order);
    run.verdict("completed");
}

/// The order in which the requirements were made, neither that of ids nor that of one job's list.
#[test]
fn dependents_are_told_in_the_order_their_requirements_were_made() {
    let mut run = Timeline::new();
    for label in ["a", "b", "c", "d", "joint"] {
        run.add(job(label));
    }
    run.require("joint", "b").require("joint", "c");
    run.require("d", "a").require("c", "a").require("b", "a");
    run.start(0).starts("a").at(1).succeed("a").starts("d c b");

    let mut run = Timeline::new();
    for label in ["a", "b", "c", "joint"] {
        run.add(job(label));
    }
    run.require("joint", "b").require("joint", "c").require("c", "a").require("b", "a");
    run.start(0).starts("a").at(1).fail("a").states("joint: skipped by c");
}

#[test]
fn the_requirement_that_became_impossible_first_is_the_culprit() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b")).add(job("c").requires("a b"));
    run.start(0).starts("a b").at(1).fail("b").states("c: skipped by b");
    run.at(2).fail("a").states("c: skipped by b").verdict("completed");
}

#[test]
fn a_job_is_skipped_although_others_are_unresolved() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b")).add(job("c").requires("a b"));
    run.start(0).starts("a b").at(1).succeed("a").at(2).fail("b").states("c: skipped by b");
    run.verdict("completed");
}

#[test]
fn a_repeated_requirement_counts_once() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b").requires("a a"));
    run.require("b", "a");
    assert_eq!(run.graph.requirement_count(), 1);
    run.start(0).starts("a").at(1).succeed("a").starts("b");

    run.add(job("c").requires("b b a b"));
    run.states("c: waiting").at(2).succeed("b").starts("c").at(3).succeed("c").verdict("completed");
}

#[test]
fn a_cancelled_job_takes_those_that_wait_for_its_success_with_it() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b").requires("a")).add(job("c").requires("b"));
    run.add(job("d").after("b"));
    run.start(0).starts("a").at(1).cancel("b");
    run.states("b: cancelled, c: skipped by b, d: queued").signals("").starts("d");
    run.at(2).succeed("a d").verdict("completed");
}

#[test]
fn a_job_may_wait_for_success_failure_and_end_of_different_jobs() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b")).add(job("c"));
    run.add(job("d").requires("a").on_failure_of("b").after("c"));
    run.start(0).starts("a b c").at(1).fail("c").at(2).succeed("a").states("d: waiting");
    run.at(3).panic("b").states("d: queued");
}

#[test]
fn a_job_added_to_a_run_resolves_on_the_spot() {
    let mut run = Timeline::new();
    run.add(job("ok")).add(job("bad")).add(job("open"));
    run.start(0).starts("ok bad open").at(1).succeed("ok").fail("bad");
    run.add(job("free")).states("free: queued");
    run.add(job("b").requires("ok")).states("b: queued");
    run.add(job("c").requires("ok open")).states("c: waiting");
    run.add(job("d").requires("bad")).states("d: skipped by bad");
    run.add(job("e").after("bad ok")).states("e: queued");
    run.add(job("f").on_failure_of("bad")).states("f: queued");
    run.add(job("g").on_failure_of("ok")).states("g: skipped by ok");
    run.add(job("h").requires("d")).states("h: skipped by d");
    run.add(job("i").after("d")).states("i: queued");
    run.starts("free b e f i").at(2).succeed("open").starts("c");
    run.at(3).succeed("free b e f i c").verdict("completed");
}

#[test]
fn at_add_the_first_listed_impossible_requirement_is_the_culprit() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b")).add(job("open"));
    run.start(0).starts("a b open").at(1).fail("b").at(2).fail("a");
    run.add(job("c").requires("open a b")).states("c: skipped by a");
    run.add(job("d").requires("b a open")).states("d: skipped by b");
    // What was skipped at once is not touched again.
    run.at(3).succeed("open").states("c: skipped by a, d: skipped by b").verdict("completed");
}

#[test]
fn an_addition_counts_from_the_clock() {
    let mut run = Timeline::new();
    run.add(job("a"));
    run.start(3).starts("a").at(7).due().told();
    run.add(job("b")).starts("b");
    assert_eq!(run.told(), ["7 s: b added", "7 s: b queued", "7 s: b running"]);
}

#[test]
fn an_added_job_that_is_skipped_on_the_spot_does_not_complete_a_run_of_services() {
    let mut run = Timeline::new();
    run.add(service("db")).add(forever("monitor"));
    run.start(0).starts("db monitor").at(1).fail("db").goes_on();
    run.add(job("late").requires("db")).states("late: skipped by db, monitor: running").goes_on();
    run.at(2).succeed("monitor").verdict("completed");
}

#[test]
fn an_added_forever_job_that_is_skipped_does_not_complete_a_run_that_goes_on() {
    let mut run = Timeline::new();
    run.add(service("db")).add(job("work"));
    run.start(0).starts("db work").at(1).fail("db");
    run.add(forever("late").requires("db")).states("late: skipped by db").goes_on();
}

#[test]
fn a_run_that_is_ending_takes_no_job() {
    let mut run = Timeline::new();
    run.add(job("a").grace(5));
    run.start(0).starts("a").at(1).stop().ending("stopped");
    let error = run.try_add(job("late")).unwrap_err();
    assert_eq!(error.to_string(), "the new job late cannot be added: the run is ending (stopped)");
    run.at(2).give_up("a").verdict("stopped");
    assert!(run.try_add(job("late")).is_err());
    // The refused ones took no number.
    assert_eq!(run.graph.len(), 1);
}

#[test]
fn what_cannot_be_required_is_refused_in_a_run_as_well() {
    let mut run = Timeline::new();
    run.add(job("critical").critical()).add(forever("monitor")).add(service("db"));
    run.start(0).starts("critical monitor db").told();
    for refused in [
        job("x").on_failure_of("critical"),
        job("x").requires("monitor"),
        job("x").after("monitor"),
        job("x").on_failure_of("monitor"),
        job("x").after("db"),
        job("x").on_failure_of("db"),
        job("x").requires("critical").after("critical"),
    ] {
        assert!(run.try_add(refused).is_err());
    }
    assert_eq!(run.graph.len(), 3);
    run.add(job("fine").requires("critical db"));
}

/// From the inputs of one instant, the first one decides: nothing is merged.
#[test]
fn what_was_queued_stays_queued_whatever_its_requirements_do_later() {
    let mut run = Timeline::new().window(1);
    run.add(job("a")).add(service("db")).add(job("b").requires("db"));
    run.start(0).starts("a db").at(1).ready("db").states("b: queued");
    run.fail("db").states("b: queued").succeed("a").starts("b");
}

#[test]
fn settled_is_however_it_was_decided() {
    // (how it ends)
    for end in [Completion::Success, Completion::Error, Completion::Panic, Completion::Cancelled] {
        let mut run = Timeline::new();
        run.add(job("a")).add(job("b").once_settled("a"));
        run.start(0).starts("a").at(1).complete("a", end).starts("b");
    }
    let mut run = Timeline::new();
    run.add(job("a")).add(job("skipped").requires("a")).add(job("b").once_settled("skipped"));
    run.start(0).starts("a").at(1).fail("a").states("skipped: skipped by a").starts("b");
}

#[test]
fn a_service_is_settled_when_it_is_ready_or_has_ended_without() {
    let mut run = Timeline::new();
    run.add(service("db").retries(1)).add(service("cache"));
    run.add(job("a").once_settled("db")).add(job("b").once_settled("cache"));
    run.start(0).starts("db cache").explains("a", "waiting for [#1 db to be ready, or to end]");
    // An attempt that fails decides nothing while there is another one.
    run.at(1).ready("cache").starts("b").fail("db").starts("db");
    run.at(2).fail("db").starts("a");
}

#[test]
fn a_forever_job_is_never_settled() {
    let mut run = Timeline::new();
    run.add(forever("monitor"));
    let error = run.try_add(job("a").once_settled("monitor")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the new job a requires #1 monitor to be settled: a forever job only ends with the run; make it a service to require its readiness"
    );
}

#[test]
fn a_critical_job_may_be_settled() {
    let mut run = Timeline::new();
    run.add(job("a").critical()).add(job("b").once_settled("a"));
    run.start(0).starts("a").at(1).succeed("a").starts("b");
}
