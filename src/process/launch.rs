use std::sync::Arc;
use std::vec::Vec;

use super::command::Command;
use super::error::CommandFailed;
use super::leash::Leash;

/// How a command is to be started.
pub(crate) struct Launch {
    pub(crate) program: std::process::Command,
    /// What it is fed.
    pub(crate) feed: Vec<u8>,
    /// If what is started is on a leash.
    pub(crate) leash: Option<Leash>,
    pub(crate) host: Option<Arc<str>>,
    /// Whether a drop lets its leash go, which ends it in order, rather than to kill it.
    pub(crate) lets_go: bool,
    /// Whether it is not stopped with its job.
    pub(crate) deaf: bool,
}

impl Launch {
    /// Here, to end with its job.
    pub(crate) fn new(program: std::process::Command, feed: Vec<u8>, leash: Option<Leash>) -> Self {
        Self { program, feed, leash, host: None, lets_go: false, deaf: false }
    }
}

impl Command {
    /// How it is started here.
    pub(crate) fn launch(&self) -> Result<Launch, CommandFailed> {
        if !self.leashed {
            return Ok(Launch::new(self.program(), self.stdin.to_vec(), None));
        }
        let leash = Leash::new(self.grace);
        let mut program = std::process::Command::new("sh");
        program.args(leash.args());
        let feed = leash.feed(&self.script(&leash, None)?);
        Ok(Launch::new(program, feed, Some(leash)))
    }
}
