use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;

use super::naive::{Edge, Job, Oracle, is_ended};
use crate::{Condition, JobId, JobKind, JobOptions, JobState, Outcome, RunOptions, SkipReason};

/// Building, and `add` and `remove` at any time.
impl Oracle {
    /// Changes what holds for the whole run.
    pub fn set_options(&mut self, options: RunOptions) -> bool {
        if self.started {
            return false;
        }
        self.options = options;
        true
    }

    /// Makes a pool of so much.
    pub fn add_pool(&mut self, capacity: u32) -> bool {
        if capacity > 0 {
            self.pools.push(capacity);
        }
        capacity > 0
    }

    /// Whether each group has members, all of them are named once, and all can be required.
    fn can_wait_for_any(&self, options: &JobOptions, requirements: &[(JobId, Condition)]) -> bool {
        let members = || options.any_of.iter().flat_map(|group| &group.jobs);
        options.any_of.iter().all(|group| {
            !group.jobs.is_empty()
                && group.condition != Condition::Any
                && group.jobs.iter().all(|&id| self.can_be_required(id, group.condition))
        }) && members().all(|member| {
            members().filter(|other| *other == member).count() == 1
                && requirements.iter().all(|(required, _)| required != member)
        })
    }

    /// Whether all that a job takes is there.
    fn can_take(&self, options: &JobOptions) -> bool {
        options.pools.iter().all(|&(pool, amount)| {
            let taken = options.pools.iter().filter(|&&(other, _)| other == pool);
            let taken: u64 = taken.map(|&(_, amount)| u64::from(amount)).sum();
            let capacity = self.pools.get(pool.index()).copied().unwrap_or(0);
            amount > 0 && taken <= u64::from(capacity)
        }) && (options.pools.is_empty() || options.kind == JobKind::Finite)
    }

    /// Whether a job with these options and requirements can be added now.
    #[must_use]
    pub fn accepts(&self, options: &JobOptions, requirements: &[(JobId, Condition)]) -> bool {
        self.ending.is_none()
            && make_sense(options)
            && self.can_take(options)
            && self.can_wait_for_any(options, requirements)
            && requirements.iter().all(|&(required, condition)| {
                condition != Condition::Any
                    && self.can_be_required(required, condition)
                    && requirements.iter().all(|&(id, other)| id != required || other == condition)
            })
    }

    /// The creation number that the next job gets.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.created + 1
    }

    /// Adds a job that is accepted, under the id that the core gave it.
    pub fn add(&mut self, id: JobId, options: JobOptions, requirements: &[(JobId, Condition)]) {
        self.find_gone();
        self.inputs += 1;
        self.created += 1;
        self.jobs.insert(
            id,
            Job {
                options,
                state: JobState::Waiting,
                attempts: 0,
                ready: false,
                ever_ready: false,
                healthy_since: None,
                in_a_row: 0,
                open_groups: BTreeSet::new(),
                cancelled: false,
                last_failure: None,
                queued: (0, 0),
                first_queued: (0, 0),
                deadline: None,
            },
        );
        let mut impossible = None;
        for &(required, condition) in requirements {
            if self.edges.iter().any(|edge| edge.job == id && edge.required == required) {
                continue;
            }
            let resolved = if self.started { self.resolved(required, condition) } else { None };
            let satisfied = resolved == Some(true);
            self.edges.push(Edge {
                job: id,
                required,
                condition,
                satisfied,
                group: None,
                impossible: false,
            });
            if resolved == Some(false) && impossible.is_none() {
                impossible = Some(required);
            }
        }
        let impossible = impossible.or(self.add_groups(id));
        if self.started {
            if let Some(required) = impossible {
                self.end(id, Outcome::Skipped(SkipReason::Requirement(required)));
            } else {
                self.queue_if_satisfied(id);
            }
            self.conclude(id);
        }
    }

    /// The edges of the groups of a new job; who has made the first one impossible that is.
    fn add_groups(&mut self, id: JobId) -> Option<JobId> {
        let mut culprit = None;
        for (number, group) in self.jobs[&id].options.any_of.clone().into_iter().enumerate() {
            let mut open = true;
            let mut left = group.jobs.len();
            for &required in &group.jobs {
                let condition = group.condition;
                let resolved = if self.started { self.resolved(required, condition) } else { None };
                let (satisfied, impossible) = (resolved == Some(true), resolved == Some(false));
                open &= !satisfied;
                left -= usize::from(impossible);
                let group = Some(number);
                self.edges.push(Edge {
                    job: id,
                    required,
                    condition,
                    satisfied,
                    group,
                    impossible,
                });
            }
            if left == 0 {
                culprit = culprit.or(group.jobs.last().copied());
            }
            if open {
                self.jobs.entry(id).and_modify(|job| {
                    job.open_groups.insert(number);
                });
            }
        }
        culprit
    }

    /// Before the run: whose members are all gone is no group any more.
    fn forget_empty_groups(&mut self) {
        for (&id, job) in &mut self.jobs {
            let has_members = |group: &usize| {
                self.edges.iter().any(|edge| edge.job == id && edge.group == Some(*group))
            };
            job.open_groups.retain(has_members);
        }
    }

    /// Makes one job require another.
    pub fn require(&mut self, job: JobId, required: JobId, condition: Condition) -> bool {
        if self.started
            || job == required
            || condition == Condition::Any
            || !self.jobs.contains_key(&job)
            || !self.can_be_required(required, condition)
        {
            return false;
        }
        let existing = self.edges.iter().find(|edge| edge.job == job && edge.required == required);
        if let Some(edge) = existing {
            return edge.asked() == condition;
        }
        let edge =
            Edge { job, required, condition, satisfied: false, group: None, impossible: false };
        self.edges.push(edge);
        true
    }

    /// Takes a requirement back.
    pub fn remove_requirement(&mut self, job: JobId, required: JobId) -> bool {
        let before = self.edges.len();
        if !self.started {
            self.edges.retain(|edge| edge.job != job || edge.required != required);
            self.forget_empty_groups();
        }
        self.edges.len() < before
    }

    /// Removes a job: in a run one that has ended.
    pub fn remove(&mut self, id: JobId) -> bool {
        let Some(job) = self.jobs.get(&id) else { return false };
        if self.started && !is_ended(job) {
            return false;
        }
        self.find_gone();
        self.jobs.remove(&id);
        if self.ending.is_none() {
            self.edges.retain(|edge| edge.job != id && edge.required != id);
        }
        if !self.started {
            self.forget_empty_groups();
        }
        true
    }

    /// Removes a job whose dependents inherit what it requires; tells what became of that.
    pub fn bypass(&mut self, id: JobId) -> bool {
        if self.started || !self.jobs.contains_key(&id) {
            return false;
        }
        let before = self.edges.clone();
        let requirements: Vec<_> = self.requirements(id).collect();
        let dependents: Vec<_> = self.dependents(id).collect();
        for (dependent, condition) in dependents {
            let grouped = |&(_, condition): &(JobId, Condition)| condition == Condition::Any;
            if matches!(condition, Condition::Failed | Condition::Any)
                || requirements.iter().any(grouped)
            {
                self.edges = before;
                return false;
            }
            for &(required, inherited) in &requirements {
                let however = matches!(condition, Condition::Finished | Condition::Settled);
                let condition = if however { condition } else { inherited };
                if !self.require(dependent, required, condition) {
                    self.edges = before;
                    return false;
                }
            }
        }
        self.remove(id)
    }

    /// Keeps what lies on a way from one of the starts to one of the ends; tells what goes.
    pub fn keep_between(&mut self, starts: &[JobId], ends: &[JobId]) -> Option<Vec<JobId>> {
        let known = |id| self.jobs.contains_key(id);
        if self.started || !starts.iter().all(known) || !ends.iter().all(known) {
            return None;
        }
        let requires = |id: JobId| self.edges.iter().any(move |edge| edge.job == id);
        let is_required = |id: JobId| self.edges.iter().any(move |edge| edge.required == id);
        let mut after: Vec<JobId> = starts.to_vec();
        if starts.is_empty() {
            after = self.jobs.keys().copied().filter(|&id| !requires(id)).collect();
        }
        let mut before: Vec<JobId> = ends.to_vec();
        if ends.is_empty() {
            before = self.jobs.keys().copied().filter(|&id| !is_required(id)).collect();
        }
        for _ in 0..self.jobs.len() {
            for edge in &self.edges {
                if after.contains(&edge.required) {
                    after.push(edge.job);
                }
                if before.contains(&edge.job) {
                    before.push(edge.required);
                }
            }
            after.sort();
            after.dedup();
            before.sort();
            before.dedup();
        }
        let kept = |id: &JobId| after.contains(id) && before.contains(id);
        let gone: Vec<JobId> = self.jobs.keys().copied().filter(|id| !kept(id)).collect();
        for &id in &gone {
            self.remove(id);
        }
        Some(gone)
    }

    fn can_be_required(&self, required: JobId, condition: Condition) -> bool {
        let Some(required) = self.jobs.get(&required) else { return false };
        match required.options.kind {
            JobKind::Finite => condition != Condition::Failed || !required.options.critical,
            JobKind::Forever => false,
            JobKind::Service => {
                condition == Condition::Succeeded || condition == Condition::Settled
            }
        }
    }
}

fn make_sense(options: &JobOptions) -> bool {
    let retries = options.retries;
    let endless = options.kind != JobKind::Finite;
    let resets = retries.reset_after.is_some();
    let pauses = retries.base > Duration::ZERO || retries.cap > Duration::ZERO;
    retries.base <= retries.cap
        && (retries.limit > 0 || !(pauses || resets))
        && (!retries.jitter || retries.base > Duration::ZERO)
        && (endless || !resets)
}

impl Edge {
    /// What it says to whoever asks.
    pub(super) fn asked(&self) -> Condition {
        if self.group.is_some() { Condition::Any } else { self.condition }
    }
}
