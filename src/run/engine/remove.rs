use std::vec::Vec;

use super::engine::{Engine, Role};
use super::leftovers::Value;
use super::removals::Goes;
use crate::orchestrator::{JobId, Particulars};
use crate::run::facts::handle::Key;
use crate::run::facts::run_error::RunError;
use crate::run::job::payload::Payload;

/// Jobs, or their outputs, leave a run that goes on.
impl<P: Payload> Engine<P> {
    /// Somebody wants a job to leave.
    pub(super) fn let_leave(&mut self, job: Key) {
        // What is to run again is kept.
        if !self.keep_bodies && self.scope.owns(job) {
            self.let_go(job.id, Goes::Job);
        }
    }

    /// This is to go once the job has ended, and all that requires it.
    pub(super) fn let_go(&mut self, job: JobId, goes: Goes) {
        let Some(record) = self.core.payload(job) else { return };
        // The report of a graph knows what went wrong inside.
        let stays = goes == Goes::Output && self.outputs.is_below(record.slot);
        if matches!(self.role, Role::Jobs) && !stays {
            let is_open = |&(dependent, _): &(JobId, _)| !self.core.is_ended(dependent);
            let left = self.core.dependents(job).filter(is_open).count();
            self.removals.want(job, goes, left);
        }
    }

    /// Lets go what can go, of the jobs that are to be looked at and of what they require. All signals were
    /// obeyed before: none is on its way that names one of them.
    #[cold]
    pub(super) fn remove_open(&mut self) {
        let open = self.removals.take_open();
        // Before anything goes: of a job that is gone nobody knows what it required.
        let mut looked_at = Vec::new();
        for (job, has_ended) in open {
            looked_at.push(job);
            for (required, _) in self.core.requirements(job) {
                if has_ended {
                    self.removals.dependent_ended(required);
                }
                looked_at.push(required);
            }
        }
        for job in looked_at {
            match self.removals.goes(job) {
                Some(what @ Goes::Output) if self.is_read_by_nobody(job) => {
                    self.removals.went(job, what);
                    self.take_output(job);
                }
                Some(what @ Goes::Job) if self.can_be_removed(job) => {
                    self.removals.went(job, what);
                    self.take_out(job);
                }
                _ => {}
            }
        }
    }

    /// It has ended, and nobody will be fed by it.
    fn is_read_by_nobody(&self, job: JobId) -> bool {
        let mut dependents = self.core.dependents(job);
        self.core.is_ended(job) && dependents.all(|(dependent, _)| self.core.is_ended(dependent))
    }

    /// The same, its body is gone, and its shutdown hook is not to run.
    fn can_be_removed(&self, job: JobId) -> bool {
        self.is_read_by_nobody(job)
            && !self.core.has_body_left(job)
            && self.cells.hook(job.index()).is_none()
    }

    fn take_output(&mut self, job: JobId) {
        if let Some(slot) = self.core.payload(job).map(|record| record.slot) {
            let outputs = self.outputs.empty(slot);
            self.left.discard(Some(job), Value::Outputs(outputs));
        }
    }

    /// All that the job has kept is the user's to drop.
    fn take_out(&mut self, job: JobId) {
        #[cfg(feature = "journal")]
        self.durables.remove(&self.core, job);
        let Ok(record) = self.core.remove(job) else { return };
        let body = self.cells.take(job.index()).map(Value::Body);
        let outputs = Value::Outputs(self.outputs.vacate(record.slot));
        for value in body.into_iter().chain([outputs, Value::Record(record)]) {
            self.left.discard(None, value);
        }
        self.forget_context(job.index());
    }

    /// A job that is added is not to be fed what is gone.
    pub(super) fn check_inputs(&self, body: &P, particulars: &Particulars) -> Result<(), RunError> {
        let mut gone = None;
        body.peek().feeders(&mut |key| {
            if self.scope.owns(key) && self.removals.is_output_gone(key.id) {
                gone = Some(key.id);
            }
        });
        let Some(feeder) = gone else { return Ok(()) };
        Err(RunError::OutputGone { job: particulars.name(), feeder: self.core.job_name(feeder) })
    }
}
