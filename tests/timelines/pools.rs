//! Limits by name: who takes what, when it is given back, and who goes first.

use jobgraph::{Completion, PoolId};

use crate::support::{JobSpec, Timeline, forever, job, service};

#[track_caller]
fn free(run: &Timeline, pool: PoolId) -> u32 {
    run.graph.pool(pool).unwrap().free
}

#[test]
fn no_more_is_taken_than_there_is() {
    let mut run = Timeline::new();
    let disk = run.pool("disk", 3);
    run.add(job("a").takes(2, disk)).add(job("b").takes(1, disk)).add(job("c").takes(1, disk));
    run.add(job("d"));
    run.start(0).starts("a b d").explains("c", "waits for 1 of disk (0 of 3 free)");
    run.at(1).succeed("a").starts("c").at(2);
    assert_eq!(free(&run, disk), 1);
    run.succeed("b c d").verdict("completed");
    assert_eq!(free(&run, disk), 3);
}

#[test]
fn a_job_takes_all_that_it_needs_or_nothing() {
    let mut run = Timeline::new();
    let [disk, gpu] = [run.pool("disk", 2), run.pool("gpu", 1)];
    run.add(job("a").takes(1, gpu)).add(job("b").takes(2, disk).takes(1, gpu));
    run.add(job("c").takes(1, disk));
    // It holds nothing of the disk, but nobody takes what it needs.
    run.start(0).starts("a").explains("b", "waits for 1 of gpu (0 of 1 free)");
    run.explains("c", "waits for 1 of disk (2 of 2 free, 2 of them kept for the first in line)");
    assert_eq!(free(&run, disk), 2);
    run.at(1).succeed("a").starts("b").at(2).succeed("b").starts("c");
}

#[test]
fn others_take_what_the_first_in_line_leaves() {
    let mut run = Timeline::new();
    let disk = run.pool("disk", 5);
    run.add(job("a").takes(2, disk))
        .add(job("heavy").takes(4, disk))
        .add(job("light").takes(1, disk));
    run.add(job("other"));
    run.start(0).starts("a other").explains("heavy", "waits for 4 of disk (3 of 5 free)");
    run.explains(
        "light",
        "waits for 1 of disk (3 of 5 free, 3 of them kept for the first in line)",
    );
    run.at(1).succeed("a").starts("heavy light");
}

#[test]
fn a_heavy_job_is_not_starved_by_light_ones() {
    let mut run = Timeline::new();
    let disk = run.pool("disk", 2);
    run.add(job("a").takes(1, disk)).add(job("b").takes(1, disk));
    run.add(job("heavy").takes(2, disk)).add(job("c").takes(1, disk));
    run.start(0).starts("a b").at(1).succeed("a").starts("").at(2).add(job("d").takes(1, disk));
    run.starts("").at(3).succeed("b").starts("heavy").at(4).succeed("heavy").starts("c d");
}

#[test]
fn a_higher_priority_is_the_first_in_line() {
    let mut run = Timeline::new();
    let disk = run.pool("disk", 2);
    run.add(job("a").takes(1, disk)).add(job("b").takes(1, disk)).add(job("c").takes(1, disk));
    run.start(0).starts("a b").at(1).add(job("urgent").takes(2, disk).priority(1));
    run.succeed("a").starts("").explains("urgent", "waits for 2 of disk (1 of 2 free)");
    run.at(2).succeed("b").starts("urgent").at(3).succeed("urgent").starts("c");
}

#[test]
fn however_an_attempt_ends_it_gives_back_what_it_took() {
    let ends = [
        Completion::Success,
        Completion::Error,
        Completion::Permanent,
        Completion::Panic,
        Completion::Cancelled,
    ];
    for end in ends {
        let mut run = Timeline::new();
        let disk = run.pool("disk", 1);
        run.add(job("a").takes(1, disk)).add(job("b").takes(1, disk));
        run.start(0).starts("a").at(1).complete("a", end).starts("b");
    }
}

#[test]
fn a_pause_holds_nothing_and_grace_keeps_all() {
    let mut run = Timeline::new();
    let disk = run.pool("disk", 1);
    run.add(job("a").takes(1, disk).retries(1).backoff(5, 5));
    run.add(job("b").takes(1, disk).timeout(10).grace(5)).add(job("c").takes(1, disk));
    run.start(0).starts("a").at(1).fail("a").starts("b");
    run.at(6).due().states("a: queued").starts("").at(11).due().signals("cancel b").starts("");
    assert_eq!(free(&run, disk), 0);
    // After its pause it stands where it stood first: before the third one.
    run.at(12).give_up("b").starts("a").at(13).succeed("a").starts("c");
}

#[test]
fn the_body_of_an_aborted_attempt_keeps_what_it_took_until_it_is_gone() {
    let mut run = Timeline::new();
    let disk = run.pool("disk", 1);
    run.add(job("a").takes(1, disk).timeout(5)).add(job("b").takes(1, disk));
    run.start(0).starts("a").at(5);
    let a = run.attempt("a");
    run.graph.on_deadline(crate::support::time(5));
    assert!(!run.graph.has_ready_jobs());
    assert!(run.graph.poll_signal().is_some());
    assert!(run.graph.has_ready_jobs(), "unless the body is said to be away");
    run.graph.on_body_away(a).unwrap();
    assert!(!run.graph.has_ready_jobs());
    assert_eq!(free(&run, disk), 0);
    run.graph.on_body_gone(a, run.graph.clock()).unwrap();
    run.starts("b");
}

#[test]
fn a_job_that_is_cancelled_or_skipped_in_line_frees_the_way() {
    let mut run = Timeline::new();
    let disk = run.pool("disk", 2);
    run.add(job("a").takes(1, disk)).add(job("heavy").takes(2, disk)).add(job("b").takes(1, disk));
    run.start(0).starts("a").at(1).cancel("heavy").signals("").starts("b");
}

#[test]
fn pools_and_the_window_hold_at_once() {
    let mut run = Timeline::new().window(2);
    let disk = run.pool("disk", 1);
    run.add(job("a").takes(1, disk)).add(job("b").takes(1, disk)).add(job("c")).add(job("d"));
    // Who waits for a pool takes no seat.
    run.start(0).starts("a c").explains("b", "window full (2 running)");
    run.at(1).succeed("c").starts("d").explains("b", "window full (2 running)");
    run.at(2).succeed("d").explains("b", "waits for 1 of disk (0 of 1 free)").starts("");
    run.at(3).succeed("a").starts("b");
}

#[test]
fn a_waiting_job_has_no_timeout() {
    let mut run = Timeline::new();
    let disk = run.pool("disk", 1);
    run.add(job("a").takes(1, disk)).add(job("b").takes(1, disk).timeout(5));
    run.start(0).starts("a").no_deadline().at(100).succeed("a").starts("b").deadline(105);
}

#[test]
fn one_pool_that_is_named_twice_gives_both() {
    let mut run = Timeline::new();
    let disk = run.pool("disk", 3);
    run.add(job("a").takes(1, disk).takes(1, disk)).add(job("b").takes(2, disk));
    run.start(0).starts("a").explains("b", "waits for 2 of disk (1 of 3 free)");
}

#[test]
fn what_no_pool_can_give_is_refused() {
    let mut run = Timeline::new();
    let disk = run.pool("disk", 3);
    let mut other = Timeline::new();
    let other = [other.pool("a", 1), other.pool("b", 1)][1];
    let mut refuse = |spec: JobSpec| run.try_add(spec).unwrap_err().to_string();
    assert_eq!(
        refuse(job("a").takes(2, disk).takes(2, disk)),
        "the new job a cannot take from the pool disk: it takes 4, of which there are 3; take less, or make the pool larger"
    );
    assert_eq!(
        refuse(job("a").takes(0, disk)),
        "the new job a cannot take from the pool disk: it takes an amount of zero; leave the pool out"
    );
    let endless = "the new job a cannot take from the pool disk: it is not expected to end, so it would never give anything back; only finite jobs take from pools";
    assert_eq!(refuse(forever("a").takes(1, disk)), endless);
    assert_eq!(refuse(service("a").takes(1, disk)), endless);
    assert_eq!(
        refuse(job("a").takes(1, other)),
        "the new job a cannot take from a pool: there is no such pool in this graph; make it first"
    );
    assert!(run.graph.is_empty());
    assert_eq!(
        run.graph.add_pool("none", 0).unwrap_err().to_string(),
        "the pool none has room for nothing: no job of it could ever start; make it of 1 at least"
    );
    assert_eq!(
        run.graph.add_pool("disk", 1).unwrap_err().to_string(),
        "there is a pool disk already: use that, or another name"
    );
    assert_eq!(run.graph.pools().count(), 1);
}

#[test]
fn a_pool_can_be_made_during_a_run() {
    let mut run = Timeline::new();
    run.add(job("a"));
    run.start(0).starts("a");
    let host = run.pool("host", 1);
    run.add(job("b").takes(1, host)).add(job("c").takes(1, host)).starts("b");
    run.at(1).succeed("b").starts("c").at(2).succeed("a c").verdict("completed");
}

/// Where two kinds are parked at one pool, and the one that is woken lacks another: its turn goes on.
#[test]
fn room_that_one_kind_cannot_use_goes_to_the_next() {
    let mut run = Timeline::new();
    let [x, y, z] = ["x", "y", "z"].map(|name| run.pool(name, 1));
    run.add(job("has x").takes(1, x)).add(job("has y").takes(1, y)).add(job("has z").takes(1, z));
    let [one, two] = [job("first").takes(1, z), job("x and y").takes(1, x).takes(1, y)];
    run.add(one).add(two).add(job("x alone").takes(1, x));
    run.graph.start(jobgraph::Timestamp::ZERO).unwrap();
    let names = |run: &mut Timeline| {
        let now = run.graph.clock();
        let ready: Vec<_> = run.graph.poll_ready_jobs(now).collect();
        ready
            .iter()
            .map(|attempt| run.graph.label(attempt.job).unwrap().into())
            .collect::<Vec<String>>()
    };
    assert_eq!(names(&mut run), ["has x", "has y", "has z"]);
    let has_x = run.graph.jobs().next().unwrap();
    let attempt = jobgraph::Attempt { job: has_x, number: 1 };
    run.graph.on_job_complete(attempt, Completion::Success, run.graph.clock()).unwrap();
    assert_eq!(names(&mut run), ["x alone"]);
}
