use std::fmt;
use std::format;
use std::string::String;
use std::sync::Arc;

use super::error::JobError;
use crate::orchestrator::{JobId, JobName};

/// Something that went wrong in a run: a job that failed, a shutdown hook that did, a `Drop` that panicked.
/// Displays with the way to it and its causes: `checks / #1 unit tests: 3 tests failed`.
#[derive(Clone)]
pub struct Trouble {
    /// The job of the graph itself in which it happened, if it was in a job.
    pub(super) job: Option<JobId>,
    pub(super) text: String,
    pub(super) error: Option<Arc<JobError>>,
}

impl Trouble {
    /// The error itself, if a job or a shutdown hook failed: what it returned can be looked for in it.
    ///
    /// ```
    /// # use jobgraph::{Job, JobError, JobGraph};
    /// let mut graph = JobGraph::new();
    /// graph.add(Job::try_new(async { "80x".parse::<u16>() }));
    /// let failed = jobgraph::smol::block_on(graph)?.check().unwrap_err();
    /// let Some(JobError::Error(error)) = failed.troubles()[0].error() else { panic!() };
    /// assert!(error.is::<std::num::ParseIntError>());
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    #[must_use]
    pub fn error(&self) -> Option<&JobError> {
        self.error.as_deref()
    }

    /// The same, as it is told outside of the job in whose graph it happened.
    pub(super) fn inside(self, job: JobName<&str>) -> Self {
        Self { job: job.id, text: format!("{job} / {}", self.text), ..self }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Trouble {
    /// Like `Display`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
