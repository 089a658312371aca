//! Any of several jobs is enough.

use jobgraph::{Condition, GraphError};

use crate::support::{JobSpec, Timeline, forever, job, service};

#[test]
fn the_first_success_is_enough_and_the_others_go_on() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b")).add(job("c"));
    run.any(job("x"), Condition::Succeeded, "a b c");
    run.start(0)
        .starts("a b c")
        .explains("x", "waiting for [#1 a or another, #2 b or another, #3 c or another]");
    run.at(1).fail("a").explains("x", "waiting for [#2 b or another, #3 c or another]");
    run.at(2).succeed("b").starts("x").at(3).fail("c").states("c: failed (error), x: running");
    run.at(4).succeed("x").verdict("completed");
}

#[test]
fn it_is_skipped_when_the_last_one_cannot_satisfy_it_and_that_one_is_named() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b")).add(job("c").requires("b"));
    run.any(job("x"), Condition::Succeeded, "a c").add(job("y").requires("x")).add(job("z"));
    run.start(0).starts("a b z").at(1).fail("a").states("x: waiting");
    run.at(2).fail("b").states("c: skipped by b, x: skipped by c, y: skipped by x");
}

#[test]
fn the_first_end_is_enough() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b"));
    run.any(job("x"), Condition::Finished, "a b");
    run.start(0).starts("a b").at(1).panic("b").starts("x");
}

#[test]
fn a_failure_of_any_is_enough() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b"));
    run.any(job("x"), Condition::Failed, "a b").any(job("y"), Condition::Failed, "a b");
    run.start(0).starts("a b").at(1).succeed("a").states("x: waiting").fail("b").starts("x y");
}

#[test]
fn a_group_is_one_requirement_beside_others() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b")).add(job("c"));
    run.any(job("x").requires("c"), Condition::Succeeded, "a b");
    run.start(0).starts("a b c").succeed("a").succeed("b").states("x: waiting");
    run.explains("x", "waiting for [#3 c]").succeed("c").starts("x");
}

#[test]
fn a_service_of_a_group_is_enough_when_it_is_ready() {
    let mut run = Timeline::new();
    run.add(service("a")).add(service("b"));
    run.any(job("x"), Condition::Succeeded, "a b");
    run.start(0).starts("a b").at(1).ready("b").starts("x").at(2).ready("a");
    run.at(3).succeed("x").signals("abort a, abort b").verdict("completed");
}

#[test]
fn the_members_stop_after_whom_they_were_for() {
    let mut run = Timeline::new();
    run.add(service("a").grace(9)).add(service("b").grace(9));
    run.any(job("x").grace(9), Condition::Succeeded, "a b");
    run.start(0).starts("a b").ready("a").starts("x").at(1).stop().signals("cancel x");
    run.at(2).succeed("x").signals("cancel a, cancel b");
}

#[test]
fn what_is_added_looks_at_those_that_have_ended() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b")).add(job("open"));
    run.start(0).starts("a b open").fail("a").succeed("b");
    run.any(job("x"), Condition::Succeeded, "a b open").starts("x");
    run.any(job("y"), Condition::Succeeded, "a open").states("y: waiting");
    run.any(job("z"), Condition::Failed, "b").states("z: skipped by b");
    run.fail("open").states("y: skipped by open");
}

#[test]
fn a_member_that_is_removed_before_the_run_is_one_no_more() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b")).add(job("c"));
    run.any(job("x"), Condition::Succeeded, "a b").any(job("y"), Condition::Succeeded, "a");
    let [a, b, x] = ["a", "b", "x"].map(|label| run.id(label));
    assert_eq!(run.graph.any_of(x).next(), Some((Condition::Succeeded, vec![a, b])));
    run.remove("a");
    assert_eq!(run.graph.any_of(x).next(), Some((Condition::Succeeded, vec![b])));
    // A group whose members are all gone asks for nothing.
    run.start(0).starts("b c y").fail("b").states("x: skipped by b");
}

#[test]
fn groups_that_make_no_sense_are_refused() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b")).add(forever("loop")).add(job("critical").critical());
    let mut refuse = |spec: JobSpec, condition, members| {
        run.try_any(spec, condition, members).unwrap_err().to_string()
    };
    assert_eq!(
        refuse(job("x"), Condition::Succeeded, ""),
        "the new job x requires any of a group of nobody: it would never start; name jobs, or leave the group out"
    );
    assert_eq!(
        refuse(job("x"), Condition::Succeeded, "a b a"),
        "the new job x requires #1 a twice, as a member of a group: name it once"
    );
    assert_eq!(
        refuse(job("x").requires("a"), Condition::Succeeded, "a b"),
        "the new job x cannot require #1 a as one of a group: it requires it to succeed already; remove that requirement first"
    );
    assert!(refuse(job("x"), Condition::Succeeded, "a loop").contains("a forever job only ends"));
    assert!(refuse(job("x"), Condition::Failed, "a critical").contains("a critical failure ends"));
    assert!(refuse(job("x"), Condition::Any, "a").contains("it is in none"));
    let [a, b] = ["a", "b"].map(|label| run.id(label));
    assert!(matches!(run.graph.require(a, b, Condition::Any), Err(GraphError::NotInGroup { .. })));
    assert_eq!(run.graph.len(), 4);
}

#[test]
fn members_count_for_cycles_and_cannot_be_bypassed() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b")).any(job("x"), Condition::Succeeded, "a b");
    let [a, x] = ["a", "x"].map(|label| run.id(label));
    assert_eq!(
        run.graph.bypass(a).unwrap_err().to_string(),
        "#1 a cannot be bypassed: #3 x requires any of a group; remove that requirement first"
    );
    assert!(run.graph.bypass(x).is_ok(), "nobody requires it");
    run.any(job("y"), Condition::Succeeded, "a b");
    let y = run.id("y");
    run.graph.require(a, y, Condition::Succeeded).unwrap();
    let error = run.graph.start(jobgraph::Timestamp::ZERO).unwrap_err();
    assert_eq!(error.to_string(), "the requirements form a cycle: a -> y -> a");
}
