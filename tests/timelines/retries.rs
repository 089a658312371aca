//! Attempts, pauses between them, and what forbids a further one.

use std::time::Duration;

use jobgraph::{Completion, InputError, JobState, Retries, Timestamp};

use crate::support::{JobSpec, Timeline, forever, job, service, time};

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
        // A base above the cap would wait the cap; a job is refused with it.
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
    complete(&mut run, "attempt 1 of #1 a is not under way: the job is in backoff until 6 s");
    assert_eq!(run.graph.clock(), time(1));
    run.at(6).due().starts("a");
    complete(&mut run, "attempt 1 of #1 a is not under way: the job is running (attempt 2)");
    run.at(7).succeed("a");
    complete(&mut run, "attempt 1 of #1 a is not under way: the job is succeeded");
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

/// As the contract has it, with figures of the reference implementation of splitmix64.
#[test]
fn jittered_pauses_follow_from_the_seed() {
    let nanos = Duration::from_nanos;
    let retries = Retries::new(9).every(nanos(1_000)).jittered();
    // Of 0 ^ 1 ^ (1 << 32) and so on, by the formula.
    let pauses = [(1, 1, 0), (2, 1, 0), (1, 2, 0), (1, 1, 7)];
    let pauses = pauses.map(|(k, job, seed)| retries.jittered_delay(k, job, seed));
    let expected = [(1_u64 << 32) ^ 1, (2 << 32) ^ 1, (1 << 32) ^ 2, (1 << 32) ^ 1 ^ 7];
    assert_eq!(pauses, expected.map(|seed| nanos(500 + splitmix64(seed) % 501)));
    assert_ne!(pauses[0], pauses[1]);
    assert_ne!(pauses[0], pauses[2]);
    assert_ne!(pauses[0], pauses[3]);
    // One nanosecond has no half, and the longest has one.
    assert_eq!(Retries::new(9).every(nanos(1)).jittered().jittered_delay(1, 1, 0), nanos(0));
    let longest = Retries::new(9).every(Duration::MAX).jittered().jittered_delay(1, 1, 0);
    assert!(longest >= Duration::MAX / 2);
    assert_eq!(Retries::new(9).every(nanos(9)).jittered_delay(1, 1, 0), nanos(9));
}

/// The first output of the reference implementation for seed 1234567 is 6457827717110365317.
fn splitmix64(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[test]
fn the_reference_of_splitmix64_is_one() {
    assert_eq!(splitmix64(1_234_567), 6_457_827_717_110_365_317);
}

#[test]
fn a_run_waits_for_the_jittered_pause() {
    let mut run = Timeline::new();
    run.add(job("a").retries(1).backoff(10, 10).jittered()).add(job("b"));
    run.start(0).starts("a b").at(1).fail("a");
    let JobState::Backoff { until } = run.graph.state(run.id("a")).unwrap() else { panic!() };
    let pause = Retries::new(1).every(Duration::from_secs(10)).jittered().jittered_delay(1, 1, 0);
    assert_eq!(until, time(1) + pause);
    assert_ne!(pause, Duration::from_secs(10));
}

#[test]
fn after_a_permanent_error_there_is_no_attempt() {
    let mut run = Timeline::new();
    run.add(job("a").retries(9).backoff(5, 5)).add(job("b").on_failure_of("a"));
    run.add(job("c").retries(9).timeout(10).grace(5)).add(job("d").critical().retries(9));
    run.start(0).starts("a c d").at(1).complete("a", Completion::Permanent);
    run.states("a: failed (error), b: queued").deadline(10);
    // Asked to stop by its timeout it fails by that, and knows better than to try again.
    run.at(10).due().signals("cancel c").at(11).complete("c", Completion::Permanent);
    run.states("c: failed (timed out)");
    run.at(12).complete("d", Completion::Permanent).verdict("critical failure of d");
}

#[test]
fn a_healthy_time_begins_a_new_row_of_failures() {
    let mut run = Timeline::new();
    run.add(service("db").retries(2).backoff(1, 100).reset_after(60)).add(job("a"));
    run.start(0).starts("db a");
    // Two in a row, the second after a short time only.
    run.at(1).fail("db").deadline(2).at(2).due().starts("db").ready("db");
    run.at(61).fail("db").deadline(63).at(63).due().starts("db").at(70).ready("db");
    // It was ready for so long: the first pause again, and two more attempts.
    run.at(130).fail("db").states("db: in backoff until 131 s").at(131).due().starts("db");
    run.at(132).fail("db").deadline(134).at(134).due().starts("db");
    // It was never ready in this attempt, however long that took.
    run.at(500).fail("db").states("db: failed (error)");
    assert_eq!(run.graph.attempts(run.id("db")), 5);
}

#[test]
fn a_forever_job_is_well_from_its_hand_out_on() {
    let mut run = Timeline::new();
    run.add(forever("loop").retries(1).reset_after(60)).add(job("a"));
    run.start(0).starts("loop a").at(10).fail("loop").starts("loop");
    run.at(70).fail("loop").starts("loop");
    run.at(71).panic("loop").states("loop: failed (panic)");
}

#[test]
fn retries_that_make_no_sense_are_refused() {
    let mut run = Timeline::new();
    let mut refuse = |spec: JobSpec| run.try_add(spec).unwrap_err().to_string();
    assert_eq!(
        refuse(job("a").retries(1).backoff(5, 1)),
        "the new job a cannot be added: its first pause (5 s) is longer than its longest (1 s); `backoff` takes the first one first"
    );
    assert_eq!(
        refuse(job("a").backoff(1, 5)),
        "the new job a cannot be added: its pauses have no attempts between them; say how many with `retries`"
    );
    assert_eq!(
        refuse(job("a").retries(1).jittered()),
        "the new job a cannot be added: its jitter has no pause to change; give it one with `backoff`"
    );
    assert_eq!(
        refuse(job("a").retries(1).reset_after(1)),
        "the new job a cannot be added: its failures count anew only if it is a forever job or a service; leave `reset_after` out"
    );
    assert_eq!(refuse(service("a").reset_after(1)), refuse(job("a").backoff(1, 5)));
    assert!(run.graph.is_empty());
    run.add(service("a").retries(1).reset_after(0)).add(job("b").retries(0)).start(0).starts("a b");
    assert_eq!(run.id("a").number(), 1, "a refused job takes no number");
}
