//! Commands, services and files on other machines, through the system's OpenSSH: on any executor. Unix only.
//!
//! A connection is a service: [`Ssh::service`] opens one, all that require it share it, and it is closed once, after
//! them. What a user has in `~/.ssh/config` for connections, with agents, known hosts and jumps, holds here too, since it is `ssh`
//! that connects; what is there for single sessions (`ForwardAgent`, `SetEnv`, `SendEnv`) does not.
//!
//! ```no_run
//! use jobgraph::process::Command;
//! use jobgraph::ssh::Ssh;
//! use jobgraph::{Job, JobGraph};
//! use std::time::Duration;
//!
//! let mut graph = JobGraph::new();
//! let gateway = graph.add(Ssh::to("me@gateway").service());
//! let node = graph.add(Ssh::to("root@node1").via(&gateway).service().retries(5).backoff(
//!     Duration::from_secs(1),
//!     Duration::from_secs(30),
//! ));
//! let load = graph.add(Job::command_on(&gateway, Command::sh("load-image node1")).critical());
//! let push = graph.add(Job::push(&node, "measure.sh", "/root/measure.sh").requires(&load));
//! let server = Command::new("./server").ready_when(|line| line.text.contains("listening"));
//! let server = graph.add(Job::serve_on(&node, server).requires(&push));
//! let measure = Command::sh("sh measure.sh > result.csv").allow_codes([4]);
//! let measure = graph.add(Job::command_on(&node, measure).requires(&server));
//! graph.add(Job::pull(&node, "result.csv", "result.csv").requires(&measure));
//! jobgraph::smol::block_on(graph)?.check()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is promised
//! - **One connection**: whatever is run on a [`Session`] uses the one that the service has opened. None is ever opened beside it, and none
//!   asks for anything: there is no prompt.
//! - **Nothing survives**: a command that is stopped, timed out or dropped gets a TERM there, with its whole process group, and
//!   a KILL after its [grace](crate::process::Command::grace); so does what a lost connection or a `kill -9` of this process leaves.
//!   What leaves its group, as a daemon does, is let alone.
//! - **As many at once as the server takes**: the server refuses more sessions on a connection than its `MaxSessions`. That is waited
//!   out, and found out. A service takes one as long as it runs; if services take all, what else needs one fails.
//! - **A lost connection** is opened again if the service has [retries](crate::Job::retries). Whoever holds the [`Session`] goes on with it:
//!   what has not begun waits, what was running has failed, and can be retried.
//! - **Files** arrive whole or not at all: see [`Session::push`].
//!
//! # For those who come from apssh
//! | apssh | here |
//! |---|---|
//! | `SshNode(hostname, username=, gateway=)` | `graph.add(Ssh::to("user@host").via(&gateway).service())` |
//! | `SshJob(node, command=...)`, `Run("cmd")` | `Job::command_on(&node, Command::sh("cmd"))` |
//! | several commands in one `SshJob` | several lines of one script, or several jobs |
//! | `RunScript("local.sh", "arg")`, `RunString` | `Command::sh(include_str!("local.sh")).arg("arg")`: it need not be pushed |
//! | `Push`, `Pull` | `Job::push`, `Job::pull` |
//! | `Service("cmd", ...)` by systemd | `Job::serve_on(&node, Command::new("cmd").ready_when(..))`, which ends with the run |
//! | `Deferred`, `Capture` | values between jobs: `Job::repeat_with((&node, &before), \|cx, node, before\| ..)` |
//! | `critical=`, `forever=`, `label=` | `.critical()`, `.forever()`, `.label(..)` |
//! | formatters, `verbose` | `Command::lines(\|line\| ..)`, with `line.host` |
//! | `LocalNode` | `Job::command(..)` |
//! | `close_ssh_in_scheduler` | nothing to do |

mod address;
mod error;
mod files;
mod jobs;
mod master;
mod seats;
mod session;
mod socket;

pub use self::address::Ssh;
pub use self::error::ConnectFailed;
pub use self::session::Session;
