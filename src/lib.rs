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
//! let words = graph.add(Job::with(&page, async |page| page.split(' ').count()).label("words"));
//! let done = graph.add(Job::new(async { "done" }).after((&page, &words)));
//!
//! let report = jobgraph::smol::block_on(graph)?;
//! assert!(report.is_completed());
//! assert_eq!(report.output(&words), Some(&6));
//! # let _ = done;
//! # Ok::<(), jobgraph::RunError>(())
//! ```
//!
//! # Where what is
//! - `Job` has a constructor for each kind of work: `new` and `try_new` for a future, `with` for what is fed outputs, `repeat` for
//!   what may be attempted again, `service` for what goes on, `graph` for a graph in a graph, `command` for a process. Its methods say
//!   what it requires and how it is treated.
//! - `JobGraph` runs in place, where jobs may borrow and be `!Send`; `SendJobGraph` in parallel as well. What holds for the
//!   run is said to the graph: `window`, `pool`, `timeout`, `order`, `journal`.
//! - `jobgraph::smol` and `jobgraph::tokio` run a graph: `run` in place, `run_parallel` in tasks; `signals` for Ctrl-C. `run` takes any
//!   `Clock`, and `testing::VirtualClock` is one for tests.
//! - `Report` tells what became of all: `check`, `output` and `result` by handle, `troubles`, `exit_code`, and a listing as its text.
//! - `jobgraph::view` makes a run visible: live, as a timeline, as its critical path, as pictures, as data.
//! - `jobgraph::process`, `ssh`, `journal` and `remote` are commands, other machines, runs that survive, and workers.
//! - [`Orchestrator`] is the core beneath: a state machine without clock, executor or I/O (`no_std`), for those who drive it themselves. It is
//!   all there is without default features.
//!
//! The repository's `docs/cookbook.md`, in these pages `cookbook`, goes by task; `docs/guide.md` has all details, the list of
//! features, and the limits.
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
