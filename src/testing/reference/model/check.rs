use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::call::Call;
use super::pair::{Model, Seen, Snapshot, mix};
use crate::{
    Attempt, Change, Condition, Counts, Explanation, JobId, JobKind, JobState, Outcome, SkipReason,
};

/// What must hold after every call.
impl Model {
    pub(super) fn check_step(&mut self, call: &Call, accepted: bool) -> Result<(), String> {
        let core = self.core_snapshot();
        if !accepted {
            differ("after a refused call, now and before:", &core, &self.seen)?;
        }
        let oracle = self.oracle_snapshot();
        if core != oracle {
            compare(&core, &oracle)?;
        }
        let due = self.seen.next_deadline;
        if let Call::Deadline(now) = *call
            && due.is_some_and(|due| due <= now)
        {
            ensure(core != Snapshot { clock: core.clock, ..self.seen.clone() }, || {
                String::from("a deadline changes nothing")
            })?;
        }
        if let Call::Deadline(_) = call {
            ensure(core.next_deadline.is_none_or(|at| at > core.clock || !core.started), || {
                String::from("a deadline is due after all have fired")
            })?;
        }
        if let Call::Poll(usize::MAX, _) = call {
            ensure(self.may_start(&core) != Some(true), || {
                String::from("a job that may start is left in the queue")
            })?;
        }
        ensure(core.verdict.is_none() || core.next_deadline.is_none(), || {
            String::from("a deadline is armed after the verdict")
        })?;
        let aborted = self.note_aborted(call, &core);
        self.note_ends(call, &core);
        self.seen = core;
        self.check_jobs()?;
        self.check_bodies()?;
        self.check_turns(&aborted)?;
        self.fold_transitions()?;
        for word in [self.seen.clock.as_nanos(), self.seen.counts.present() as u64] {
            self.stats.digest = mix(self.stats.digest, word);
        }
        Ok(())
    }

    pub(super) fn core_snapshot(&self) -> Snapshot {
        let core = &self.core;
        let seen = |id| Seen {
            id,
            state: core.state(id).unwrap_or(JobState::Waiting),
            attempts: core.attempts(id),
            was_ready: core.was_ready(id),
            requirements: core.requirements(id).collect(),
            dependents: core.dependents(id).collect(),
        };
        Snapshot {
            clock: core.clock(),
            next_deadline: core.next_deadline(),
            ending: core.ending(),
            verdict: core.verdict(),
            counts: core.counts(),
            requirement_count: core.requirement_count(),
            started: core.has_started(),
            bodies_leaving: core.bodies_leaving(),
            has_ready_jobs: core.has_ready_jobs(),
            pools: core.pools().map(|pool| pool.free).collect(),
            jobs: core.jobs().map(seen).collect(),
        }
    }

    pub(super) fn oracle_snapshot(&self) -> Snapshot {
        let oracle = &self.oracle;
        let seen = |id| Seen {
            id,
            state: oracle.state(id).unwrap_or(JobState::Waiting),
            attempts: oracle.attempts(id),
            was_ready: oracle.was_ready(id),
            requirements: oracle.requirements(id).collect(),
            dependents: oracle.dependents(id).collect(),
        };
        Snapshot {
            clock: oracle.clock(),
            next_deadline: oracle.next_deadline(),
            ending: oracle.ending(),
            verdict: oracle.verdict(),
            counts: oracle.counts(),
            requirement_count: oracle.requirement_count(),
            started: oracle.has_started(),
            bodies_leaving: oracle.bodies_leaving(),
            has_ready_jobs: oracle.has_ready_jobs(),
            pools: oracle.untaken_pools(),
            jobs: oracle.jobs().map(seen).collect(),
        }
    }

    /// Handed out only when each requirement is satisfied, once per attempt, not too often, and with no
    /// earlier body about.
    pub(super) fn check_handed_out(&self, attempt: Attempt) -> Result<(), String> {
        ensure(self.core.ending().is_none(), || format!("{attempt} begins in an ending run"))?;
        let before = self.seen.jobs.iter().find(|job| job.id == attempt.job);
        let retries = self.oracle.options(attempt.job).map(|options| options.retries);
        let retries = retries.unwrap_or_default();
        // Who counts anew may be attempted any number of times.
        let limit = retries.reset_after.map_or(retries.limit, |_| u32::MAX);
        ensure(
            before.is_some_and(|before| before.attempts + 1 == attempt.number)
                && attempt.number <= limit.saturating_add(1),
            || format!("{attempt} is one too many"),
        )?;
        let body = self.body_of(attempt.job);
        ensure(body.is_none(), || format!("{attempt} begins, but {body:?} is not gone"))?;
        for (condition, members) in self.core.any_of(attempt.job) {
            let enough = |&member: &JobId| self.satisfied(member, condition) == Some(true);
            // What has satisfied it may have been removed since.
            ensure(members.iter().any(enough) || self.has_removed(), || {
                format!("{attempt} begins, but requires any of {members:?} {condition}")
            })?;
        }
        for (required, condition) in self.single_requirements(attempt.job) {
            ensure(self.satisfied(required, condition) == Some(true), || {
                format!("{attempt} begins, but requires {required} {condition}")
            })?;
        }
        Ok(())
    }

    /// What a job requires, but for members of its groups.
    fn single_requirements(&self, job: JobId) -> impl Iterator<Item = (JobId, Condition)> + '_ {
        self.core.requirements(job).filter(|&(_, condition)| condition != Condition::Any)
    }

    /// Whether a job was removed since the run began.
    fn has_removed(&self) -> bool {
        self.seen.counts.removed > 0
    }

    /// What the core itself says about a requirement; a removed job keeps its outcome.
    pub(super) fn satisfied(&self, required: JobId, condition: Condition) -> Option<bool> {
        let wants_readiness = matches!(condition, Condition::Succeeded | Condition::Settled);
        if wants_readiness && self.core.was_ready(required) {
            return Some(true);
        }
        self.outcomes.get(&required).map(|outcome| match condition {
            Condition::Succeeded => *outcome == Outcome::Succeeded,
            Condition::Finished | Condition::Settled => true,
            Condition::Any => unreachable!("what is asked of a member is its group's"),
            Condition::Failed => matches!(outcome, Outcome::Failed(_)),
        })
    }

    /// How many begun bodies take a seat: of attempts under way, and of aborted ones until they are gone.
    fn seats_taken(&self, core: &Snapshot) -> usize {
        let under_way = core.jobs.iter().filter(|job| job.under_way().is_some());
        under_way.filter(|job| self.is_finite(job)).count() + self.seats_of_bodies()
    }

    fn is_finite(&self, job: &Seen) -> bool {
        self.core.kind(job.id) == Some(JobKind::Finite)
    }

    /// Whether something stands in line for which a seat and all that it takes are free; `None` if that
    /// depends on the order in the line.
    fn may_start(&self, core: &Snapshot) -> Option<bool> {
        let taken = self.seats_taken(core) - self.seats_given_back();
        let full = self.options.window.is_some_and(|window| taken >= window.get());
        let polled = self.just_polled();
        let in_line = core.jobs.iter().filter(|job| {
            job.state == JobState::Queued
                && self.body_of(job.id).is_none_or(|body| polled == Some(body))
                && !(full && self.is_finite(job))
        });
        let (pooled, others): (Vec<&Seen>, Vec<&Seen>) =
            in_line.partition(|job| !self.needs(job.id).is_empty());
        if others.is_empty() { self.pools_allow(core, &pooled) } else { Some(true) }
    }

    /// No more begun bodies than seats, and no seat is lost.
    fn check_bodies(&self) -> Result<(), String> {
        let taken = self.seats_taken(&self.seen);
        ensure(self.options.window.is_none_or(|window| taken <= window.get()), || {
            format!("{taken} bodies of finite jobs have begun and are not gone")
        })?;
        differ("the bodies that are not gone", &self.seen.bodies_leaving, &self.bodies.len())?;
        self.check_pools()?;
        let may_start = self.may_start(&self.seen);
        ensure(may_start.is_none_or(|may| may == self.seen.has_ready_jobs), || {
            format!("may a job start? {may_start:?}, but it is said otherwise")
        })
    }

    pub(super) fn check_jobs(&mut self) -> Result<(), String> {
        let present: BTreeSet<JobId> = self.seen.jobs.iter().map(|job| job.id).collect();
        for &id in &self.ids {
            let state = self.core.state(id);
            ensure(state.is_some() == present.contains(&id), || {
                format!("{id} is listed or not, but {state:?}")
            })?;
            differ("the payload", &self.core.payload(id).copied(), &state.map(|_| id.number()))?;
        }
        for job in &self.seen.jobs {
            let known = self.outcomes.get(&job.id).copied();
            if let JobState::Ended(outcome) = job.state {
                ensure(known.is_none_or(|known| known == outcome), || {
                    format!("{} ends twice: {known:?}, then {outcome:?}", job.id)
                })?;
                self.outcomes.insert(job.id, outcome);
            } else {
                ensure(known.is_none(), || format!("{} lives on after {known:?}", job.id))?;
            }
        }
        differ("the counts, counted again", &self.seen.counts, &self.recount())?;
        self.seen.jobs.iter().try_for_each(|job| self.check_job(job))
    }

    fn recount(&self) -> Counts {
        let mut counts =
            Counts { removed: self.ids.len() - self.seen.jobs.len(), ..Counts::default() };
        for job in &self.seen.jobs {
            *match job.state {
                JobState::Waiting => &mut counts.waiting,
                JobState::Queued => &mut counts.queued,
                JobState::Running { .. } => &mut counts.running,
                JobState::Backoff { .. } => &mut counts.backoff,
                JobState::Stopping { .. } => &mut counts.stopping,
                JobState::Ended(Outcome::Succeeded) => &mut counts.succeeded,
                JobState::Ended(Outcome::Failed(_)) => &mut counts.failed,
                JobState::Ended(Outcome::Cancelled) => &mut counts.cancelled,
                JobState::Ended(Outcome::Skipped(_)) => &mut counts.skipped,
            } += 1;
        }
        counts
    }

    pub(super) fn check_job(&self, job: &Seen) -> Result<(), String> {
        let id = job.id;
        let ending = self.seen.ending.is_some();
        let explanation = self.core.explain(id);
        ensure(explanation.is_some(), || format!("{id} is present, but not explained"))?;
        let body = self.body_of(id).filter(|_| job.state == JobState::Queued);
        let said = match explanation {
            Some(Explanation::BodyAway { attempt: number }) => Some(Attempt { job: id, number }),
            _ => None,
        };
        differ("the body that is said to keep a job from starting", &said, &body)?;
        match job.state {
            // With no cycle, one unresolved requirement of each waiting job is enough for all of
            // them to reach a job that is under way or will be.
            JobState::Waiting if self.seen.started => {
                let unresolved =
                    |(required, condition)| self.satisfied(required, condition).is_none();
                let open = |(condition, members): (Condition, Vec<JobId>)| {
                    let mut fates = members.iter().map(|&member| self.satisfied(member, condition));
                    fates.clone().all(|fate| fate != Some(true)) && fates.any(|fate| fate.is_none())
                };
                let waits =
                    self.single_requirements(id).any(unresolved) || self.core.any_of(id).any(open);
                ensure(!ending && waits, || format!("{id} waits for nothing"))
            }
            JobState::Queued | JobState::Backoff { .. } => {
                ensure(!ending, || format!("{id} would start in an ending run"))
            }
            JobState::Ended(Outcome::Skipped(reason)) => {
                ensure(job.attempts == 0, || format!("{id} was handed out, then skipped"))?;
                let SkipReason::Requirement(required) = reason else {
                    return ensure(ending, || format!("{id} is skipped before the end"));
                };
                // The requirement on a removed job is not listed any more.
                let listed = job.requirements.iter().find(|&&(listed, _)| listed == required);
                let impossible = match listed {
                    Some(&(_, Condition::Any)) => {
                        let mut groups = self.core.any_of(id);
                        let group = groups.find(|(_, members)| members.contains(&required));
                        group.is_some_and(|(asked, _)| {
                            self.satisfied(required, asked) == Some(false)
                        })
                    }
                    Some(&(_, condition)) => self.satisfied(required, condition) == Some(false),
                    None => !self.seen.jobs.iter().any(|job| job.id == required),
                };
                ensure(impossible, || format!("{id} is skipped because of {required}"))
            }
            _ => Ok(()),
        }
    }

    /// The recorded transitions lead to the states that there are.
    pub(super) fn fold_transitions(&mut self) -> Result<(), String> {
        let mut last = None;
        while let Some(transition) = self.core.poll_transition() {
            let id = transition.id;
            ensure(self.options.record, || String::from("a transition is told unasked"))?;
            ensure(transition.at >= self.folded_clock, || format!("{id}: recorded out of order"))?;
            self.folded_clock = transition.at;
            last = Some(transition.at);
            match transition.change {
                Change::Added => {
                    let before = self.folded.insert(id, JobState::Waiting);
                    differ("the state before it was added", &before, &None)?;
                }
                Change::State { from, to } => {
                    let before = self.folded.insert(id, to);
                    differ("the recorded state before", &Some(from), &before)?;
                    ensure(from != to, || format!("{id}: {from:?} is left for itself"))?;
                }
                Change::Ready => {
                    let running = matches!(self.folded.get(&id), Some(JobState::Running { .. }));
                    ensure(running, || format!("{id} is recorded as ready, but not as running"))?;
                }
                Change::Removed => {
                    ensure(self.folded.remove(&id).is_some(), || format!("{id}: never added"))?;
                }
            }
        }
        ensure(last.is_none_or(|at| at == self.seen.clock), || {
            String::from("a transition is not recorded at the clock")
        })?;
        if self.options.record && self.seen.started {
            let states = self.seen.jobs.iter().map(|job| (job.id, job.state)).collect();
            differ("the states, as recorded", &self.folded, &states)?;
        }
        Ok(())
    }
}

pub(super) fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message()) }
}

/// An error if the two differ.
pub(super) fn differ<T: PartialEq + fmt::Debug>(
    what: &str,
    core: &T,
    oracle: &T,
) -> Result<(), String> {
    ensure(core == oracle, || format!("{what}: {core:?}, but should be {oracle:?}"))
}

/// The first field in which the two differ.
fn compare(core: &Snapshot, oracle: &Snapshot) -> Result<(), String> {
    for (core, oracle) in core.jobs.iter().zip(&oracle.jobs) {
        differ("a job", core, oracle)?;
    }
    differ("the ending", &core.ending, &oracle.ending)?;
    differ("the verdict", &core.verdict, &oracle.verdict)?;
    differ("the clock", &core.clock, &oracle.clock)?;
    differ("the next deadline", &core.next_deadline, &oracle.next_deadline)?;
    differ("the counts", &core.counts, &oracle.counts)?;
    differ("what is free of the pools", &core.pools, &oracle.pools)?;
    differ("the requirements", &core.requirement_count, &oracle.requirement_count)?;
    differ("the whole", core, oracle)
}
