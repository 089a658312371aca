use std::boxed::Box;

use super::cells::Cells;
use super::engine::Engine;
use crate::orchestrator::{Failure, JobState, Outcome, Verdict};
use crate::run::facts::error::JobError;
use crate::run::facts::report::Report;
use crate::run::job::payload::Payload;

impl<P: Payload> Engine<P> {
    /// Nothing of the run is going on any more.
    pub(crate) fn end(&mut self) {
        if self.core.counts().failed > 0 {
            self.name_late_failures();
        }
        self.ended = self.ended.max(self.core.clock());
    }

    /// Puts down what the observers are told last.
    pub(crate) fn say_over(&mut self) -> Verdict {
        let verdict = self.verdict();
        self.tell_over(verdict);
        verdict
    }

    fn verdict(&self) -> Verdict {
        self.core.verdict().unwrap_or(Verdict::Stopped)
    }

    /// What is left of a run that has ended, and the bodies, as far as they are there.
    pub(crate) fn into_report(self: Box<Self>) -> (Report<P::Outputs>, Cells<P>) {
        let verdict = self.verdict();
        let Self { scope, begun, ended, core, outputs, mishaps, cells, .. } = *self;
        (Report { scope, verdict, begun, ended, core, outputs, mishaps }, cells)
    }

    /// A timeout decides how a job failed, whatever the job reported.
    pub(super) fn name_late_failures(&mut self) {
        for job in self.job_ids() {
            let error = match self.core.state(job) {
                Some(JobState::Ended(Outcome::Failed(Failure::TimedOut))) => JobError::TimedOut,
                Some(JobState::Ended(Outcome::Failed(Failure::NeverReady))) => JobError::NeverReady,
                _ => continue,
            };
            if let Some(record) = self.core.payload_mut(job) {
                let before = record.set_error(Some(error));
                self.discard_error(job, before);
            }
        }
    }
}
