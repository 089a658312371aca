//! Attempts, pauses between them, and what forbids a further one.

use std::time::Duration;

use jobgraph::{Completion, InputError, JobState, Retries, Timestamp};

use crate::support::{Timeline, job, time};

#[test]
fn without_a_pause_a_failed_job_is_queued_at_once() {
    let mut run = Timeline::new();
    run.add(job("a").retries(2)).add(job("b").requires("a")).add(job("c").on_failure_of("a"));
    run.start(0).starts("a").at(1).fail("a").states("a: queued, b: waiting, c: waiting");
    run.starts("a").states("a: running (attempt 2)").at(2).panic("a").starts("a");
    run.at(3).fail("a").states("a: failed (error), b: skipped by a, c: queued").starts("c");
    assert_eq!(run.graph.attempts(run.id("a")), 3);
}

#[test]
fn a_success_at_last_is_a_success() {
    let mut run = Timeline::new();
    run.add(job("a").retries(1)).add(job("b").requires("a"));
    run.start(0).starts("a").at(1).panic("a").starts("a").at(2).succeed("a").starts("b");
}

#[test]
fn a_retried_job_queues_up_behind_the_others() {
    let mut run = Timeline::new().window(1);
    run.add(job("a").retries(1)).add(job("b")).add(job("c"));
    run.start(0).starts("a").at(1).fail("a").starts("b").at(2).succeed("b").starts("c");
    run.at(3).succeed("c").starts("a").at(4).succeed("a").verdict("completed");
}

#[test]
fn pauses_double_up_to_the_cap() {
    let mut run = Timeline::new();
    run.add(job("a").retries(5).backoff(2, 10)).add(job("b"));
    run.start(0).starts("a b");
    let mut now = 0;
    for pause in [2, 4, 8, 10, 10] {
        now += 1;
        run.at(now).fail("a").deadline(now + pause);
        run.at(now + pause - 1).due().starts("");
        now += pause;
        run.at(now).due().states("a: queued").starts("a");
    }
    run.at(now + 1).fail("a").states("a: failed (error)").no_deadline();
}

#[test]
fn delays() {
    let secs = Duration::from_secs;
    let table = [
        (Retries::new(9), [secs(0); 4]),
        (Retries::new(9).every(secs(3)), [secs(3); 4]),
        (Retries::new(9).backoff(secs(1), secs(4)), [secs(1), secs(2), secs(4), secs(4)]),
        // A base above the cap waits the cap, from the first retry on.
        (Retries::new(9).backoff(secs(9), secs(4)), [secs(4); 4]),
        (Retries::new(9).backoff(secs(0), secs(4)), [secs(0); 4]),
        (Retries::new(9).backoff(Duration::MAX, Duration::MAX), [Duration::MAX; 4]),
    ];
    for (retries, expected) in table {
        assert_eq!([1, 2, 3, 4].map(|k| retries.delay(k)), expected, "{retries:?}");
    }
    let nano = Retries::new(9).backoff(Duration::from_nanos(1), Duration::MAX);
    assert_eq!(nano.delay(64), Duration::from_nanos(1 << 63));
    // 2^64 ns do not fit in 64 bits of nanoseconds, but in a duration.
    assert_eq!(nano.delay(65), Duration::new(18_446_744_073, 709_551_616));
    for k in [95, 127, 128, 129, u32::MAX] {
        assert_eq!(nano.delay(k), Duration::MAX, "{k}");
    }
}

#[test]
fn a_pause_saturates_at_the_end_of_time() {
    let end = Timestamp::from_nanos(u64::MAX);
    let mut run = Timeline::new();
    run.add(job("a").retries(1).backoff(10, 10)).add(job("b"));
    let late = Timestamp::from_nanos(u64::MAX - 1_000);
    run.graph.start(late).unwrap();
    run.at_time(late).starts("a b").fail("a");
    assert_eq!(run.graph.state(run.id("a")), Some(JobState::Backoff { until: end }));
    run.at_time(end).due().starts("a");
}

/// "At once `Queued` if zero" is said of the pause: this one is ten seconds. Only `on_deadline` ends it.
#[test]
fn a_pause_at_the_very_end_of_time_is_a_pause() {
    let end = Timestamp::from_nanos(u64::MAX);
    let mut run = Timeline::new();
    run.add(job("a").retries(1).backoff(10, 10)).add(job("b"));
    run.graph.start(end).unwrap();
    run.at_time(end).starts("a b").fail("a");
    assert_eq!(run.graph.state(run.id("a")), Some(JobState::Backoff { until: end }));
    run.starts("").due().starts("a");
}

#[test]
fn an_attempt_that_gives_up_is_not_retried() {
    let mut run = Timeline::new();
    run.add(job("a").retries(5)).add(job("b").requires("a")).add(job("c"));
    run.start(0).starts("a c").at(1).give_up("a").states("a: cancelled, b: skipped by a");
}

#[test]
fn a_timed_out_attempt_is_retried_and_its_timeout_counts_again() {
    let mut run = Timeline::new();
    run.add(job("a").retries(1).timeout(10)).add(job("b"));
    run.start(0).starts("a b").at(10).due().signals("abort a").states("a: queued").no_deadline();
    run.at(14).starts("a").deadline(24).at(24).due().signals("abort a");
    run.states("a: failed (timed out)").goes_on();
}

#[test]
fn after_timeout_and_grace_the_pause_counts_from_the_end_of_the_attempt() {
    let mut run = Timeline::new();
    run.add(job("a").retries(2).timeout(10).grace(5).backoff(3, 3)).add(job("b"));
    run.start(0).starts("a b").at(10).due().deadline(15).at(12).succeed("a");
    run.states("a: in backoff until 15 s").deadline(15).signals("cancel a");
    run.at(15).due().states("a: queued").starts("a").deadline(25);
    // This time it ignores the cancellation.
    run.at(25).due().at(30).due().signals("cancel a, abort a");
    run.states("a: in backoff until 33 s").at(33).due().starts("a").deadline(43);
}

#[test]
fn a_late_grace_deadline_and_the_pause_after_it() {
    let mut run = Timeline::new();
    run.add(job("a").retries(1).timeout(10).backoff(3, 3)).add(job("b"));
    run.start(0).starts("a b").at(100).due().states("a: in backoff until 103 s").deadline(103);
}

#[test]
fn a_job_that_is_cancelled_while_it_is_stopping_has_no_further_attempt() {
    let mut run = Timeline::new();
    run.add(job("a").retries(9).timeout(10).grace(5)).add(job("b"));
    run.start(0).starts("a b").at(10).due().signals("cancel a").at(11).cancel("a").signals("");
    run.states("a: stopping (timed out)").deadline(15);
    run.at(12).fail("a").states("a: failed (timed out)").starts("").goes_on();

    let mut run = Timeline::new();
    run.add(job("a").retries(9).timeout(10).grace(5)).add(job("b"));
    run.start(0).starts("a b").at(10).due().at(11).cancel("a").at(15).due();
    run.signals("cancel a, abort a").states("a: failed (timed out)").starts("");
}

#[test]
fn a_job_that_times_out_while_the_run_ends_has_no_further_attempt() {
    let mut run = Timeline::new();
    run.add(job("a").retries(9).timeout(10).grace(5)).add(job("b").grace(9));
    run.start(0).starts("a b").at(10).due().signals("cancel a").at(11).stop();
    run.signals("cancel b").states("a: stopping (timed out)").at(12).succeed("a");
    run.states("a: failed (timed out)").at(13).give_up("b").verdict("stopped");
}

#[test]
fn the_attempt_of_a_signal_is_the_one_that_runs() {
    let mut run = Timeline::new();
    run.add(job("a").retries(9).grace(5));
    run.start(0).starts("a").at(1).fail("a").starts("a").at(2).cancel("a");
    let signal = run.graph.poll_signal().unwrap();
    assert_eq!(signal, jobgraph::Signal::Cancel(jobgraph::Attempt { job: run.id("a"), number: 2 }));
    assert_eq!(signal.to_string(), "cancel attempt 2 of #1");
}

#[test]
fn an_attempt_that_is_over_changes_nothing() {
    let mut run = Timeline::new();
    run.add(job("a").retries(9).backoff(5, 5)).add(job("b"));
    run.start(0);
    assert!(matches!(
        run.try_complete("a", Completion::Success),
        Err(InputError::NotThatAttempt { state: JobState::Queued, .. })
    ));
    run.starts("a b");
    let first = run.attempt("a");
    run.at(1).fail("a");
    let complete = |run: &mut Timeline, text: &str| {
        let error = run.graph.on_job_complete(first, Completion::Success, time(9)).unwrap_err();
        assert_eq!(error.to_string(), text);
    };
    complete(
        &mut run,
        "hear of attempt 1 of #1 a: it is not under way; the job is in backoff until 6 s",
    );
    assert_eq!(run.graph.clock(), time(1));
    run.at(6).due().starts("a");
    complete(
        &mut run,
        "hear of attempt 1 of #1 a: it is not under way; the job is running (attempt 2)",
    );
    run.at(7).succeed("a");
    complete(&mut run, "hear of attempt 1 of #1 a: it is not under way; the job is succeeded");
    let never = jobgraph::Attempt { number: 7, ..first };
    assert!(run.graph.on_job_complete(never, Completion::Success, time(9)).is_err());
    let zero = jobgraph::Attempt { number: 0, job: run.id("b") };
    assert!(run.graph.on_job_complete(zero, Completion::Success, time(9)).is_err());
    run.states("a: succeeded, b: running").goes_on();
}

#[test]
fn skipped_dependents_of_a_retried_job_wait_until_it_has_failed_for_good() {
    let mut run = Timeline::new();
    run.add(job("a").retries(1).backoff(9, 9)).add(job("b").requires("a")).add(job("c").after("a"));
    run.start(0).starts("a").at(1).fail("a").states("b: waiting, c: waiting").starts("");
    run.at(10).due().starts("a").at(11).fail("a").states("b: skipped by a, c: queued");
}
