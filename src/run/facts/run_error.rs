use std::boxed::Box;
use std::fmt;

use crate::orchestrator::{GraphError, JobId, JobName};

/// Why a graph cannot run. Nothing has begun.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunError {
    /// The graph itself is wrong.
    Graph(GraphError),
    /// A job requires one of another graph.
    ForeignHandle {
        /// The job of this graph.
        job: JobName,
        /// The job of the other graph, as that one numbers it.
        required: JobId,
    },
    /// A job of another graph was named.
    ForeignJob {
        /// The job, as that graph numbers it.
        id: JobId,
    },
    /// A job takes from a pool of another graph.
    ForeignPool {
        /// The job of this graph.
        job: JobName,
    },
    /// A job returns a `Result`, and was made by a constructor that takes any output for a success.
    ResultAsValue {
        /// The job.
        job: JobName,
        /// The constructor that takes an `Err` for a failure.
        instead: &'static str,
    },
    /// A job is fed the output of one that it would not require any more.
    Feeds {
        /// The job.
        job: JobName,
        /// The job whose output would be missing.
        feeder: JobName,
    },
    /// A job that was to be added is fed an output that went with the last job that required it.
    OutputGone {
        /// The job.
        job: JobName,
        /// The job whose output is gone.
        feeder: JobName,
    },
    /// A graph that is a job of this one is wrong.
    Inside {
        /// The job.
        job: JobName,
        /// What is wrong.
        error: Box<RunError>,
    },
    /// Two durable jobs have the same key.
    #[cfg(feature = "journal")]
    SameKey {
        /// The job.
        job: JobName,
        /// The job that has it already.
        other: JobName,
        /// The key.
        key: Box<str>,
    },
    /// A forever job or a service is said to be durable.
    #[cfg(feature = "journal")]
    Endless {
        /// The job.
        job: JobName,
    },
    /// A durable job has a shutdown hook, which takes back what it leaves behind.
    #[cfg(feature = "journal")]
    TakenBack {
        /// The job.
        job: JobName,
    },
    /// The graph cannot be run again because it has a journal, which would restore what the run before did.
    #[cfg(feature = "journal")]
    Restores,
    /// Another job of this run has, or has had, the key of a durable job.
    #[cfg(feature = "journal")]
    KeyTaken {
        /// The job, as far as it is known.
        job: JobName,
        /// The key, with its path.
        key: Box<str>,
    },
    /// A graph with durable jobs is inside a job that has no name.
    #[cfg(feature = "journal")]
    NoPath {
        /// That job, or one inside.
        job: JobName,
    },
    /// A window of zero: nothing could ever start.
    NoWindow,
    /// The run is over, so no job can be added to it.
    Over,
    /// A run before was dropped, and the jobs with it.
    Interrupted,
    /// The graph cannot be run again because of this job, whose future can be awaited once only.
    RunsOnce {
        /// The job.
        job: JobName,
    },
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Graph(error) => error.fmt(f),
            Self::ForeignHandle { job, required } => write!(
                f,
                "{job} requires {required} of another graph: add that job to this graph and use the handle that `add` returns"
            ),
            Self::ForeignJob { id } => write!(
                f,
                "{id} is a job of another graph: use a handle that `add` of this one has returned"
            ),
            Self::ForeignPool { job } => write!(
                f,
                "{job} takes from a pool of another graph: make that pool in this graph and use what `pool` returns"
            ),
            Self::ResultAsValue { job, instead } => write!(
                f,
                "{job} returns a `Result`, whose `Err` would pass for a success: make it with `{instead}`, or with `Job::value` if the `Result` is its output"
            ),
            Self::Feeds { job, feeder } => write!(
                f,
                "{job} is fed the output of {feeder}, which would be missing: keep {feeder} and this requirement, or take {job} away, too"
            ),
            Self::OutputGone { job, feeder } => write!(
                f,
                "{job} cannot be fed the output of {feeder}: it went with the last job that required it; do not make {feeder} `transient`, or add {job} earlier"
            ),
            #[cfg(feature = "journal")]
            Self::SameKey { job, other, key } => write!(
                f,
                "{job} has the key `{key}`, which is that of {other}: a journal needs a key of its own for each durable job"
            ),
            #[cfg(feature = "journal")]
            Self::KeyTaken { job, key } => write!(
                f,
                "{job} has the key `{key}`, which another job of this run has, or has had: give it another one, or the job around it another label"
            ),
            #[cfg(feature = "journal")]
            Self::TakenBack { job } => write!(
                f,
                "{job} has a shutdown hook, which takes back what it leaves behind: it cannot be durable"
            ),
            #[cfg(feature = "journal")]
            Self::Endless { job } => write!(
                f,
                "{job} is not expected to end, and leaves nothing behind that could be restored: it cannot be durable"
            ),
            #[cfg(feature = "journal")]
            Self::Restores => f.write_str(
                "the graph cannot run again, since its journal would restore what the run before did: make it anew for each run",
            ),
            #[cfg(feature = "journal")]
            Self::NoPath { job } => write!(
                f,
                "there is no path to what is durable in {job}: it, or a job around it, has no name; give that one a label"
            ),
            Self::Inside { job, error } => write!(f, "{job}: {error}"),
            Self::Over => f.write_str("the run is over, so no job can be added to it"),
            Self::Interrupted => f.write_str(
                "the graph cannot run again: the run before was dropped, and its jobs with it",
            ),
            Self::RunsOnce { job } => write!(
                f,
                "the graph cannot run again because of {job}: its future can be awaited once only; make it with `Job::repeat`"
            ),
            Self::NoWindow => f.write_str(
                "the window has room for zero jobs: nothing could start; leave it out for no limit",
            ),
        }
    }
}

impl fmt::Debug for RunError {
    /// Like `Display`: this is what `?` in a `main` shows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for RunError {}

impl From<GraphError> for RunError {
    fn from(error: GraphError) -> Self {
        Self::Graph(error)
    }
}
