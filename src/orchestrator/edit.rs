use alloc::boxed::Box;
use alloc::vec::Vec;

use super::edge::{Condition, Lists, MAX_JOBS, NONE};
use super::error::{GraphError, InputError, JobName};
use super::job::{JobId, JobKind, JobOptions, NumberAndIndex};
use super::machine::Orchestrator;
use super::node::{Extra, Node};
use super::observe::Change;
use super::order::Side;
use super::phase::Phase;
use super::resolve::Resolution;
use super::state::Event;

/// Requirement lists up to this long are compared pair by pair.
const SHORT: usize = 16;

impl<J> Orchestrator<J> {
    /// Adds a job, before `start` or while the run goes on. O(requirements).
    ///
    /// In a run, requirements on jobs that have ended resolve on the spot: the job is queued, waits,
    /// or is skipped at once, because of the first listed requirement that is impossible. A
    /// requirement listed twice counts once.
    ///
    /// # Errors
    /// A requirement that cannot be made ([`GraphError`] names both jobs), a run that is ending, or
    /// no room. The payload is dropped then; nothing else has changed.
    pub fn add(
        &mut self,
        payload: J,
        options: JobOptions,
        requirements: &[(JobId, Condition)],
    ) -> Result<JobId, GraphError> {
        let extra = (!options.is_plain()).then(|| Box::new(Extra::new(options)));
        self.insert(payload, extra, requirements).map(JobId::from)
    }

    /// Adds a job that has something extra, or not.
    #[expect(clippy::inline_always, reason = "so that the payload is made where it is to be")]
    #[inline(always)]
    pub(crate) fn insert(
        &mut self,
        payload: J,
        extra: Option<Box<Extra>>,
        requirements: &[(JobId, Condition)],
    ) -> Result<NumberAndIndex, GraphError> {
        if self.is_ending() || !self.has_room_for(requirements) {
            return Err(self.no_more(extra.as_deref()));
        }
        let (index, number) = self.jobs.next_index();
        let (newest, held_by) = if requirements.is_empty() {
            (NONE, 0)
        } else {
            self.check_new(extra.as_deref(), requirements)?;
            self.edges.connect_new(&mut self.jobs.nodes, index, requirements)
        };
        let node = Node::new(number, extra.as_deref(), Lists::of_new(newest), held_by);
        let id = node.id(index);
        self.counts.waiting += 1;
        self.unfinished_finite += usize::from(node.is_finite());
        self.jobs.insert(node, extra, payload);
        self.record(id, Change::Added);
        if self.has_started() {
            self.enter_run(index);
        }
        Ok(NumberAndIndex { number, index })
    }

    /// A job was added to a run: it starts, waits, or never will start.
    fn enter_run(&mut self, index: u32) {
        self.settle_polled();
        self.had_finite |= self.node(index).is_finite();
        let made = self.node(index).held_by;
        let mut unresolved = 0;
        let mut culprit = None;
        for (required, condition) in self.edges.newest(made) {
            match self.fate(required).resolution(condition) {
                Resolution::Pending => unresolved += 1,
                Resolution::Satisfied => {}
                Resolution::Impossible => culprit = culprit.or(Some(self.id(required))),
            }
        }
        self.jobs.node_mut(index).held_by = unresolved;
        if let Some(required) = culprit {
            self.apply(index, Event::Impossible(required));
        } else if unresolved == 0 {
            self.satisfy(index);
        }
        self.conclude();
    }

    #[inline]
    fn has_room_for(&self, requirements: &[(JobId, Condition)]) -> bool {
        self.jobs.len() < MAX_JOBS && self.edges.has_room_for(requirements.len())
    }

    /// Whether all this can be asked of others.
    #[inline]
    fn check_new(
        &self,
        extra: Option<&Extra>,
        requirements: &[(JobId, Condition)],
    ) -> Result<(), GraphError> {
        let mut all_ask_the_same = true;
        for &(id, asked) in requirements {
            if !self.is_usual(id, asked) {
                self.check_unusual(extra, id, asked)?;
            }
            all_ask_the_same &= asked == requirements[0].1;
        }
        if all_ask_the_same { Ok(()) } else { self.check_repeated(extra, requirements) }
    }

    #[cold]
    fn no_more(&self, extra: Option<&Extra>) -> GraphError {
        match self.ending() {
            Some(ending) => GraphError::RunEnding { job: Extra::name(extra), ending },
            None => GraphError::Full,
        }
    }

    /// Whether this can be asked of a job for certain.
    #[inline]
    fn is_usual(&self, id: JobId, asked: Condition) -> bool {
        asked != Condition::Failed && self.get(id).is_some_and(Node::is_finite)
    }

    #[cold]
    fn check_unusual(
        &self,
        extra: Option<&Extra>,
        id: JobId,
        asked: Condition,
    ) -> Result<(), GraphError> {
        let required = self.known(id)?;
        self.check_condition(|| Extra::name(extra), required, asked)
    }

    /// A job may be listed twice, if the same is asked of it.
    #[cold]
    fn check_repeated(
        &self,
        extra: Option<&Extra>,
        requirements: &[(JobId, Condition)],
    ) -> Result<(), GraphError> {
        let check = |(id, existing): (JobId, Condition), asked| {
            (existing != asked).then_some((id, existing, asked))
        };
        let conflict = if requirements.len() <= SHORT {
            requirements.iter().enumerate().find_map(|(position, &(id, asked))| {
                let before = requirements[..position].iter().find(|&&(other, _)| other == id)?;
                check(*before, asked)
            })
        } else {
            let mut sorted = requirements.to_vec();
            sorted.sort_by_key(|&(id, _)| id);
            sorted.windows(2).find_map(|pair| {
                let [before, (id, asked)] = *pair else { return None };
                if before.0 == id { check(before, asked) } else { None }
            })
        };
        let Some((id, existing, asked)) = conflict else { return Ok(()) };
        let (job, required) = (Extra::name(extra), self.name(id.slab_index()));
        Err(GraphError::ConflictingConditions { job, required, existing, asked })
    }

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
        self.check_condition(|| self.name(job), required, asked)?;
        match self
            .edges
            .find(&self.jobs.nodes, job, required)
            .map(|edge| self.edges.condition(edge))
        {
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
    fn check_condition(
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
            (JobKind::Finite, _) | (JobKind::Service, Condition::Succeeded) => Ok(()),
            (kind, condition) => Err(GraphError::ForeverRequired {
                job: job(),
                required: self.name(required),
                kind,
                condition,
            }),
        }
    }

    fn connect(&mut self, job: u32, required: u32, condition: Condition) {
        self.points_forward |= self.node(required).number() > self.node(job).number();
        self.edges.connect(&mut self.jobs.nodes, job, required, condition);
        self.jobs.node_mut(job).held_by += 1;
    }

    /// Takes a requirement back, before `start`. O(1) amortised; O(log requirements) where both jobs have
    /// more than 32 of them.
    ///
    /// # Errors
    /// [`GraphError::NotRequired`] if there is none, and others.
    pub fn remove_requirement(&mut self, job: JobId, required: JobId) -> Result<(), GraphError> {
        self.building("remove a requirement")?;
        let (job, required) = (self.known(job)?, self.known(required)?);
        let Some(edge) = self.edges.find(&self.jobs.nodes, job, required) else {
            return Err(GraphError::NotRequired {
                job: self.name(job),
                required: self.name(required),
            });
        };
        self.edges.disconnect(&mut self.jobs.nodes, edge);
        self.jobs.node_mut(job).held_by -= 1;
        Ok(())
    }

    /// Removes a job and returns its payload. Before `start` its requirements and those on it go with
    /// it; in a run only a job that has ended can be removed. O(its requirements and dependents),
    /// amortised.
    ///
    /// # Errors
    /// [`InputError::NotEnded`] in a run, or [`InputError::UnknownJob`].
    pub fn remove(&mut self, job: JobId) -> Result<J, InputError> {
        let index = self.jobs.index(job).ok_or(InputError::UnknownJob { id: job })?;
        if self.has_started() && !self.node(index).stage.is_ended() {
            let (job, state) = (self.name(index), self.state_of(index));
            return Err(InputError::NotEnded { job, state });
        }
        self.settle_polled();
        Ok(self.take(index))
    }

    fn take(&mut self, index: u32) -> J {
        let id = self.id(index);
        if !self.has_started() {
            let dependents: Vec<u32> =
                self.dependents_in(self.node(index).lists).map(|(job, _)| job).collect();
            for job in dependents {
                self.jobs.node_mut(job).held_by -= 1;
            }
        }
        let (node, payload) = self.jobs.remove(index);
        self.culprits.remove(&index);
        *self.counts.of(node.stage) -= 1;
        self.counts.removed += 1;
        if !node.stage.is_ended() {
            self.unfinished_finite -= usize::from(node.is_finite());
        }
        match self.phase {
            Phase::Building | Phase::Running => self.edges.detach(&mut self.jobs.nodes, node.lists),
            Phase::Ending { .. } => {
                // The edges stay: they say in which order the jobs stop. So does a body that is leaving.
                self.jobs.node_mut(index).body_is_leaving = node.body_is_leaving;
                let required = self.required_by(node.lists).count();
                let dependents = self.dependents_in(node.lists).count();
                self.edges.discount(required + dependents);
            }
        }
        self.record(id, Change::Removed);
        payload
    }

    /// Removes a job before `start`, and lets its dependents inherit its requirements: those that
    /// require it to succeed with the same conditions, those that come after it with
    /// [`Condition::Finished`]. O(its dependents times its requirements).
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
        let lists = self.node(index).lists;
        let dependents: Vec<_> = self.dependents_in(lists).collect();
        let requirements = self.required_in_order(lists);
        let mut inherited = Vec::new();
        for &(dependent, by) in &dependents {
            if by == Condition::Failed {
                let (job, dependent) = (self.name(index), self.name(dependent));
                return Err(GraphError::BypassedFailure { job, dependent });
            }
            for &(required, condition) in &requirements {
                let condition = if by == Condition::Finished { by } else { condition };
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
        self.building("keep a part of the graph")?;
        let (entries, exits) = (self.entry_jobs(), self.exit_jobs());
        let starts = if starts.is_empty() { &entries } else { starts };
        let ends = if ends.is_empty() { &exits } else { ends };
        let after_starts = self.reached(Side::Dependents, starts)?;
        let before_ends = self.reached(Side::Requirements, ends)?;
        let dropped = |&index: &u32| !after_starts[index as usize] || !before_ends[index as usize];
        let dropped: Vec<u32> = self.jobs.in_creation_order().into_iter().filter(dropped).collect();
        Ok(dropped.into_iter().map(|index| (self.id(index), self.take(index))).collect())
    }

    pub(super) fn known(&self, id: JobId) -> Result<u32, GraphError> {
        match self.jobs.index(id) {
            Some(index) => Ok(index),
            None => Err(GraphError::UnknownJob { id }),
        }
    }
}
