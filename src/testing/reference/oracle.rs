//! A second, naive implementation of the core, to compare it with.
//!
//! It keeps plain lists, rescans all of them at every step and shares no code with
//! [`Orchestrator`](crate::Orchestrator), only the types of its data. It is slow, and meant to be
//! obviously right.
//!
//! ```
//! use jobgraph::testing::reference::oracle::Oracle;
//! use jobgraph::{Completion, JobOptions, Orchestrator, RunOptions, Timestamp, Verdict};
//!
//! let mut core = Orchestrator::new(RunOptions::default());
//! let mut oracle = Oracle::new(RunOptions::default());
//! let id = core.add((), JobOptions::default(), &[])?;
//! assert!(oracle.accepts(&JobOptions::default(), &[]));
//! oracle.add(id, JobOptions::default(), &[]);
//!
//! assert!(oracle.start(Timestamp::ZERO));
//! let handed_out = oracle.poll_ready_jobs(usize::MAX, Timestamp::ZERO);
//! assert!(oracle.on_job_complete(handed_out[0], Completion::Success, Timestamp::ZERO).is_some());
//! assert_eq!(oracle.verdict(), Some(Verdict::Completed));
//! # Ok::<(), jobgraph::GraphError>(())
//! ```
mod bodies;
mod body;
mod building;
mod naive;
mod rules;

pub use self::naive::Oracle;
