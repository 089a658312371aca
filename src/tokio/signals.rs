use std::future::Future;
use std::io;
use std::task::{Context, Poll};

use super::runtime::TokioRuntime;
use crate::run::{StopHandle, stopped_by};

/// Ctrl-C and SIGTERM as wishes to end a run. On Windows, Ctrl-C alone. Once this was called, they do not end the
/// process by themselves any more.
///
/// ```no_run
/// use jobgraph::SendJobGraph;
/// use jobgraph::tokio::{run_parallel, signals};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let mut graph = SendJobGraph::new().until_stopped();
/// let report = signals()?.around(graph.stop_handle(), run_parallel(graph)).await?;
/// report.check_stopped()?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those of the system that does not let these signals be heard.
///
/// # Panics
/// Outside a tokio runtime, or in one without an I/O driver: see `enable_io` of its builder.
pub fn signals() -> io::Result<Signals> {
    #[cfg(unix)]
    let heard = {
        use tokio::signal::unix::{SignalKind, signal};
        [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?]
    };
    #[cfg(windows)]
    let heard = [tokio::signal::windows::ctrl_c()?];
    Ok(Signals(heard))
}

/// Signals that end a run: made by [`signals`].
#[derive(Debug)]
#[must_use = "a run is ended by them if it is awaited `around`"]
pub struct Signals(
    #[cfg(unix)] [tokio::signal::unix::Signal; 2],
    #[cfg(windows)] [tokio::signal::windows::CtrlC; 1],
);

impl Signals {
    /// Awaits a run. The first signal stops it in order, another one, a second or more later, aborts what is left
    /// of it: see [`stopped_by`](crate::stopped_by).
    pub async fn around<F: Future>(mut self, stop: StopHandle, run: F) -> F::Output {
        let next = |cx: &mut Context<'_>| {
            let mut heard = self.0.iter_mut();
            if heard.any(|signal| matches!(signal.poll_recv(cx), Poll::Ready(Some(())))) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        };
        stopped_by(next, &TokioRuntime::current(), stop, run).await
    }
}
