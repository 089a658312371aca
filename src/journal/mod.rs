//! A run that survives `kill -9`: what succeeded is not done again.
//!
//! A [`Journal`] is a file. The same program, started again, goes on: a job that is [`durable`](crate::Job::durable) and has
//! succeeded is restored with its output, the rest runs. Unix only.
//!
//! ```
//! use jobgraph::journal::Journal;
//! use jobgraph::{Job, JobGraph};
//!
//! # let folder = std::env::temp_dir().join(format!("jobgraph-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! let file = folder.join("survey.journal");
//! for run in 1..=2 {
//!     let mut graph = JobGraph::new().journal(Journal::resume(&file)?);
//!     let page = graph.add(Job::new(async { String::from("to be or not to be") }).durable("page"));
//!     let words = Job::with(&page, |page| async move { page.split(' ').count() });
//!     let words = graph.add(words.durable("words").version(2));
//!     let report = jobgraph::smol::block_on(graph)?;
//!     assert_eq!(report.output(&words), Some(&6));
//!     let restored = report.job(&words).unwrap().kept().map(|kept| kept.to_string());
//!     assert_eq!(restored.as_deref() == Some("restored"), run == 2);
//! }
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What counts
//! - A job is known by its key, never by its place. Its record counts if its version is the same, and if the durable jobs that
//!   it comes from are the same and left the same behind: those that it requires, also through services, and those that the jobs
//!   around come from, if it is one of a graph inside. One that was done again, and left the same, changes nothing for others.
//! - Only success is recorded. What failed, timed out, was cancelled or skipped is done again, with all its retries, and so is what is
//!   not durable. In doubt, it is done again: if what is recorded is of another type, if a durable job that it requires has left nothing
//!   behind in this run, if it is fed by a job that is neither durable nor a service (also through services, or around it), if the
//!   attempt was asked to end.
//! - A service that only restored jobs require is not started.
//! - It is done at least once: between an effect and its record lies a moment. See [`Context::key`](crate::Context::key).
//! - An output comes back as its JSON says: what JSON cannot tell apart, as `NaN` and `None`, or `Some(())` and `None`, comes back as one.
//!
//! # The file
//! A line a record: the xxh3-64 of what follows in 16 hexadecimal digits, a blank, and JSON with the key `k`, the version `v`, the inputs `i` with
//! the xxh3-128 of their outputs, that of its own `d`, and the output `o`. It is only ever appended to; a line that was cut off, or damaged, is
//! skipped, and counted. Of several records of a key the last counts. One process at a time has it.

mod durable;
mod error;
mod file;
mod jobs;
mod keeper;
mod safe;

pub use self::durable::Durable;
pub use self::error::JournalError;
pub use self::keeper::{Journal, Sync};
pub use crate::run::{Again, Kept};
