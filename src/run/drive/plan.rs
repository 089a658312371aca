use std::vec::Vec;

use crate::orchestrator::{JobId, JobKind};
use crate::run::engine::durables::Planned;
use crate::run::engine::graph::Graph;
use crate::run::facts::run_error::RunError;
use crate::run::job::payload::Payload;

impl<P: Payload> Graph<P> {
    /// Finds, before anything runs, which jobs will not be done whatever happens, since what is recorded of them counts, and
    /// lets services go that only such jobs require. All else is decided when its turn comes.
    pub(super) fn plan(&mut self) -> Result<(), RunError> {
        if self.durables.keeping.is_none() || self.refusal().is_some() {
            return Ok(());
        }
        let Ok(order) = self.core.topological_order() else { return Ok(()) };
        if let Some(error) = self.misplaced().pop() {
            return Err(error);
        }
        self.durables.claim_all(&self.core)?;
        let mut planned = Planned::default();
        for &job in &order {
            if let Some(body) = self.cells.body(job.index()) {
                self.durables.learn(&self.core, job, body.peek());
            }
            if !self.durables.contains(job) {
                self.durables.plan(&self.core, job, &mut planned);
            } else if let Some(digest) = self.restore(job, &planned) {
                planned.restore(job, digest);
            }
        }
        self.leave_out_services(&order, &planned);
        Ok(())
    }

    /// The digest of what is recorded of a job, if that counts and it needs nothing but what will be restored: whenever it is
    /// handed out, all this is so.
    fn restore(&mut self, job: JobId, planned: &Planned) -> Option<u128> {
        let keep = self.durables.keep_planned(&self.core, job, planned)?;
        let recorded = keep.keeper.look_up(&keep).ok()?;
        let is_read = self.cells.body_mut(job.index())?.parts().0.restore(&recorded);
        is_read.then_some(recorded.digest)
    }

    /// A service all of whose dependents are restored is not needed. In doubt it is: nobody requires it, jobs may be added, it is
    /// waited for.
    fn leave_out_services(&mut self, order: &[JobId], planned: &Planned) {
        if planned.restores_nothing() || self.additions.are_shared() {
            return;
        }
        let dependents = self.core.dependents_of_all();
        let mut idle: Vec<JobId> = Vec::new();
        for &job in order.iter().rev() {
            let is_service = self.core.kind(job) == Some(JobKind::Service);
            let mut required_by = dependents.of(job).map(|(dependent, _)| dependent).peekable();
            if is_service
                && required_by.peek().is_some()
                && !self.core.is_awaited(job)
                && required_by
                    .all(|dependent| planned.is_restored(dependent) || idle.contains(&dependent))
            {
                idle.push(job);
            }
        }
        drop(dependents);
        for job in idle {
            if let Some(body) = self.cells.body_mut(job.index()) {
                *body = P::idle();
            }
            drop(self.cells.take_hook(job.index()));
        }
    }
}
