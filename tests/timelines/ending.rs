//! What ends a run, and in which order things happen then.

use jobgraph::{InputError, Timestamp};

use crate::support::{Timeline, forever, job, service, time};

#[test]
fn an_empty_graph_is_complete_at_once() {
    let mut run = Timeline::new();
    run.start(7).verdict("completed").starts("").signals("");
    // Even under a timeout of zero: first there must be something to do.
    Timeline::new().timeout(0).start(0).verdict("completed");
    let mut run = Timeline::new().timeout(5);
    run.add(job("a")).remove("a").start(0).verdict("completed");
}

#[test]
fn a_timeout_of_zero_hands_nothing_out() {
    let mut run = Timeline::new().timeout(0);
    run.add(job("a")).add(job("b").requires("a")).add(forever("c"));
    run.start(3).verdict("timed out").starts("").signals("");
    run.states("a: skipped (run stopped), b: skipped (run stopped), c: skipped (run stopped)");
}

#[test]
fn failures_do_not_change_the_verdict() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b")).add(job("c").requires("b")).add(job("d"));
    run.start(0).starts("a b d").at(1).panic("a").fail("b").goes_on().cancel("d");
    run.verdict("completed");
}

#[test]
fn the_global_timeout_counts_from_start() {
    let mut run = Timeline::new().timeout(10);
    run.add(job("a").grace(4)).add(job("b").requires("a")).add(job("c"));
    run.start(100).deadline(110).at(105).starts("a c").deadline(110);
    run.at(109).due().goes_on();
    run.at(110).due().ending("timed out").signals("cancel a, abort c").deadline(114);
    run.states("a: stopping (run ending), b: skipped (run stopped), c: cancelled");
    run.at(112).succeed("a").states("a: succeeded").verdict("timed out");
}

#[test]
fn a_completion_beats_the_global_timeout_of_the_same_instant() {
    let mut run = Timeline::new().timeout(10);
    run.add(job("a"));
    run.start(0).starts("a").at(10).succeed("a").verdict("completed").due().verdict("completed");
    // Even one that is late: only `on_deadline` fires deadlines.
    let mut run = Timeline::new().timeout(10);
    run.add(job("a")).add(job("b").requires("a"));
    run.start(0).starts("a").at(15).succeed("a").goes_on().starts("b");
    run.due().verdict("timed out").signals("abort b");
    // And the other way round.
    let mut run = Timeline::new().timeout(10);
    run.add(job("a"));
    run.start(0).starts("a").at(10).due().verdict("timed out").states("a: cancelled");
    assert!(matches!(run.try_complete("a", Success), Err(InputError::NotThatAttempt { .. })));
}

use jobgraph::Completion::Success;

#[test]
fn a_critical_failure_ends_the_run() {
    let mut run = Timeline::new();
    run.add(job("a").critical()).add(job("b").grace(2)).add(job("c").requires("b"));
    run.start(0).starts("a b").at(1).fail("a").ending("critical failure of a");
    run.signals("cancel b").states("c: skipped (run stopped)");
    run.at(2).succeed("b").states("b: succeeded").verdict("critical failure of a");
}

#[test]
fn a_critical_job_may_be_cancelled_or_skipped() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b").critical()).add(job("c").critical().requires("a"));
    run.add(job("d").critical()).add(job("e").critical().requires("d")).add(job("last"));
    run.start(0).starts("a b d last").at(1).give_up("b").goes_on();
    run.at(2).fail("a").states("c: skipped by a").goes_on();
    run.at(3).cancel("d").states("d: cancelled, e: skipped by d").goes_on();
    run.at(4).succeed("last").verdict("completed");
}

#[test]
fn a_critical_failure_comes_before_all_have_ended() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b").critical());
    run.start(0).starts("a b").at(1).succeed("a").at(2).fail("b");
    run.verdict("critical failure of b");
}

#[test]
fn a_critical_job_fails_when_no_attempt_is_left() {
    let mut run = Timeline::new();
    run.add(job("a").critical().retries(1)).add(job("b"));
    run.start(0).starts("a b").at(1).fail("a").goes_on().starts("a");
    run.at(2).panic("a").verdict("critical failure of a").states("a: failed (panic)");
}

#[test]
fn a_critical_timeout_ends_the_run() {
    let mut run = Timeline::new();
    run.add(job("a").critical().timeout(5).grace(2)).add(job("b"));
    run.start(0).starts("a b").at(5).due().signals("cancel a").goes_on();
    run.at(6).succeed("a").states("a: failed (timed out), b: cancelled");
    run.signals("abort b").verdict("critical failure of a");
}

/// The job's own consequences, breadth first; then the critical failure; then the run's end.
#[test]
fn the_consequences_of_a_critical_failure_come_before_the_end() {
    let mut run = Timeline::new();
    run.add(job("a").critical()).add(job("b").requires("a")).add(job("c").after("a"));
    run.add(job("d").requires("b")).add(job("e").after("d")).add(job("f").grace(9));
    run.add(job("g").requires("f"));
    run.start(0).starts("a f").told();
    run.at(1).fail("a").signals("cancel f").starts("");
    let order = [
        "1 s: a failed (error)",
        "1 s: b skipped by a",
        "1 s: c queued",
        "1 s: d skipped by b",
        "1 s: e queued",
        "1 s: c skipped (run stopped)",
        "1 s: e skipped (run stopped)",
        "1 s: g skipped (run stopped)",
        "1 s: f stopping (run ending)",
    ];
    assert_eq!(run.told(), order);
}

#[test]
fn the_first_of_two_critical_failures_counts() {
    let mut run = Timeline::new();
    run.add(job("a").critical().grace(5)).add(job("b").critical());
    run.start(0).starts("a b").at(1).fail("b").ending("critical failure of b");
    run.at(2).fail("a").states("a: failed (error)").verdict("critical failure of b");
}

/// Both are due: the first one is concluded, with all that it causes, before the second.
#[test]
fn two_critical_timeouts_of_one_instant() {
    let mut run = Timeline::new();
    run.add(job("a").critical().timeout(5)).add(job("b").critical().timeout(5));
    run.add(job("c").critical().timeout(5).priority(1));
    run.start(0).starts("c a b").at(5).due().verdict("critical failure of c");
    run.signals("abort c, abort a, abort b").states("a: cancelled, b: cancelled");
}

#[test]
fn stop_ends_the_run() {
    let mut run = Timeline::new().window(2);
    run.add(job("a").grace(5)).add(job("b")).add(job("c")).add(job("d").requires("a"));
    run.start(0).starts("a b").at(1).stop().ending("stopped");
    run.states("b: cancelled, c: skipped (run stopped), d: skipped (run stopped)");
    run.signals("cancel a, abort b").starts("").deadline(6);
    run.at(3).succeed("a").states("a: succeeded, d: skipped (run stopped)").verdict("stopped");
}

#[test]
fn what_was_attempted_keeps_its_last_failure_when_the_run_ends() {
    let mut run = Timeline::new().window(1);
    run.add(job("a").retries(5)).add(job("b").retries(5).backoff(9, 9)).add(job("c"));
    run.start(0).starts("a").at(1).panic("a").starts("b").at(2).fail("b").starts("c");
    run.states("a: queued, b: in backoff until 11 s").deadline(11);
    run.at(3).stop().states("a: failed (panic), b: failed (error)").verdict("stopped");
}

#[test]
fn a_timed_out_attempt_that_waits_for_the_next_is_failed_by_the_end() {
    let mut run = Timeline::new();
    run.add(job("a").retries(1).timeout(5)).add(job("b"));
    run.start(0).starts("a b").at(5).due().states("a: queued").stop();
    run.states("a: failed (timed out)").verdict("stopped");
}

#[test]
fn the_end_of_a_critical_job_in_an_ending_run_changes_nothing() {
    let mut run = Timeline::new();
    run.add(job("a").critical().grace(5)).add(job("b").grace(5));
    run.start(0).starts("a b").at(1).stop().at(2).fail("a").ending("stopped");
    run.at(3).give_up("b").verdict("stopped");
}

#[test]
fn in_an_ending_run_nothing_resolves_and_nothing_is_retried() {
    let mut run = Timeline::new();
    run.add(job("a").grace(5).retries(9)).add(job("b").after("a"));
    run.start(0).starts("a").at(1).stop().told();
    run.at(2).fail("a").states("a: failed (error), b: skipped (run stopped)").starts("");
    assert_eq!(run.told(), ["2 s: a failed (error)"]);
    run.verdict("stopped");
}

#[test]
fn stop_before_start_is_nothing() {
    let mut run = Timeline::new();
    run.add(job("a")).at(50).stop().states("a: waiting").goes_on();
    assert_eq!(run.graph.clock(), Timestamp::ZERO);
    run.start(10).starts("a").at(11).succeed("a").verdict("completed");
}

#[test]
fn stop_after_the_verdict_is_nothing() {
    let mut run = Timeline::new();
    run.add(job("a"));
    run.start(0).starts("a").at(1).succeed("a").at(2).stop().stop();
    run.signals("").verdict("completed").states("a: succeeded");
}

#[test]
fn a_second_stop_aborts_all_that_is_left() {
    let mut run = Timeline::new();
    run.add(service("db").grace(50)).add(job("a").requires("db").unlimited_grace());
    run.add(job("b").grace(50));
    run.start(0).starts("db b").at(1).ready("db").starts("a");
    run.at(2).stop().signals("cancel a, cancel b").states("db: running");
    // In order, and without a Cancel for what was not asked yet.
    run.at(3).stop().signals("abort a, abort b, abort db").verdict("stopped");
    run.states("a: cancelled, b: cancelled, db: cancelled").at(4).stop().signals("");
}

#[test]
fn stop_aborts_at_once_whatever_the_cause_was() {
    let mut run = Timeline::new();
    run.add(job("a").critical()).add(job("b").grace(9));
    run.start(0).starts("a b").at(1).fail("a").signals("cancel b");
    run.at(2).stop().signals("abort b").verdict("critical failure of a");

    let mut run = Timeline::new();
    run.add(forever("monitor").grace(9)).add(job("a"));
    run.start(0).starts("monitor a").at(1).succeed("a").signals("cancel monitor");
    run.at(2).stop().signals("abort monitor").verdict("completed");
}

#[test]
fn the_global_timeout_aborts_what_is_left_of_an_ending_run() {
    let mut run = Timeline::new().timeout(10);
    run.add(service("db").unlimited_grace()).add(job("a").requires("db").unlimited_grace());
    run.start(0).starts("db").at(1).ready("db").starts("a");
    run.at(2).stop().signals("cancel a").deadline(10);
    run.at(10).due().signals("abort a, abort db").verdict("stopped");
}

/// First the timeouts of the jobs that were due earlier, then the global one, in one call.
#[test]
fn a_late_global_timeout_aborts_what_an_earlier_deadline_made_end() {
    let mut run = Timeline::new().timeout(10);
    run.add(job("a").critical().timeout(5)).add(job("b").grace(100));
    run.start(0).starts("a b").at(20).due();
    run.signals("abort a, cancel b, abort b").verdict("critical failure of a");
}

#[test]
fn a_job_stopped_by_its_own_timeout_keeps_that_reason_when_it_is_aborted() {
    let mut run = Timeline::new();
    run.add(job("a").timeout(5).grace(50).retries(3)).add(job("b").timeout(6).grace(50));
    run.start(0).starts("a b").at(5).due().signals("cancel a").at(5).stop();
    run.signals("cancel b").states("a: stopping (timed out), b: stopping (run ending)");
    run.at(6).stop().signals("abort a, abort b").verdict("stopped");
    run.states("a: failed (timed out), b: cancelled");
}

#[test]
fn the_verdict_waits_until_every_job_has_ended() {
    let mut run = Timeline::new();
    run.add(forever("a").unlimited_grace()).add(forever("b").unlimited_grace()).add(job("c"));
    run.start(0).starts("a b c").at(1).succeed("c").ending("completed").no_deadline();
    run.at(2).fail("a").ending("completed").at(3).panic("b").verdict("completed");
    assert_eq!(run.graph.clock(), time(3));
}

#[test]
fn no_run_hangs_on_a_job_that_ignores_its_cancellation() {
    let mut run = Timeline::new();
    run.add(job("a").grace(5)).add(job("b").grace(3));
    run.start(0).starts("a b").at(1).stop().signals("cancel a, cancel b");
    run.deadline(4).at(4).due().signals("abort b").deadline(6);
    run.at(6).due().signals("abort a").verdict("stopped");
}

#[test]
fn without_grace_a_stopped_run_is_over_in_the_same_call() {
    let mut run = Timeline::new();
    run.add(service("db")).add(job("a").requires("db")).add(job("b"));
    run.start(0).starts("db b").at(1).ready("db").starts("a");
    run.stop().verdict("stopped").signals("abort a, abort b, abort db");
}

/// A run that ends hands out nothing, though more was asked for before.
#[test]
fn what_is_queued_when_the_run_ends_is_not_handed_out() {
    let mut run = Timeline::new();
    run.add(job("a").critical()).add(job("b").critical()).add(job("c").after("a b"));
    run.start(0).starts("a b").at(1).succeed("a").fail("b").starts("");
    run.states("c: skipped (run stopped)").verdict("critical failure of b");
}
