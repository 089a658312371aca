//! Running a graph: bodies, typed outputs, and the drivers.

mod additions;
mod body;
mod context;
mod custom;
mod engine;
mod error;
mod graph;
mod handle;
mod hook;
mod in_place;
mod inputs;
mod job;
mod listing;
mod mailbox;
mod output;
mod parallel;
mod report;
mod runtime;
mod service;
mod waker;

pub use self::additions::Adder;
pub use self::body::{Body, Repeat};
pub use self::context::{Context, ServiceContext};
pub use self::custom::RunJob;
pub use self::error::{Cancelled, Error, JobError, RunError};
pub use self::graph::{Graph, JobGraph, Local, Payload, SendJobGraph, Sendable};
pub use self::handle::{Handle, Requirements};
pub use self::hook::HookResult;
pub use self::in_place::run;
pub use self::inputs::{Feeds, Inputs};
pub use self::job::Job;
pub use self::mailbox::StopHandle;
pub use self::output::{LocalOutputs, OutputStore, SendOutputs};
pub use self::parallel::run_on;
pub use self::report::{HookReport, JobReport, Report, SendReport};
pub use self::runtime::{AnyClock, Clock, Spawn};
