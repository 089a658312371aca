use std::boxed::Box;
use std::fmt;
use std::io;
use std::string::String;
use std::sync::Arc;

use super::capture::Output;
use crate::{Error, Permanent};

/// A command that did not end as it should. Reads like `exit code 2: make: *** [all] Error 2`.
#[derive(Clone)]
pub struct CommandFailed {
    command: Box<str>,
    host: Option<Arc<str>>,
    how: How,
    stderr: Output,
    /// What counts of that, if it is not the last line.
    words: Option<Box<str>>,
}

/// How it failed.
#[derive(Clone)]
pub(crate) enum How {
    Code(i32),
    Signal(i32),
    /// It was not started, with the reason.
    NotStarted(Arc<io::Error>),
    /// It cannot be, whatever the machine.
    Refused(Box<str>),
    /// Nobody knows how it ended, with what is known.
    Lost(Box<str>),
}

impl CommandFailed {
    pub(crate) fn new(command: String, host: Option<Arc<str>>, how: How, stderr: Output) -> Self {
        Self { command: command.into(), host, how, stderr, words: None }
    }

    /// The command, as it would be typed; cut if it is long.
    #[must_use]
    pub fn command(&self) -> &str {
        &self.command
    }

    /// On which machine, unless it was this one.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The exit code, if there was one.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        if let How::Code(code) = self.how { Some(code) } else { None }
    }

    /// The number of the signal that killed it, if one did.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        if let How::Signal(signal) = self.how { Some(signal) } else { None }
    }

    /// Whether it is unknown how it ended: the connection to its machine was lost.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        matches!(self.how, How::Lost(_))
    }

    /// What it wrote to its standard error.
    #[must_use]
    pub fn stderr(&self) -> &Output {
        &self.stderr
    }

    /// The same, with the first line that it wrote: what went wrong, before all that went wrong because of that.
    #[cfg(feature = "ssh")]
    pub(crate) fn with_first_line(self) -> Self {
        let text = self.stderr.text();
        let first = text.lines().map(str::trim).find(|line| !line.is_empty());
        let words = first.map(Into::into);
        drop(text);
        Self { words, ..self }
    }

    /// The same, with what somebody else knows of its loss.
    #[cfg(feature = "ssh")]
    pub(crate) fn lost(self, words: &str) -> Self {
        Self { how: How::Lost(words.into()), ..self }
    }

    /// As the error of a job: one that no retry helps says so.
    pub(crate) fn marked(self) -> Error {
        if self.is_permanent() { Permanent::new(self).into() } else { self.into() }
    }

    /// Whether no retry helps: what cannot be started now cannot be started later.
    fn is_permanent(&self) -> bool {
        match &self.how {
            How::Refused(_) => true,
            How::NotStarted(error) => matches!(
                error.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::PermissionDenied
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::ArgumentListTooLong
                    | io::ErrorKind::NotADirectory
            ),
            How::Code(_) | How::Signal(_) | How::Lost(_) => false,
        }
    }
}

impl fmt::Display for CommandFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = |f: &mut fmt::Formatter<'_>| match &self.host {
            Some(host) => write!(f, " on {host}"),
            None => Ok(()),
        };
        match &self.how {
            How::Code(code) => write!(f, "exit code {code}").and_then(|()| on(f))?,
            How::Signal(signal) => {
                match signal_name(*signal) {
                    Some(name) => write!(f, "killed by {name}")?,
                    None => write!(f, "killed by signal {signal}")?,
                }
                on(f)?;
            }
            How::NotStarted(error) => {
                write!(f, "{} cannot be started", self.command).and_then(|()| on(f))?;
                return write!(f, ": {error}");
            }
            How::Refused(why) => return f.write_str(why),
            How::Lost(why) => {
                write!(f, "{} was lost", self.command).and_then(|()| on(f))?;
                return write!(f, ": {why}");
            }
        }
        match (&self.words, self.stderr.last_line()) {
            (Some(words), _) => write!(f, ": {words}"),
            (None, line) if line.is_empty() => Ok(()),
            (None, line) => write!(f, ": {line}"),
        }
    }
}

impl fmt::Debug for CommandFailed {
    /// Like `Display`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// Its text has the cause.
impl std::error::Error for CommandFailed {}

/// Those that have the same number on every unix.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        _ => return None,
    })
}
