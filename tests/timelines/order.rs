//! In which order queued jobs are handed out.

use crate::support::{Timeline, job};

/// Three texts, each fetched, then counted; the second seat is taken by something else.
fn pipeline(run: &mut Timeline) {
    run.add(job("fetch1")).add(job("fetch2")).add(job("fetch3"));
    run.add(job("count1").requires("fetch1")).add(job("count2").requires("fetch2"));
    run.add(job("count3").requires("fetch3"));
}

#[test]
fn breadth_first_begins_all_before_it_finishes_any() {
    let mut run = Timeline::new().window(1);
    pipeline(&mut run);
    run.start(0);
    for (now, name) in ["fetch1", "fetch2", "fetch3", "count1", "count2"].into_iter().enumerate() {
        run.at(now as u64).starts(name).succeed(name);
    }
}

#[test]
fn depth_first_finishes_what_was_begun() {
    let mut run = Timeline::new().window(1).depth_first();
    pipeline(&mut run);
    run.start(0);
    for (now, name) in ["fetch1", "count1", "fetch2", "count2", "fetch3"].into_iter().enumerate() {
        run.at(now as u64).starts(name).succeed(name);
    }
}

#[test]
fn within_one_input_depth_first_is_breadth_first() {
    let mut run = Timeline::new().window(1).depth_first();
    run.add(job("a")).add(job("late")).add(job("b").requires("a")).add(job("c").requires("a"));
    run.start(0).starts("a").at(1).succeed("a").starts("b").at(2).succeed("b").starts("c");
    // What is added is queued by an input of its own.
    run.at(3).add(job("d")).add(job("e")).succeed("c").starts("e").at(4).succeed("e").starts("d");
    run.at(5).succeed("d").starts("late");
}

#[test]
fn priority_goes_before_depth() {
    let mut run = Timeline::new().window(1).depth_first();
    run.add(job("a")).add(job("low")).add(job("high").priority(1)).add(job("b").requires("a"));
    run.start(0).starts("high").at(1).succeed("high").starts("a").at(2).succeed("a").starts("b");
}

#[test]
fn deadlines_that_fire_together_are_one_input() {
    let mut run = Timeline::new().window(1).depth_first();
    run.add(job("x").retries(1).backoff(5, 5)).add(job("y").retries(1).backoff(5, 5));
    run.add(job("a").after("x")).add(job("b").after("y"));
    run.start(0).starts("x").fail("x").starts("y").fail("y").at(5).due();
    // After a pause a job takes its turn by when it was queued first, here by the start.
    run.starts("x").succeed("x").starts("a").succeed("a").starts("y").succeed("y").starts("b");
}

#[test]
fn after_a_pause_a_job_stands_where_it_stood_first() {
    let mut run = Timeline::new().window(1);
    run.add(job("a").retries(2).backoff(5, 5)).add(job("b").retries(1)).add(job("c")).add(job("d"));
    run.start(0).starts("a").fail("a").starts("b").at(5).due().states("a: queued");
    // Without a pause it is queued anew, behind the others.
    run.fail("b").starts("a").fail("a").starts("c").at(10).due().succeed("c").starts("a");
    run.succeed("a").starts("d").succeed("d").starts("b");
}

#[test]
fn after_a_pause_it_can_be_cancelled_in_its_place() {
    let mut run = Timeline::new().window(1);
    run.add(job("a").retries(1).backoff(5, 5)).add(job("b")).add(job("c")).add(job("d"));
    run.start(0).starts("a").fail("a").starts("b").at(5).due().cancel("a");
    run.signals("").succeed("b").starts("c").at(6).cancel("d").signals("");
    run.succeed("c").verdict("completed");
}
