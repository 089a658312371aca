use std::ffi::OsString;
use std::fmt;
use std::format;
use std::path::PathBuf;
use std::string::String;
use std::sync::Arc;
use std::vec;
use std::vec::Vec;

use super::session::Session;
use super::socket::Socket;
use crate::Handle;
use crate::process::Command;

/// A machine to connect to, as `ssh` would be told: a host of `~/.ssh/config`, `user@host`, or an `ssh://` address.
#[derive(Clone)]
#[must_use = "it is connected to by the job that `service` makes"]
pub struct Ssh {
    pub(super) host: Arc<str>,
    pub(super) via: Vec<Handle<Session>>,
    options: Vec<String>,
    config: Option<PathBuf>,
    pub(super) sessions: usize,
}

/// As many sessions a connection has with an `sshd` that is not configured otherwise.
const SESSIONS: usize = 10;

impl Ssh {
    /// This machine.
    pub fn to(host: impl Into<String>) -> Self {
        let host = host.into().into();
        Self { host, via: Vec::new(), options: Vec::new(), config: None, sessions: SESSIONS }
    }

    /// Through another connection, which is thereby required: it is closed after this one. Without it, a `ProxyJump` that
    /// the user has configured holds, by a connection of its own.
    pub fn via(mut self, gateway: &Handle<Session>) -> Self {
        self.via = vec![*gateway];
        self
    }

    /// An option as `ssh -o` takes it, `Port=2222`, over what the user has configured. What makes the connection one that is shared
    /// and asks for nothing cannot be set. It tries for 30 s (`ConnectTimeout`), and a machine that does not answer for 45 s is lost
    /// (`ServerAliveInterval` times `ServerAliveCountMax`) unless said otherwise.
    pub fn option(mut self, option: impl Into<String>) -> Self {
        self.options.push(option.into());
        self
    }

    /// Another file than `~/.ssh/config`.
    pub fn config(mut self, file: impl Into<PathBuf>) -> Self {
        self.config = Some(file.into());
        self
    }

    /// As many commands, services and transfers run at once over this connection, 10 unless said otherwise, which is what an
    /// `sshd` gives unless it is configured otherwise. What the server refuses is waited out, and lowers that.
    pub fn sessions(mut self, at_most: usize) -> Self {
        self.sessions = at_most.max(1);
        self
    }

    /// What opens the connection and holds it.
    pub(super) fn master(&self, socket: &Socket, says: &str, gateway: Option<&Socket>) -> Command {
        let mut args: Vec<OsString> = vec!["-N".into(), "-T".into()];
        if let Some(config) = &self.config {
            args.extend(["-F".into(), config.into()]);
        }
        let mut option = |option: &str| args.extend(["-o".into(), option.into()]);
        option(&socket.option());
        for fixed in FIXED {
            option(fixed);
        }
        option(&format!("LocalCommand=echo {says}"));
        if let Some(gateway) = gateway {
            option(&proxy(gateway));
        }
        for own in &self.options {
            option(own);
        }
        for default in DEFAULTS {
            option(default);
        }
        args.extend(["--".into(), (*self.host).into()]);
        Command::new("ssh").args(args)
    }
}

const FIXED: [&str; 9] = [
    "ControlMaster=yes",
    "ControlPersist=no",
    "BatchMode=yes",
    "RequestTTY=no",
    "RemoteCommand=none",
    "ClearAllForwardings=yes",
    "EscapeChar=none",
    "ForkAfterAuthentication=no",
    "PermitLocalCommand=yes",
];

/// The first value that an option is given counts.
const DEFAULTS: [&str; 3] =
    ["ConnectTimeout=30", "ServerAliveInterval=15", "ServerAliveCountMax=3"];

/// How to get to a machine through a connection that is open.
fn proxy(gateway: &Socket) -> String {
    let args: Vec<_> = gateway.client_args().iter().map(|arg| quoted(arg)).collect();
    format!("ProxyCommand=ssh {} -W '[%h]:%p' none", args.join(" "))
}

/// For a shell, and for `ssh`, which replaces what begins with a percent sign before.
fn quoted(arg: &str) -> String {
    format!("'{}'", arg.replace('\'', "'\\''").replace('%', "%%"))
}

impl fmt::Debug for Ssh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ssh").field(&self.host).finish()
    }
}
