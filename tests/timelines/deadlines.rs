//! Timeouts, grace, `cancel`, and what the clock does.

use std::time::Duration;

use jobgraph::{Completion, InputError, JobOptions, JobState, Timestamp};

use crate::support::{Timeline, forever, job, time};

#[test]
fn a_timeout_counts_from_hand_out() {
    let mut run = Timeline::new().window(1);
    run.add(job("a").timeout(10)).add(job("b").timeout(10));
    run.start(0).no_deadline().at(2).starts("a").deadline(12);
    run.at(7).succeed("a").no_deadline().at(8).starts("b").deadline(18);
    run.at(17).due().states("b: running");
    run.at(18).due().signals("abort b").states("b: failed (timed out)").verdict("completed");
}

#[test]
fn a_completion_beats_the_timeout_of_the_same_instant() {
    let mut run = Timeline::new();
    run.add(job("a").timeout(10)).add(job("b").timeout(10)).add(job("c"));
    run.start(0).starts("a b c").at(10).succeed("a").due();
    run.states("a: succeeded, b: failed (timed out)").signals("abort b");
    assert!(matches!(
        run.try_complete("b", Completion::Success),
        Err(InputError::NotThatAttempt { .. })
    ));
}

#[test]
fn a_timeout_of_zero_fires_at_the_first_deadline() {
    let mut run = Timeline::new();
    run.add(job("a").timeout(0)).add(job("b").timeout(0));
    run.start(0).starts("a b").deadline(0).succeed("a");
    run.due().states("a: succeeded, b: failed (timed out)").verdict("completed");
}

#[test]
fn after_its_timeout_a_job_has_its_grace_and_fails_whatever_it_reports() {
    for report in ["success", "error", "panic", "gives up", "nothing"] {
        let mut run = Timeline::new();
        run.add(job("a").timeout(10).grace(5)).add(job("b"));
        run.start(0).starts("a b").at(10).due().signals("cancel a").deadline(15);
        run.states("a: stopping (timed out)");
        match report {
            "success" => run.at(12).succeed("a").signals(""),
            "error" => run.at(12).fail("a").signals(""),
            "panic" => run.at(12).panic("a").signals(""),
            "gives up" => run.at(12).give_up("a").signals(""),
            _ => run.at(15).due().signals("abort a"),
        };
        run.states("a: failed (timed out)").no_deadline().goes_on();
    }
}

#[test]
fn grace_counts_from_the_cancel_that_was_sent() {
    let mut run = Timeline::new();
    run.add(job("a").timeout(10).grace(5)).add(job("b"));
    // The driver was late: what is armed meanwhile counts from now.
    run.start(0).starts("a b").at(13).due().deadline(18);
    run.at(17).due().states("a: stopping (timed out)").at(18).due().signals("cancel a, abort a");
}

#[test]
fn cancel_asks_a_running_job_once() {
    let mut run = Timeline::new();
    run.add(job("a").grace(5)).add(job("b"));
    run.start(0).starts("a b").at(1).cancel("a").signals("cancel a").deadline(6);
    // Accepted again, but reason and grace stay.
    run.at(3).cancel("a").signals("").deadline(6).states("a: stopping (cancelled)");
    run.at(4).stop().signals("abort b").states("a: stopping (cancelled)").deadline(6);
    run.at(6).due().signals("abort a").states("a: cancelled").verdict("stopped");
}

#[test]
fn what_a_cancelled_job_reports_is_its_outcome() {
    let mut run = Timeline::new();
    for label in ["a", "b", "c", "d", "e"] {
        run.add(job(label).grace(5).retries(3));
    }
    run.add(job("other"));
    run.start(0).starts("a b c d e other").at(1).cancel("a b c d e");
    run.signals("cancel a, cancel b, cancel c, cancel d, cancel e");
    run.at(2).succeed("a").fail("b").panic("c").give_up("d").at(6).due().signals("abort e");
    run.states("a: succeeded, b: failed (error), c: failed (panic), d: cancelled, e: cancelled");
    run.starts("").goes_on();
}

#[test]
fn a_critical_job_that_fails_while_it_is_cancelled_ends_the_run() {
    let mut run = Timeline::new();
    run.add(job("a").critical().grace(5)).add(job("b"));
    run.start(0).starts("a b").at(1).cancel("a").at(2).fail("a");
    run.verdict("critical failure of a");
}

#[test]
fn cancel_in_each_state() {
    let mut run = Timeline::new().window(2);
    run.add(job("backoff").retries(1).backoff(9, 9)).add(job("running"));
    run.add(job("again").retries(1).priority(-1)).add(job("queued").priority(-2));
    run.add(job("waiting").requires("running")).add(job("last").after("waiting").priority(-3));
    run.start(0).starts("backoff running").at(1).fail("backoff").starts("again");
    run.add(job("urgent").priority(1)).at(2).fail("again").starts("urgent");
    run.states("backoff: in backoff until 10 s, again: queued, queued: queued, waiting: waiting");
    run.at(3).cancel("backoff again queued waiting").signals("").no_deadline();
    run.states("backoff: cancelled, again: cancelled, queued: cancelled, waiting: cancelled");
    run.cancel("running").signals("abort running").starts("last");
    let error = run.at(4).try_cancel("running").unwrap_err();
    assert_eq!(error.to_string(), "#2 running cannot be cancelled: it has ended (cancelled)");
    assert_eq!(run.graph.clock(), time(3), "a refused input moved the clock");
    run.at(5).succeed("urgent last").verdict("completed");
}

#[test]
fn a_finite_grace_may_be_unlimited() {
    let mut run = Timeline::new();
    run.add(job("a").unlimited_grace().timeout(5)).add(job("b"));
    run.start(0).starts("a b").at(5).due().signals("cancel a").no_deadline();
    run.at(1_000_000).due().states("a: stopping (timed out)").fail("a");
    run.states("a: failed (timed out)");
}

#[test]
fn deadlines_of_one_instant_fire_in_the_order_armed() {
    let mut run = Timeline::new();
    run.add(job("a").timeout(10)).add(job("b").timeout(8)).add(job("c").timeout(10).priority(1));
    run.add(job("last").after("a b c"));
    run.start(0).starts("c a b").at(2).told();
    run.add(job("d").timeout(8).priority(9)).starts("d").told();
    run.at(10).due().signals("abort b, abort c, abort a, abort d").starts("last");
}

#[test]
fn the_global_deadline_fires_first_among_equals() {
    let mut run = Timeline::new().timeout(10);
    run.add(job("a").critical().timeout(10)).add(job("b").timeout(10).grace(5));
    run.start(0).starts("a b").at(10).due().signals("abort a, cancel b");
    // Its own timeout found it stopping: the run's end is the reason.
    run.states("a: cancelled, b: stopping (run ending)").ending("timed out").deadline(15);
    run.at(11).fail("b").states("b: failed (error)").verdict("timed out");
}

#[test]
fn late_deadlines_fire_by_time_each_with_all_that_it_causes() {
    let mut run = Timeline::new().timeout(30);
    run.add(job("a").timeout(20)).add(job("b").timeout(10).critical()).add(job("c").timeout(5));
    run.add(job("d").requires("c")).add(job("e").after("c"));
    run.start(0).starts("a b c").told();
    run.at(25).due().verdict("critical failure of b").signals("abort c, abort b, abort a");
    let order = [
        "25 s: c failed (timed out)",
        "25 s: d skipped by c",
        "25 s: e queued",
        "25 s: b failed (timed out)",
        "25 s: e skipped (run stopped)",
        "25 s: a cancelled",
    ];
    assert_eq!(run.told(), order);
}

#[test]
fn on_deadline_before_the_time_fires_nothing() {
    let mut run = Timeline::new().timeout(30);
    run.add(job("a").timeout(10));
    run.start(0).starts("a").at(9).due().due().told();
    run.states("a: running").signals("").deadline(10);
    assert_eq!(run.told(), [""; 0]);
}

#[test]
fn a_time_older_than_the_latest_counts_as_the_latest() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b").timeout(10).requires("a")).add(job("c").grace(5));
    run.start(100).starts("a c").at(50).succeed("a").at(20).starts("b").deadline(110);
    run.at(105).cancel("c").deadline(110).at(0).due().states("b: running, c: stopping (cancelled)");
    run.at(110).due().at(3).stop().verdict("completed");
    assert_eq!(run.graph.clock(), time(110));
}

#[test]
fn every_accepted_input_moves_the_clock() {
    let mut run = Timeline::new();
    run.add(job("a").retries(1)).add(crate::support::service("s")).add(forever("f"));
    assert_eq!(run.graph.clock(), Timestamp::ZERO);
    run.start(1);
    let clock = |run: &Timeline| run.graph.clock();
    assert_eq!(clock(&run), time(1));
    run.at(2).starts("a s f");
    assert_eq!(clock(&run), time(2));
    run.at(3).ready("s");
    assert_eq!(clock(&run), time(3));
    run.at(4).fail("a");
    assert_eq!(clock(&run), time(4));
    run.at(5).cancel("f");
    assert_eq!(clock(&run), time(5));
    run.at(6).due();
    assert_eq!(clock(&run), time(6));
    run.at(7).starts("a");
    assert_eq!(clock(&run), time(7));
    run.at(8).stop();
    assert_eq!(clock(&run), time(8));
}

/// Handing out moves the clock, even when nothing is handed out; it does not fire deadlines.
#[test]
fn asking_for_ready_jobs_fires_no_deadline() {
    let mut run = Timeline::new().timeout(10);
    run.add(job("a").timeout(5)).add(job("b").requires("a"));
    run.start(0).starts("a").at(20).starts("").states("a: running").goes_on();
    run.at(21).succeed("a").states("a: succeeded").starts("b").at(21).due().verdict("timed out");
}

#[test]
fn near_the_end_of_time_deadlines_saturate() {
    let end = Timestamp::from_nanos(u64::MAX);
    let mut run = Timeline::new().timeout(10);
    run.add(job("a").timeout(5).grace(5)).add(job("b").timeout(5).grace(5));
    let late = Timestamp::from_nanos(u64::MAX - 1);
    run.graph.start(late).unwrap();
    run.at_time(late).starts("a b").cancel("b");
    assert_eq!(run.graph.next_deadline(), Some(end));
    // The global one first; what it arms is due at once, so nothing is left.
    run.at_time(end).due().verdict("timed out").signals("cancel b, cancel a, abort b, abort a");
    run.states("a: cancelled, b: cancelled");
}

/// "As long as you like" is simply a very large duration.
#[test]
fn a_timeout_may_be_as_large_as_a_duration() {
    let mut run = Timeline::new();
    let mut spec = job("a").timeout(0);
    spec.options.timeout = Some(Duration::MAX);
    spec.options.grace = Some(Duration::MAX);
    run.add(spec).start(1).starts("a");
    assert_eq!(run.graph.next_deadline(), Some(Timestamp::from_nanos(u64::MAX)));
    run.at(2).cancel("a").states("a: stopping (cancelled)");
    assert_eq!(run.graph.next_deadline(), Some(Timestamp::from_nanos(u64::MAX)));
}

#[test]
fn a_short_grace_is_a_grace() {
    let options = JobOptions { grace: Some(Duration::from_nanos(1)), ..JobOptions::default() };
    let mut spec = job("a");
    spec.options.grace = options.grace;
    let mut run = Timeline::new();
    run.add(spec).start(0).starts("a").at(1).cancel("a").signals("cancel a");
    let a = run.id("a");
    assert!(matches!(run.graph.state(a), Some(JobState::Stopping { .. })));
    assert_eq!(run.graph.next_deadline(), Some(time(1) + Duration::from_nanos(1)));
}
