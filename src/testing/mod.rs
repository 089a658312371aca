//! Virtual time, for tests of graphs of one's own: hours pass in microseconds, and each time the same happens.
//!
//! The function that makes a graph serves production and tests. Its jobs sleep by the clock of the run, which is that of
//! their [`Context`](crate::Context), or any [`Clock`](crate::Clock) that they are given.
//!
//! ```
//! use std::time::Duration;
//! use jobgraph::{Job, JobGraph, Verdict, testing::VirtualClock};
//!
//! fn nightly<'a>() -> JobGraph<'a> {
//!     let mut graph = JobGraph::new().timeout(Duration::from_secs(8 * 3600));
//!     let dump = Job::with_context(|cx| async move { cx.sleep(Duration::from_secs(3 * 3600)).await });
//!     let dump = graph.add(dump.label("dump"));
//!     let copy = Job::with_context(|cx| async move { cx.sleep(Duration::from_secs(6 * 3600)).await });
//!     graph.add(copy.label("copy").requires(&dump));
//!     graph
//! }
//!
//! let clock = VirtualClock::new();
//! let report = clock.block_on(jobgraph::run(&clock, nightly()))?;
//! assert_eq!(report.verdict(), Verdict::TimedOut); // the night is too short
//! # Ok::<(), jobgraph::RunError>(())
//! ```
//!
//! Against tokio's `start_paused`: that runs on tokio only, and stands still while anything else is under way, as a blocking task; jobs
//! that sleep by `tokio::time` need it. Jobs that sleep by their context run on both.

mod random;
pub mod reference;
mod virtual_time;

pub use self::virtual_time::VirtualClock;
