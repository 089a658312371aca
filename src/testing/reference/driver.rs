//! The drivers and the [`Oracle`](super::oracle::Oracle) side by side: a random graph with random bodies is run in virtual time,
//! in place and in parallel, and simulated with the oracle. Outcomes and times have to be the same, of the
//! jobs, of their shutdown hooks, and of the graphs inside; so have the values that jobs are fed, what is told to
//! observers, and how many `Drop`s panicked. And nothing may outlive the run.
//!
//! ```
//! use jobgraph::testing::reference::driver::check;
//! use jobgraph::testing::reference::model::random_bytes;
//!
//! check(&random_bytes(42, 300)).unwrap();
//! ```

mod bodies;
mod check;
mod compare;
mod decode;
mod execute;
mod facts;
mod held;
mod hook_run;
mod plan;
mod simulate;
mod simulated;
mod stage;

pub use self::check::{check, watch};
