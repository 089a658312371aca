use std::boxed::Box;
use std::collections::BTreeMap;
use std::vec::Vec;

use super::bodies::value;
use super::hook_run::hook_run;
use super::plan::{Bomb, JobPlan, Path, Plan};
use super::simulated::{Fate, Simulated};
use super::stage::Stage;
use crate::testing::reference::oracle::Oracle;
use crate::{
    Attempt, Completion, JobId, JobKind, JobState, Outcome, Signal, StopReason, Timestamp, Verdict,
};

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
    stage: &'a Stage,
    /// The ids that the run gave to the jobs.
    ids: BTreeMap<Path, JobId>,
    oracle: Oracle,
    /// The run of the hooks, once it has begun: each has the id of its job.
    hooks: Option<Oracle>,
    stops: u32,
    /// By time, then in the order in which they were planned.
    events: BTreeMap<(Timestamp, u64), Event>,
    planned: u64,
    /// What a job left last that dependents are fed.
    outputs: BTreeMap<JobId, u64>,
    inside: BTreeMap<Attempt, Box<Self>>,
    now: Timestamp,
    over: bool,
    result: Simulated,
}

/// Plays a plan with the oracle. The stage has the ids that the run gave to the jobs.
pub(crate) fn simulate(plan: &Plan, stage: &Stage) -> Simulated {
    let mut simulation = Simulation::begin(plan, stage, Timestamp::ZERO);
    while let (false, Some(next)) = (simulation.over, simulation.next()) {
        simulation.step(next);
    }
    assert!(simulation.over, "a plan has an end");
    simulation.finish(false)
}

impl<'a> Simulation<'a> {
    fn begin(plan: &'a Plan, stage: &'a Stage, now: Timestamp) -> Self {
        let mut oracle = Oracle::new(plan.run_options());
        for &capacity in &plan.pools {
            oracle.add_pool(capacity);
        }
        let ids = stage.note().ids.clone();
        for (position, job) in plan.jobs.iter().enumerate() {
            let id = |position| ids[&(position, None)];
            let required = |&(position, condition): &(usize, _)| (id(position), condition);
            let requirements: Vec<_> = job.requirements.iter().map(required).collect();
            oracle.add(id(position), job.options_among(id), &requirements);
        }
        let mut simulation = Self {
            plan,
            stage,
            ids,
            oracle,
            hooks: None,
            stops: 0,
            events: BTreeMap::new(),
            planned: 0,
            outputs: BTreeMap::new(),
            inside: BTreeMap::new(),
            now,
            over: false,
            result: Simulated { begun: now, ..Simulated::default() },
        };
        let mut at = now;
        for &after in &plan.stops {
            at = at + after;
            simulation.plan_event(at, Event::Stop);
        }
        simulation.oracle.start(now);
        simulation.settle();
        simulation
    }

    fn plan_event(&mut self, at: Timestamp, event: Event) {
        self.planned += 1;
        self.events.insert((at, self.planned), event);
    }

    /// The run that goes on: that of the jobs, then that of the hooks.
    fn current(&mut self) -> &mut Oracle {
        self.hooks.as_mut().unwrap_or(&mut self.oracle)
    }

    fn next_event(&self) -> Option<Timestamp> {
        self.events.keys().next().map(|key| key.0)
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.hooks.as_ref().unwrap_or(&self.oracle).next_deadline()
    }

    /// When something happens next, at any depth.
    fn next(&self) -> Option<Timestamp> {
        let inside = self.inside.values().filter_map(|inside| inside.next());
        inside.chain(self.next_event()).chain(self.next_deadline()).min()
    }

    /// Lets that happen.
    fn step(&mut self, at: Timestamp) {
        let now = self.now.max(at);
        self.now = now;
        if self.next_event() == Some(at) {
            if let Some((_, event)) = self.events.pop_first() {
                self.happen(event);
            }
        } else if self.next_deadline() == Some(at) {
            self.current().on_deadline(now);
        } else if let Some(inside) =
            self.inside.values_mut().find(|inside| inside.next() == Some(at))
        {
            inside.step(at);
        }
        self.settle();
    }

    /// All that follows at the same instant.
    fn settle(&mut self) {
        while !self.over {
            let now = self.now;
            if let Some(signal) = self.current().poll_signal() {
                self.obey(signal);
            } else if let Some((&attempt, _)) = self.inside.iter().find(|(_, inside)| inside.over) {
                self.inside_ended(attempt);
            } else if self.current().verdict().is_some() {
                self.run_is_over();
            } else if let [attempt] = self.current().poll_ready_jobs(1, now)[..] {
                self.handed_out(attempt);
            } else {
                return;
            }
        }
    }

    fn path(&self, id: JobId) -> Path {
        let path = self.ids.iter().find(|&(_, &other)| other == id);
        path.map_or((0, None), |(&path, _)| path)
    }

    fn job(&self, id: JobId) -> &'a JobPlan {
        self.plan.job(self.path(id))
    }

    fn fate(&mut self, id: JobId) -> &mut Fate {
        self.result.fates.entry(id).or_default()
    }

    fn handed_out(&mut self, attempt: Attempt) {
        let (path, job) = (self.path(attempt.job), self.job(attempt.job));
        if self.hooks.is_some() {
            self.result.hooks.push((path, self.now));
            if let Some((after, how)) = job.hook.as_ref().and_then(|hook| hook.ends) {
                self.plan_event(self.now + after, Event::End(attempt, how));
            }
            return;
        }
        let now = self.now.saturating_since(self.result.begun);
        self.fate(attempt.job).started.get_or_insert(now);
        if let (Some(plan), Some(stage)) = (&job.inside, self.stage.inside(path.0)) {
            let inside = Self::begin(plan, stage, self.now);
            self.inside.insert(attempt, Box::new(inside));
            return;
        }
        if let (true, Some(&(feeding, _))) = (job.fed, job.requirements.first()) {
            let input = self.outputs[&self.ids[&(feeding, None)]];
            self.result.fed.push((path, attempt.number, input));
        }
        self.plan_attempt(attempt, job, path);
    }

    fn plan_attempt(&mut self, attempt: Attempt, job: &JobPlan, path: Path) {
        let act = job.act(attempt.number);
        let mut at = self.now;
        if attempt.number == 1 {
            for (position, (after, _)) in job.adds.iter().enumerate() {
                at = at + *after;
                self.plan_event(at, Event::Add(attempt, (path.0, Some(position))));
            }
        }
        if let (Some(ready), JobKind::Service) = (act.ready, job.options.kind) {
            at = at + ready;
            self.plan_event(at, Event::Ready(attempt));
        }
        if let Some((after, how)) = act.ends {
            self.plan_event(at + after, Event::End(attempt, how));
        }
    }

    fn happen(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Stop => {
                self.stops += 1;
                if self.hooks.is_none() || self.stops > 2 {
                    self.current().stop(now);
                }
            }
            Event::Ready(attempt) => {
                if self.oracle.on_job_ready(attempt, now) {
                    self.ready(attempt);
                }
            }
            Event::End(attempt, how) if self.hooks.is_some() => self.hook_ended(attempt, how),
            Event::End(attempt, how) => self.ended(attempt, how),
            Event::Add(_, path) => self.add(path),
        }
    }

    /// What a service is ready with replaces what it was ready with before.
    fn ready(&mut self, attempt: Attempt) {
        self.result.ready.insert(attempt);
        let replaced = self.outputs.insert(attempt.job, value(attempt)).is_some();
        if replaced && self.job(attempt.job).has(Bomb::Output) {
            self.fate(attempt.job).mishaps += 1;
        }
    }

    fn add(&mut self, path: Path) {
        let job = self.plan.job(path);
        if !self.oracle.accepts(&job.options, &[]) {
            let hook = job.hook.as_ref().is_some_and(|hook| hook.bomb);
            self.result.strange_mishaps += usize::from(job.has(Bomb::Factory)) + usize::from(hook);
        } else if let Some(&id) = self.ids.get(&path) {
            self.oracle.add(id, job.options.clone(), &[]);
        }
    }

    /// The attempt comes to its end by itself, unless its `Drop` panics.
    fn ended(&mut self, attempt: Attempt, how: Completion) {
        let (id, job, now) = (attempt.job, self.job(attempt.job), self.now);
        let how = if job.has(Bomb::Attempt) { Completion::Panic } else { how };
        if self.oracle.on_job_complete(attempt, how, now).is_none() {
            return;
        }
        self.attempt_is_over(attempt);
        let succeeded = self.oracle.state(id) == Some(JobState::Ended(Outcome::Succeeded));
        if job.options.kind == JobKind::Service || how != Completion::Success {
            // There is no output.
        } else if succeeded {
            self.outputs.insert(id, value(attempt));
        } else if job.has(Bomb::Output) {
            self.fate(id).mishaps += 1;
        }
    }

    fn hook_ended(&mut self, attempt: Attempt, how: Completion) {
        let bomb = self.job(attempt.job).hook.as_ref().is_some_and(|hook| hook.bomb);
        let (now, path) = (self.now, self.path(attempt.job));
        let how = if bomb { Completion::Panic } else { how };
        self.current().on_job_complete(attempt, how, now);
        self.result.hooks_ended.push((path, now));
    }

    fn attempt_is_over(&mut self, attempt: Attempt) {
        let now = self.now.saturating_since(self.result.begun);
        self.fate(attempt.job).ended = Some(now);
        self.forget(attempt);
    }

    fn forget(&mut self, attempt: Attempt) {
        self.events.retain(|_, event| event.attempt() != Some(attempt));
    }

    fn inside_ended(&mut self, attempt: Attempt) {
        let Some(inside) = self.inside.remove(&attempt) else { return };
        let result = inside.finish(false);
        let how = match result.verdict {
            Some(Verdict::Completed) => Completion::Success,
            Some(Verdict::Stopped) => Completion::Cancelled,
            _ => Completion::Error,
        };
        self.result.inside.insert(self.path(attempt.job).0, result);
        let now = self.now;
        self.oracle.on_job_complete(attempt, how, now);
        self.attempt_is_over(attempt);
    }

    fn obey(&mut self, signal: Signal) {
        match signal {
            Signal::Discard(_) => {}
            Signal::Abort(attempt) if self.hooks.is_some() => self.forget(attempt),
            // Its body is dropped at once, which is said by silence.
            Signal::Abort(attempt) => {
                self.attempt_is_over(attempt);
                if self.job(attempt.job).has(Bomb::Attempt) {
                    self.fate(attempt.job).mishaps += 1;
                }
                if let Some(inside) = self.inside.remove(&attempt) {
                    let position = self.path(attempt.job).0;
                    self.result.inside.insert(position, inside.finish(true));
                }
            }
            Signal::Cancel(attempt) => self.cancel(attempt),
        }
    }

    fn cancel(&mut self, attempt: Attempt) {
        let now = self.now;
        if let Some(inside) = self.inside.get_mut(&attempt) {
            // It stops in order; its hooks take their time.
            inside.now = now;
            if inside.oracle.ending().is_none() {
                inside.oracle.stop(now);
                inside.settle();
            }
            return;
        }
        let stopping = matches!(
            self.oracle.state(attempt.job),
            Some(JobState::Stopping {
                reason: StopReason::RunEnding | StopReason::TimedOut | StopReason::Cancelled,
                ..
            })
        );
        let heeds = self.job(attempt.job).act(attempt.number).heeds;
        if let (true, Some((after, how))) = (stopping, heeds) {
            self.forget(attempt);
            self.plan_event(now + after, Event::End(attempt, how));
        }
    }

    /// After the jobs come the hooks, then nothing.
    fn run_is_over(&mut self) {
        if self.hooks.is_none() {
            self.result.verdict = self.oracle.verdict();
            let mut hooks = hook_run(self.plan, &self.oracle, &self.ids);
            hooks.start(self.now);
            if self.stops > 2 {
                hooks.stop(self.now);
            }
            self.hooks = Some(hooks);
        } else {
            self.over = true;
        }
    }

    fn finish(mut self, cut: bool) -> Simulated {
        for (attempt, inside) in std::mem::take(&mut self.inside) {
            let position = self.path(attempt.job).0;
            self.result.inside.insert(position, inside.finish(true));
        }
        let ids: Vec<JobId> = self.oracle.jobs().collect();
        for id in ids {
            let hook = self.hooks.as_ref().and_then(|hooks| hooks.state(id));
            let hook = hook.and_then(JobState::outcome);
            let bombs = self.bombs_of_the_whole_job(id);
            let inside = self.result.inside.get(&self.path(id).0);
            if self.job(id).inside.is_some() && inside.is_none_or(|inside| inside.cut) {
                self.result.dropped_inside.insert(id);
            }
            let (outcome, attempts) =
                (self.oracle.state(id).and_then(JobState::outcome), self.oracle.attempts(id));
            let fate = self.fate(id);
            fate.mishaps += bombs;
            *fate = Fate { outcome, attempts, hook, ..fate.clone() };
        }
        (self.result.cut, self.result.ended) = (cut, self.now);
        self.result
    }

    /// What makes the attempts, and a hook that did not come to its end by itself.
    fn bombs_of_the_whole_job(&self, id: JobId) -> usize {
        let job = self.job(id);
        let path = self.path(id);
        let hook_ended = self.result.hooks_ended.iter().any(|&(other, _)| other == path);
        let in_hook = job.hook.as_ref().is_some_and(|hook| hook.bomb) && !hook_ended;
        usize::from(job.has(Bomb::Factory)) + usize::from(in_hook)
    }
}
