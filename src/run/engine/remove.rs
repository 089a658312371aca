use std::vec::Vec;

use super::engine::{Engine, Role};
use super::leftovers::Value;
use crate::orchestrator::JobId;
use crate::run::facts::handle::Key;
use crate::run::job::payload::Payload;

/// Jobs leave a run that goes on.
impl<P: Payload> Engine<P> {
    /// Somebody wants a job to leave.
    pub(super) fn let_leave(&mut self, job: Key) {
        // What is to run again is kept.
        let may_leave = !self.keep_bodies && matches!(self.role, Role::Jobs);
        if may_leave && self.scope.owns(job) && self.core.state(job.id).is_some() {
            self.removals.want(job.id);
        }
    }

    /// Removes those that can be, of the jobs that are to be looked at and of what they require. All signals
    /// were obeyed before: none is on its way that names one of them.
    #[cold]
    pub(super) fn remove_open(&mut self) {
        for job in self.removals.take_open() {
            let required: Vec<JobId> = self.core.requirements(job).map(|(id, _)| id).collect();
            for id in [job].into_iter().chain(required) {
                if self.removals.wants(id) && self.can_be_removed(id) {
                    self.removals.forget(id);
                    self.take_out(id);
                }
            }
        }
    }

    /// It has ended, its body is gone, its shutdown hook is not to run, and nobody will be fed by it.
    fn can_be_removed(&self, job: JobId) -> bool {
        let mut dependents = self.core.dependents(job);
        self.core.is_ended(job)
            && !self.core.has_body_left(job)
            && self.cells.hook(job.index()).is_none()
            && dependents.all(|(dependent, _)| self.core.is_ended(dependent))
    }

    /// All that the job has kept is the user's to drop.
    fn take_out(&mut self, job: JobId) {
        let Ok(record) = self.core.remove(job) else { return };
        let body = self.cells.take(job.index()).map(Value::Body);
        let outputs = Value::Outputs(self.outputs.vacate(record.slot));
        for value in body.into_iter().chain([outputs, Value::Record(record)]) {
            self.left.discard(None, value);
        }
        self.forget_context(job.index());
    }
}
