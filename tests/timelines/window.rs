//! Who may start: the window, priorities, and the iterator that hands out.

use jobgraph::{JobState, Orchestrator, RunOptions};

use crate::support::{Timeline, forever, job, service, time};

#[test]
fn the_window_bounds_finite_jobs() {
    let mut run = Timeline::new().window(2);
    for label in ["a", "b", "c", "d"] {
        run.add(job(label));
    }
    run.start(0).starts("a b").starts("").states("c: queued, d: queued");
    run.at(1).succeed("b").starts("c").starts("").at(2).fail("a").panic("c").starts("d");
    run.at(3).succeed("d").verdict("completed");
}

#[test]
fn however_a_job_ends_its_place_is_free() {
    let mut run = Timeline::new().window(1);
    for label in ["success", "error", "panic", "gives-up", "cancel"] {
        run.add(job(label));
    }
    run.add(job("timeout").timeout(5)).add(job("grace").timeout(5).grace(5)).add(job("last"));
    run.start(0).starts("success").succeed("success").starts("error").fail("error");
    run.starts("panic").panic("panic").starts("gives-up").give_up("gives-up").starts("cancel");
    run.cancel("cancel").starts("timeout").at(5).due().starts("grace").at(10).due();
    // A stopping job keeps its place until it is over.
    run.states("grace: stopping (timed out)").starts("").at(15).due().starts("last");
    run.explains("last", "running");
}

#[test]
fn a_job_in_backoff_holds_no_place() {
    let mut run = Timeline::new().window(1);
    run.add(job("a").retries(1).backoff(5, 5)).add(job("b"));
    run.start(0).starts("a").at(1).fail("a").starts("b").at(6).due().states("a: queued").starts("");
    run.at(7).succeed("b").starts("a");
}

#[test]
fn cancelling_what_is_queued_takes_no_place() {
    let mut run = Timeline::new().window(1);
    run.add(job("a")).add(job("b")).add(job("c")).add(job("d"));
    run.start(0).starts("a").cancel("c").at(1).succeed("a").starts("b").cancel("d").starts("");
    run.at(2).succeed("b").verdict("completed").states("c: cancelled, d: cancelled");
}

#[test]
fn forever_jobs_take_no_place_and_are_not_held_back() {
    let mut run = Timeline::new().window(1);
    run.add(job("a")).add(job("b")).add(forever("monitor")).add(service("db"));
    run.add(forever("late").requires("a"));
    run.start(0).starts("a monitor db").starts("").states("b: queued");
    run.at(1).succeed("a").starts("b late").explains("b", "running");
}

#[test]
fn a_full_window_lets_forever_jobs_of_lower_priority_pass() {
    let mut run = Timeline::new().window(1);
    run.add(job("a").priority(5)).add(job("b").priority(5)).add(forever("f").priority(-5));
    run.start(0).starts("a f").at(1).succeed("a").starts("b");
}

#[test]
fn higher_priority_goes_first_then_the_order_of_queueing() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b").priority(2)).add(job("c").priority(-1));
    run.add(job("d").priority(2)).add(job("e")).add(job("f").priority(i32::MAX));
    run.add(job("g").priority(i32::MIN));
    run.start(0).starts("f b d a e c g");
}

#[test]
fn at_the_same_priority_forever_and_finite_jobs_go_in_the_order_of_queueing() {
    let mut run = Timeline::new();
    run.add(forever("f1")).add(job("a")).add(service("s")).add(job("b").priority(1));
    run.add(forever("f2").priority(1)).add(job("c")).add(forever("f3").priority(2));
    run.start(0).starts("f3 b f2 f1 a s c");
}

#[test]
fn the_order_of_queueing_is_that_of_time_not_of_ids() {
    let mut run = Timeline::new().window(2);
    run.add(job("a")).add(job("x")).add(job("b").requires("x")).add(job("c").requires("a"));
    run.start(0).starts("a x").at(1).succeed("a x").starts("c b");
}

#[test]
fn at_start_jobs_queue_up_in_the_order_of_their_creation() {
    let mut run = Timeline::new();
    run.add(job("gone")).add(job("a")).add(job("gone2")).add(job("b"));
    // Freed places are used again, so the places are not in the order of creation.
    run.remove("gone2 gone").add(job("c")).add(job("d"));
    run.start(0).starts("a b c d");
}

#[test]
fn priorities_decide_among_all_that_is_queued_when_a_place_is_free() {
    let mut run = Timeline::new().window(1);
    run.add(job("a")).add(job("low").priority(-1)).add(job("usual"));
    run.start(0).starts("a").add(job("urgent").priority(7)).at(1).succeed("a").starts("urgent");
    run.at(2).succeed("urgent").starts("usual").at(3).succeed("usual").starts("low");
}

#[test]
fn what_an_iterator_that_is_dropped_early_did_not_yield_stays_queued() {
    let mut run = Timeline::new();
    run.add(job("a").timeout(5)).add(job("b").timeout(5)).add(job("c"));
    run.start(0);
    let first = run.graph.poll_ready_jobs(time(1)).next().unwrap();
    assert_eq!(first, run.attempt("a"));
    // Not even a job is handed out by an iterator that nobody asked.
    drop(run.graph.poll_ready_jobs(time(2)));
    run.states("a: running, b: queued, c: queued").deadline(6);
    run.at(3).starts("b c").deadline(6).at(6).due().deadline(8);
}

#[test]
fn the_iterator_gives_access_to_the_payload() {
    let mut graph = Orchestrator::new(RunOptions::default());
    let a = graph.add(Some("a"), jobgraph::JobOptions::default(), &[]).unwrap();
    let b = graph.add(Some("b"), jobgraph::JobOptions::default(), &[]).unwrap();
    graph.start(time(0)).unwrap();
    let mut ready = graph.poll_ready_jobs(time(0));
    let mut taken = Vec::new();
    while let Some(attempt) = ready.next() {
        taken.extend(ready.payload_mut(attempt).and_then(Option::take));
    }
    assert_eq!(taken, ["a", "b"]);
    assert_eq!((graph.payload(a), graph.payload(b)), (Some(&None), Some(&None)));
    assert_eq!(graph.state(b), Some(JobState::Running { attempt: 1 }));
}

#[test]
fn added_jobs_wait_for_a_place_like_the_others() {
    let mut run = Timeline::new().window(1);
    run.add(job("a"));
    run.start(0)
        .starts("a")
        .add(job("b"))
        .add(forever("f"))
        .starts("f")
        .explains("b", "window full (1 running)");
    run.at(1).succeed("a").starts("b");
}

#[test]
fn a_failing_job_without_a_pause_leaves_its_place_to_the_next() {
    let mut run = Timeline::new().window(1);
    run.add(job("a").retries(3).priority(1)).add(job("b"));
    // It is queued again before the place is given away: by priority it is the first.
    run.start(0).starts("a").at(1).fail("a").starts("a").at(2).fail("a").starts("a");
    run.at(3).succeed("a").starts("b");
}

#[test]
fn an_aborted_job_frees_its_place_in_the_same_call() {
    let mut run = Timeline::new().window(1);
    run.add(job("a").unlimited_grace()).add(job("b"));
    run.start(0).starts("a").at(1).cancel("a").starts("").explains("b", "window full (1 running)");
    run.at(2).give_up("a").starts("b");
}
