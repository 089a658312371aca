//! All graphs of up to 3 jobs, and a sample of those of 4, with every condition, kind of job, way to
//! end, window and order of completion, and of bodies that are away until they are gone: the core against
//! the oracle. `EXHAUSTIVE=4` runs them all.
#![cfg(feature = "testing")]

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jobgraph::testing::reference::oracle::Oracle;
use jobgraph::{
    Attempt, Completion, Condition, JobId, JobKind, JobOptions, JobState, Orchestrator, RunOptions,
    Signal, Timestamp,
};

/// What a job is, and what becomes of its attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Role {
    kind: JobKind,
    critical: bool,
    /// How the attempt ends unasked, if it does.
    end: Option<Completion>,
    /// Whether the attempt is ready first.
    ready: bool,
}

#[rustfmt::skip]
const ROLES: [Role; 11] = {
    use Completion::{Cancelled, Error, Success};
    use JobKind::{Finite, Forever, Service};
    const fn role(kind: JobKind, critical: bool, end: Option<Completion>, ready: bool) -> Role {
        Role { kind, critical, end, ready }
    }
    [
        role(Finite, false, Some(Success), false),
        role(Finite, false, Some(Error), false),
        role(Finite, true, Some(Error), false),
        role(Finite, false, Some(Cancelled), false),
        role(Forever, false, None, false),
        role(Forever, false, Some(Error), false),
        role(Forever, true, Some(Error), false),
        role(Service, false, None, true),
        role(Service, false, Some(Success), false),
        role(Service, true, Some(Error), false),
        role(Service, false, Some(Error), true),
    ]
};

const EDGES: [Option<Condition>; 5] = [
    None,
    Some(Condition::Succeeded),
    Some(Condition::Finished),
    Some(Condition::Failed),
    Some(Condition::Settled),
];

#[derive(Clone, Debug)]
struct Job {
    role: Role,
    /// What it requires of each job before it.
    edges: Vec<Option<Condition>>,
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    window: Option<usize>,
    stopped: Stopped,
}

/// How jobs are stopped.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stopped {
    /// By `Abort`, after which the body is gone at once.
    Gone,
    /// By `Abort`, after which the body is away.
    Away,
    /// By `Cancel`.
    Asked,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Ready(Attempt),
    End(Attempt, Completion),
    /// The body, which was away, is gone.
    Gone(Attempt),
}

/// Core and oracle, side by side, with the choices that were made among the attempts.
struct Pair<'a> {
    jobs: &'a [Job],
    core: Orchestrator<()>,
    oracle: Oracle,
    ids: Vec<JobId>,
    settings: Settings,
    /// Whose bodies are away.
    away: Vec<Attempt>,
}

impl<'a> Pair<'a> {
    fn new(jobs: &'a [Job], settings: Settings) -> Self {
        let options =
            RunOptions { window: settings.window.and_then(NonZero::new), ..RunOptions::default() };
        let (core, oracle) = (Orchestrator::new(options), Oracle::new(options));
        let ids = Vec::with_capacity(jobs.len());
        let mut pair = Pair { jobs, core, oracle, ids, settings, away: Vec::new() };
        for job in jobs {
            assert!(pair.add(job), "refused");
        }
        pair
    }

    fn add(&mut self, job: &Job) -> bool {
        let options = JobOptions {
            kind: job.role.kind,
            critical: job.role.critical,
            grace: Some(Duration::ZERO).filter(|_| self.settings.stopped != Stopped::Asked),
            ..JobOptions::default()
        };
        let requirements: Vec<(JobId, Condition)> = self
            .ids
            .iter()
            .zip(&job.edges)
            .filter_map(|(&id, condition)| Some((id, (*condition)?)))
            .collect();
        let added = self.core.add((), options.clone(), &requirements);
        assert_eq!(added.is_ok(), self.oracle.accepts(&options, &requirements), "{job:?}");
        let Ok(id) = added else { return false };
        self.oracle.add(id, options, &requirements);
        self.ids.push(id);
        true
    }

    fn compare(&mut self) {
        loop {
            let signal = self.core.poll_signal();
            assert_eq!(signal, self.oracle.poll_signal(), "the signals differ");
            let Some(signal) = signal else { break };
            let (Signal::Cancel(Attempt { job, .. })
            | Signal::Abort(Attempt { job, .. })
            | Signal::Discard(job)) = signal;
            let ended = self.core.state(job).is_some_and(JobState::is_ended);
            let asked = matches!(signal, Signal::Cancel(_));
            assert_ne!(ended, asked, "cancelled, but ended; or aborted or discarded, but not");
            if let (Signal::Abort(attempt), Stopped::Away) = (signal, self.settings.stopped) {
                assert!(self.core.on_body_away(attempt).is_ok(), "refused: {attempt} is away");
                assert!(self.oracle.on_body_away(attempt), "refused: {attempt} is away");
                self.away.push(attempt);
            }
        }
        for &id in &self.ids {
            assert_eq!(self.core.state(id), self.oracle.state(id), "{id}");
        }
        assert_eq!(self.core.ending(), self.oracle.ending());
        assert_eq!(self.core.verdict(), self.oracle.verdict());
        assert_eq!(self.core.counts(), self.oracle.counts());
        assert_eq!(self.core.has_ready_jobs(), self.oracle.has_ready_jobs());
        assert_eq!(self.core.bodies_leaving(), self.away.len());
        assert_eq!(self.oracle.bodies_leaving(), self.away.len());
    }

    /// What could happen next, unasked or because it was asked for.
    fn next_events(&self) -> impl Iterator<Item = Event> + '_ {
        let events = self.ids.iter().zip(self.jobs).filter_map(|(&id, job)| {
            match self.oracle.state(id)? {
                JobState::Running { attempt: number } => {
                    let attempt = Attempt { job: id, number };
                    if job.role.ready && !self.oracle.is_ready(id) {
                        Some(Event::Ready(attempt))
                    } else {
                        Some(Event::End(attempt, job.role.end?))
                    }
                }
                JobState::Stopping { attempt: number, .. } => {
                    let attempt = Attempt { job: id, number };
                    Some(Event::End(attempt, job.role.end.unwrap_or(Completion::Success)))
                }
                _ => None,
            }
        });
        events.chain(self.away.iter().copied().map(Event::Gone))
    }

    fn happen(&mut self, event: Event) {
        let now = Timestamp::ZERO;
        let (core, oracle) = match event {
            Event::Ready(attempt) => (
                self.core.on_job_ready(attempt, now).is_ok(),
                self.oracle.on_job_ready(attempt, now),
            ),
            Event::End(attempt, completion) => {
                let core = self.core.on_job_complete(attempt, completion, now).ok();
                let oracle = self.oracle.on_job_complete(attempt, completion, now);
                assert_eq!(core, oracle, "{event:?}");
                (core.is_some(), oracle.is_some())
            }
            Event::Gone(attempt) => {
                self.away.retain(|&away| away != attempt);
                (
                    self.core.on_body_gone(attempt, now).is_ok(),
                    self.oracle.on_body_gone(attempt, now),
                )
            }
        };
        assert!(core && oracle, "refused: {event:?}");
    }

    /// Makes the choices given, then the first one always; notes how many there were each time.
    fn run(&mut self, choices: &mut Vec<(usize, usize)>) {
        let now = Timestamp::ZERO;
        assert_eq!(self.core.start(now).is_ok(), self.oracle.start(now));
        self.compare();
        let mut step = 0;
        while self.oracle.verdict().is_none() || !self.away.is_empty() {
            let handed_out: Vec<Attempt> = self.core.poll_ready_jobs(now).collect();
            assert_eq!(handed_out, self.oracle.poll_ready_jobs(usize::MAX, now));
            let next: Vec<_> = self.next_events().collect();
            if next.is_empty() {
                self.core.stop(now);
                self.oracle.stop(now);
            } else {
                if step == choices.len() {
                    choices.push((0, next.len()));
                }
                assert_eq!(choices[step].1, next.len(), "the same choices lead elsewhere");
                let event = next[choices[step].0];
                step += 1;
                self.happen(event);
            }
            self.compare();
            assert!(step < 16, "the run does not end");
        }
    }
}

/// All orders of completion, one after the other.
fn all_orders(jobs: &[Job], settings: Settings) -> u64 {
    let mut choices = Vec::new();
    let mut runs = 0;
    loop {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            Pair::new(jobs, settings).run(&mut choices);
        }));
        assert!(result.is_ok(), "{settings:?}, choices {choices:?}, {jobs:#?}");
        runs += 1;
        while let Some((choice, of)) = choices.pop() {
            if choice + 1 < of {
                choices.push((choice + 1, of));
                break;
            }
        }
        if choices.is_empty() {
            return runs;
        }
    }
}

/// Each way to append a job, wherever `visit` says to go on; what cannot be added is refused by both.
fn all_graphs(jobs: &mut Vec<Job>, visit: &mut impl FnMut(&[Job]) -> bool) {
    if !visit(jobs) {
        return;
    }
    let plain = Settings { window: None, stopped: Stopped::Gone };
    for shape in 0..EDGES.len().pow(u32::try_from(jobs.len()).expect("few jobs")) {
        let edges = (0..jobs.len()).scan(shape, |rest, _| {
            let edge = EDGES[*rest % EDGES.len()];
            *rest /= EDGES.len();
            Some(edge)
        });
        let edges: Vec<_> = edges.collect();
        let first = Job { role: ROLES[0], edges: edges.clone() };
        if !Pair::new(jobs, plain).add(&first) {
            continue;
        }
        for role in ROLES {
            jobs.push(Job { role, edges: edges.clone() });
            all_graphs(jobs, visit);
            jobs.pop();
        }
    }
}

/// Runs the graphs of a size, on two threads: of each number of jobs, one in so many goes on.
fn check_all(size: usize, one_in: [u64; 5]) -> u64 {
    let total = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let total = &total;
            scope.spawn(move || {
                let (mut seen, mut runs) = ([0; 5], 0);
                all_graphs(&mut Vec::new(), &mut |jobs| {
                    let number = seen[jobs.len()];
                    seen[jobs.len()] += 1;
                    if number % one_in[jobs.len()] != 0 {
                        return false;
                    }
                    if jobs.len() < size {
                        return true;
                    }
                    if number / one_in[size] % 2 == thread {
                        runs += all_settings(jobs);
                    }
                    false
                });
                total.fetch_add(runs, Ordering::Relaxed);
            });
        }
    });
    total.into_inner()
}

fn all_settings(jobs: &[Job]) -> u64 {
    let mut runs = 0;
    for window in [None, Some(1), Some(2)] {
        if window.is_none_or(|window| window < jobs.len()) {
            for stopped in [Stopped::Gone, Stopped::Away, Stopped::Asked] {
                runs += all_orders(jobs, Settings { window, stopped });
            }
        }
    }
    runs
}

fn everything() -> bool {
    std::env::var("EXHAUSTIVE").is_ok_and(|size| size == "4")
}

#[test]
fn graphs_of_up_to_two_jobs() {
    let all = [1; 5];
    assert!(check_all(0, all) > 0);
    assert!(check_all(1, all) > 10);
    assert!(check_all(2, all) > 1_000);
}

#[test]
fn graphs_of_three_jobs() {
    let runs = check_all(3, [1; 5]);
    assert!(runs > 200_000, "{runs} runs");
}

#[test]
fn graphs_of_four_jobs() {
    let one_in = if everything() { [1; 5] } else { [1, 1, 1, 37, 61] };
    let runs = check_all(4, one_in);
    assert!(runs > 5_000, "{runs} runs");
}
