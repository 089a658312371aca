use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::orchestrator::Timestamp;
use crate::run::facts::mailbox::StopHandle;
use crate::run::facts::runtime::Clock;

/// A wish that comes again so soon is the same one: who holds Ctrl-C down, or has it sent to a whole group of
/// processes, wants to stop once.
const SAME: Duration = Duration::from_secs(1);

/// Awaits a run that somebody may wish to end: by the first wish it is stopped in order, by another one, a second or
/// more later, it is aborted, its shutdown hooks included. `next` is asked for the next wish, as a stream is; the
/// `signals` of the adapters call this.
///
/// ```
/// use std::task::Poll;
/// use jobgraph::smol::SmolClock;
/// use jobgraph::{Job, JobGraph, stopped_by};
///
/// let mut graph = JobGraph::new().until_stopped();
/// graph.add(Job::new(async {}));
/// let mut quit = Some(()); // or what a channel of keys says
/// let wish = move |_: &mut std::task::Context<'_>| match quit.take() {
///     Some(()) => Poll::Ready(()),
///     None => Poll::Pending,
/// };
/// let run = stopped_by(wish, &SmolClock::new(), graph.stop_handle(), jobgraph::smol::run(graph));
/// futures_lite::future::block_on(run)?.check_stopped()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn stopped_by<W, C: Clock, F: Future>(
    mut next: W,
    clock: &C,
    stop: StopHandle,
    run: F,
) -> impl Future<Output = F::Output> + use<W, C, F>
where
    W: FnMut(&mut Context<'_>) -> Poll<()>,
{
    let clock = clock.clone();
    async move {
        let (mut run, mut last) = (pin!(run), None::<Timestamp>);
        poll_fn(|cx| {
            while next(cx).is_ready() {
                let now = clock.now();
                match last {
                    None => stop.stop_in_order(),
                    Some(last) if now.saturating_since(last) < SAME => {}
                    Some(_) => stop.abort(),
                }
                last.get_or_insert(now);
            }
            run.as_mut().poll(cx)
        })
        .await
    }
}
