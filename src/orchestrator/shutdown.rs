use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::edge::Condition;
use super::error::GraphError;
use super::job::{JobId, JobOptions};
use super::machine::{Orchestrator, RunOptions};
use super::order::Side;

impl<J> Orchestrator<J> {
    /// Builds the run of the shutdown hooks: one job for each of the `hooks` that was ever handed out,
    /// once, with the requirements between them reversed, so that what was built last is cleaned up
    /// first. A hook comes after the others however they ended, and may take no longer than its `budget`.
    ///
    /// The payload of a job is the job whose hook it is. `None` stands for a job without a hook
    /// between two that have one; it only keeps the order: complete it at once. O(jobs + requirements).
    ///
    /// # Errors
    /// [`GraphError::UnknownJob`] if one of the hooks is of a job that is not present.
    pub fn shutdown_run(
        &self,
        hooks: &[JobId],
        budget: Option<Duration>,
        options: RunOptions,
    ) -> Result<Orchestrator<Option<JobId>>, GraphError> {
        let mut hooked = Vec::new();
        for &job in hooks {
            let index = self.known(job)?;
            if self.node(index).attempts > 0 {
                hooked.push(job);
            }
        }
        let (above, below) =
            (self.reached(Side::Requirements, &hooked)?, self.reached(Side::Dependents, &hooked)?);
        let mut payload: Vec<Option<JobId>> = vec![None; self.jobs.nodes.len()];
        for job in hooked {
            payload[job.index()] = Some(job);
        }

        let mut run = Orchestrator::new(options);
        let mut made: Vec<Option<JobId>> = vec![None; self.jobs.nodes.len()];
        for job in self.topological_order()?.into_iter().rev() {
            let index = job.index();
            if payload[index].is_none() && !(above[index] && below[index]) {
                continue;
            }
            let after: Vec<_> = self
                .dependents(job)
                .filter_map(|(dependent, _)| Some((made[dependent.index()]?, Condition::Finished)))
                .collect();
            let label = self.label(job).map(Into::into);
            let timeout = budget.filter(|_| payload[index].is_some());
            made[index] = Some(run.add(
                payload[index],
                JobOptions { label, timeout, ..JobOptions::default() },
                &after,
            )?);
        }
        Ok(run)
    }
}
