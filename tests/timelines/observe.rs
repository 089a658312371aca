//! What people see: explanations, counts, the record of transitions, and the run of the hooks.

use std::time::Duration;

use jobgraph::{
    Change, Completion, Condition, Explanation, Failure, GraphError, JobId, JobKind, JobOptions,
    JobState, Orchestrator, Outcome, RunOptions, SkipReason, StopReason, Transition, Verdict,
};

use crate::support::{Timeline, forever, job, service, time};

#[test]
fn explanations_of_what_waits() {
    let mut run = Timeline::new();
    run.add(job("fetch")).add(job("check")).add(job("draw")).add(service("db"));
    run.add(job("all").requires("fetch db").after("check").on_failure_of("draw"));
    run.explains("all", "the run has not started").explains("fetch", "the run has not started");
    run.start(0).explains("fetch", "ready to start");
    let everything =
        "waiting for [#1 fetch, #4 db to be ready, #2 check to finish, #3 draw to fail]";
    run.explains("all", everything).starts("fetch check draw db").explains("all", everything);
    run.at(1).succeed("fetch").fail("check draw");
    run.explains("all", "waiting for [#4 db to be ready]")
        .ready("db")
        .explains("all", "ready to start");
}

#[test]
fn explanations_of_what_has_no_label() {
    let mut graph = Orchestrator::new(RunOptions::default());
    let a = graph.add((), JobOptions::default(), &[]).unwrap();
    let b = graph.add((), JobOptions::default(), &[(a, Condition::Succeeded)]).unwrap();
    graph.start(time(0)).unwrap();
    assert_eq!(graph.explain(b).unwrap().to_string(), "waiting for [#1]");
    graph.cancel(a, time(1)).unwrap();
    assert_eq!(graph.explain(b).unwrap().to_string(), "skipped: #1 was cancelled");
    assert_eq!(graph.explain(a).unwrap().to_string(), "cancelled");
}

#[test]
fn explanations_of_what_is_queued() {
    let mut run = Timeline::new().window(2);
    run.add(job("a")).add(job("b").grace(9)).add(job("c")).add(forever("f").priority(-1));
    run.start(0).explains("c", "ready to start").starts("a b f").at(1).cancel("b");
    // A stopping job holds its place, and forever jobs have none.
    run.explains("c", "window full (2 running)").at(2).give_up("b").explains("c", "ready to start");
}

#[test]
fn explanations_of_attempts() {
    let mut run = Timeline::new();
    let mut spec = job("a").retries(2).timeout(5).grace(3);
    spec.options.retries = spec.options.retries.every(Duration::from_millis(1_200));
    run.add(spec).add(job("b").unlimited_grace());
    run.start(0).starts("a b").explains("a", "running").at(1).fail("a");
    run.explains("a", "retry in 1.2 s").at(2).due().explains("a", "retry in 0.2 s");
    run.at(3).due().starts("a").explains("a", "running (attempt 2)").at(8).due();
    run.explains("a", "stopping (timed out), aborted in 3 s").at(9).cancel("b");
    run.explains("a", "stopping (timed out), aborted in 2 s").explains("b", "stopping (cancelled)");
    run.stop().explains("b", "stopping (cancelled)");
}

#[test]
fn explanations_of_skips() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b")).add(job("c").timeout(5)).add(job("d"));
    run.add(job("e").requires("a")).add(job("f").requires("e")).add(job("g").on_failure_of("b"));
    run.add(job("h").requires("c")).add(job("i").requires("d")).add(job("open"));
    run.add(job("j").requires("open"));
    run.start(0).starts("a b c d open").at(5).due().panic("a").succeed("b").cancel("d");
    run.explains("a", "failed (panic)").explains("b", "succeeded").explains("d", "cancelled");
    run.explains("c", "failed (timed out)").explains("e", "skipped: #1 a failed");
    run.explains("f", "skipped: #5 e was skipped").explains("g", "skipped: #2 b succeeded");
    run.explains("h", "skipped: #3 c failed").explains("i", "skipped: #4 d was cancelled");
    run.stop().explains("j", "never started: the run was stopped first");

    let mut run = Timeline::new();
    run.add(job("a").critical()).add(job("b")).add(job("c").requires("b"));
    run.start(0).starts("a b").fail("a");
    run.explains("c", "never started: #1 a failed first");
}

#[test]
fn what_a_run_cut_short_says_why() {
    let mut run = Timeline::new().timeout(5);
    run.add(job("deaf")).add(job("heeds").grace(3)).add(job("late").grace(3));
    run.add(job("slow").timeout(4).grace(9)).add(job("lone"));
    run.start(0).starts("deaf heeds late slow lone").at(1).cancel("lone");
    run.at(5).due().give_up("heeds").explains("heeds", "cancelled: the run timed out");
    run.at(8).due().explains("late", "cancelled: the run timed out");
    run.explains("deaf", "cancelled: the run timed out").explains("lone", "cancelled");
    run.at(14).due().explains("slow", "failed (timed out)");

    let mut run = Timeline::new();
    run.add(job("a").critical())
        .add(job("b"))
        .add(job("c").unlimited_grace())
        .add(service("db").grace(2));
    run.start(0).starts("a b c db").fail("a").explains("b", "cancelled: #1 a failed");
    run.stop().explains("c", "cancelled: #1 a failed").explains("db", "cancelled: #1 a failed");
}

#[test]
fn an_explanation_is_data() {
    let mut run = Timeline::new();
    run.add(job("a")).add(service("b")).add(job("c").after("a").requires("b"));
    run.start(0);
    let Some(Explanation::Waiting { on }) = run.graph.explain(run.id("c")) else { panic!() };
    let (ids, conditions): (Vec<_>, Vec<_>) =
        on.iter().map(|(job, condition, _)| (job.id.unwrap(), *condition)).unzip();
    assert_eq!(ids, [run.id("a"), run.id("b")]);
    assert_eq!(conditions, [Condition::Finished, Condition::Succeeded]);
    assert_eq!(on[1].0.label, Some("b"));
}

#[test]
fn a_job_can_be_asked_what_it_is() {
    let mut run = Timeline::new();
    run.add(job("a").critical()).add(job("b").requires("a")).add(service("db"));
    run.add(forever("log"));
    let graph = &run.graph;
    let [a, b, db, log] = ["a", "b", "db", "log"].map(|label| run.id(label));
    assert_eq!([a, b, db, log].map(|id| graph.is_critical(id)), [true, false, false, false]);
    assert_eq!([a, db, log].map(|id| graph.kind(id).unwrap()), {
        [JobKind::Finite, JobKind::Service, JobKind::Forever]
    });
    assert_eq!([a, log].map(|id| graph.label(id)), [Some("a"), Some("log")]);
    assert_eq!((format!("{a}"), format!("{b:?}")), ("#1".into(), "#2".into()));
}

#[test]
fn a_state_tells_its_attempt_and_its_outcome() {
    let reason = StopReason::Cancelled;
    let open = [
        (JobState::Waiting, None),
        (JobState::Queued, None),
        (JobState::Backoff { until: time(1) }, None),
        (JobState::Running { attempt: 2 }, Some(2)),
        (JobState::Stopping { attempt: 3, reason }, Some(3)),
    ];
    for (state, attempt) in open {
        assert_eq!((state.attempt(), state.outcome(), state.is_ended()), (attempt, None, false));
    }
    let outcomes = [
        Outcome::Succeeded,
        Outcome::Failed(Failure::Error),
        Outcome::Cancelled,
        Outcome::Skipped(SkipReason::RunStopped),
    ];
    for outcome in outcomes {
        let state = JobState::Ended(outcome);
        assert_eq!((state.attempt(), state.outcome()), (None, Some(outcome)));
        assert!(state.is_ended());
    }
}

#[test]
fn counts_have_a_field_for_each_state() {
    let mut run = Timeline::new();
    assert_eq!(run.graph.counts().to_string(), "no jobs");
    for label in ["ok", "bad", "cancelled", "gone", "running"] {
        run.add(job(label));
    }
    run.add(job("backoff").retries(1).backoff(9, 9)).add(job("stopping").grace(9));
    run.add(job("skipped").requires("bad")).add(job("waiting").requires("running"));
    assert_eq!(run.graph.counts().to_string(), "9 waiting");
    run.start(0).starts("ok bad cancelled gone running backoff stopping");
    run.at(1).succeed("ok gone").fail("bad backoff").cancel("cancelled stopping").remove("gone");
    run.add(job("queued"));
    let counts = run.graph.counts();
    assert_eq!(
        counts.to_string(),
        "1 waiting, 1 queued, 1 running, 1 in backoff, 1 stopping, \
         1 succeeded, 1 failed, 1 cancelled, 1 skipped, 1 removed"
    );
    assert_eq!((counts.present(), counts.unfinished(), counts.ended()), (9, 5, 4));
    assert_eq!(run.graph.len(), 9);
}

#[test]
fn the_record_tells_all_in_order() {
    let mut run = Timeline::new();
    run.add(service("db").retries(1)).add(job("a").requires("db").timeout(2).grace(1));
    run.add(job("gone")).remove("gone");
    run.start(5).starts("db").at(6).ready("db").starts("a");
    run.at(7)
        .fail("db")
        .starts("db")
        .ready("db")
        .at(8)
        .due()
        .at(9)
        .due()
        .signals("cancel a, abort a, abort db");
    let expected = "\
0 s: db added
0 s: a added
0 s: gone added
0 s: gone removed
5 s: db queued
5 s: db running
6 s: db ready
6 s: a queued
6 s: a running
7 s: db queued
7 s: db running (attempt 2)
7 s: db ready
8 s: a stopping (timed out)
9 s: a failed (timed out)
9 s: db cancelled";
    assert_eq!(run.told().join("\n"), expected);
}

#[test]
fn nothing_is_recorded_unless_asked_for() {
    let mut graph = Orchestrator::new(RunOptions::default());
    let a = graph.add((), JobOptions::service(), &[]).unwrap();
    graph.start(time(0)).unwrap();
    let attempt = graph.poll_ready_jobs(time(1)).next().unwrap();
    graph.on_job_ready(attempt, time(2)).unwrap();
    graph.on_job_complete(attempt, Completion::Success, time(3)).unwrap();
    graph.remove(a).unwrap();
    assert_eq!(graph.poll_transition(), None);
}

#[test]
fn a_fact_says_when_who_and_what() {
    let mut graph = Orchestrator::new(RunOptions { record: true, ..RunOptions::default() });
    let id = graph.add((), JobOptions::default(), &[]).unwrap();
    graph.start(time(4)).unwrap();
    let mut next = || graph.poll_transition();
    assert_eq!(next(), Some(Transition { at: time(0), id, change: Change::Added }));
    let change = Change::State { from: JobState::Waiting, to: JobState::Queued };
    assert_eq!(next(), Some(Transition { at: time(4), id, change }));
    assert_eq!(next(), None);
}

/// Runs the hooks one after the other; a job without a hook is completed at once.
fn hooks_in_order(run: &Timeline, labels: &str) -> String {
    let hooks: Vec<JobId> = labels.split_whitespace().map(|label| run.id(label)).collect();
    let mut shutdown = run.graph.shutdown_run(&hooks, None, RunOptions::default()).unwrap();
    shutdown.start(time(0)).unwrap();
    let (mut rounds, mut round) = (Vec::new(), Vec::new());
    let mut open = Vec::new();
    loop {
        while let Some(attempt) = shutdown.poll_ready_jobs(time(0)).next() {
            match *shutdown.payload(attempt.job).unwrap() {
                Some(hook) => {
                    round.push(run.graph.label(hook).unwrap().to_owned());
                    open.push(attempt);
                }
                None => {
                    shutdown.on_job_complete(attempt, Completion::Success, time(0)).unwrap();
                }
            }
        }
        round.sort();
        rounds.push(std::mem::take(&mut round).join(" "));
        // However a hook ends, the others run.
        for attempt in open.drain(..) {
            shutdown.on_job_complete(attempt, Completion::Error, time(0)).unwrap();
        }
        if let Some(verdict) = shutdown.verdict() {
            assert_eq!(verdict, Verdict::Completed);
            rounds.retain(|round| !round.is_empty());
            return rounds.join(", ");
        }
    }
}

#[test]
fn hooks_run_with_the_requirements_reversed() {
    let mut run = Timeline::new();
    run.add(service("db")).add(service("cache").requires("db")).add(service("log"));
    run.add(job("work").requires("cache log"));
    run.start(0).starts("db log").ready("db log").starts("cache").ready("cache").starts("work");
    run.at(1).succeed("work").verdict("completed");
    assert_eq!(hooks_in_order(&run, "db cache log work"), "work, cache log, db");
    // Through jobs without a hook.
    assert_eq!(hooks_in_order(&run, "db work"), "work, db");
    assert_eq!(hooks_in_order(&run, "cache log"), "cache log");
    // Only the cache stands between these two.
    let hooks = [run.id("db"), run.id("work")];
    assert_eq!(run.graph.shutdown_run(&hooks, None, RunOptions::default()).unwrap().len(), 3);
    assert_eq!(hooks_in_order(&run, "db db work work"), "work, db");
    assert_eq!(hooks_in_order(&run, ""), "");
}

#[test]
fn a_job_that_was_never_handed_out_has_no_hook_to_run_but_keeps_the_order() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b").requires("a")).add(job("c").after("b")).add(job("d"));
    run.add(job("e").requires("d"));
    run.start(0).starts("a d").at(1).fail("a").states("b: skipped by a").starts("c");
    run.at(2).stop().states("e: skipped (run stopped)").verdict("stopped");
    assert_eq!(hooks_in_order(&run, "a b c d e"), "c d, a");
}

#[test]
fn every_condition_orders_the_hooks() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b").on_failure_of("a")).add(job("c").after("b"));
    run.start(0).starts("a").fail("a").starts("b").panic("b").starts("c").succeed("c");
    run.verdict("completed");
    assert_eq!(hooks_in_order(&run, "a b c"), "c, b, a");
}

#[test]
fn the_run_of_the_hooks_is_an_ordinary_run() {
    let mut run = Timeline::new();
    run.add(job("a")).add(job("b").requires("a"));
    run.start(0).starts("a").succeed("a").starts("b").succeed("b");
    let options = RunOptions { timeout: Some(Duration::from_secs(10)), ..RunOptions::default() };
    let hooks = [run.id("a"), run.id("b")];
    let mut shutdown = run.graph.shutdown_run(&hooks, None, options).unwrap();
    shutdown.start(time(3)).unwrap();
    assert_eq!(shutdown.next_deadline(), Some(time(13)));
    let attempt = shutdown.poll_ready_jobs(time(3)).next().unwrap();
    assert_eq!(shutdown.label(attempt.job), Some("b"));
    shutdown.on_deadline(time(13));
    assert_eq!(shutdown.verdict(), Some(Verdict::TimedOut));
    // The first run is as it was.
    run.verdict("completed").states("a: succeeded, b: succeeded").remove("a");
    assert!(matches!(
        run.graph.shutdown_run(&hooks, None, options),
        Err(GraphError::UnknownJob { id }) if id == hooks[0]
    ));
}
