use std::collections::BTreeSet;
use std::vec::Vec;

use super::graph::Graph;
use crate::orchestrator::{Condition, JobId};
use crate::run::facts::handle::{JobHandle, Key, Requirements};
use crate::run::facts::run_error::RunError;
use crate::run::job::payload::Payload;

/// What jobs require of one another, and changes of that.
impl<P: Payload> Graph<P> {
    /// Makes a job require another one, both added before. A cycle is reported when the graph is run.
    ///
    /// # Errors
    /// [`RunError`] names both jobs. Nothing was changed.
    ///
    /// ```
    /// # use jobgraph::{Condition, Job, JobGraph};
    /// let mut graph = JobGraph::new();
    /// let a = graph.add(Job::new(async {}).label("a"));
    /// let b = graph.add(Job::new(async {}).label("b").requires(&a));
    /// graph.require(&a, &b, Condition::Succeeded)?;
    /// let error = jobgraph::smol::block_on(graph).unwrap_err();
    /// assert_eq!(error.to_string(), "the requirements form a cycle: a -> b -> a");
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn require(
        &mut self,
        job: &impl JobHandle,
        required: &impl JobHandle,
        condition: Condition,
    ) -> Result<(), RunError> {
        let (job, required) = (job.key(), required.key());
        let (job, required) = (self.own(job, required)?, self.own(required, job)?);
        Ok(self.core.require(job, required, condition)?)
    }

    /// Lets each of these jobs require the one before it.
    ///
    /// ```
    /// # use jobgraph::{Job, JobGraph};
    /// let mut graph = JobGraph::new();
    /// let (a, b, c) = (graph.add(Job::new(async { 1 })), graph.add(Job::new(async { "2" })), graph.add(Job::new(async { 3.0 })));
    /// graph.sequence((&a, &b, &c))?;
    /// assert!(jobgraph::smol::block_on(graph)?.is_completed());
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    ///
    /// # Errors
    /// [`RunError`] names the first two jobs that cannot be linked; those before them are.
    pub fn sequence(&mut self, jobs: impl Requirements) -> Result<(), RunError> {
        let (mut before, mut result) = (None::<Key>, Ok(()));
        jobs.each(&mut |key| {
            if let (Some(before), Ok(())) = (before, &result) {
                result = self.link(key, before);
            }
            before = Some(key);
        });
        result
    }

    fn link(&mut self, job: Key, required: Key) -> Result<(), RunError> {
        let (job, required) = (self.own(job, required)?, self.own(required, job)?);
        Ok(self.core.require(job, required, Condition::Succeeded)?)
    }

    /// The id of a job, if it is of this graph; `other` is the job that it is to be linked to.
    fn own(&self, key: Key, other: Key) -> Result<JobId, RunError> {
        if key.scope == self.scope.graph {
            return Ok(key.id);
        }
        if other.scope != self.scope.graph {
            return Err(RunError::ForeignJob { id: key.id });
        }
        Err(RunError::ForeignHandle { job: self.core.job_name(other.id), required: key.id })
    }

    /// Takes a requirement back.
    ///
    /// # Errors
    /// [`RunError`] if there is no such requirement, or the job is fed the output of the other one.
    pub fn remove_requirement(
        &mut self,
        job: &impl JobHandle,
        required: &impl JobHandle,
    ) -> Result<(), RunError> {
        let (job, required) = (job.key(), required.key());
        let (job, required) = (self.own(job, required)?, self.own(required, job)?);
        self.check_not_fed(job, |feeder| feeder == required)?;
        Ok(self.core.remove_requirement(job, required)?)
    }

    /// That a job is not fed the output of one of these.
    fn check_not_fed(&self, job: JobId, goes: impl Fn(JobId) -> bool) -> Result<(), RunError> {
        let mut missing = None;
        if let Some(body) = self.cells.body(job.index()) {
            body.peek().feeders(&mut |key| {
                missing = missing.or(Some(key.id).filter(|&feeder| goes(feeder)));
            });
        }
        match missing {
            Some(feeder) => Err(RunError::Feeds {
                job: self.core.job_name(job),
                feeder: self.core.job_name(feeder),
            }),
            None => Ok(()),
        }
    }

    /// Removes a job, and lets its dependents inherit its requirements: see [`Orchestrator::bypass`](crate::Orchestrator::bypass).
    ///
    /// # Errors
    /// [`RunError`] if they cannot, or one of them is fed its output. Nothing was changed.
    pub fn bypass(&mut self, job: &impl JobHandle) -> Result<(), RunError> {
        let id = self.own(job.key(), job.key())?;
        for (dependent, _) in self.core.dependents(id) {
            self.check_not_fed(dependent, |feeder| feeder == id)?;
        }
        self.core.bypass(id)?;
        self.drop_job(id);
        Ok(())
    }

    /// Keeps only the jobs on a way from one of `starts` to one of `ends`, those included; `()` stands
    /// for all entry jobs, or all exit jobs.
    ///
    /// # Errors
    /// [`RunError`] if one of them is not in this graph, or a job that is kept is fed the output of one that is
    /// not. Nothing was changed.
    pub fn keep_between(
        &mut self,
        starts: impl Requirements,
        ends: impl Requirements,
    ) -> Result<(), RunError> {
        let (starts, ends) = (self.own_all(starts)?, self.own_all(ends)?);
        let beyond: BTreeSet<_> = self.core.ids_not_between(&starts, &ends)?.into_iter().collect();
        for job in self.core.jobs().filter(|job| !beyond.contains(job)) {
            self.check_not_fed(job, |feeder| beyond.contains(&feeder))?;
        }
        for (id, _) in self.core.keep_between(&starts, &ends)? {
            self.drop_job(id);
        }
        Ok(())
    }

    fn drop_job(&mut self, job: JobId) {
        self.cells.drop_job(job.index());
        #[cfg(feature = "journal")]
        self.durables.forget(job, false);
    }

    fn own_all(&self, jobs: impl Requirements) -> Result<Vec<JobId>, RunError> {
        let mut ids = Ok(Vec::new());
        jobs.each(&mut |key| {
            if let Ok(list) = &mut ids {
                match self.own(key, key) {
                    Ok(id) => list.push(id),
                    Err(error) => ids = Err(error),
                }
            }
        });
        ids
    }

    fn mine(&self, key: Key) -> JobId {
        if key.scope == self.scope.graph { key.id } else { JobId::NOBODY }
    }

    /// The ids of the jobs that a job requires, in the order in which the requirements were made.
    pub fn requirements<H: JobHandle>(
        &self,
        job: &H,
    ) -> impl Iterator<Item = (JobId, Condition)> + use<'_, P, H> {
        self.core.requirements(self.mine(job.key()))
    }

    /// The ids of the jobs that require a job, in the order in which the requirements were made.
    pub fn dependents<H: JobHandle>(
        &self,
        job: &H,
    ) -> impl Iterator<Item = (JobId, Condition)> + use<'_, P, H> {
        self.core.dependents(self.mine(job.key()))
    }
}
