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

impl Command {
    /// How it is started here.
    pub(crate) fn launch(&self) -> Result<Launch, CommandFailed> {
        if !self.leashed {
            let feed = self.stdin.to_vec();
            return Ok(Launch {
                program: self.program(),
                feed,
                leash: None,
                host: None,
                lets_go: false,
                deaf: false,
            });
        }
        let leash = Leash::new(self.grace);
        let mut program = std::process::Command::new("sh");
        program.args(leash.args());
        let feed = leash.feed(&self.script(&leash, None)?);
        Ok(Launch { program, feed, leash: Some(leash), host: None, lets_go: false, deaf: false })
    }
}
