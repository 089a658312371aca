use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_signal::Signal;
use futures_core::Stream;

use super::runtime::SmolClock;
use crate::run::{StopHandle, stopped_by};

/// Ctrl-C and SIGTERM as wishes to end a run. On Windows, Ctrl-C alone. While this is there, and afterwards, they do
/// not end the process by themselves.
///
/// ```no_run
/// use jobgraph::JobGraph;
/// use jobgraph::smol::{run, signals};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut graph = JobGraph::new().until_stopped();
/// let report = async_io::block_on(signals()?.around(graph.stop_handle(), run(graph)))?;
/// report.check_stopped()?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those of the system that does not let these signals be heard.
pub fn signals() -> io::Result<Signals> {
    let heard: &[Signal] = if cfg!(unix) { &[Signal::Int, Signal::Term] } else { &[Signal::Int] };
    Ok(Signals(async_signal::Signals::new(heard)?))
}

/// Signals that end a run: made by [`signals`].
#[derive(Debug)]
#[must_use = "a run is ended by them if it is awaited `around`"]
pub struct Signals(async_signal::Signals);

impl Signals {
    /// Awaits a run. The first signal stops it in order, another one, a second or more later, aborts what is left
    /// of it: see [`stopped_by`](crate::stopped_by).
    pub async fn around<F: Future>(mut self, stop: StopHandle, run: F) -> F::Output {
        let next = |cx: &mut Context<'_>| match Pin::new(&mut self.0).poll_next(cx) {
            Poll::Ready(Some(_)) => Poll::Ready(()),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        };
        stopped_by(next, &SmolClock::new(), stop, run).await
    }
}
