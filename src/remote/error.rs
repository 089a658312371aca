use std::fmt;
use std::format;
use std::string::String;

use serde::{Deserialize, Serialize};

use crate::run::is_caused_by;
use crate::{Cancelled, Error, JobError, Permanent};

/// Why a call was not answered. It can be sent, so that it reads the same wherever the handler was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallError {
    /// The handler failed, or panicked.
    Failed {
        /// Its error, with all causes.
        text: String,
        /// Whether it said that no retry helps.
        is_permanent: bool,
    },
    /// The handler was asked to end, and did, or gave up by itself.
    Cancelled,
    /// What it was given cannot be read: the two sides mean different things by the task.
    Unreadable {
        /// The task, and why.
        text: String,
    },
    /// Nobody handles such a task here.
    Unknown {
        /// Its name.
        task: String,
    },
    /// The engine could not bring the call to a handler, or the answer back.
    Engine {
        /// What went wrong.
        text: String,
        /// Whether no retry helps.
        is_permanent: bool,
    },
}

impl CallError {
    /// What a handler failed with.
    pub(super) fn of(error: Error) -> Self {
        if is_caused_by::<Cancelled>(&error) {
            return Self::Cancelled;
        }
        let is_permanent = is_caused_by::<Permanent>(&error);
        Self::Failed { text: format!("{}", JobError::Error(error)), is_permanent }
    }

    /// Whether no retry helps.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Failed { is_permanent, .. } | Self::Engine { is_permanent, .. } => *is_permanent,
            Self::Cancelled => false,
            Self::Unreadable { .. } | Self::Unknown { .. } => true,
        }
    }

    /// As the error of a job.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Cancelled => Cancelled.into(),
            error if error.is_permanent() => Permanent::new(error).into(),
            error => error.into(),
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { text, .. } | Self::Unreadable { text } | Self::Engine { text, .. } => {
                f.write_str(text)
            }
            Self::Cancelled => f.write_str("cancelled"),
            Self::Unknown { task } => write!(
                f,
                "nobody handles `{task}` here: add it to the handlers, or is this another version?"
            ),
        }
    }
}

impl std::error::Error for CallError {}
