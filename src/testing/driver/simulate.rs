use std::collections::BTreeMap;
use std::time::Duration;

use super::super::oracle::Oracle;
use super::Path;
use super::plan::{JobPlan, Plan};
use crate::{
    Attempt, Completion, JobId, JobKind, JobState, Outcome, RunOptions, Signal, StopReason,
    Timestamp, Verdict,
};

/// What the oracle says of a plan.
pub(crate) struct Simulated {
    pub(crate) verdict: Verdict,
    pub(crate) elapsed: Duration,
    pub(crate) fates: BTreeMap<JobId, Fate>,
}

/// What became of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) outcome: Option<Outcome>,
    pub(crate) attempts: u32,
    pub(crate) started: Option<Duration>,
    pub(crate) ended: Option<Duration>,
}

/// What will happen, unless the attempt is cancelled or aborted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Ready(Attempt),
    End(Attempt, Completion),
    Add(Attempt, Path),
    Stop,
}

impl Event {
    fn attempt(self) -> Option<Attempt> {
        match self {
            Self::Ready(attempt) | Self::End(attempt, _) | Self::Add(attempt, _) => Some(attempt),
            Self::Stop => None,
        }
    }
}

struct Simulation<'a> {
    plan: &'a Plan,
    ids: &'a BTreeMap<Path, JobId>,
    oracle: Oracle,
    /// By time, then in the order in which they were planned.
    events: BTreeMap<(Timestamp, u64), Event>,
    planned: u64,
    fates: BTreeMap<JobId, Fate>,
    now: Timestamp,
}

/// Plays a plan with the oracle. `ids` are those that the run gave to the jobs.
pub(crate) fn simulate(plan: &Plan, ids: &BTreeMap<Path, JobId>) -> Simulated {
    let window = plan.window.and_then(std::num::NonZero::new);
    let mut oracle = Oracle::new(RunOptions { window, timeout: plan.timeout, record: false });
    for (position, job) in plan.jobs.iter().enumerate() {
        let required = |&(position, condition): &(usize, _)| (ids[&(position, None)], condition);
        let requirements: std::vec::Vec<_> = job.requirements.iter().map(required).collect();
        oracle.add(ids[&(position, None)], job.options.clone(), &requirements);
    }
    let (events, fates) = (BTreeMap::new(), BTreeMap::new());
    let mut simulation =
        Simulation { plan, ids, oracle, events, planned: 0, fates, now: Timestamp::ZERO };
    let mut at = Timestamp::ZERO;
    for &after in &plan.stops {
        at = at + after;
        simulation.plan_event(at, Event::Stop);
    }
    simulation.oracle.start(Timestamp::ZERO);
    let verdict = simulation.play();
    simulation.report(verdict)
}

impl Simulation<'_> {
    fn plan_event(&mut self, at: Timestamp, event: Event) {
        self.planned += 1;
        self.events.insert((at, self.planned), event);
    }

    fn play(&mut self) -> Verdict {
        loop {
            while let Some(signal) = self.oracle.poll_signal() {
                self.obey(signal);
            }
            if let Some(verdict) = self.oracle.verdict() {
                return verdict;
            }
            while let [attempt] = self.oracle.poll_ready_jobs(1, self.now)[..] {
                self.begin(attempt);
            }
            let event = self.events.first_key_value().map(|(&key, _)| key);
            let deadline = self.oracle.next_deadline();
            match (event, deadline) {
                (Some(key), deadline) if deadline.is_none_or(|deadline| key.0 <= deadline) => {
                    self.now = self.now.max(key.0);
                    if let Some(event) = self.events.remove(&key) {
                        self.happen(event);
                    }
                }
                (_, Some(deadline)) => {
                    self.now = self.now.max(deadline);
                    self.oracle.on_deadline(self.now);
                }
                _ => unreachable!("a plan has an end"),
            }
        }
    }

    fn job(&self, id: JobId) -> (&JobPlan, Path) {
        let path =
            self.ids.iter().find(|&(_, &other)| other == id).map_or((0, None), |(&path, _)| path);
        let job = &self.plan.jobs[path.0];
        (path.1.map_or(job, |position| &job.adds[position].1), path)
    }

    fn since_start(&self) -> Duration {
        self.now.saturating_since(Timestamp::ZERO)
    }

    fn begin(&mut self, attempt: Attempt) {
        let now = self.since_start();
        self.fates.entry(attempt.job).or_default().started.get_or_insert(now);
        let (job, path) = self.job(attempt.job);
        let (act, adds) = (job.act(attempt.number).clone(), job.adds.clone());
        let mut at = self.now;
        if attempt.number == 1 {
            for (position, (after, _)) in adds.iter().enumerate() {
                at = at + *after;
                self.plan_event(at, Event::Add(attempt, (path.0, Some(position))));
            }
        }
        if let (Some(ready), Some(JobKind::Service)) = (act.ready, self.kind(attempt.job)) {
            at = at + ready;
            self.plan_event(at, Event::Ready(attempt));
        }
        if let Some((after, how)) = act.ends {
            self.plan_event(at + after, Event::End(attempt, how));
        }
    }

    fn kind(&self, job: JobId) -> Option<JobKind> {
        self.oracle.options(job).map(|options| options.kind)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Stop => self.oracle.stop(self.now),
            Event::Ready(attempt) => {
                self.oracle.on_job_ready(attempt, self.now);
            }
            Event::End(attempt, how) => {
                if self.oracle.on_job_complete(attempt, how, self.now).is_some() {
                    self.over(attempt);
                }
            }
            Event::Add(_, path) => {
                let job = &self.plan.jobs[path.0].adds[path.1.unwrap_or_default()].1;
                if let (Some(&id), true) = (self.ids.get(&path), self.oracle.accepts(&[])) {
                    self.oracle.add(id, job.options.clone(), &[]);
                }
            }
        }
    }

    fn over(&mut self, attempt: Attempt) {
        let now = self.since_start();
        self.fates.entry(attempt.job).or_default().ended = Some(now);
        self.forget(attempt);
    }

    fn forget(&mut self, attempt: Attempt) {
        self.events.retain(|_, event| event.attempt() != Some(attempt));
    }

    fn obey(&mut self, signal: Signal) {
        match signal {
            Signal::Discard(_) => {}
            // Its body is dropped at once, which is said by silence.
            Signal::Abort(attempt) => self.over(attempt),
            Signal::Cancel(attempt) => {
                let stopping = matches!(
                    self.oracle.state(attempt.job),
                    Some(JobState::Stopping {
                        reason: StopReason::RunEnding
                            | StopReason::TimedOut
                            | StopReason::Cancelled,
                        ..
                    })
                );
                let heeds = self.job(attempt.job).0.act(attempt.number).heeds;
                if let (true, Some((after, how))) = (stopping, heeds) {
                    self.forget(attempt);
                    self.plan_event(self.now + after, Event::End(attempt, how));
                }
            }
        }
    }

    fn report(mut self, verdict: Verdict) -> Simulated {
        for id in self.oracle.jobs() {
            let fate = self.fates.entry(id).or_default();
            fate.outcome = self.oracle.state(id).and_then(JobState::outcome);
            fate.attempts = self.oracle.attempts(id);
        }
        Simulated {
            verdict,
            elapsed: self.now.saturating_since(Timestamp::ZERO),
            fates: self.fates,
        }
    }
}
