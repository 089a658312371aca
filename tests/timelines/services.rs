//! Forever jobs and services.

use jobgraph::InputError;

use crate::support::{Timeline, forever, job, service};

#[test]
fn a_forever_job_does_not_keep_the_run_going() {
    let mut run = Timeline::new();
    run.add(forever("monitor").grace(5)).add(job("a"));
    run.start(0).starts("monitor a").at(1).succeed("a");
    run.ending("completed").signals("cancel monitor").deadline(6);
    run.at(2).succeed("monitor").states("monitor: succeeded").verdict("completed");
}

#[test]
fn a_run_of_forever_jobs_alone_completes_when_all_have_ended() {
    let mut run = Timeline::new();
    run.add(forever("a")).add(forever("b")).add(service("c"));
    run.start(0).starts("a b c").at(1).succeed("a").goes_on();
    run.at(2).fail("b").goes_on().at(3).ready("c").at(4).succeed("c").verdict("completed");
}

#[test]
fn what_a_run_waits_for_is_settled_at_its_start() {
    let mut run = Timeline::new();
    run.add(forever("monitor"));
    run.start(0).starts("monitor").goes_on().at(1).add(job("a")).goes_on().starts("a");
    run.at(2).succeed("a").goes_on().at(3).add(job("b")).starts("b");
    run.at(4).succeed("monitor").goes_on().at(5).succeed("b").verdict("completed");
}

#[test]
fn a_run_waits_for_awaited_jobs_as_for_finite_ones() {
    let mut run = Timeline::new().window(1);
    run.add(job("migrations")).add(service("http").requires("migrations").awaited());
    run.add(forever("monitor"));
    run.start(0).starts("migrations monitor").at(1).succeed("migrations").goes_on();
    run.starts("http").at(2).ready("http").goes_on();
    // It takes no seat.
    run.at(3).add(job("request").requires("http")).starts("request").succeed("request").goes_on();
    run.at(4).succeed("http").signals("abort monitor").verdict("completed");
}

#[test]
fn an_awaited_job_that_fails_or_is_skipped_has_ended() {
    let mut run = Timeline::new();
    run.add(job("a")).add(forever("loop").awaited()).add(service("http").requires("a").awaited());
    run.start(0).starts("a loop").at(1).fail("a").states("http: skipped by a").goes_on();
    run.at(2).fail("loop").states("loop: failed (error)").verdict("completed");
}

#[test]
fn an_awaited_job_that_is_added_later_is_waited_for() {
    let mut run = Timeline::new();
    run.add(job("a")).add(forever("monitor"));
    run.start(0).starts("a monitor").at(1).add(forever("loop").awaited()).starts("loop");
    run.at(2).succeed("a").goes_on().at(3).cancel("loop").signals("abort loop, abort monitor");
    run.verdict("completed");
}

#[test]
fn a_run_until_stopped_goes_on_when_all_has_ended() {
    let mut run = Timeline::new().until_stopped();
    run.start(0).goes_on().at(1).add(job("a")).starts("a").at(2).succeed("a").goes_on();
    run.at(3).add(forever("monitor")).starts("monitor").at(4).fail("monitor").goes_on();
    run.at(5).stop().verdict("stopped");
}

#[test]
fn a_run_until_stopped_ends_by_its_timeout_or_a_critical_failure() {
    let mut run = Timeline::new().until_stopped().timeout(3);
    run.start(0).deadline(3).goes_on().at(3).due().verdict("timed out");
    let mut run = Timeline::new().until_stopped();
    run.add(job("a").critical());
    run.start(0).starts("a").at(1).fail("a").verdict("critical failure of a");
    let mut run = Timeline::new().until_stopped().timeout(0);
    run.start(0).verdict("timed out");
}

#[test]
fn a_forever_job_that_was_never_handed_out_is_skipped_at_the_end() {
    let mut run = Timeline::new();
    run.add(job("a")).add(forever("monitor").requires("a"));
    run.start(0).starts("a").at(1).succeed("a");
    run.states("monitor: skipped (run stopped)").verdict("completed").starts("").signals("");
}

#[test]
fn a_forever_job_may_require_and_be_skipped() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b")).add(forever("monitor").requires("a"));
    run.start(0).starts("a b").at(1).fail("a").states("monitor: skipped by a").goes_on();
}

#[test]
fn dependents_of_a_service_start_when_it_is_ready() {
    let mut run = Timeline::new();
    run.add(service("db").grace(5)).add(job("a").requires("db")).add(job("b").requires("db"));
    run.start(0).starts("db").at(2).states("a: waiting").ready("db").starts("a b");
    run.states("db: running").at(3).succeed("a").goes_on();
    run.at(4).fail("b").ending("completed").signals("cancel db");
    run.at(5).succeed("db").states("db: succeeded").verdict("completed");
}

#[test]
fn an_attempt_is_ready_once_and_only_while_it_runs() {
    let mut run = Timeline::new();
    run.add(service("db").grace(5).retries(1)).add(job("a"));
    run.start(0);
    assert!(matches!(run.try_ready("db"), Err(InputError::NotThatAttempt { .. })));
    run.starts("db a");
    assert!(matches!(run.try_ready("a"), Err(InputError::NotAService { .. })));
    run.at(1).ready("db");
    assert!(matches!(run.at(2).try_ready("db"), Err(InputError::ReadyAlready { .. })));
    assert_eq!(run.graph.clock(), crate::support::time(1), "a refused input moved the clock");
    let first = run.attempt("db");
    run.at(3).fail("db").starts("db");
    let error = run.graph.on_job_ready(first, run.graph.clock()).unwrap_err();
    assert!(matches!(error, InputError::NotThatAttempt { .. }));
    run.at(4).cancel("db");
    assert!(matches!(run.try_ready("db"), Err(InputError::StoppingAlready { .. })));
    run.at(5).give_up("db");
    assert!(matches!(run.try_ready("db"), Err(InputError::NotThatAttempt { .. })));
}

#[test]
fn a_service_that_ends_before_it_was_ready_makes_its_readiness_impossible() {
    // (how it ends, its outcome)
    let table = [
        ("success", "failed (never ready)"),
        ("error", "failed (error)"),
        ("panic", "failed (panic)"),
        ("gives up", "cancelled"),
        ("cancel", "cancelled"),
        ("timeout", "failed (timed out)"),
    ];
    for (how, outcome) in table {
        let mut run = Timeline::new();
        run.add(service("db").timeout(3)).add(job("a").requires("db")).add(job("other"));
        run.start(0).starts("db other").at(3);
        match how {
            "success" => run.succeed("db"),
            "error" => run.fail("db"),
            "panic" => run.panic("db"),
            "gives up" => run.give_up("db"),
            "cancel" => run.cancel("db"),
            _ => run.due(),
        };
        run.states(&format!("db: {outcome}, a: skipped by db")).goes_on();
    }
}

#[test]
fn what_a_service_that_was_asked_to_stop_reports_is_its_outcome() {
    // (what it reports, its outcome if it was not ready, and if it was)
    let table = [
        ("success", "cancelled", "succeeded"),
        ("error", "failed (error)", "failed (error)"),
        ("panic", "failed (panic)", "failed (panic)"),
        ("gives up", "cancelled", "cancelled"),
        ("nothing", "cancelled", "cancelled"),
    ];
    for (report, not_ready, ready) in table {
        for (outcome, was_ready) in [(not_ready, false), (ready, true)] {
            for cause in ["stop", "cancel"] {
                let mut run = Timeline::new();
                run.add(service("db").grace(5).retries(3)).add(job("other").unlimited_grace());
                run.start(0).starts("db other").at(1).ready(if was_ready { "db" } else { "" });
                match cause {
                    "stop" => run.at(2).stop().signals("cancel db, cancel other"),
                    _ => run.at(2).cancel("db").signals("cancel db"),
                };
                match report {
                    "success" => run.at(3).succeed("db"),
                    "error" => run.at(3).fail("db"),
                    "panic" => run.at(3).panic("db"),
                    "gives up" => run.at(3).give_up("db"),
                    _ => run.at(7).due().signals("abort db"),
                };
                run.states(&format!("db: {outcome}"));
            }
        }
    }
}

#[test]
fn the_timeout_of_a_service_runs_from_hand_out_to_readiness() {
    let mut run = Timeline::new();
    run.add(service("db").timeout(10)).add(job("other"));
    run.start(0).at(5).starts("db other").deadline(15);
    run.at(15).ready("db").no_deadline().at(20).due().states("db: running");
}

#[test]
fn the_timeout_of_a_forever_job_runs_to_its_end() {
    let mut run = Timeline::new();
    run.add(forever("monitor").timeout(10)).add(job("other"));
    run.start(0).starts("monitor other").deadline(10).at(10).due();
    run.signals("abort monitor").states("monitor: failed (timed out)").goes_on();
}

#[test]
fn no_later_failure_takes_readiness_back() {
    let mut run = Timeline::new();
    run.add(service("db")).add(job("other")).add(job("a").requires("db other"));
    run.start(0).starts("db other").at(1).ready("db").at(2).fail("db");
    run.states("db: failed (error), a: waiting");
    // For requirements made later, too.
    run.add(job("late").requires("db")).states("late: queued").starts("late");
    run.at(3).succeed("other").states("a: queued").starts("a");
    run.at(4).succeed("a late").verdict("completed");
}

#[test]
fn a_cancelled_service_that_was_ready_satisfies() {
    let mut run = Timeline::new();
    run.add(service("db")).add(job("other")).add(job("a").requires("db other"));
    run.start(0).starts("db other").at(1).ready("db").at(2).cancel("db").states("db: cancelled");
    run.at(3).succeed("other").starts("a");
}

#[test]
fn a_service_with_retries_is_restarted_on_failure() {
    let mut run = Timeline::new();
    run.add(service("db").retries(2).timeout(10).backoff(1, 1)).add(job("a").requires("db"));
    run.add(job("b").requires("a"));
    run.start(0).starts("db").deadline(10);
    run.at(1).fail("db").states("db: in backoff until 2 s, a: waiting").at(2).due().starts("db");
    // Its timeout runs again.
    run.deadline(12).at(3).ready("db").no_deadline().starts("a");
    run.at(4).panic("db").states("db: in backoff until 5 s, a: running").at(5).due().starts("db");
    run.deadline(15).at(6).succeed("a").starts("b");
    // Ready in this attempt as well: no dependent is told twice.
    run.at(7).ready("db").no_deadline().starts("").states("a: succeeded, b: running");
    run.at(8).fail("db").states("db: failed (error)").goes_on();
    run.at(9).succeed("b").verdict("completed");
}

/// The second readiness is no second requirement satisfied.
#[test]
fn a_restarted_service_satisfies_a_requirement_once() {
    let mut run = Timeline::new();
    run.add(service("db").retries(2)).add(job("x")).add(job("y")).add(job("a").requires("db x y"));
    run.start(0).starts("db x y").at(1).ready("db").fail("db").starts("db").ready("db");
    run.at(2).fail("db").starts("db").ready("db").states("a: waiting");
    run.at(3).succeed("x").states("a: waiting").at(4).succeed("y").states("a: queued");
}

#[test]
fn a_service_with_retries_is_not_restarted_on_success() {
    let mut run = Timeline::new();
    run.add(service("db").retries(2)).add(job("a"));
    run.start(0).starts("db a").at(1).ready("db").at(2).succeed("db");
    run.states("db: succeeded").starts("");
}

/// Success before readiness is a failure of that attempt, whatever earlier attempts did.
#[test]
fn each_attempt_has_to_be_ready() {
    let mut run = Timeline::new();
    run.add(service("db").retries(2)).add(job("a").requires("db"));
    run.start(0).starts("db").at(1).succeed("db").states("db: queued, a: waiting").starts("db");
    run.at(2).ready("db").starts("a").at(3).fail("db").starts("db");
    run.at(4).succeed("db").states("db: failed (never ready), a: running").goes_on();
    run.add(job("late").requires("db")).states("late: queued");
}

#[test]
fn a_service_is_ready_between_its_attempts_as_well() {
    let mut run = Timeline::new();
    run.add(service("db").retries(1).backoff(10, 10)).add(job("a"));
    run.start(0).starts("db a").at(1).ready("db").at(2).fail("db");
    run.add(job("late").requires("db")).states("db: in backoff until 12 s, late: queued");
}

#[test]
fn a_critical_service_ends_the_run_when_it_fails_for_good() {
    let mut run = Timeline::new();
    run.add(service("db").critical().retries(1)).add(job("a").requires("db").grace(3));
    run.start(0).starts("db").at(1).ready("db").starts("a");
    run.at(2).fail("db").goes_on().starts("db").at(3).succeed("db");
    run.states("db: failed (never ready)").ending("critical failure of db").signals("cancel a");
    run.at(4).succeed("a").states("a: succeeded").verdict("critical failure of db");
}

/// Held back by a dependent that is stopping, a service may still come up: nothing starts any more.
#[test]
fn in_an_ending_run_readiness_only_disarms_the_timeout() {
    let mut run = Timeline::new();
    run.add(service("db").timeout(10).retries(1)).add(job("user").requires("db").unlimited_grace());
    run.add(job("other")).add(job("waits").requires("db other"));
    run.start(0).starts("db other").at(1).ready("db").starts("user");
    run.at(2).fail("db").starts("db").deadline(12);
    run.at(3)
        .stop()
        .signals("cancel user, abort other")
        .states("db: running (attempt 2)")
        .deadline(12);
    run.at(4).ready("db").no_deadline().starts("").states("waits: skipped (run stopped)");
    run.at(5).succeed("user").signals("abort db").states("db: cancelled").verdict("stopped");
}

#[test]
fn services_build_on_services() {
    let mut run = Timeline::new();
    run.add(service("db"))
        .add(service("server").requires("db"))
        .add(job("test").requires("server"));
    run.start(0).starts("db").at(1).ready("db").starts("server").at(2).ready("server");
    run.starts("test").at(3).succeed("test").signals("abort server, abort db");
    run.verdict("completed");
}
