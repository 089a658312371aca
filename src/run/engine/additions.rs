use std::boxed::Box;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{self, Poll};
use std::vec::Vec;

use crate::orchestrator::{JobId, Particulars};
use crate::run::facts::bell::Bell;
use crate::run::facts::column::Column;
use crate::run::facts::handle::{Handle, JobHandle, Key};
use crate::run::facts::lock::lock;
use crate::run::facts::mailbox::{Mailbox, Message};
use crate::run::facts::output::{NewColumn, Outputs, Show, Slot};
use crate::run::facts::quiet::drop_quietly;
use crate::run::facts::run_error::RunError;
use crate::run::job::asked::Asked;
use crate::run::job::body::Body;
use crate::run::job::hook::Hook;
use crate::run::job::job::Job;
use crate::run::job::payload::{Local, Payload, Sendable, to_heap};

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
    additions: Arc<Additions<P>>,
    mailbox: Arc<Mailbox>,
}

/// The jobs that wait to be added.
pub(crate) struct Additions<P: Payload>(Mutex<Queue<P>>);

/// Made for whoever may add jobs, and open as long as this is there: what waits then would otherwise hold the
/// queue that holds it.
pub(crate) struct OpenAdditions<P: Payload> {
    additions: OnceLock<Arc<Additions<P>>>,
    closes: bool,
}

impl<P: Payload> OpenAdditions<P> {
    pub(crate) const fn new() -> Self {
        Self { additions: OnceLock::new(), closes: true }
    }

    /// The same, opened again for a run. Who is not known by now adds nothing to that.
    pub(crate) fn reopen(&self) -> Self {
        let additions = self.additions.clone();
        if let Some(additions) = additions.get() {
            lock(&additions.0).open = true;
        }
        Self { additions, closes: true }
    }

    pub(crate) fn share(&self) -> Arc<Additions<P>> {
        Arc::clone(self.additions.get_or_init(|| Arc::new(Additions::new())))
    }

    /// Whether anybody may add jobs, or has.
    #[cfg(feature = "journal")]
    pub(crate) fn are_shared(&self) -> bool {
        let are_shared = |additions: &Arc<Additions<P>>| {
            Arc::strong_count(additions) > 1 || !lock(&additions.0).jobs.is_empty()
        };
        self.additions.get().is_some_and(are_shared)
    }

    /// What waits, which waits no longer.
    pub(crate) fn take(&self) -> Vec<Addition<P>> {
        let Some(additions) = self.additions.get() else { return Vec::new() };
        std::mem::take(&mut lock(&additions.0).jobs)
    }

    /// Takes nothing any more: see [`Additions::close`].
    pub(crate) fn close(&self) {
        if let Some(additions) = self.additions.get() {
            additions.close();
        }
    }

    /// Leaves the closing to another one.
    pub(crate) fn pass_on(&mut self) {
        self.closes = false;
    }
}

impl<P: Payload> Drop for OpenAdditions<P> {
    fn drop(&mut self) {
        if self.closes {
            self.close();
        }
    }
}

struct Queue<P: Payload> {
    open: bool,
    jobs: Vec<Addition<P>>,
}

pub(crate) struct Addition<P: Payload> {
    pub(crate) body: P,
    pub(crate) hook: Option<P>,
    pub(crate) particulars: Particulars,
    pub(crate) requirements: Asked,
    pub(crate) reserve: Reserve<P>,
    pub(crate) reply: Answer,
    /// The job that added it, if that is known: if somebody wants to know.
    pub(crate) by: Option<JobId>,
}

impl<P: Payload> Addition<P> {
    /// The run is over. Runs code of the user's.
    fn refuse(self) {
        let Self { body, hook, reply, .. } = self;
        drop_quietly(body);
        drop_quietly(hook);
        drop(reply);
    }
}

/// Where the answer to an addition goes. One that is dropped says that the run is over.
pub(crate) struct Answer(Arc<Mutex<Reply>>);

impl Answer {
    /// Returns who waits for it, to be woken under no lock.
    #[must_use = "somebody waits for it"]
    pub(crate) fn give(&self, result: Result<Key, RunError>) -> Option<Bell> {
        let mut reply = lock(&self.0);
        reply.answered = true;
        reply.result = Some(result);
        reply.waiting.take()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let answered = lock(&self.0).answered;
        if !answered {
            self.give(Err(RunError::Over)).into_iter().for_each(Bell::ring);
        }
    }
}

/// Reserves a slot for the output of a job.
pub(crate) type Reserve<P> = Box<dyn FnOnce(&mut Outputs<<P as Payload>::Outputs>) -> Slot + Send>;

#[derive(Default)]
struct Reply {
    answered: bool,
    result: Option<Result<Key, RunError>>,
    waiting: Option<Bell>,
}

impl<P: Payload> Additions<P> {
    fn new() -> Self {
        Self(Mutex::new(Queue { open: true, jobs: Vec::new() }))
    }

    /// The run is over: what still waits is dropped, and nothing is taken any more. Runs code of the user's.
    pub(crate) fn close(&self) {
        let mut queue = lock(&self.0);
        queue.open = false;
        let jobs = std::mem::take(&mut queue.jobs);
        drop(queue);
        jobs.into_iter().for_each(Addition::refuse);
    }
}

impl<P: Payload> Adder<P> {
    pub(crate) fn new(additions: Arc<Additions<P>>, mailbox: Arc<Mailbox>) -> Self {
        Self { additions, mailbox }
    }

    fn send<T: 'static>(
        &self,
        body: P,
        hook: Option<P>,
        particulars: Particulars,
        requirements: Asked,
        show: Option<Show>,
        new_column: NewColumn<P::Outputs>,
    ) -> Adding<T> {
        let reply = Arc::<Mutex<Reply>>::default();
        let addition = Addition {
            body,
            hook,
            particulars,
            requirements,
            reserve: Box::new(move |outputs| outputs.reserve_again::<T>(show, new_column)),
            reply: Answer(Arc::clone(&reply)),
            by: self.mailbox.adding_job(),
        };
        let mut queue = lock(&self.additions.0);
        if queue.open {
            queue.jobs.push(addition);
            drop(queue);
            self.mailbox.post(Message::Add);
        } else {
            // The answer of one that is dropped is that the run is over.
            drop(queue);
            addition.refuse();
        }
        Adding { reply, output: PhantomData }
    }
}

impl<P: Payload> Adder<P> {
    /// Lets a job leave the run, so that one which goes on for long has bounded memory: as soon as it has ended,
    /// and all that requires it, it is removed with its output and its error. It is not in the report then, and if it
    /// failed, [`check`](crate::Report::check) does not know. What observers keep is theirs.
    ///
    /// A job with a shutdown hook that is to run stays, and so do all jobs of a graph that
    /// [runs again](crate::Graph::repeatable). Nothing happens if the job is of another graph or run.
    ///
    /// ```
    /// use jobgraph::{Job, JobGraph};
    ///
    /// let mut graph = JobGraph::new();
    /// let adder = graph.adder();
    /// graph.add(Job::try_new(async move {
    ///     for request in 0..1_000 {
    ///         let answered = adder.add(Job::new(async move { request })).await?;
    ///         adder.remove(&answered);
    ///     }
    ///     jobgraph::ok(())
    /// }));
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert_eq!((report.jobs().count(), report.counts().removed), (1, 1_000));
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn remove(&self, job: &impl JobHandle) {
        self.mailbox.post(Message::Remove(job.key()));
    }
}

impl<'a> Adder<Local<'a>> {
    /// Adds a job to the run, at once: it may start before the answer is awaited, and it does not matter
    /// whether that is ever awaited. Before the run the job is taken as well; the answer comes once the run
    /// has begun.
    ///
    /// The answer is [`RunError`] for a requirement that cannot be made, or a run that is ending or over.
    pub fn add<B: Body + 'a, H: Hook + 'a>(&self, job: Job<B, H>) -> Adding<B::Output> {
        let Job { body, hook, particulars, requirements, show } = job;
        let hook_payload = H::IS_SOME.then(|| Local::new(to_heap(hook)));
        self.send(Local::new(body), hook_payload, particulars, requirements, show, |other| {
            Box::new(Column::<B::Output>::new(other))
        })
    }
}

impl Adder<Sendable> {
    /// Adds a job to the run, at once: it may start before the answer is awaited, and it does not matter
    /// whether that is ever awaited. Before the run the job is taken as well; the answer comes once the run
    /// has begun.
    ///
    /// The answer is [`RunError`] for a requirement that cannot be made, or a run that is ending or over.
    pub fn add<B, H>(&self, job: Job<B, H>) -> Adding<B::Output>
    where
        B: Body<Output: Send + Sync> + Send + 'static,
        H: Hook + Send + 'static,
    {
        let Job { body, hook, particulars, requirements, show } = job;
        let hook_payload = H::IS_SOME.then(|| Sendable::new(to_heap(hook)));
        self.send(Sendable::new(body), hook_payload, particulars, requirements, show, |other| {
            Box::new(Column::<B::Output>::new(other))
        })
    }
}

/// The answer to an addition: the handle of the job that was added. Made by [`Adder::add`].
#[must_use = "it tells whether the job was added"]
pub struct Adding<T> {
    reply: Arc<Mutex<Reply>>,
    output: PhantomData<fn() -> T>,
}

impl<T> Future for Adding<T> {
    type Output = Result<Handle<T>, RunError>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let bell = Bell::of(cx.waker());
        let mut reply = lock(&self.reply);
        if let Some(result) = reply.result.take() {
            drop(reply);
            return Poll::Ready(result.map(Handle::new));
        }
        let before = if reply.answered { Some(bell) } else { reply.waiting.replace(bell) };
        drop(reply);
        drop(before);
        Poll::Pending
    }
}

impl<T> fmt::Debug for Adding<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answered = lock(&self.reply).answered;
        f.debug_struct("Adding").field("answered", &answered).finish_non_exhaustive()
    }
}

impl<P: Payload> Clone for Adder<P> {
    fn clone(&self) -> Self {
        let (additions, mailbox) = (Arc::clone(&self.additions), Arc::clone(&self.mailbox));
        Self { additions, mailbox }
    }
}

impl<P: Payload> fmt::Debug for Adder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adder").finish_non_exhaustive()
    }
}
