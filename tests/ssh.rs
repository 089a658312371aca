//! Commands and files over ssh, against servers of our own on loopback: on the four ways to run.
#![cfg(all(unix, feature = "ssh", feature = "smol", feature = "tokio"))]

#[path = "support/real.rs"]
mod real;
#[path = "support/sshd.rs"]
mod sshd;

#[path = "ssh/commands.rs"]
mod commands;
#[path = "ssh/connecting.rs"]
mod connecting;
#[path = "ssh/endings.rs"]
mod endings;
#[path = "ssh/files.rs"]
mod files;
#[path = "ssh/left.rs"]
mod left;
#[path = "ssh/sessions.rs"]
mod sessions;
#[path = "ssh/shells.rs"]
mod shells;

use std::time::Duration;

use jobgraph::SendJobGraph;
use jobgraph::process::Command;
use jobgraph::ssh::{Session, Ssh};

use crate::real::{MARK, Mark};
use crate::sshd::Sshd;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// The server as its configuration names it.
fn to(server: &Sshd) -> Ssh {
    Ssh::to("box").config(server.config())
}

/// A connection to it in a graph.
fn connected(graph: &mut SendJobGraph, server: &Sshd) -> jobgraph::Handle<Session> {
    graph.add(to(server).service())
}

/// A script whose processes are known by a mark.
fn marked(script: &str, mark: &Mark) -> Command {
    Command::sh(script).env(MARK, &mark.0)
}
