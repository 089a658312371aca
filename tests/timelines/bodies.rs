//! What the body of an aborted attempt holds up until it is gone, and which bodies are let go at once.

use jobgraph::{Attempt, InputError, Signal};

use crate::support::{Timeline, forever, job, service, time};

#[test]
fn a_seat_is_free_when_the_abort_was_polled() {
    let mut run = Timeline::new().window(1);
    run.add(job("a").timeout(5)).add(job("b"));
    run.start(0).starts("a").at(5).due();
    assert!(!run.graph.has_ready_jobs());
    assert_eq!(run.graph.poll_ready_jobs(time(5)).next(), None);
    assert_eq!(run.graph.bodies_leaving(), 1);
    assert_eq!(run.graph.poll_signal(), Some(Signal::Abort(run.attempt("a"))));
    assert!(run.graph.has_ready_jobs());
    run.starts("b");
    assert_eq!(run.graph.bodies_leaving(), 0);
}

#[test]
fn a_body_that_is_away_keeps_its_seat() {
    let mut run = Timeline::new().window(2);
    run.add(job("a").timeout(5)).add(job("b")).add(job("c")).add(forever("ticker"));
    run.start(0).starts("a b ticker").at(5).due().abort_is_answered_with_away("a");
    run.states("a: failed (timed out)").starts("").explains("c", "window full (2 running)");
    run.at(6).succeed("b").starts("c").at(7).gone("a").succeed("c");
    run.signals("abort ticker").verdict("completed");
}

#[test]
fn the_next_attempt_waits_for_the_body_of_the_one_before_and_keeps_its_turn() {
    let mut run = Timeline::new().window(2);
    run.add(job("a").timeout(5).retries(1)).add(job("b")).add(job("c")).add(job("d"));
    run.start(0).starts("a b").at(5).due().abort_is_answered_with_away("a");
    run.add(job("e")).states("a: queued").explains("a", "waits for attempt 1 to be gone");
    run.at(6).succeed("b").starts("c").explains("a", "waits for attempt 1 to be gone");
    run.at(7).gone("a").starts("d").explains("a", "window full (2 running)");
    run.at(8).succeed("c d").starts("a e").states("a: running (attempt 2)").deadline(13);
    run.succeed("a e").verdict("completed");
}

#[test]
fn whoever_comes_late_to_its_line_stands_between_those_queued_before_and_after() {
    let mut run = Timeline::new().window(1);
    run.add(job("a").timeout(5).retries(1)).add(job("b").timeout(1).retries(1)).add(job("c"));
    run.start(0).starts("a").at(5).due().abort_is_answered_with_away("a").add(job("d"));
    run.gone("a").starts("b").at(6).due().abort_is_answered_with_away("b").add(job("e"));
    // In line: c, a, d; b would stand before e.
    run.gone("b").starts("c").succeed("c").starts("a").succeed("a").starts("d").succeed("d");
    run.starts("b").succeed("b").starts("e").succeed("e").verdict("completed");
}

#[test]
fn a_late_job_of_another_priority_and_a_late_service_stand_in_their_own_lines() {
    let mut run = Timeline::new().window(1);
    run.add(job("low").timeout(5).retries(1).priority(-1)).add(service("db").timeout(5).retries(1));
    run.start(0).starts("db low").at(5).due();
    run.abort_is_answered_with_away("db").abort_is_answered_with_away("low");
    run.add(job("usual")).gone("low db").starts("db usual").succeed("usual").starts("low");
    run.ready("db").succeed("low").signals("abort db").verdict("completed");
}

#[test]
fn a_job_cancelled_while_it_waits_for_a_body_is_not_handed_out_once_that_is_gone() {
    let mut run = Timeline::new().window(1);
    run.add(job("a").timeout(5).retries(1)).add(job("b").requires("a")).add(job("c"));
    run.start(0).starts("a").at(5).due().abort_is_answered_with_away("a");
    run.cancel("a").discards("a b").starts("").gone("a").starts("c").succeed("c");
    run.states("a: cancelled, b: skipped by a").verdict("completed");
}

#[test]
fn what_a_job_requires_is_stopped_once_its_body_is_gone() {
    let mut run = Timeline::new();
    run.add(service("db").grace(5)).add(service("cache").requires("db"));
    run.add(job("work").requires("cache"));
    run.start(0).starts("db").ready("db").starts("cache").ready("cache").starts("work");
    run.at(1).stop().abort_is_answered_with_away("work").signals("").ending("stopped");
    run.explains("cache", "running, waits for [#3 work] to stop first");
    run.at(2).gone("work").signals("abort cache, cancel db").deadline(7);
    run.at(3).succeed("db").verdict("stopped");
}

#[test]
fn the_verdict_does_not_wait_for_a_body() {
    let mut run = Timeline::new();
    run.add(job("a"));
    run.start(0).starts("a").stop().abort_is_answered_with_away("a").verdict("stopped");
    assert_eq!(run.graph.bodies_leaving(), 1);
    run.at(9).gone("a").verdict("stopped");
    assert_eq!((run.graph.bodies_leaving(), run.graph.clock()), (0, time(9)));
}

#[test]
fn only_an_abort_just_polled_can_be_answered() {
    let mut run = Timeline::new();
    run.add(job("a").timeout(5)).add(job("b"));
    run.start(0).starts("a b").at(5);
    let attempt = run.attempt("a");
    let refused = |run: &mut Timeline| {
        let error = run.graph.on_body_away(attempt).unwrap_err();
        assert!(matches!(error, InputError::NotLeaving { attempt: named, .. } if named == attempt));
    };
    refused(&mut run);
    run.due();
    refused(&mut run); // not polled yet
    assert_eq!(run.graph.poll_signal(), Some(Signal::Abort(attempt)));
    let other = Attempt { number: 2, ..attempt };
    assert!(run.graph.on_body_away(other).is_err());
    assert!(run.try_complete("a", jobgraph::Completion::Success).is_err());
    assert!(run.graph.on_body_gone(attempt, time(6)).is_err());
    // What is refused changes nothing: it can still be answered.
    run.graph.on_body_away(attempt).unwrap();
    refused(&mut run);
    run.at(6).gone("a");
    let error = run.graph.on_body_gone(attempt, time(6)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the body of attempt 1 of #1 a is not leaving: only an abort that was just polled, or a body that is away, leaves \
         one; the job is failed (timed out)"
    );
    run.succeed("b").verdict("completed");
}

#[test]
fn whatever_else_is_accepted_first_finds_the_body_gone() {
    let mut run = Timeline::new().window(1);
    run.add(job("a").timeout(5)).add(job("b")).add(forever("ticker"));
    run.start(0).starts("a ticker").at(5).due();
    assert_eq!(run.graph.poll_signal(), Some(Signal::Abort(run.attempt("a"))));
    run.cancel("ticker");
    assert!(run.graph.on_body_away(run.attempt("a")).is_err());
    run.starts("b").succeed("b").verdict("completed");
}

#[test]
fn a_removed_job_whose_body_is_away_keeps_its_seat_and_its_index_may_be_used_again() {
    let mut run = Timeline::new().window(1);
    run.add(job("a").timeout(5)).add(job("b"));
    run.start(0).starts("a").at(5).due().abort_is_answered_with_away("a");
    let attempt = run.attempt("a");
    run.remove("a").add(job("c")).starts("");
    assert_eq!(run.id("c").index(), attempt.job.index());
    run.graph.on_body_gone(attempt, time(6)).unwrap();
    assert!(run.graph.on_body_gone(attempt, time(6)).is_err());
    run.starts("b").succeed("b").starts("c").succeed("c").verdict("completed");
}

#[test]
fn a_body_that_is_away_when_its_job_is_removed_from_an_ending_run_keeps_the_order() {
    let mut run = Timeline::new();
    run.add(service("db").grace(5)).add(job("work").requires("db"));
    run.start(0).starts("db").ready("db").starts("work").at(1).stop();
    run.abort_is_answered_with_away("work");
    let attempt = run.attempt("work");
    run.remove("work").signals("");
    run.graph.on_body_gone(attempt, time(2)).unwrap();
    run.signals("cancel db").succeed("db").verdict("stopped");
}

#[test]
fn whoever_ends_without_an_attempt_under_way_is_discarded_once_and_in_order() {
    let mut run = Timeline::new().window(1);
    run.add(job("a")).add(job("b").requires("a")).add(job("c").requires("b")).add(job("d"));
    run.add(job("e").retries(1).backoff(9, 9)).add(job("f").requires("d")).add(service("db"));
    run.start(0).starts("a db").fail("a").discards("b c").starts("d").add(job("g").requires("a"));
    run.discards("g").succeed("d").starts("e").fail("e").starts("f").cancel("e").discards("e");
    run.add(job("h")).stop();
    assert_eq!(run.graph.poll_signal(), Some(Signal::Discard(run.id("h"))));
    run.signals("abort f, abort db").verdict("stopped");
}

#[test]
fn a_run_that_times_out_at_once_discards_every_job() {
    let mut run = Timeline::new().timeout(0);
    run.add(job("a").requires("")).add(job("b"));
    run.start(0).discards("a b").verdict("timed out");
}

#[test]
fn a_body_is_away_from_the_answer_until_it_is_said_to_be_gone() {
    let mut run = Timeline::new();
    run.add(job("a").timeout(5)).add(job("b"));
    run.start(0).starts("a b").at(5).due();
    let attempt = run.attempt("a");
    assert!(!run.graph.is_away(attempt));
    run.abort_is_answered_with_away("a");
    assert!(run.graph.is_away(attempt) && !run.graph.is_away(run.attempt("b")));
    assert!(!run.graph.is_away(Attempt { number: 2, ..attempt }));
    run.gone("a");
    assert!(!run.graph.is_away(attempt));
}

#[test]
fn what_may_start_is_known_as_soon_as_an_abort_was_polled() {
    // Its own next attempt, if there is a seat for it.
    let mut run = Timeline::new().window(1);
    run.add(job("a").timeout(5).retries(1)).add(job("b"));
    run.start(0).starts("a").succeed("a").starts("b").add(job("c").timeout(1).retries(1));
    run.succeed("b").starts("c").at(6).due();
    assert!(!run.graph.has_ready_jobs());
    assert!(run.graph.has_signals());
    assert_eq!(run.graph.poll_signal(), Some(Signal::Abort(run.attempt("c"))));
    // To poll again may make a difference, until it was tried.
    assert!(run.graph.has_signals());
    assert_eq!(run.graph.poll_signal(), None);
    assert!(!run.graph.has_signals());
    assert!(run.graph.has_ready_jobs());
    run.starts("c").at(7).due();
    // No further attempt: nobody may start.
    assert_eq!(run.graph.poll_signal(), Some(Signal::Abort(run.attempt("c"))));
    assert!(!run.graph.has_ready_jobs());
    run.verdict("completed");

    // A service takes no seat, so none becomes free, and its own next attempt needs none.
    let mut run = Timeline::new().window(1);
    run.add(job("a")).add(job("b")).add(service("db").timeout(1));
    run.start(0).starts("a db").at(1).due();
    assert_eq!(run.graph.poll_signal(), Some(Signal::Abort(run.attempt("db"))));
    assert!(!run.graph.has_ready_jobs());
    run.succeed("a").starts("b").add(service("cache").timeout(1).retries(1)).starts("cache");
    run.at(2).due();
    assert_eq!(run.graph.poll_signal(), Some(Signal::Abort(run.attempt("cache"))));
    assert!(run.graph.has_ready_jobs());
    run.starts("cache");
}
