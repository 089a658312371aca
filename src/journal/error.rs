use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::file::Refused;

/// Why a journal cannot be opened.
#[derive(Debug)]
pub struct JournalError {
    path: PathBuf,
    why: Why,
}

#[derive(Debug)]
pub(super) enum Why {
    Taken,
    Refused(Refused),
}

impl JournalError {
    pub(super) fn new(path: &Path, why: Why) -> Self {
        Self { path: path.into(), why }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether another process has it.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        matches!(self.why, Why::Taken)
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the journal {} ", self.path.display())?;
        match &self.why {
            Why::Taken => f.write_str("is that of a run that goes on: one at a time can have it"),
            Why::Refused(Refused::Foreign) => f.write_str("is no journal: name another file"),
            Why::Refused(Refused::Format(format)) => {
                write!(f, "is of format {format}, which a later version has written")
            }
            Why::Refused(Refused::Io(error)) if error.kind() == io::ErrorKind::AlreadyExists => {
                f.write_str("exists: use `Journal::resume` to go on with it")
            }
            Why::Refused(Refused::Io(error)) => write!(f, "cannot be opened: {error}"),
        }
    }
}

// Its text has the cause.
impl std::error::Error for JournalError {}
