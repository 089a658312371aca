use alloc::vec;
use alloc::vec::Vec;

use super::edge::Condition;
use super::error::{GraphError, InputError, JobName};
use super::job::{JobId, JobKind};
use super::machine::Orchestrator;
use super::observe::Change;
use super::order::Side;
use super::store::Store;

impl<J> Orchestrator<J> {
    /// Makes one job require another, before `start`. Making a requirement again is harmless. O(1)
    /// amortised; O(log requirements) where both jobs have more than 32 of them.
    ///
    /// # Errors
    /// [`GraphError`] names both jobs and what is wrong; a cycle is found by [`start`](Self::start).
    pub fn require(
        &mut self,
        job: JobId,
        required: JobId,
        condition: Condition,
    ) -> Result<(), GraphError> {
        self.building("require a job")?;
        let (job, required) = (self.known(job)?, self.known(required)?);
        if self.check_requirement(job, required, condition)? {
            self.connect(job, required, condition);
        }
        Ok(())
    }

    /// Whether the requirement is new, if it can be made.
    fn check_requirement(
        &mut self,
        job: u32,
        required: u32,
        asked: Condition,
    ) -> Result<bool, GraphError> {
        if job == required {
            return Err(GraphError::SelfRequirement { job: self.name(job) });
        }
        if asked == Condition::Any {
            let (job, required) = (self.name(job), self.name(required));
            return Err(GraphError::NotInGroup { job, required });
        }
        self.check_condition(|| self.name(job), required, asked)?;
        match self.edges.find(job, required).map(|edge| self.edges.condition(edge)) {
            None if self.edges.has_room_for(1) => Ok(true),
            None => Err(GraphError::Full),
            Some(existing) if existing == asked => Ok(false),
            Some(existing) => {
                let (job, required) = (self.name(job), self.name(required));
                Err(GraphError::ConflictingConditions { job, required, existing, asked })
            }
        }
    }

    /// Whether this can be asked of the required job at all.
    pub(super) fn check_condition(
        &self,
        job: impl FnOnce() -> JobName,
        required: u32,
        condition: Condition,
    ) -> Result<(), GraphError> {
        let node = self.node(required);
        match (node.kind(), condition) {
            (JobKind::Finite, Condition::Failed) if node.is_critical() => {
                Err(GraphError::CriticalFailureRequired {
                    job: job(),
                    required: self.name(required),
                })
            }
            // What is asked of it was looked at with its group.
            (_, Condition::Any)
            | (JobKind::Finite, _)
            | (JobKind::Service, Condition::Succeeded | Condition::Settled) => Ok(()),
            (kind, condition) => Err(GraphError::ForeverRequired {
                job: job(),
                required: self.name(required),
                kind,
                condition,
            }),
        }
    }

    fn connect(&mut self, job: u32, required: u32, condition: Condition) {
        self.points_forward |= self.jobs.nodes.number(required) > self.jobs.nodes.number(job);
        self.edges.connect(job, required, condition);
        self.jobs.held_by[job as usize] += 1;
    }

    /// Takes a requirement back, before `start`. O(1) amortised; O(log requirements) where both jobs have
    /// more than 32 of them.
    ///
    /// # Errors
    /// [`GraphError::NotRequired`] if there is none, and others.
    pub fn remove_requirement(&mut self, job: JobId, required: JobId) -> Result<(), GraphError> {
        self.building("remove a requirement")?;
        let (job, required) = (self.known(job)?, self.known(required)?);
        let Some(edge) = self.edges.find(job, required) else {
            return Err(GraphError::NotRequired {
                job: self.name(job),
                required: self.name(required),
            });
        };
        let is_member = self.edges.condition(edge) == Condition::Any;
        self.edges.disconnect(&self.jobs.nodes, job, edge);
        if is_member {
            self.remove_member(job, required);
        } else {
            self.jobs.held_by[job as usize] -= 1;
        }
        Ok(())
    }

    /// Removes a job and returns its payload. Before `start` its requirements and those on it go with
    /// it, O(requirements) of the graph; in a run only a job that has ended can be removed, O(its requirements
    /// and dependents), amortised.
    ///
    /// # Errors
    /// [`InputError::NotEnded`] in a run, or [`InputError::UnknownJob`].
    pub fn remove(&mut self, job: JobId) -> Result<J, InputError> {
        let index = self.jobs.index(job).ok_or(InputError::UnknownJob { id: job })?;
        if self.has_started() && !self.node(index).stage.is_ended() {
            let (job, state) = (self.name(index), self.state_of(index));
            return Err(InputError::NotEnded { job, state });
        }
        if self.has_started() {
            self.settle_polled();
            Ok(self.take_in_run(index))
        } else {
            Ok(self.take(index))
        }
    }

    /// Takes a job away before `start`, with all requirements of and on it. O(requirements).
    fn take(&mut self, index: u32) -> J {
        self.detach(|other| other == index);
        self.edges.forget_job(index);
        self.forget(index)
    }

    /// Lets go of all requirements of and on some jobs, before `start`. O(requirements).
    fn detach(&mut self, is_removed: impl Fn(u32) -> bool) {
        let Store { nodes, held_by, .. } = &mut self.jobs;
        let mut members = Vec::new();
        self.edges.detach_all(nodes, is_removed, |dependent, edge| {
            if edge.is_any() {
                members.push((dependent, edge.index()));
            } else {
                held_by[dependent as usize] -= 1;
            }
        });
        for (dependent, member) in members {
            self.remove_member(dependent, member);
        }
    }

    /// Takes a job away in a run. O(its edges), amortised.
    fn take_in_run(&mut self, index: u32) -> J {
        if !self.is_ending() {
            self.edges.detach(&self.jobs.nodes, index);
            let payload = self.forget(index);
            if self.edges.is_idle(&self.jobs.nodes) {
                self.sweep();
            }
            return payload;
        }
        // The edges stay: they say in which order the jobs stop. So does a body that is leaving.
        self.edges.discount(&self.jobs.nodes, index);
        let body_is_leaving = self.node(index).body_is_leaving;
        let payload = self.forget(index);
        self.jobs.node_mut(index).body_is_leaving = body_is_leaving;
        payload
    }

    fn forget(&mut self, index: u32) -> J {
        let id = self.id(index);
        let (node, payload) = self.jobs.remove(index);
        if let Some(culprits) = self.culprits.existing_mut() {
            culprits.remove(&index);
        }
        *self.counts.of(node.stage) -= 1;
        self.counts.removed += 1;
        if !node.stage.is_ended() {
            self.awaited -= usize::from(node.is_awaited());
        }
        self.record(id, Change::Removed);
        payload
    }

    /// Forgets the requirements of and on jobs that were removed, in a run.
    pub(super) fn sweep(&mut self) {
        self.edges.sweep(&self.jobs.nodes);
        self.edges.sort(&self.jobs.nodes, self.jobs.nodes.last_number());
    }

    /// Removes a job before `start`, and lets its dependents inherit its requirements: those that
    /// require it to succeed with the same conditions, those that come after it, or once it is settled, with
    /// [`Condition::Finished`] or [`Condition::Settled`]. O(its dependents times its requirements).
    ///
    /// # Errors
    /// [`GraphError::BypassedFailure`] if a dependent requires it to fail; an inherited requirement
    /// that cannot be made. Nothing has changed then.
    pub fn bypass(&mut self, job: JobId) -> Result<J, GraphError> {
        self.building("bypass a job")?;
        let index = self.known(job)?;
        let inherited = self.inherited(index)?;
        for (dependent, required, condition) in inherited {
            self.connect(dependent, required, condition);
        }
        Ok(self.take(index))
    }

    /// The requirements that the dependents of a bypassed job do not have yet.
    fn inherited(&mut self, index: u32) -> Result<Vec<(u32, u32, Condition)>, GraphError> {
        let dependents: Vec<_> = self.edges.dependents(&self.jobs.nodes, index).collect();
        let requirements = self.required_in_order(index);
        let mut inherited = Vec::new();
        for &(dependent, by) in &dependents {
            if by == Condition::Failed {
                let (job, dependent) = (self.name(index), self.name(dependent));
                return Err(GraphError::BypassedFailure { job, dependent });
            }
            let is_grouped = |&(_, condition): &(u32, Condition)| condition == Condition::Any;
            if by == Condition::Any || requirements.iter().any(is_grouped) {
                let whose = if by == Condition::Any { dependent } else { index };
                let (job, dependent) = (self.name(index), self.name(whose));
                return Err(GraphError::BypassedGroup { job, dependent });
            }
            for &(required, condition) in &requirements {
                let however = matches!(by, Condition::Finished | Condition::Settled);
                let condition = if however { by } else { condition };
                if self.check_requirement(dependent, required, condition)? {
                    inherited.push((dependent, required, condition));
                }
            }
        }
        if self.edges.has_room_for(inherited.len()) { Ok(inherited) } else { Err(GraphError::Full) }
    }

    /// Keeps only the jobs that lie on a way from one of `starts` to one of `ends`, those included,
    /// and returns the others. Without starts every entry job is one, without ends every exit job.
    /// O(jobs + requirements).
    ///
    /// # Errors
    /// [`GraphError::UnknownJob`], or [`GraphError::AlreadyStarted`].
    pub fn keep_between(
        &mut self,
        starts: &[JobId],
        ends: &[JobId],
    ) -> Result<Vec<(JobId, J)>, GraphError> {
        let dropped = self.not_between(starts, ends)?;
        let mut is_dropped = vec![false; self.jobs.nodes.len()];
        for &index in &dropped {
            is_dropped[index as usize] = true;
        }
        self.detach(|index| is_dropped[index as usize]);
        let take = |index| {
            self.edges.forget_job(index);
            (self.id(index), self.forget(index))
        };
        Ok(dropped.into_iter().map(take).collect())
    }

    /// The jobs that [`keep_between`](Self::keep_between) would not keep.
    #[cfg(feature = "std")]
    pub(crate) fn ids_not_between(
        &self,
        starts: &[JobId],
        ends: &[JobId],
    ) -> Result<Vec<JobId>, GraphError> {
        Ok(self.not_between(starts, ends)?.into_iter().map(|index| self.id(index)).collect())
    }

    fn not_between(&self, starts: &[JobId], ends: &[JobId]) -> Result<Vec<u32>, GraphError> {
        self.building("keep a part of the graph")?;
        let (entries, exits) = (self.entry_jobs(), self.exit_jobs());
        let starts = if starts.is_empty() { &entries } else { starts };
        let ends = if ends.is_empty() { &exits } else { ends };
        let after_starts = self.reached(Side::Dependents, starts)?;
        let before_ends = self.reached(Side::Requirements, ends)?;
        let dropped = |&index: &u32| !after_starts[index as usize] || !before_ends[index as usize];
        Ok(self.jobs.in_creation_order().into_iter().filter(dropped).collect())
    }

    pub(super) fn known(&self, id: JobId) -> Result<u32, GraphError> {
        match self.jobs.index(id) {
            Some(index) => Ok(index),
            None => Err(GraphError::UnknownJob { id }),
        }
    }
}
