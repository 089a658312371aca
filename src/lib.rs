//! Orchestration of interdependent async jobs inside a Rust program.
//!
//! Say what each job requires; `jobgraph` starts each as soon as it can start, stops what must stop,
//! knows when the run is over, and reports what became of every job.
//!
#![cfg_attr(feature = "smol", doc = "```")]
#![cfg_attr(not(feature = "smol"), doc = "```ignore")]
//! use jobgraph::{Job, JobGraph};
//!
//! let mut graph = JobGraph::new();
//! let page = graph.add(Job::new(async { "to be or not to be" }).label("page"));
//! let words = graph.add(Job::with(&page, |page| async move { page.split(' ').count() }).label("words"));
//! let done = graph.add(Job::new(async { "done" }).after((&page, &words)));
//!
//! let report = jobgraph::smol::block_on(graph)?;
//! assert!(report.is_completed());
//! assert_eq!(report.output(&words), Some(&6));
//! # let _ = done;
//! # Ok::<(), jobgraph::RunError>(())
//! ```
//!
//! # Three floors
//! - The core, [`Orchestrator`]: a state machine without clock, executor or I/O (`no_std`), for those
//!   who drive it themselves. It is all there is without default features.
//! - `JobGraph`, `Job` and `Report` (feature `std`): jobs as futures, typed outputs, and `run` and
//!   `run_parallel`, which run a graph with any `Clock` or `Spawn`.
//! - The adapters: `jobgraph::smol` and `jobgraph::tokio`, each with the feature of its name.
//!
//! On top of them, `jobgraph::view` makes a run visible: live, as pictures, and as timelines.
//!
//! Feature `testing` adds virtual time, for tests of graphs of one's own.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(all(feature = "journal", unix))]
pub mod journal;
mod orchestrator;
#[cfg(all(feature = "process", unix))]
pub mod process;
#[cfg(feature = "remote")]
pub mod remote;
#[cfg(feature = "std")]
mod run;
#[cfg(feature = "smol")]
pub mod smol;
#[cfg(all(feature = "ssh", unix))]
pub mod ssh;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tokio")]
pub mod tokio;
#[cfg(feature = "std")]
pub mod view;

pub use crate::orchestrator::{
    After, AnyOf, Attempt, BadNeed, BadRetries, Change, Completion, Condition, Counts,
    DependentsOfAll, EndOfRun, Explanation, Failure, GraphError, InputError, JobId, JobKind,
    JobName, JobOptions, JobState, Orchestrator, Order, Outcome, PoolId, PoolUse, PoolWait,
    ReadyJobs, Retries, RunOptions, Signal, SkipReason, StopReason, Timestamp, Transition, Verdict,
};
#[cfg(feature = "std")]
pub use crate::run::{
    Adder, Adding, AnyClock, AnyHandle, Body, BoxedBody, Cancelled, Clock, Context, Error, Fact,
    FactKind, Facts, Feeds, FeedsWith, Gather, Graph, GraphFailed, Handle, Hook, HookReport,
    HookResult, Input, Inputs, Job, JobError, JobGraph, JobHandle, JobInfo, JobReport, Latest,
    LatestOf, Local, LocalBoxedBody, LocalOutputs, Mishap, MishapKind, Missing, NoHook, Optional,
    OutputStore, Panic, Payload, Permanent, Pool, Problems, Repeat, Repeatable, Report,
    Requirements, RunError, RunFailed, RunJob, SendJobGraph, SendOutputs, SendReport, Sendable,
    ServiceContext, Settled, Spawn, StopHandle, Trouble, any_error, latest, ok, optional, run,
    run_parallel, settled, stopped_by,
};

#[cfg(doc)]
#[doc = include_str!("../docs/speed.md")]
pub mod speed {}

#[cfg(any(doc, doctest))]
#[cfg(all(
    feature = "smol",
    feature = "tokio",
    feature = "signal",
    feature = "testing",
    feature = "process",
    feature = "journal",
    feature = "remote"
))]
#[doc = include_str!("../docs/cookbook.md")]
pub mod cookbook {}

/// The README, whose code is compiled and run.
#[cfg(all(
    doctest,
    feature = "smol",
    feature = "tokio",
    feature = "signal",
    feature = "ssh",
    feature = "journal",
    feature = "remote"
))]
#[doc = include_str!("../README.md")]
struct Readme;

/// The guide, whose code is compiled and run.
#[cfg(all(
    doctest,
    feature = "smol",
    feature = "tokio",
    feature = "testing",
    feature = "progress"
))]
#[doc = include_str!("../docs/guide.md")]
struct Guide;
