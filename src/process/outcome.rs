use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::string::ToString as _;
use std::sync::Arc;

use super::capture::Output;
use super::error::How;
use super::leash::Said;

/// A command that ended as it should.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ran {
    /// Its exit code: 0, or one that was [allowed](super::Command::allow_codes).
    pub code: i32,
    /// What it wrote to its standard output.
    pub stdout: Output,
    /// What it wrote to its standard error.
    pub stderr: Output,
}

impl How {
    /// As a leash has told it. A shell cannot tell whether a signal killed a program, or that exited so.
    pub(super) fn told(told: Said, stderr: &Output) -> Self {
        match told {
            Said::Code(code @ 129..=192) => Self::Signal(code - 128),
            Said::Code(code) => Self::Code(code),
            Said::Nothing | Said::Begun | Said::NotBegun => {
                let words = stderr.last_line().into_owned();
                Self::NotStarted(Arc::new(io::Error::new(io::ErrorKind::NotFound, words)))
            }
        }
    }

    /// As whoever waited for it knows it.
    pub(super) fn exited(status: Option<io::Result<ExitStatus>>) -> Self {
        match status {
            Some(Ok(status)) => match (status.code(), status.signal()) {
                (Some(code), _) => Self::Code(code),
                (None, signal) => Self::Signal(signal.unwrap_or_default()),
            },
            Some(Err(error)) => Self::Lost(error.to_string().into()),
            None => Self::Lost("nobody waited for it".into()),
        }
    }

    /// As a shell would put it.
    pub(super) fn code(&self) -> Option<i32> {
        match self {
            Self::Code(code) => Some(*code),
            Self::Signal(signal) => Some(128 + signal),
            Self::NotStarted(_) | Self::Refused(_) | Self::Lost(_) => None,
        }
    }
}
