//! In which order a run that ends asks its jobs to stop.

use crate::support::{Timeline, forever, job, service};

/// `db` <- `server` <- `test`, all running.
fn stack() -> Timeline {
    let mut run = Timeline::new();
    run.add(service("db").grace(5)).add(service("server").requires("db").grace(5));
    run.add(job("test").requires("server").grace(5));
    run.start(0).starts("db").at(1).ready("db").starts("server").at(2).ready("server");
    run.starts("test");
    run
}

#[test]
fn a_server_closes_before_its_database() {
    let mut run = stack();
    run.at(3).stop().signals("cancel test").states("server: running, db: running").deadline(8);
    run.explains("db", "running, waits for [#2 server] to stop first");
    run.at(4).give_up("test").signals("cancel server").deadline(9).states("db: running");
    // Its grace counts from its own Cancel.
    run.at(9).due().signals("abort server, cancel db").deadline(14);
    run.at(10).succeed("db").verdict("stopped");
}

#[test]
fn the_end_of_the_last_finite_job_stops_the_services_in_order() {
    let mut run = stack();
    run.at(3).succeed("test").ending("completed").signals("cancel server");
    run.at(4).succeed("server").signals("cancel db").at(5).succeed("db").verdict("completed");
}

#[test]
fn a_held_back_job_that_ends_by_itself_passes_the_turn_on_later() {
    let mut run = stack();
    run.at(3).stop().signals("cancel test");
    run.at(4).succeed("server").signals("").states("db: running, server: succeeded");
    run.explains("db", "running, waits for [#3 test] to stop first");
    run.at(5).give_up("test").signals("cancel db");
}

#[test]
fn a_held_back_job_that_fails_is_not_retried() {
    let mut run = Timeline::new();
    run.add(service("db").retries(5)).add(job("a").requires("db").grace(5));
    run.start(0).starts("db").at(1).ready("db").starts("a").at(2).stop();
    run.at(3).fail("db").states("db: failed (error)").starts("");
    run.at(4).give_up("a").verdict("stopped");
}

#[test]
fn cancel_acts_at_once_on_a_job_that_is_held_back() {
    let mut run = stack();
    run.at(3).stop().signals("cancel test").at(4).cancel("db").signals("cancel db");
    run.states("db: stopping (cancelled), server: running").deadline(8);
    run.at(5).succeed("db").signals("").at(6).give_up("test").signals("cancel server");
    run.at(7).give_up("server").verdict("stopped").states("db: succeeded, server: cancelled");
}

#[test]
fn its_own_timeout_acts_at_once_on_a_job_that_is_held_back() {
    let mut run = Timeline::new();
    run.add(service("db").timeout(10).grace(5).retries(3)).add(service("other"));
    run.add(job("a").requires("db").unlimited_grace());
    run.start(0).starts("db other").at(1).ready("db").starts("a").at(2).fail("db").starts("db");
    run.deadline(12)
        .at(3)
        .stop()
        .signals("abort other, cancel a")
        .states("db: running (attempt 2)");
    run.at(12).due().signals("cancel db").states("db: stopping (timed out)").deadline(17);
    run.at(17).due().signals("abort db").states("db: failed (timed out)").no_deadline();
    run.at(20).give_up("a").verdict("stopped");
}

/// `work` has ended long ago; what came after it still uses the database.
#[test]
fn ended_jobs_pass_the_order_on() {
    let mut run = Timeline::new();
    run.add(service("db").grace(5)).add(job("work").requires("db")).add(job("x").requires("work"));
    run.add(job("report").after("x").grace(5)).add(forever("monitor").grace(5));
    run.start(0).starts("db monitor").at(1).ready("db").starts("work");
    run.at(2).fail("work").states("x: skipped by work").starts("report");
    run.at(3).stop().signals("cancel report, cancel monitor").states("db: running");
    run.explains("db", "running, waits for [#4 report] to stop first");
    run.at(4).give_up("monitor").signals("").at(5).give_up("report").signals("cancel db");
}

#[test]
fn a_job_removed_before_the_cause_links_nothing() {
    let mut run = Timeline::new();
    run.add(service("db").grace(5)).add(job("work").requires("db"));
    run.add(job("report").after("work").grace(5));
    run.start(0).starts("db").at(1).ready("db").starts("work").at(2).succeed("work");
    run.starts("report").remove("work");
    run.at(3).stop().signals("cancel db, cancel report").states("db: stopping (run ending)");
}

#[test]
fn a_job_removed_after_the_cause_still_links() {
    let mut run = Timeline::new();
    run.add(service("db").grace(5)).add(job("work").requires("db"));
    run.add(job("report").after("work").grace(5));
    run.start(0).starts("db").at(1).ready("db").starts("work").at(2).succeed("work");
    run.starts("report").at(3).stop().signals("cancel report").remove("work");
    run.explains("db", "running, waits for [#3 report] to stop first");
    run.at(4).give_up("report").remove("report").signals("cancel db");
    run.at(5).give_up("db").verdict("stopped");
}

/// The place of a removed job is used again: the newcomer inherits nothing.
#[test]
fn a_newcomer_in_the_place_of_a_removed_job_inherits_no_order() {
    let mut run = Timeline::new();
    run.add(service("db").grace(5)).add(job("work").requires("db"));
    run.add(job("report").after("work").grace(5));
    run.start(0).starts("db").at(1).ready("db").starts("work").at(2).succeed("work");
    run.starts("report").remove("work").add(job("new").grace(5)).starts("new");
    run.at(3).stop().signals("cancel db, cancel report, cancel new");
}

#[test]
fn whatever_the_condition_the_dependent_stops_first() {
    let mut run = Timeline::new();
    run.add(job("a").retries(1).grace(5)).add(service("s").requires("a").grace(5));
    run.add(job("b").requires("s").grace(5)).add(job("other"));
    run.start(0).starts("a other").at(1).succeed("a").starts("s").at(2).ready("s").starts("b");
    run.at(3).stop().signals("cancel b, abort other").at(4).give_up("b").signals("cancel s");
}

#[test]
fn equals_stop_in_the_order_of_their_ids() {
    let mut run = Timeline::new();
    for label in ["a", "b", "c", "d"] {
        run.add(job(label).grace(5));
    }
    run.add(job("high").priority(9).grace(5));
    run.start(0).starts("high a b c d").at(1).stop();
    run.signals("cancel a, cancel b, cancel c, cancel d, cancel high");
}

/// Two services, each with a user of its own: both users are told, then both services.
#[test]
fn dependents_come_before_what_they_require() {
    let mut run = Timeline::new();
    run.add(service("s1")).add(service("s2")).add(job("u1").requires("s1"));
    run.add(job("u2").requires("s2"));
    run.start(0).starts("s1 s2").at(1).ready("s1 s2").starts("u1 u2");
    run.at(2).stop().signals("abort u1, abort u2, abort s1, abort s2").verdict("stopped");
}

#[test]
fn a_service_waits_for_all_its_users() {
    let mut run = Timeline::new();
    run.add(service("db").grace(5)).add(job("a").requires("db").grace(5));
    run.add(job("b").requires("db").grace(5));
    run.start(0).starts("db").at(1).ready("db").starts("a b").at(2).stop();
    run.signals("cancel a, cancel b")
        .explains("db", "running, waits for [#2 a, #3 b] to stop first");
    run.at(3).succeed("b").signals("").explains("db", "running, waits for [#2 a] to stop first");
    run.at(4).succeed("a").signals("cancel db");
}

#[test]
fn the_second_stop_respects_the_order_through_removed_jobs() {
    let mut run = Timeline::new();
    run.add(service("db").grace(5)).add(job("work").requires("db"));
    run.add(job("report").after("work").grace(5));
    run.start(0).starts("db").at(1).ready("db").starts("work").at(2).succeed("work");
    run.starts("report").at(3).stop().signals("cancel report").remove("work");
    run.at(4).stop().signals("abort report, abort db").verdict("stopped");
}

#[test]
fn a_dependent_without_grace_frees_what_it_requires_in_the_same_call() {
    let mut run = Timeline::new();
    run.add(service("db").grace(5)).add(job("a").requires("db"));
    run.start(0).starts("db").at(1).ready("db").starts("a").at(2).stop();
    run.signals("abort a, cancel db").states("db: stopping (run ending)");
}

/// A job that was cancelled before the cause is not asked again, and holds back like any other.
#[test]
fn a_job_that_is_stopping_already_is_waited_for() {
    let mut run = stack();
    run.at(3).cancel("test").signals("cancel test").at(4).stop().signals("");
    run.states("test: stopping (cancelled), server: running").deadline(8);
    run.at(8).due().signals("abort test, cancel server");
}
