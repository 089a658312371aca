use std::boxed::Box;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::vec::Vec;

use crate::orchestrator::{Extra, JobId};
use crate::run::facts::error::RunError;
use crate::run::facts::handle::{Handle, Key};
use crate::run::facts::lock::lock;
use crate::run::facts::mailbox::{Mailbox, Message};
use crate::run::facts::output::{Column, LocalOutputs, Outputs, SendOutputs, Slot};
use crate::run::facts::quiet::drop_quietly;
use crate::run::job::asked::Asked;
use crate::run::job::body::Body;
use crate::run::job::job::Job;
use crate::run::job::payload::{Local, Payload, Sendable};

/// Adds jobs to a run that goes on: made by [`Graph::adder`](crate::Graph::adder), and used by the graph's own jobs.
///
/// ```
/// use jobgraph::{Job, JobGraph};
///
/// let mut graph = JobGraph::new();
/// let adder = graph.adder();
/// let list = graph.add(Job::try_new(async move {
///     let mut pages = vec![];
///     for page in ["a", "b"] {
///         pages.push(adder.add(Job::new(async move { page.len() }).label(page)).await?);
///     }
///     Ok::<_, jobgraph::RunError>(pages)
/// }));
/// let report = jobgraph::smol::block_on(graph)?;
/// let pages = report.output(&list).unwrap();
/// assert_eq!(report.output(&pages[1]), Some(&1));
/// # Ok::<(), jobgraph::RunError>(())
/// ```
pub struct Adder<P: Payload> {
    graph: u64,
    additions: Arc<Additions<P>>,
    mailbox: Arc<Mailbox>,
}

/// The jobs that wait to be added.
pub(crate) struct Additions<P: Payload>(Mutex<Queue<P>>);

/// Open as long as this is there: what waits then would otherwise hold the queue that holds it.
pub(crate) struct OpenAdditions<P: Payload> {
    additions: Arc<Additions<P>>,
    closes: bool,
}

impl<P: Payload> OpenAdditions<P> {
    pub(crate) fn open(additions: Arc<Additions<P>>) -> Self {
        lock(&additions.0).open = true;
        Self { additions, closes: true }
    }

    pub(crate) fn share(&self) -> Arc<Additions<P>> {
        Arc::clone(&self.additions)
    }

    /// What waits, which waits no longer.
    pub(crate) fn take(&self) -> Vec<Addition<P>> {
        std::mem::take(&mut lock(&self.additions.0).jobs)
    }

    /// Leaves the closing to another one.
    pub(crate) fn pass_on(&mut self) {
        self.closes = false;
    }
}

impl<P: Payload> Drop for OpenAdditions<P> {
    fn drop(&mut self) {
        if self.closes {
            self.additions.close();
        }
    }
}

struct Queue<P: Payload> {
    open: bool,
    jobs: Vec<Addition<P>>,
}

pub(crate) struct Addition<P: Payload> {
    pub(crate) body: P,
    pub(crate) extra: Option<Box<Extra>>,
    pub(crate) requirements: Asked,
    pub(crate) reserve: Reserve<P>,
    pub(crate) reply: Answer,
}

/// Where the answer to an addition goes. One that is dropped says that the run is over.
pub(crate) struct Answer(Arc<Mutex<Reply>>);

impl Answer {
    pub(crate) fn give(&self, result: Result<JobId, RunError>) {
        let mut reply = lock(&self.0);
        reply.answered = true;
        reply.result = Some(result);
        let waiting = reply.waiting.take();
        drop(reply);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !lock(&self.0).answered {
            self.give(Err(RunError::Over));
        }
    }
}

/// Reserves a slot for the output of a job.
pub(crate) type Reserve<P> = Box<dyn FnOnce(&mut Outputs<<P as Payload>::Outputs>) -> Slot + Send>;

#[derive(Default)]
struct Reply {
    answered: bool,
    result: Option<Result<JobId, RunError>>,
    waiting: Option<Waker>,
}

impl<P: Payload> Additions<P> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Queue { open: true, jobs: Vec::new() }))
    }

    /// The run is over: what still waits is dropped, and nothing is taken any more.
    pub(crate) fn close(&self) {
        let mut queue = lock(&self.0);
        queue.open = false;
        let jobs = std::mem::take(&mut queue.jobs);
        drop(queue);
        drop_quietly(jobs);
    }
}

impl<P: Payload> Adder<P> {
    pub(crate) fn new(graph: u64, additions: Arc<Additions<P>>, mailbox: Arc<Mailbox>) -> Self {
        Self { graph, additions, mailbox }
    }

    async fn send<T>(
        &self,
        body: P,
        extra: Option<Box<Extra>>,
        requirements: Asked,
        reserve: Reserve<P>,
    ) -> Result<Handle<T>, RunError> {
        let reply = Arc::<Mutex<Reply>>::default();
        let addition =
            Addition { body, extra, requirements, reserve, reply: Answer(Arc::clone(&reply)) };
        {
            let mut queue = lock(&self.additions.0);
            if !queue.open {
                return Err(RunError::Over);
            }
            queue.jobs.push(addition);
        }
        self.mailbox.post(Message::Add);
        let id = poll_fn(|cx| {
            let mut reply = lock(&reply);
            if let Some(result) = reply.result.take() {
                return Poll::Ready(result);
            }
            reply.waiting = Some(cx.waker().clone());
            Poll::Pending
        })
        .await?;
        Ok(Handle::new(Key { graph: self.graph, id }))
    }
}

impl<'a> Adder<Local<'a>> {
    /// Adds a job to the run. It may start before this returns.
    ///
    /// # Errors
    /// [`RunError`] for a requirement that cannot be made, or a run that is ending or over.
    pub async fn add<B: Body + 'a>(&self, job: Job<B>) -> Result<Handle<B::Output>, RunError> {
        let show = job.show;
        let reserve = move |outputs: &mut Outputs<LocalOutputs>| {
            outputs.reserve::<B::Output>(show, || Box::new(Column::<B::Output>::new()))
        };
        self.send(Local::new(job.body), job.extra, job.requirements, Box::new(reserve)).await
    }
}

impl Adder<Sendable> {
    /// Adds a job to the run. It may start before this returns.
    ///
    /// # Errors
    /// [`RunError`] for a requirement that cannot be made, or a run that is ending or over.
    pub async fn add<B>(&self, job: Job<B>) -> Result<Handle<B::Output>, RunError>
    where
        B: Body<Output: Send + Sync> + Send + 'static,
    {
        let show = job.show;
        let reserve = move |outputs: &mut Outputs<SendOutputs>| {
            outputs.reserve::<B::Output>(show, || Box::new(Column::<B::Output>::new()))
        };
        self.send(Sendable::new(job.body), job.extra, job.requirements, Box::new(reserve)).await
    }
}

impl<P: Payload> Clone for Adder<P> {
    fn clone(&self) -> Self {
        let (additions, mailbox) = (Arc::clone(&self.additions), Arc::clone(&self.mailbox));
        Self { graph: self.graph, additions, mailbox }
    }
}

impl<P: Payload> fmt::Debug for Adder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adder").field("graph", &self.graph).finish_non_exhaustive()
    }
}
