//! Running a graph: bodies, typed outputs, and the drivers.

mod body;
mod engine;
mod error;
mod graph;
mod handle;
mod in_place;
mod job;
mod listing;
mod output;
mod report;
mod runtime;
mod waker;

pub use self::body::{Body, Feeds, Inputs};
pub use self::error::{Error, JobError, RunError};
pub use self::graph::{Graph, JobGraph, Local, Payload, SendJobGraph, Sendable};
pub use self::handle::{Handle, Requirements};
pub use self::in_place::run;
pub use self::job::Job;
pub use self::output::{LocalOutputs, OutputStore, SendOutputs};
pub use self::report::{JobReport, Report, SendReport};
pub use self::runtime::Clock;
