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
//! - A job is known by its key, never by its place; no other one of the run may have it, not even once the job is gone. Its record
//!   counts if its version is the same, and if the durable jobs that it comes from are the same and left the same behind: those that
//!   it requires, also by `after` and the like, and those that lie behind what it requires and is not durable; those that the job comes from
//!   that has added it; and for one of a graph inside, those that the jobs around come from, their versions, and what the graphs before it in the same attempt have left
//!   behind. One that was done again, and left the same text behind, changes nothing for others; a `HashMap` has another text each time.
//! - Of several jobs of which any is enough ([`requires_any`](crate::Job::requires_any)), one that has left the same behind is enough.
//! - Only success is recorded. What failed, timed out, was cancelled or skipped is done again, with all its retries, and so is what is
//!   not durable. In doubt, it is done again: if what is recorded cannot be read as its type, if a durable job that it requires has left
//!   nothing behind in this run, if it is fed by a job that is neither durable nor a service (also through services, or around it), if
//!   the attempt was asked to end. An attempt whose time runs out while its record is being made safe was done, and may be restored.
//! - A service is not started if it is certain beforehand that all that requires it is restored. In doubt it is started: if one of these
//!   may run because another job did *not* succeed, as with [`after`](crate::Job::after), if there is an [adder](crate::Graph::adder), if
//!   the service is [awaited](crate::Job::awaited), or required by nobody.
//! - It is done at least once: between an effect and its record lies a moment. See [`Context::key`](crate::Context::key).
//! - A job with a shutdown hook cannot be durable: the hook takes back what it leaves behind.
//! - An output comes back as its JSON says: `Some(())` comes back as `None`; a type that reads the text of another one takes that for its own: say
//!   another [`version`](crate::Job::version). What goes there and not back is done again each time: an `f64` that is no number, a value
//!   nested more than 128 deep.
//! - A graph that runs only a part of its jobs ([`keep_between`](crate::Graph::keep_between)) comes from that part.
//! - [`Sync::Power`] waits in real time: on tokio's paused clock, timeouts pass meanwhile. `VirtualClock` waits with it.
//!
//! # The file
//! A line a record: the xxh3-64 of what follows in 16 hexadecimal digits, a blank, and JSON with the key `k`, the version `v`, the inputs `i` with
//! the xxh3-128 of their outputs, or of all that lies behind a job that is not durable, that of its own `d`, and the output `o`. It is only ever appended to; a line that was cut off, or damaged, is
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
