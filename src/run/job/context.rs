use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::Deref;
use std::pin::pin;
use std::string::String;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{self, Poll};

use slab::Slab;

#[cfg(feature = "journal")]
use super::keep::{Effect, Inside};
use crate::orchestrator::{Attempt, Timestamp};
use crate::run::facts::bell::Bell;
use crate::run::facts::lock::lock;
use crate::run::facts::mailbox::{Mailbox, Message, StopHandle};
use crate::run::facts::observers::Observers;
use crate::run::facts::runtime::{AnyClock, Clock};

/// What an attempt of a job sees of its run. Clones belong to the same attempt.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    attempt: Attempt,
    run: u64,
    mailbox: Arc<Mailbox>,
    /// That of the outermost run, if this one is inside another.
    outermost: Option<Arc<Mailbox>>,
    clock: AnyClock,
    /// Whether no attempt follows.
    is_last: bool,
    /// Who keeps what a graph inside leaves behind; `Err` if there is no path to it.
    #[cfg(feature = "journal")]
    inside: Option<Result<Inside, ()>>,
    /// What makes effects of it known as the same, if it is durable.
    #[cfg(feature = "journal")]
    key: Option<Effect>,
    /// Who hears of the run. A context may outlive it.
    observers: Option<Weak<Observers>>,
    /// Whether they are told of a graph that runs inside.
    tells: AtomicBool,
    cancel: Mutex<Cancel>,
}

/// While this is there, the observers of a run are told of a graph inside.
pub(crate) struct Telling {
    pub(crate) observers: Arc<Observers>,
    context: Context,
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.context.0.tells.store(false, Ordering::Release);
    }
}

#[derive(Default)]
struct Cancel {
    asked: bool,
    waiting: Slab<Bell>,
}

/// Somebody who waits for the cancellation, until dropped.
struct Waits {
    context: Context,
    key: Option<usize>,
}

impl Waits {
    fn poll(&mut self, cx: &task::Context<'_>) -> Poll<()> {
        let bell = Bell::of(cx.waker());
        let mut cancel = lock(&self.context.0.cancel);
        if cancel.asked {
            self.key = None;
            return Poll::Ready(());
        }
        let before = self.key.map(|key| cancel.waiting.remove(key));
        self.key = Some(cancel.waiting.insert(bell));
        drop(cancel);
        drop(before);
        Poll::Pending
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = lock(&self.context.0.cancel).waiting.try_remove(key);
            drop(waker);
        }
    }
}

impl Context {
    pub(crate) fn new(
        attempt: Attempt,
        run: u64,
        mailbox: Arc<Mailbox>,
        outermost: Option<Arc<Mailbox>>,
        clock: AnyClock,
        is_last: bool,
        observers: Option<Weak<Observers>>,
    ) -> Self {
        let (cancel, tells) = (Mutex::default(), AtomicBool::new(false));
        Self(Arc::new(Inner {
            attempt,
            run,
            mailbox,
            outermost,
            clock,
            is_last,
            #[cfg(feature = "journal")]
            inside: None,
            #[cfg(feature = "journal")]
            key: None,
            observers,
            tells,
            cancel,
        }))
    }

    /// Before it is cloned.
    #[cfg(feature = "journal")]
    pub(crate) fn kept_by(
        mut self,
        inside: Option<Result<Inside, ()>>,
        key: Option<Effect>,
    ) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            (inner.inside, inner.key) = (inside, key);
        }
        self
    }

    /// What names the work of a [durable](crate::Job::durable) job in a run that has a journal, in all attempts and resumptions: the
    /// run, its key, and what it is fed. An effect that is known by it, as a payment by its number, is not had twice.
    #[cfg(all(feature = "journal", unix))]
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_ref().map(Effect::as_str)
    }

    /// What names the run in its journal, through all resumptions; `None` without one, or if there is no path to the job's graph.
    #[cfg(feature = "remote")]
    #[must_use]
    pub fn run_name(&self) -> Option<String> {
        #[cfg(feature = "journal")]
        return self.0.inside.as_ref()?.as_ref().ok()?.run_name();
        #[cfg(not(feature = "journal"))]
        None
    }

    /// One of the same attempt that is asked to end by itself. What its graphs do is told to nobody and kept by nobody: those of
    /// several of its kind could not be told apart.
    #[cfg(feature = "remote")]
    pub(crate) fn apart(&self) -> Self {
        let Inner { attempt, run, mailbox, outermost, clock, is_last, .. } = &*self.0;
        let (mailbox, outermost) = (Arc::clone(mailbox), outermost.clone());
        Self::new(*attempt, *run, mailbox, outermost, clock.clone(), *is_last, None)
    }

    #[cfg(feature = "journal")]
    pub(crate) fn inside(&self) -> Option<&Result<Inside, ()>> {
        self.0.inside.as_ref()
    }

    /// The mailbox of the outermost run.
    pub(crate) fn outermost(&self) -> &Arc<Mailbox> {
        self.0.outermost.as_ref().unwrap_or(&self.0.mailbox)
    }

    /// Who hears of the run, if anybody does and is not told of another graph inside: the jobs of two could not be
    /// told apart.
    pub(crate) fn tell_inside(&self) -> Option<Telling> {
        let observers = self.0.observers.as_ref()?.upgrade()?;
        let is_first = !self.0.tells.swap(true, Ordering::Acquire);
        is_first.then(|| Telling { observers, context: self.clone() })
    }

    /// Which attempt of which job this is.
    #[must_use]
    pub fn attempt(&self) -> Attempt {
        self.0.attempt
    }

    /// Whether no attempt of the job follows, should this one fail: it has no [retries](crate::Job::retries) left. Never so
    /// if failures are [forgotten](crate::Job::reset_after) after a healthy time.
    ///
    /// ```
    /// use jobgraph::{Job, JobGraph};
    ///
    /// let mut graph = JobGraph::new();
    /// let fetch = graph.add(Job::repeat_with_context(|cx| async move {
    ///     if cx.is_last_attempt() { Ok("from the cache") } else { Err("no route to host") }
    /// }).retries(2));
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert_eq!(report.job(&fetch).unwrap().attempts(), 3);
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    #[must_use]
    pub fn is_last_attempt(&self) -> bool {
        self.0.is_last
    }

    /// Whether this attempt was asked to end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        lock(&self.0.cancel).asked
    }

    /// Completes once this attempt is asked to end. It has its grace period then: with none, which is
    /// the default, it is dropped without being asked.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut waits = Waits { context: self.clone(), key: None };
        poll_fn(move |cx| waits.poll(cx))
    }

    /// Awaits this, unless the attempt is asked to end before.
    pub(crate) async fn unless_cancelled<F: Future>(&self, future: F) -> Option<F::Output> {
        let (mut future, mut cancelled) = (pin!(future), pin!(self.cancelled()));
        poll_fn(|task| match future.as_mut().poll(task) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => cancelled.as_mut().poll(task).map(|()| None),
        })
        .await
    }

    /// Asks the attempt to end. Whoever waits for that is to be woken, under no lock.
    pub(crate) fn cancel(&self) -> impl Iterator<Item = Bell> + use<> {
        let mut cancel = lock(&self.0.cancel);
        cancel.asked = true;
        // A canary: a planted bug, which shows that the tests would find one.
        let waiting = if cfg!(jobgraph_canary = "driver") {
            Slab::new()
        } else {
            std::mem::take(&mut cancel.waiting)
        };
        drop(cancel);
        waiting.into_iter().map(|(_, bell)| bell)
    }

    /// The clock of the run: sleeps by it follow virtual time in a test.
    #[must_use]
    pub fn clock(&self) -> &AnyClock {
        &self.0.clock
    }

    /// The time on the clock of the run.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Completes once `duration` has passed on the clock of the run.
    pub fn sleep(&self, duration: std::time::Duration) -> impl Future<Output = ()> + Send + use<> {
        let clock = self.0.clock.clone();
        async move { clock.sleep(duration).await }
    }

    /// Says something of the job, such as `up to date` or `45 of 90 pages`: listings, progress and timelines show the
    /// last of it beside the state, and observers hear all of it. A graph that is a job says nothing for the jobs inside.
    /// It is not heard once the attempt is over.
    ///
    /// ```
    /// use jobgraph::{Job, JobGraph};
    ///
    /// let mut graph = JobGraph::new();
    /// let build = graph.add(Job::with_context(async |cx| cx.note("up to date")).label("build"));
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert_eq!(report.job(&build).unwrap().note(), Some("up to date"));
    /// assert!(report.to_string().contains("build succeeded (up to date)"));
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn note(&self, text: impl Into<String>) {
        self.0.mailbox.post_note(self.0.attempt, self.0.run, text.into());
    }

    /// What ends the whole run: if the job's graph is itself a job of another one, the outermost. For one of the jobs
    /// beside this one take that of [`this_graph`](Self::this_graph).
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle(Arc::clone(self.outermost()))
    }

    /// What ends the run of the job's own graph, or one of the jobs in it.
    #[must_use]
    pub fn this_graph(&self) -> StopHandle {
        StopHandle(Arc::clone(&self.0.mailbox))
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cancelled = self.is_cancelled();
        f.debug_struct("Context")
            .field("attempt", &self.0.attempt)
            .field("cancelled", &cancelled)
            .finish_non_exhaustive()
    }
}

/// What a service sees of its run: a [`Context`], and a way to say that it is ready.
pub struct ServiceContext<V> {
    context: Context,
    offer: Arc<Mutex<Offer<V>>>,
}

/// What an attempt of a service is ready with.
pub(crate) struct Offer<V> {
    /// Whether it has said so: it does once.
    said: bool,
    /// What it is ready with, until that is delivered.
    pub(crate) value: Option<Arc<V>>,
}

impl<V> Default for Offer<V> {
    fn default() -> Self {
        Self { said: false, value: None }
    }
}

impl<V> fmt::Debug for Offer<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer").field("said", &self.said).finish_non_exhaustive()
    }
}

impl<V> ServiceContext<V> {
    pub(crate) fn new(context: Context, offer: Arc<Mutex<Offer<V>>>) -> Self {
        Self { context, offer }
    }

    /// The service is ready: what requires it starts, and is fed this value if it asks for it, the same that this
    /// returns. Only the first call of an attempt counts, from the moment on at which the attempt next awaits; the
    /// value of another one is nobody's but the caller's. A value of a later attempt replaces this one for what
    /// starts later: who was fed this one keeps it, and who asked for the [`latest`](crate::latest) has that.
    pub fn ready(&self, value: V) -> Arc<V> {
        let value = Arc::new(value);
        let mut offer = lock(&self.offer);
        if offer.said {
            return value;
        }
        *offer = Offer { said: true, value: Some(Arc::clone(&value)) };
        drop(offer);
        let Inner { attempt, run, mailbox, .. } = &*self.context.0;
        mailbox.post(Message::Ready { attempt: *attempt, run: *run });
        value
    }
}

impl<V> Deref for ServiceContext<V> {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

impl<V> Clone for ServiceContext<V> {
    fn clone(&self) -> Self {
        Self { context: self.context.clone(), offer: Arc::clone(&self.offer) }
    }
}

impl<V> fmt::Debug for ServiceContext<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.context.fmt(f)
    }
}
