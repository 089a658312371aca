use std::sync::Arc;

use super::engine::{Engine, Role};
use crate::orchestrator::{
    Attempt, Change, JobId, JobState, Outcome, StopReason, Transition, Verdict,
};
use crate::run::facts::error::JobError;
use crate::run::facts::fact::{FactKind, JobInfo};
use crate::run::job::payload::Payload;

/// What observers hear of a run.
impl<P: Payload> Engine<P> {
    /// Puts down for the observers that the run has begun, and with what.
    pub(crate) fn tell_begun(&mut self) {
        let Some(observers) = self.observers.clone() else { return };
        observers.put(self.begun, FactKind::begun(&self.core));
        for job in self.job_ids() {
            observers.put(self.begun, FactKind::Added(self.info(job)));
        }
        self.tell();
    }

    /// Puts down for the observers what has changed.
    pub(crate) fn tell(&mut self) {
        if self.observers.is_some() {
            self.tell_changes(None);
        }
    }

    /// The same, after an attempt has completed.
    pub(crate) fn tell_completed(&mut self, attempt: Attempt) {
        if self.observers.is_some() {
            self.tell_changes(Some(attempt));
        }
    }

    // Cold: a run that nobody observes is to cost nothing.
    #[cold]
    fn tell_changes(&mut self, completed: Option<Attempt>) {
        let Some(observers) = self.observers.clone() else { return };
        while let Some(transition) = self.core.poll_transition() {
            let what = match &self.role {
                Role::Jobs => self.what_changed(transition, completed),
                Role::Hooks(subjects) => {
                    self.what_changed_in_hooks(subjects, transition, completed)
                }
            };
            if let Some(what) = what {
                observers.put(transition.at, what);
            }
        }
    }

    fn what_changed(
        &mut self,
        Transition { id, change, .. }: Transition,
        completed: Option<Attempt>,
    ) -> Option<FactKind> {
        Some(match change {
            Change::Added => {
                let mut info = self.info(id);
                if let Some(by) = self.added_by.remove(&id) {
                    Arc::make_mut(&mut info).added_by = Some(by);
                }
                FactKind::Added(info)
            }
            Change::State { from, to } => {
                FactKind::State { id, from, to, error: self.error(id, from, to, completed) }
            }
            Change::Ready => FactKind::Ready(id),
            // Nothing is removed from the run of a graph.
            Change::Removed => return None,
        })
    }

    fn what_changed_in_hooks(
        &self,
        subjects: &[Option<JobId>],
        Transition { id, change, .. }: Transition,
        completed: Option<Attempt>,
    ) -> Option<FactKind> {
        let subject = subjects[id.index()]?;
        match change {
            Change::State { to: JobState::Running { .. }, .. } => {
                Some(FactKind::HookBegun(subject))
            }
            Change::State { from, to: to @ JobState::Ended(outcome) } => {
                let error = self.error(id, from, to, completed);
                Some(FactKind::HookEnded { id: subject, outcome, error })
            }
            _ => None,
        }
    }

    /// Why the attempt failed that ended with this change.
    fn error(
        &self,
        id: JobId,
        from: JobState,
        to: JobState,
        completed: Option<Attempt>,
    ) -> Option<Arc<JobError>> {
        let number = from.attempt()?;
        match to {
            JobState::Ended(Outcome::Failed(_)) | JobState::Backoff { .. } | JobState::Queued => {}
            _ => return None,
        }
        let timed_out = matches!(from, JobState::Stopping { reason: StopReason::TimedOut, .. });
        if timed_out || completed != Some(Attempt { job: id, number }) {
            return Some(Arc::new(JobError::TimedOut));
        }
        let reported = self.core.payload(id).and_then(|record| record.error().cloned());
        Some(reported.unwrap_or_else(|| Arc::new(JobError::NeverReady)))
    }

    /// Puts down for the observers what a job says of itself.
    pub(super) fn tell_note(&mut self, id: JobId, text: &Arc<str>) {
        self.tell();
        if let (Some(observers), Role::Jobs) = (&self.observers, &self.role) {
            observers.put(self.now, FactKind::Note { id, text: Arc::clone(text) });
        }
    }

    fn info(&self, id: JobId) -> Arc<JobInfo> {
        JobInfo::of(&self.core, &self.cells, id)
    }

    /// Puts down for the observers that the run is over.
    pub(super) fn tell_over(&mut self, verdict: Verdict) {
        self.tell();
        if let Some(observers) = &self.observers {
            observers.put(self.ended, FactKind::Over(verdict));
        }
    }
}
