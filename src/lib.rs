//! Orchestrate interdependent async jobs.
#![no_std]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod orchestrator;
#[cfg(feature = "testing")]
pub mod testing;

pub use crate::orchestrator::{
    Attempt, Change, Completion, Condition, Counts, Ending, Explanation, Failure, GraphError,
    InputError, JobId, JobKind, JobName, JobOptions, JobState, NamedJob, Orchestrator, Outcome,
    ReadyJobs, Retries, RunOptions, Signal, SkipReason, StopReason, Timestamp, Transition, Verdict,
};
