use std::fmt;
use std::string::ToString as _;
use std::sync::Arc;

use super::error::JobError;
use super::record::Record;
use crate::orchestrator::{Failure, JobId, JobName, JobState, Orchestrator, Outcome, SkipReason};

/// Why a job left nothing behind that another one [was to be fed](crate::settled), or that a report
/// [was asked for](crate::Report::result).
#[derive(Clone)]
pub struct Missing {
    job: JobName,
    why: Why,
}

#[derive(Clone)]
enum Why {
    Failed(Failure, Option<Arc<JobError>>),
    /// Skipped because of this job, which failed so, if it did.
    Skipped(JobName, SkipReason, Option<Arc<JobError>>),
    /// The end of the run kept it from ending well: what is said of that.
    Ended(Outcome, Arc<str>),
    /// The output is not there any more.
    Gone,
    /// It is a job of another graph.
    Foreign,
}

impl Missing {
    /// Why a job that is not over well left nothing.
    pub(crate) fn of(core: &Orchestrator<Record>, job: JobId) -> Self {
        let why = match core.state(job).and_then(JobState::outcome) {
            Some(Outcome::Failed(failure)) => Why::Failed(failure, Self::error_of(core, job)),
            Some(Outcome::Skipped(reason @ SkipReason::Requirement(culprit))) => {
                Why::Skipped(core.job_name(culprit), reason, Self::error_of(core, culprit))
            }
            Some(outcome @ (Outcome::Cancelled | Outcome::Skipped(SkipReason::RunStopped))) => {
                let why =
                    core.explain(job).map_or_else(|| outcome.to_string(), |why| why.to_string());
                Why::Ended(outcome, why.into())
            }
            Some(Outcome::Succeeded) | None => Why::Gone,
        };
        Self { job: core.job_name(job), why }
    }

    /// Why a job failed, if it did.
    fn error_of(core: &Orchestrator<Record>, job: JobId) -> Option<Arc<JobError>> {
        let Outcome::Failed(failure) = core.state(job)?.outcome()? else { return None };
        match failure {
            Failure::TimedOut => Some(Arc::new(JobError::TimedOut)),
            Failure::NeverReady => Some(Arc::new(JobError::NeverReady)),
            Failure::Error | Failure::Panic => core.payload(job)?.error().cloned(),
        }
    }

    /// Its output is not there any more.
    pub(crate) fn gone(job: JobId) -> Self {
        Self { job: JobName { id: Some(job), label: None }, why: Why::Gone }
    }

    /// It is of another graph.
    pub(crate) fn foreign(job: JobId) -> Self {
        Self { job: JobName { id: Some(job), label: None }, why: Why::Foreign }
    }

    /// The job.
    #[must_use]
    pub fn job(&self) -> &JobName {
        &self.job
    }

    /// How it ended; `None` if its output is gone, or it is of another graph.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match self.why {
            Why::Failed(failure, _) => Some(Outcome::Failed(failure)),
            Why::Skipped(_, reason, _) => Some(Outcome::Skipped(reason)),
            Why::Ended(outcome, _) => Some(outcome),
            Why::Gone | Why::Foreign => None,
        }
    }

    /// Why it failed, if it did; of one that was skipped, why the job failed because of which it was.
    #[must_use]
    pub fn error(&self) -> Option<&JobError> {
        match &self.why {
            Why::Failed(_, error) | Why::Skipped(_, _, error) => error.as_deref(),
            Why::Ended(..) | Why::Gone | Why::Foreign => None,
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { job, why } = self;
        match why {
            Why::Failed(_, Some(error)) => write!(f, "{job} failed: {error}"),
            Why::Failed(failure, None) => write!(f, "{job}: {}", Outcome::Failed(*failure)),
            Why::Skipped(culprit, _, None) => write!(f, "{job} was skipped because of {culprit}"),
            Why::Skipped(culprit, _, Some(error)) => {
                write!(f, "{job} was skipped because of {culprit}: {error}")
            }
            Why::Ended(_, why) => write!(f, "{job}: {why}"),
            Why::Gone => write!(f, "the output of {job} is gone"),
            Why::Foreign => write!(f, "{job} is a job of another graph"),
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
