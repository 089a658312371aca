use std::boxed::Box;
use std::fmt::{self, Write as _};
use std::future::Future;
use std::string::String;
use std::vec;

use super::quiet::{Panic, Quiet, caught};

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

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
