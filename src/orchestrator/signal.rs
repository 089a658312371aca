use core::fmt;

use super::job::{Attempt, JobId};

/// What whoever executes an attempt is told about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a signal that is not obeyed leaves a job running"]
pub enum Signal {
    /// Ask it to end, and go on until it has.
    Cancel(Attempt),
    /// Drop its body: it is over already. If that cannot be done at once, the answer is
    /// [`on_body_away`](super::Orchestrator::on_body_away).
    Abort(Attempt),
    /// The job ended with no attempt under way, and will not be polled any more: drop all that it captured,
    /// but the shutdown hook of a job that was handed out.
    Discard(JobId),
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancel(attempt) => write!(f, "cancel {attempt}"),
            Self::Abort(attempt) => write!(f, "abort {attempt}"),
            Self::Discard(job) => write!(f, "discard {job}"),
        }
    }
}
