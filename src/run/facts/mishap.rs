use std::fmt;

use super::quiet::Panic;
use crate::orchestrator::JobId;

/// Code of the user's that panicked where nothing depends on it any more, or nothing of a job's does. It
/// changes no outcome, and makes [`Report::check`](crate::Report::check) fail.
#[derive(Clone, Debug)]
pub struct Mishap {
    /// Whose code it was; `None` if it is no job's.
    pub job: Option<JobId>,
    /// What panicked.
    pub what: MishapKind,
    /// The panic.
    pub panic: Panic,
}

/// What panicked: see [`Mishap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MishapKind {
    /// The `Drop` of a body, of an output or error that was replaced, or of a job that could not be added.
    Drop,
    /// The clock. The run was stopped, and all that was left of it aborted.
    Clock,
}

impl Mishap {
    /// The same, where it is clear whose it is.
    pub(crate) fn without_job(&self) -> Self {
        Self { job: None, ..self.clone() }
    }
}

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(job) = self.job {
            write!(f, "{job}: ")?;
        }
        match self.what {
            MishapKind::Drop => write!(f, "its drop panicked: {}", self.panic),
            MishapKind::Clock => write!(f, "the clock panicked: {}", self.panic),
        }
    }
}
