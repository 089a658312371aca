use std::fmt;
use std::sync::Arc;

/// What a journal had to do with a job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kept {
    /// What it left behind was recorded, and still counts: it was not done again.
    Restored,
    /// It was done, or was to be, for this reason.
    Again(Again),
    /// A service that was not started: whatever requires it was restored.
    NotNeeded,
}

/// Why a durable job was done, though there is a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Again {
    /// Nothing is recorded of it.
    NoRecord,
    /// It has another version.
    Version {
        /// The one it has.
        now: u32,
        /// The one that is recorded.
        recorded: u32,
    },
    /// A durable job that it requires left something else behind.
    Input(Arc<str>),
    /// It requires other durable jobs.
    Inputs,
    /// It is fed by a job that is neither durable nor a service.
    FedBy(Arc<str>),
    /// What is recorded is not of its type.
    Unreadable,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restored => f.write_str("restored"),
            Self::Again(again) => write!(f, "ran again: {again}"),
            Self::NotNeeded => f.write_str("not needed"),
        }
    }
}

impl fmt::Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecord => f.write_str("no record"),
            Self::Version { now, recorded } => write!(f, "version {now}, recorded was {recorded}"),
            Self::Input(key) => write!(f, "its input `{key}` changed"),
            Self::Inputs => f.write_str("it requires other jobs"),
            Self::FedBy(job) => write!(f, "it is fed by {job}, which is not durable"),
            Self::Unreadable => f.write_str("what is recorded is of another type"),
        }
    }
}
