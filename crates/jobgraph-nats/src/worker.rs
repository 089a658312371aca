//! The side of those who handle calls: a service that takes them from the server.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jobgraph::remote::{CallContext, CallError, Handlers};
use jobgraph::{Context, Error, Job, Repeat, ServiceContext};
use tokio::sync::{mpsc, oneshot};

use crate::floor::{Shift, work};
use crate::nats::Nats;
use crate::thread::Thread;

/// How long calls have to end when a worker is to, unless its job says otherwise.
const GRACE: Duration = Duration::from_secs(30);

/// As many calls as a worker has at once.
const MOST: usize = 65_536;

/// A call that is to be handled, on the runtime of the graph.
pub(crate) struct Task {
    pub(crate) name: &'static str,
    pub(crate) cx: CallContext,
    pub(crate) input: Vec<u8>,
    pub(crate) answer: Asked,
}

type Answered = Result<Vec<u8>, CallError>;
type Asked = oneshot::Sender<Answered>;

impl Nats {
    /// A service that handles calls of [engines](Self::engine) with the same prefix behind this server, at most so many at once. It is
    /// ready once it takes calls, and handles them in the task of its job: for more than one thread, add several to a parallel run.
    ///
    /// Asked to end, it takes no more, and ends when those that it has are done, within its grace period, thirty seconds unless it
    /// is given another one. What is not done then is given back, and another worker begins it anew.
    pub fn worker(self, handlers: Handlers, at_once: usize) -> Job<impl Repeat<Output = ()>> {
        let serve = move |cx: ServiceContext<()>| {
            let (nats, handlers) = (self.clone(), handlers.clone());
            async move { serve(nats, handlers, at_once.clamp(1, MOST), cx).await }
        };
        Job::restartable(serve).label("worker").grace(GRACE)
    }
}

async fn serve(
    nats: Nats,
    handlers: Handlers,
    at_once: usize,
    cx: ServiceContext<()>,
) -> Result<(), Error> {
    let (tasks, mut given) = mpsc::unbounded_channel();
    let (up, is_up) = oneshot::channel();
    let (enough, is_enough) = oneshot::channel();
    let shift = Shift {
        cx: Context::clone(&cx),
        names: handlers.tasks().collect(),
        at_once,
        tasks,
        is_enough,
    };
    let mut thread = Thread::start(move |stopped| work(nats, shift, up, stopped))?;
    if !thread.is_up(is_up, &cx).await? {
        return Ok(());
    }
    cx.ready(());
    let (mut handled, mut answers) = (FuturesUnordered::new(), Vec::new());
    let mut cancelled = pin!(cx.cancelled());
    let mut enough = Some(enough);
    poll_fn(|task| {
        if enough.is_some() && cancelled.as_mut().poll(task).is_ready() {
            enough = None;
        }
        let will_more_come = loop {
            match given.poll_recv(task) {
                Poll::Ready(Some(task)) => handled.push(handle(&handlers, task)),
                Poll::Ready(None) => break false,
                Poll::Pending => break true,
            }
        };
        while let Poll::Ready(Some(answer)) = handled.poll_next_unpin(task) {
            answers.extend(answer);
        }
        // Together, since each would wake the thread that sends it.
        for (asked, answer) in answers.drain(..) {
            let _ = asked.send(answer);
        }
        if will_more_come || !handled.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    thread.ended().await?;
    Ok(())
}

/// The answer to a call, and who asked; none if nobody wants it any more.
async fn handle(handlers: &Handlers, task: Task) -> Option<(Asked, Answered)> {
    let Task { name, cx, input, mut answer } = task;
    let handling = handlers.handle(name, cx, &input);
    tokio::select! {
        biased;
        handled = handling => Some((answer, handled)),
        () = answer.closed() => None,
    }
}
