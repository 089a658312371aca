use std::boxed::Box;
use std::fmt::{self, Write as _};
use std::future::Future;
use std::string::String;
use std::vec;

use super::quiet::{Panic, Quiet, caught};
use crate::orchestrator::{GraphError, JobId, JobName};

/// What a job may fail with: any error.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// `Ok` with jobgraph's [`Error`], for `async` blocks that use `?` and have to say what their error is.
///
/// ```
/// use jobgraph::{Job, JobGraph};
///
/// let mut graph = JobGraph::new();
/// let sum = graph.add(Job::try_new(async {
///     let number: u32 = "41".parse()?;
///     jobgraph::ok(number + 1)
/// }));
/// assert_eq!(jobgraph::smol::block_on(graph)?.output(&sum), Some(&42));
/// # Ok::<(), jobgraph::RunError>(())
/// ```
///
/// # Errors
/// None.
pub fn ok<T>(value: T) -> Result<T, Error> {
    Ok(value)
}

/// The same future, with jobgraph's [`Error`] in place of another one: for closures that have to return that, such as
/// those of services, and functions that do not.
///
/// ```
/// use jobgraph::{Job, JobGraph, ServiceContext, any_error};
///
/// async fn serve(cx: ServiceContext<u16>) -> Result<(), std::num::ParseIntError> {
///     cx.ready("80".parse()?);
///     cx.cancelled().await;
///     Ok(())
/// }
///
/// let mut graph = JobGraph::new();
/// let server = graph.add(Job::service(|cx| any_error(serve(cx))));
/// let port = graph.add(Job::with(&server, |port| async move { *port }));
/// assert_eq!(jobgraph::smol::block_on(graph)?.output(&port), Some(&80));
/// # Ok::<(), jobgraph::RunError>(())
/// ```
///
/// # Errors
/// Those of the future.
pub async fn any_error<T, E: Into<Error>>(
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, Error> {
    future.await.map_err(Into::into)
}

/// The error of a job that gave up: it counts as cancelled, not as failed, and is not retried.
///
/// ```
/// use jobgraph::{Cancelled, Job, JobGraph, Outcome};
///
/// let mut graph = JobGraph::new();
/// let quits = graph.add(Job::try_new(async { Err::<(), _>(Cancelled) }));
/// let report = jobgraph::smol::block_on(graph)?;
/// assert_eq!(report.outcome(&quits), Some(Outcome::Cancelled));
/// # Ok::<(), jobgraph::RunError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cancelled")
    }
}

impl std::error::Error for Cancelled {}

/// An error that no retry helps: the job fails at once, however many attempts are left. It reads like the
/// error inside, and is found anywhere in a chain of causes.
///
/// ```
/// use jobgraph::{Job, JobGraph, Permanent};
///
/// let mut graph = JobGraph::new();
/// let fetch = graph.add(Job::repeat(|| async { Err::<(), _>(Permanent::new("no such page")) }).retries(5));
/// let report = jobgraph::smol::block_on(graph)?;
/// assert_eq!(report.job(&fetch).unwrap().attempts(), 1);
/// assert_eq!(report.error(&fetch).unwrap().to_string(), "no such page");
/// # Ok::<(), jobgraph::RunError>(())
/// ```
#[derive(Debug)]
pub struct Permanent(Error);

impl Permanent {
    /// Marks an error.
    pub fn new(error: impl Into<Error>) -> Self {
        Self(error.into())
    }

    /// The error that was marked.
    #[must_use]
    pub fn inner(&self) -> &Error {
        &self.0
    }

    /// The same, owned.
    #[must_use]
    pub fn into_inner(self) -> Error {
        self.0
    }
}

impl fmt::Display for Permanent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Permanent {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// A chain of causes is followed so far: one of the user's may have no end.
const LONGEST_CHAIN: usize = 1_000;

/// Whether an error, or one of its causes, is of this type. Runs code of the user's.
pub(crate) fn is_caused_by<E: std::error::Error + 'static>(error: &Error) -> bool {
    let first: &(dyn std::error::Error + 'static) = &**error;
    let chain = std::iter::successors(Some(first), |error| error.source());
    chain.take(LONGEST_CHAIN).any(<dyn std::error::Error>::is::<E>)
}

/// Why a job failed. The text of an error that it returned names all its causes: `read the config: no such file`.
#[derive(Debug)]
#[non_exhaustive]
pub enum JobError {
    /// It returned this error.
    Error(Error),
    /// It panicked.
    Panic(Panic),
    /// It took longer than its timeout.
    TimedOut,
    /// A service that ended without having been ready.
    NeverReady,
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => write_chain(&**error, f),
            Self::Panic(panic) => write!(f, "panicked: {panic}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::NeverReady => f.write_str("ended without having been ready"),
        }
    }
}

impl Drop for JobError {
    /// Whatever the `Drop` of the user's error does: it may be one of many that are dropped together.
    fn drop(&mut self) {
        if let Self::Error(error) = self {
            let error: Error = std::mem::replace(error, Box::new(Cancelled));
            drop(Quiet(vec![error]));
        }
    }
}

// Its text has the whole chain, so it has no `source`: who prints causes would print them twice.
impl std::error::Error for JobError {}

/// So many causes are named.
const NAMED: usize = 100;

/// An error and its causes, joined by `: `; a cause whose text was said just before is left out. Runs code of the
/// user's: a cause that cannot be asked for, since that panics, is none.
fn write_chain(
    error: &(dyn std::error::Error + 'static),
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let mut said = text_of(error);
    f.write_str(&said)?;
    let causes = std::iter::successors(cause_of(error), |error| cause_of(*error));
    for cause in causes.take(NAMED) {
        let text = text_of(cause);
        if !said.contains(&text) {
            write!(f, ": {text}")?;
            said = text;
        }
    }
    Ok(())
}

/// As far as it can be told: code of the user's may fail or panic.
fn text_of(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = String::new();
    match caught(|| write!(text, "{error}")) {
        Ok(_) => text,
        Err(panic) => text + "(its text panicked: " + panic.message() + ")",
    }
}

fn cause_of<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a (dyn std::error::Error + 'static)> {
    caught(|| error.source()).ok().flatten()
}

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

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
