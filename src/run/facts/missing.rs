use std::boxed::Box;
use std::fmt;
use std::sync::Arc;

use super::error::JobError;
use crate::orchestrator::{JobId, JobName, Outcome, SkipReason};

/// Why a job left nothing behind that another one [was to be fed](crate::settled).
#[derive(Clone)]
pub struct Missing {
    job: JobName,
    outcome: Option<Outcome>,
    error: Option<Arc<JobError>>,
    /// Because of whom it was skipped.
    culprit: Option<JobName>,
}

impl Missing {
    pub(crate) fn new(
        job: JobName<&str>,
        outcome: Option<Outcome>,
        error: Option<Arc<JobError>>,
        culprit: Option<JobName<&str>>,
    ) -> Self {
        let own = |name: JobName<&str>| JobName { id: name.id, label: name.label.map(Box::from) };
        Self { job: own(job), outcome, error, culprit: culprit.map(own) }
    }

    /// Its output is not there any more.
    pub(crate) fn gone(job: JobId) -> Self {
        let job = JobName { id: Some(job), label: None };
        Self { job, outcome: None, error: None, culprit: None }
    }

    /// The job.
    #[must_use]
    pub fn job(&self) -> &JobName {
        &self.job
    }

    /// How it ended; `None` if its output went before it could be fed.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Why it failed, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&JobError> {
        self.error.as_deref()
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { job, outcome, error, culprit } = self;
        match (outcome, error, culprit) {
            (Some(Outcome::Failed(_)), Some(error), _) => write!(f, "{job} failed: {error}"),
            (Some(Outcome::Skipped(SkipReason::Requirement(_))), _, Some(culprit)) => {
                write!(f, "{job} was skipped because of {culprit}")
            }
            (Some(outcome), ..) => write!(f, "{job}: {outcome}"),
            (None, ..) => write!(f, "the output of {job} is gone"),
        }
    }
}

impl fmt::Debug for Missing {
    /// Like `Display`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// Its text has the chain of causes.
impl std::error::Error for Missing {}
