use std::boxed::Box;
use std::fmt;

use crate::{Error, Permanent};

/// A connection that could not be opened, or was lost. Reads like `cannot connect to fit01: Permission denied (publickey).`
#[derive(Clone)]
pub struct ConnectFailed {
    host: Box<str>,
    words: Box<str>,
    was_open: bool,
}

impl ConnectFailed {
    pub(super) fn new(host: &str, words: &str, was_open: bool) -> Self {
        let words = if words.is_empty() { "ssh did not say why" } else { words };
        Self { host: host.into(), words: words.into(), was_open }
    }

    /// Which machine this was about.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What `ssh` said, at last.
    #[must_use]
    pub fn words(&self) -> &str {
        &self.words
    }

    /// Whether it was open, and was lost.
    #[must_use]
    pub fn was_open(&self) -> bool {
        self.was_open
    }

    /// As the error of a job: one that no retry helps says so.
    pub(super) fn marked(self) -> Error {
        let words = self.words.to_lowercase();
        let is_permanent = !self.was_open && FOR_GOOD.iter().any(|part| words.contains(part));
        if is_permanent { Permanent::new(self).into() } else { self.into() }
    }
}

/// What `ssh` says of what stays as it is.
const FOR_GOOD: [&str; 9] = [
    "permission denied (",
    "too many authentication failures",
    "host key verification failed",
    "no matching host key type",
    "name or service not known",
    "nodename nor servname",
    "no address associated",
    "bad configuration option",
    "bad owner or permissions",
];

impl fmt::Display for ConnectFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.was_open { "lost the connection to" } else { "cannot connect to" };
        write!(f, "{what} {}: {}", self.host, self.words)
    }
}

impl fmt::Debug for ConnectFailed {
    /// Like `Display`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// Its text has the cause.
impl std::error::Error for ConnectFailed {}
