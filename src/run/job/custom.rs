use std::future::Future;
use std::string::String;

use super::context::Context;
use crate::run::facts::error::Error;

/// A job of a type of one's own, beside closures and futures. It can be retried and run again.
///
/// ```
/// use jobgraph::{Context, Error, Job, JobGraph, RunJob};
///
/// struct Ping { host: String }
///
/// impl RunJob for Ping {
///     type Output = usize;
///
///     async fn run(&self, _: Context) -> Result<usize, Error> {
///         Ok(self.host.len()) // or something with the network
///     }
///
///     fn label(&self) -> Option<String> {
///         Some(format!("ping {}", self.host))
///     }
/// }
///
/// let mut graph = JobGraph::new();
/// let ping = graph.add(Job::custom(Ping { host: "localhost".into() }).retries(2));
/// let report = jobgraph::smol::block_on(graph)?;
/// assert_eq!(report.output(&ping), Some(&9));
/// assert_eq!(report.job(&ping).unwrap().label(), Some("ping localhost"));
/// # Ok::<(), jobgraph::RunError>(())
/// ```
pub trait RunJob {
    /// What the job leaves behind when it succeeds.
    type Output: 'static;

    /// One attempt.
    ///
    /// # Errors
    /// Whatever makes the attempt a failure: `?` makes an [`Error`] of any other, one of
    /// `anyhow` included, and [`any_error`](crate::any_error) of what a whole future returns.
    fn run(&self, context: Context) -> impl Future<Output = Result<Self::Output, Error>>;

    /// Clean-up after the run, if the job was ever started, whatever became of it.
    ///
    /// # Errors
    /// Whatever makes the clean-up a failure, which is reported and changes no outcome.
    fn shutdown(&self) -> impl Future<Output = Result<(), Error>> {
        async { Ok(()) }
    }

    /// What people call it, unless [`Job::label`](crate::Job::label) says otherwise.
    fn label(&self) -> Option<String> {
        None
    }
}
