//! Commands as jobs: the programs and scripts of this machine, on any executor. Unix only.
//!
//! A [`Command`] says what to run. [`Job::command`](crate::Job::command) makes a job of it,
//! [`Job::serve`](crate::Job::serve) a service that is ready when a line of its output says so, and
//! [`Command::run`] runs it inside any job.
//!
//! ```
//! use jobgraph::process::Command;
//! use jobgraph::{Job, JobGraph};
//!
//! let mut graph = JobGraph::new();
//! let kernel = graph.add(Job::command(Command::new("uname").arg("-s")));
//! let greeting = graph.add(Job::repeat_with(&kernel, |cx, kernel| async move {
//!     let echo = Command::sh("echo \"$GREETING from $1\"").arg(kernel.stdout.text().trim());
//!     echo.env("GREETING", "hello").run(&cx).await
//! }));
//! let report = jobgraph::smol::block_on(graph)?;
//! assert!(report.result(&greeting)?.stdout.text().starts_with("hello from "));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What becomes of a process
//! - It has a process group of its own: the terminal's Ctrl-C does not reach it before the run stops it in order.
//! - It is over when it has exited, and what it has written is read. What it left in the background is let alone, and holds nothing
//!   up, even if that keeps the output open.
//! - Asked to stop, as by a timeout, its whole group gets a TERM, and a KILL when its [`grace`](Command::grace) is over.
//! - If its job is dropped, its group gets a KILL at once. So nothing is left behind, but by a `kill -9` of this process: for that
//!   there is [`leashed`](Command::leashed).
//! - What leaves its group, as a daemon does, is let alone.
//!
//! # What differs on a leash, and [elsewhere](crate::ssh)
//! | | here | on a leash, or elsewhere |
//! |---|---|---|
//! | the program cannot be found or started | an error of its own, not retried | the shell's exit code, 127 or 126 |
//! | its folder cannot be entered | an error of its own, not retried | the same |
//! | a signal has killed it | told by the system | told by the shell: an exit code from 129 to 192 |
//! | `$$` of a script | its own | that of the shell that watches over it |
//! | its input | any bytes | no NUL bytes; 20 MB a second |
//! | the grace | as said | in whole seconds, rounded up |
//! | what is written in the background once it has exited | read for half a second | not read |
//!
//! Commands run in real time: under a [virtual clock](crate::Clock::is_virtual) they fail at once.

mod capture;
mod command;
mod error;
mod feed;
mod group;
mod jobs;
mod launch;
mod leash;
mod outcome;
mod quote;
mod run;
mod running;
mod streams;

pub use self::capture::{Line, Output, Stream};
pub use self::command::Command;
pub use self::error::CommandFailed;
pub use self::outcome::Ran;
pub use self::running::Running;
#[cfg(feature = "ssh")]
pub(crate) use self::{capture::last_line, error::How, launch::Launch, leash::Leash};
