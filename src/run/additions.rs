use std::boxed::Box;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::vec::Vec;

use super::asked::Asked;
use super::body::Body;
use super::engine::Engine;
use super::error::RunError;
use super::graph::Graph;
use super::handle::{Handle, Key};
use super::job::Job;
use super::mailbox::{Mailbox, Message};
use super::output::{Column, LocalOutputs, Outputs, Place, SendOutputs};
use super::payload::{Local, Payload, Sendable};
use super::quiet::drop_quietly;
use super::record::Record;
use crate::JobId;
use crate::orchestrator::Extra;

/// Adds jobs to a run that goes on: made by [`Graph::adder`], and used by the graph's own jobs.
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

struct Addition<P: Payload> {
    body: P,
    extra: Option<Box<Extra>>,
    requirements: Asked,
    reserve: Reserve<P>,
    reply: Answer,
}

/// Where the answer to an addition goes. One that is dropped says that the run is over.
struct Answer(Arc<Mutex<Reply>>);

impl Answer {
    fn give(&self, result: Result<JobId, RunError>) {
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

/// Reserves a place for the output of a job.
type Reserve<P> = Box<dyn FnOnce(&mut Outputs<<P as Payload>::Outputs>) -> Place + Send>;

#[derive(Default)]
struct Reply {
    answered: bool,
    result: Option<Result<JobId, RunError>>,
    waiting: Option<Waker>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<P: Payload> Additions<P> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Queue { open: true, jobs: Vec::new() }))
    }

    /// Adds what waits, and tells those who wait for it.
    pub(crate) fn admit(engine: &mut Engine<P>) {
        let additions = std::mem::take(&mut lock(&engine.additions.additions.0).jobs);
        if engine.hooks.is_some() {
            // The run of the jobs is over.
            return drop_quietly(additions);
        }
        for addition in additions {
            let Addition { body, extra, requirements, reserve, reply } = addition;
            let core = &mut engine.core;
            let place = reserve(&mut engine.outputs);
            let result: Result<JobId, RunError> = requirements
                .by_id(engine.graph, extra.as_deref())
                .and_then(|ids| Ok(core.insert(Record::new(place), extra, ids)?.into()));
            match result {
                Ok(id) => {
                    engine.hooked |= body.peek().has_hook();
                    engine.cells.add(id.index(), body);
                }
                Err(_) => drop_quietly(body),
            }
            reply.give(result);
        }
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

impl<P: Payload> Graph<P> {
    /// A handle with which the graph's jobs can add further jobs while it runs. Clones add to the same run.
    #[must_use]
    pub fn adder(&self) -> Adder<P> {
        Adder::new(self.id, self.additions.share(), Arc::clone(&self.mailbox))
    }
}
