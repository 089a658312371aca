//! Every state of a job against every input: one table, and the drawing that follows from it.
//!
//! The job in question, `#2`, requires a service, `#1`, so that a requirement can be satisfied or
//! become impossible in any of its states; the finite job `#3` keeps the run going.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use expect_test::expect_file;
use jobgraph::{
    Attempt, Completion, Condition, Failure, JobId, JobKind, JobOptions, JobState, Orchestrator,
    Outcome, Retries, RunOptions, Signal, SkipReason, StopReason, Timestamp,
};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A run whose job in question is in some state.
struct Case {
    graph: Orchestrator<()>,
    now: Timestamp,
    service: Attempt,
    subject: JobId,
    other: Attempt,
    /// A dependent of the job in question, if that is a service.
    user: JobId,
}

impl Case {
    fn new(options: JobOptions) -> Self {
        let mut graph = Orchestrator::new(RunOptions::default());
        let service = graph.add((), JobOptions::service(), &[]).unwrap();
        let is_service = options.kind == JobKind::Service;
        let subject = graph.add((), options, &[(service, Condition::Succeeded)]).unwrap();
        let other = graph.add((), JobOptions::default(), &[]).unwrap();
        let user = JobOptions { grace: None, ..JobOptions::default() };
        let requirement = (subject, Condition::Succeeded);
        let requirements = if is_service { &[requirement][..] } else { &[][..] };
        let user = graph.add((), user, requirements).unwrap();
        let now = Timestamp::ZERO + secs(100);
        graph.start(now).unwrap();
        let [service, other] = [service, other].map(|job| Attempt { job, number: 1 });
        let mut case = Self { graph, now, service, subject, other, user };
        case.hand_out();
        case
    }

    fn hand_out(&mut self) {
        self.graph.poll_ready_jobs(self.now).for_each(drop);
    }

    fn attempt(&self) -> Attempt {
        Attempt { job: self.subject, number: self.graph.attempts(self.subject).max(1) }
    }

    fn state(&self) -> JobState {
        self.graph.state(self.subject).unwrap()
    }

    /// The requirement is satisfied.
    fn queued(mut self) -> Self {
        self.graph.on_job_ready(self.service, self.now).unwrap();
        self
    }

    fn running(self) -> Self {
        let mut case = self.queued();
        case.hand_out();
        case
    }

    fn ready(mut self) -> Self {
        self.graph.on_job_ready(self.attempt(), self.now).unwrap();
        self.hand_out();
        self
    }

    fn complete(mut self, completion: Completion) -> Self {
        self.graph.on_job_complete(self.attempt(), completion, self.now).unwrap();
        self
    }

    /// Its last attempt, after one that failed.
    fn second_attempt(self) -> Self {
        let mut case = self.running().complete(Completion::Panic);
        case.now = case.graph.next_deadline().unwrap_or(case.now);
        case.graph.on_deadline(case.now);
        case.hand_out();
        case
    }

    fn timed_out(mut self) -> Self {
        self.now = self.graph.next_deadline().unwrap();
        self.graph.on_deadline(self.now);
        self
    }

    fn cancelled(mut self) -> Self {
        self.graph.cancel(self.subject, self.now).unwrap();
        self
    }

    fn stopped(mut self) -> Self {
        self.graph.stop(self.now);
        self
    }

    /// The service fails without having been ready.
    fn skipped(mut self) -> Self {
        self.graph.on_job_complete(self.service, Completion::Error, self.now).unwrap();
        self
    }
}

fn plain() -> JobOptions {
    JobOptions { timeout: Some(secs(10)), ..JobOptions::default() }
}

fn grace() -> JobOptions {
    JobOptions { grace: Some(secs(5)), ..plain() }
}

fn retries(options: JobOptions) -> JobOptions {
    JobOptions { retries: Retries::new(1), ..options }
}

fn pause(options: JobOptions) -> JobOptions {
    JobOptions { retries: Retries::new(1).every(secs(3)), ..options }
}

fn service(options: JobOptions) -> JobOptions {
    JobOptions { kind: JobKind::Service, ..options }
}

type Make = fn() -> Case;

/// How to bring a job into each state.
fn cases() -> Vec<(&'static str, Make)> {
    vec![
        ("waiting", || Case::new(plain())),
        ("queued, first time", || Case::new(plain()).queued()),
        ("queued after a panic, attempts left", || {
            Case::new(retries(plain())).running().complete(Completion::Panic)
        }),
        ("running, no grace, no attempt left", || Case::new(plain()).running()),
        ("running, no grace, an attempt left", || Case::new(retries(plain())).running()),
        ("running, no grace, an attempt left after a pause", || {
            Case::new(pause(plain())).running()
        }),
        ("running, grace, no attempt left", || Case::new(grace()).running()),
        ("running, grace, an attempt left after a pause", || Case::new(pause(grace())).running()),
        ("running, unlimited grace, no timeout", || {
            Case::new(JobOptions { timeout: None, grace: None, ..plain() }).running()
        }),
        ("running for the second and last time, no grace", || {
            Case::new(retries(plain())).second_attempt()
        }),
        ("service, not ready, no grace, no attempt left", || Case::new(service(plain())).running()),
        ("service, not ready, grace, an attempt left", || {
            Case::new(retries(service(grace()))).running()
        }),
        ("service, ready, no grace, no attempt left", || {
            Case::new(service(plain())).running().ready()
        }),
        ("service, ready, grace, an attempt left", || {
            Case::new(retries(service(grace()))).running().ready()
        }),
        ("service, held back by its user while the run ends, grace, an attempt left", || {
            Case::new(retries(service(grace()))).running().ready().stopped()
        }),
        ("service, not ready in its last attempt, held back while the run ends, no grace", || {
            let case = Case::new(retries(service(plain()))).running().ready();
            let mut case = case.complete(Completion::Error);
            case.hand_out();
            case.stopped()
        }),
        ("backoff", || Case::new(pause(plain())).running().complete(Completion::Error)),
        ("stopping, its own timeout, no attempt left", || Case::new(grace()).running().timed_out()),
        ("stopping, its own timeout, an attempt left", || {
            Case::new(retries(grace())).running().timed_out()
        }),
        ("stopping, its own timeout, an attempt left after a pause", || {
            Case::new(pause(grace())).running().timed_out()
        }),
        ("stopping, its own timeout, then cancelled, an attempt left", || {
            Case::new(retries(grace())).running().timed_out().cancelled()
        }),
        ("stopping, its own timeout, then the run's end, an attempt left", || {
            Case::new(retries(grace())).running().timed_out().stopped()
        }),
        ("stopping, cancelled, an attempt left", || {
            Case::new(retries(grace())).running().cancelled()
        }),
        ("stopping, cancelled, unlimited grace", || {
            Case::new(JobOptions { grace: None, ..plain() }).running().cancelled()
        }),
        ("stopping, cancelled, service, not ready, an attempt left", || {
            Case::new(retries(service(grace()))).running().cancelled()
        }),
        ("stopping, cancelled, service, ready, an attempt left", || {
            Case::new(retries(service(grace()))).running().ready().cancelled()
        }),
        ("stopping, the run's end, an attempt left", || {
            Case::new(retries(grace())).running().stopped()
        }),
        ("stopping, the run's end, service, not ready", || {
            Case::new(service(grace())).running().stopped()
        }),
        ("ended, succeeded", || Case::new(plain()).running().complete(Completion::Success)),
        ("ended, failed with an error", || {
            Case::new(plain()).running().complete(Completion::Error)
        }),
        ("ended, failed with a panic", || Case::new(plain()).running().complete(Completion::Panic)),
        ("ended, failed, timed out", || Case::new(plain()).running().timed_out()),
        ("ended, failed, never ready", || {
            Case::new(service(plain())).running().complete(Completion::Success)
        }),
        ("ended, cancelled", || Case::new(plain()).running().cancelled()),
        ("ended, cancelled before it was queued", || Case::new(plain()).cancelled()),
        ("ended, skipped because of a job", || Case::new(plain()).skipped()),
        ("ended, skipped by the run's end", || Case::new(plain()).stopped()),
    ]
}

type Input = fn(&mut Case) -> Result<(), String>;

fn refused(result: Result<(), jobgraph::InputError>) -> Result<(), String> {
    result.map_err(|_| "refused".into())
}

fn completes(case: &mut Case, completion: Completion) -> Result<(), String> {
    refused(case.graph.on_job_complete(case.attempt(), completion, case.now).map(drop))
}

/// What the service, which the job requires, does; `Err` if it has ended, or is ready already.
fn requirement(
    case: &mut Case,
    input: impl FnOnce(&mut Case) -> Result<(), jobgraph::InputError>,
) -> Result<(), String> {
    input(case).map_err(|_| "has happened".into())
}

const INPUTS: [(&str, Input); 13] = [
    ("hand out", |case| {
        case.hand_out();
        Ok(())
    }),
    ("success", |case| completes(case, Completion::Success)),
    ("error", |case| completes(case, Completion::Error)),
    ("permanent error", |case| completes(case, Completion::Permanent)),
    ("panic", |case| completes(case, Completion::Panic)),
    ("gives up", |case| completes(case, Completion::Cancelled)),
    ("ready", |case| refused(case.graph.on_job_ready(case.attempt(), case.now))),
    ("cancel", |case| refused(case.graph.cancel(case.subject, case.now))),
    ("stop", |case| {
        case.graph.stop(case.now);
        Ok(())
    }),
    (STOP_TWICE, |case| {
        case.graph.stop(case.now);
        case.graph.stop(case.now);
        Ok(())
    }),
    ("deadline", |case| match case.graph.next_deadline() {
        None => Err("none armed".into()),
        Some(deadline) => {
            case.graph.on_deadline(deadline);
            Ok(())
        }
    }),
    ("requirement satisfied", |case| {
        requirement(case, |case| case.graph.on_job_ready(case.service, case.now))
    }),
    ("requirement fails", |case| {
        requirement(case, |case| {
            case.graph.on_job_complete(case.service, Completion::Error, case.now).map(drop)
        })
    }),
];

const STOP_TWICE: &str = "stop twice";

/// The state of the job, its signals, and the next deadline, which is its own.
#[derive(PartialEq)]
struct Seen {
    state: JobState,
    signals: Vec<&'static str>,
    armed: Option<Timestamp>,
}

fn seen(case: &mut Case) -> Seen {
    let mut signals = Vec::new();
    while let Some(signal) = case.graph.poll_signal() {
        match signal {
            Signal::Cancel(attempt) if attempt.job == case.subject => signals.push("Cancel"),
            Signal::Abort(attempt) if attempt.job == case.subject => signals.push("Abort"),
            Signal::Discard(job) if job == case.subject => signals.push("Discard"),
            Signal::Discard(job) => assert_eq!(job, case.user),
            Signal::Cancel(attempt) | Signal::Abort(attempt) => {
                let others = [case.service.job, case.other.job, case.user];
                assert!(others.contains(&attempt.job), "{attempt}");
            }
        }
    }
    Seen { state: case.state(), signals, armed: case.graph.next_deadline() }
}

/// How the job is once the signals that led here are taken.
fn at_rest(case: &mut Case) -> Seen {
    while case.graph.poll_signal().is_some() {}
    seen(case)
}

/// The state as the drawing names it.
fn node(state: JobState) -> &'static str {
    match state {
        JobState::Waiting => "Waiting",
        JobState::Queued => "Queued",
        JobState::Running { .. } => "Running",
        JobState::Backoff { .. } => "Backoff",
        JobState::Stopping { reason: StopReason::TimedOut, .. } => "Stopping_TimedOut",
        JobState::Stopping { reason: StopReason::Cancelled, .. } => "Stopping_Cancelled",
        JobState::Stopping { reason: StopReason::RunEnding, .. } => "Stopping_RunEnding",
        JobState::Ended(Outcome::Succeeded) => "Succeeded",
        JobState::Ended(Outcome::Failed(failure)) => match failure {
            Failure::Error => "Failed_Error",
            Failure::Panic => "Failed_Panic",
            Failure::TimedOut => "Failed_TimedOut",
            Failure::NeverReady => "Failed_NeverReady",
        },
        JobState::Ended(Outcome::Cancelled) => "Cancelled",
        JobState::Ended(Outcome::Skipped(SkipReason::Requirement(_))) => "Skipped_Requirement",
        JobState::Ended(Outcome::Skipped(SkipReason::RunStopped)) => "Skipped_RunStopped",
    }
}

fn table() -> String {
    let mut text = String::new();
    let mut edges: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for (name, make) in cases() {
        let before = at_rest(&mut make());
        let now = make().now;
        let due = before.armed.map(|at| format!(", next deadline {at}")).unwrap_or_default();
        writeln!(text, "{name}: {}, at {}{due}", before.state, now).unwrap();
        for (input_name, input) in INPUTS {
            let mut case = make();
            assert!(at_rest(&mut case) == before, "{name} is not the same twice");
            let result = input(&mut case);
            let after = seen(&mut case);
            if let Err(why) = result {
                assert!(after == before, "{name}: a refused `{input_name}` changed something");
                writeln!(text, "  {input_name:<21} -- {why}").unwrap();
                continue;
            }
            if after.state == before.state {
                write!(text, "  {input_name:<21} = stays").unwrap();
            } else {
                write!(text, "  {input_name:<21} -> {}", after.state).unwrap();
            }
            for signal in &after.signals {
                write!(text, ", {signal}").unwrap();
            }
            if after.armed != before.armed {
                match after.armed {
                    Some(at) => write!(text, ", next deadline {at}").unwrap(),
                    None => text.push_str(", disarmed"),
                }
            }
            text.push('\n');
            let (from, to) = (node(before.state), node(after.state));
            // Two inputs at once are no edge.
            if from != to && input_name != STOP_TWICE {
                edges.entry((from, to)).or_default().insert(input_name);
            }
        }
        text.push('\n');
    }
    text.push_str("stateDiagram-v2\n    [*] --> Waiting\n");
    let mut ended = BTreeSet::new();
    for ((from, to), labels) in &edges {
        let labels = labels.iter().copied().collect::<Vec<_>>().join(" / ");
        writeln!(text, "    {from} --> {to}: {labels}").unwrap();
        if !edges.keys().any(|(other, _)| other == to) {
            ended.insert(to);
        }
    }
    for state in ended {
        writeln!(text, "    {state} --> [*]").unwrap();
    }
    text
}

#[test]
fn every_state_against_every_input() {
    expect_file!["automaton.txt"].assert_eq(&table());
}

/// The table leaves no state out.
#[test]
fn every_state_is_in_the_table() {
    let states: BTreeSet<_> = cases().iter().map(|(_, make)| node(make().state())).collect();
    assert_eq!(states.len(), 15);
}

/// An ended job stays where it is, whatever comes.
#[test]
fn an_ended_job_keeps_its_outcome() {
    for (name, make) in cases() {
        if !make().state().is_ended() {
            continue;
        }
        let mut case = make();
        let before = case.state();
        for (_, input) in INPUTS {
            let _ = input(&mut case);
            assert_eq!(case.state(), before, "{name}");
        }
    }
}
