use std::collections::HashSet;
use std::format;
use std::vec::Vec;

use crate::orchestrator::{JobId, JobKind};
use crate::run::engine::graph::Graph;
use crate::run::facts::error::RunError;
use crate::run::facts::quiet::caught;
use crate::run::job::keep::Keep;
use crate::run::job::payload::Payload;

impl<P: Payload> Graph<P> {
    /// Restores what was recorded and still counts, before anything runs, and lets services go that only such jobs
    /// require. What is restored is decided here for good: a service that it would need is not there.
    pub(super) fn plan(&mut self) -> Result<(), RunError> {
        let Some(keeping) = self.durables.keeping.clone() else { return Ok(()) };
        let Ok(order) = self.core.topological_order() else { return Ok(()) };
        let mut keys: Vec<_> =
            self.durables.jobs.values().map(|durable| keeping.key(&durable.key)).collect();
        keys.sort_unstable();
        let claimed = keeping.keeper.claim(&keeping, &mut keys.into_iter());
        claimed.map_err(|key| RunError::KeyTaken { key: key.as_ref().into() })?;
        let mut restored = HashSet::new();
        for &job in &order {
            if self.durables.jobs.contains_key(&job) && self.restore(job) {
                restored.insert(job);
            }
        }
        self.leave_out_services(&order, restored);
        Ok(())
    }

    fn restore(&mut self, job: JobId) -> bool {
        let fed_by = self.fed_by(job);
        if let Some(durable) = self.durables.jobs.get_mut(&job) {
            durable.fed_by = fed_by.map(Into::into);
        }
        let Some(keep) = self.durables.keep(&self.core, job) else { return false };
        let keep = Keep { planning: true, ..keep };
        let Ok(recorded) = keep.keeping.keeper.restore(&keep) else { return false };
        let body = self.cells.body_mut(job.index());
        // It runs code of the user's.
        let is_read =
            body.is_some_and(|body| caught(|| body.parts().0.restore(&recorded)).unwrap_or(false));
        if !is_read {
            keep.keeping.keeper.reject(&keep.key);
        }
        is_read
    }

    /// Who feeds it, and can neither be restored nor is a service.
    fn fed_by(&self, job: JobId) -> Option<std::string::String> {
        let mut found = None;
        let body = self.cells.body(job.index())?;
        body.peek().feeders(&mut |key| {
            let is_finite = self.core.kind(key.id) == Some(JobKind::Finite);
            if is_finite && !self.durables.jobs.contains_key(&key.id) && found.is_none() {
                found = Some(format!("{}", self.core.job_name(key.id)));
            }
        });
        found
    }

    /// A service all of whose dependents are restored is not needed. In doubt it is: nobody requires it, jobs may be added, it is
    /// waited for.
    fn leave_out_services(&mut self, order: &[JobId], mut idle: HashSet<JobId>) {
        if idle.is_empty() || self.additions.are_shared() {
            return;
        }
        let dependents = self.core.dependents_of_all();
        let mut services = Vec::new();
        for &job in order.iter().rev() {
            let is_service = self.core.kind(job) == Some(JobKind::Service);
            let mut required_by = dependents.of(job).map(|(dependent, _)| dependent).peekable();
            let is_required = required_by.peek().is_some();
            if is_service
                && is_required
                && !self.core.is_awaited(job)
                && !idle.contains(&job)
                && required_by.all(|dependent| idle.contains(&dependent))
            {
                idle.insert(job);
                services.push(job);
            }
        }
        drop(dependents);
        for job in services {
            if let Some(body) = self.cells.body_mut(job.index()) {
                *body = P::idle();
            }
            // There is nothing to clean up.
            drop(self.cells.take_hook(job.index()));
        }
    }
}
