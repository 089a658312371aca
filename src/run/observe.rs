use std::boxed::Box;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{self, Poll, Waker};
use std::vec::Vec;

use super::engine::Engine;
use super::error::JobError;
use super::fact::{Fact, JobInfo, What};
use super::graph::Graph;
use super::payload::Payload;
use super::quiet::{Quiet, caught, drop_quietly};
use crate::{
    Attempt, Change, JobId, JobState, Outcome, StopReason, Timestamp, Transition, Verdict,
};

type Observer = Box<dyn FnMut(&Fact) + Send>;

/// Who wants to hear of a run, and what they have not heard yet.
///
/// Facts are put down in order while a run is locked, and delivered when it is not.
pub(crate) struct Observers {
    facts: Mutex<VecDeque<Fact>>,
    /// Held while facts are delivered, so that there is one who delivers.
    listeners: Mutex<Quiet<Observer>>,
    nowhere: Arc<[JobId]>,
    /// Whether nobody is to be told anything more.
    closed: AtomicBool,
    /// The span of the run, inside which observers are told.
    #[cfg(feature = "tracing")]
    span: Mutex<tracing::Span>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Observers {
    fn new() -> Self {
        Self {
            facts: Mutex::default(),
            listeners: Mutex::new(Quiet(Vec::new())),
            nowhere: Arc::new([]),
            closed: AtomicBool::new(false),
            #[cfg(feature = "tracing")]
            span: Mutex::new(tracing::Span::none()),
        }
    }

    fn put(&self, at: Timestamp, what: What) {
        let within = Arc::clone(&self.nowhere);
        lock(&self.facts).push_back(Fact { at, within, what });
    }

    /// Delivers what nobody else is delivering.
    pub(crate) fn deliver(&self) {
        while !lock(&self.facts).is_empty() {
            match self.listeners.try_lock() {
                Ok(mut observers) => self.deliver_to(&mut observers.0),
                Err(TryLockError::Poisoned(observers)) => {
                    self.deliver_to(&mut observers.into_inner().0);
                }
                // Whoever holds it looks again when it is done.
                Err(TryLockError::WouldBlock) => return,
            }
            if self.closed.load(Ordering::Acquire) {
                self.close();
            }
        }
    }

    /// Lets go of the observers, whoever may still hold this: there is nothing more to tell.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // Whoever delivers closes it when that is done.
        if let Ok(mut observers) = self.listeners.try_lock() {
            let observers = std::mem::replace(&mut *observers, Quiet(Vec::new()));
            drop(observers);
        }
    }

    /// Returns once all is delivered.
    fn flush(&self) {
        self.deliver_to(&mut lock(&self.listeners).0);
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn tell_inside(&self, span: &tracing::Span) {
        *lock(&self.span) = span.clone();
    }

    fn deliver_to(&self, observers: &mut Vec<Observer>) {
        #[cfg(feature = "tracing")]
        let span = lock(&self.span).clone();
        #[cfg(feature = "tracing")]
        let _entered = span.enter();
        loop {
            let facts = std::mem::take(&mut *lock(&self.facts));
            if facts.is_empty() {
                return;
            }
            for fact in &facts {
                let panicked = |observer: &mut Observer| caught(|| observer(fact)).is_err();
                observers.extract_if(.., panicked).for_each(drop_quietly);
            }
        }
    }

    /// An observer of a nested graph who passes on what happens inside `job`.
    pub(crate) fn pass_on(around: Arc<Self>, job: JobId) -> impl FnMut(&Fact) + Send + 'static {
        move |fact| {
            lock(&around.facts).push_back(fact.clone().inside(job));
            around.deliver();
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observers").finish_non_exhaustive()
    }
}

impl<P: Payload> Graph<P> {
    /// Lets somebody hear of all that happens in the run, as it happens and in order; all of it has been
    /// told when the run returns. Any number may observe.
    ///
    /// It is called between two polls of jobs, in an in-place run by the task that runs the graph, in a
    /// parallel one by whichever task has something to tell, one call at a time: let it be quick. One
    /// that panics hears no more; the run goes on. What happens inside nested graphs is told as well.
    ///
    /// A run that nobody observes does not keep anything for it.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use jobgraph::{Job, JobGraph, What};
    ///
    /// let (sender, facts) = mpsc::channel();
    /// let mut graph = JobGraph::new();
    /// graph.add(Job::new(async {}).label("fetch"));
    /// graph.observe(move |fact| sender.send(fact.what.clone()).unwrap());
    /// jobgraph::smol::block_on(graph)?;
    /// let facts: Vec<What> = facts.iter().collect();
    /// assert!(matches!(&facts[1], What::Added(job) if job.label.as_deref() == Some("fetch")));
    /// assert!(matches!(facts.last(), Some(What::Over(verdict)) if verdict.to_string() == "completed"));
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn observe(&mut self, observer: impl FnMut(&Fact) + Send + 'static) {
        let observers = self.observers.get_or_insert_with(|| Arc::new(Observers::new()));
        lock(&observers.listeners).0.push(Box::new(observer));
    }

    /// All that happens in the run, as a stream that never lags the run, and ends with it. What is not
    /// read is kept.
    ///
    /// ```
    /// use jobgraph::{Job, JobGraph};
    ///
    /// let mut graph = JobGraph::new();
    /// graph.add(Job::new(async {}).label("fetch"));
    /// let mut facts = graph.facts();
    /// let watch = async {
    ///     let mut told = 0;
    ///     while facts.next().await.is_some() {
    ///         told += 1;
    ///     }
    ///     told
    /// };
    /// let (report, told) = async_io::block_on(futures_lite::future::zip(jobgraph::smol::run(graph), watch));
    /// assert!(report?.is_success());
    /// assert_eq!(told, 6); // begun, added, queued, running, succeeded, over
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn facts(&mut self) -> Facts {
        let channel = Arc::<Channel>::default();
        let sender = Sender(Arc::clone(&channel));
        self.observe(move |fact| sender.0.send(fact));
        Facts(channel)
    }
}

/// What happens in a run, in order: made by [`Graph::facts`].
pub struct Facts(Arc<Channel>);

#[derive(Default)]
struct Channel(Mutex<Unread>);

#[derive(Default)]
struct Unread {
    facts: VecDeque<Fact>,
    closed: bool,
    reader: Option<Waker>,
}

struct Sender(Arc<Channel>);

impl Channel {
    fn send(&self, fact: &Fact) {
        let mut unread = lock(&self.0);
        unread.facts.push_back(fact.clone());
        let reader = unread.reader.take();
        drop(unread);
        reader.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let mut unread = lock(&self.0.0);
        unread.closed = true;
        let reader = unread.reader.take();
        drop(unread);
        reader.into_iter().for_each(Waker::wake);
    }
}

impl Facts {
    /// The next fact, once there is one; `None` when all of the run was told: after its end, or once it
    /// was dropped. A graph that can run again tells of all its runs, until it is dropped.
    pub async fn next(&mut self) -> Option<Fact> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The next fact, if there is one by now.
    pub fn try_next(&mut self) -> Option<Fact> {
        lock(&self.0.0).facts.pop_front()
    }

    /// [`next`](Self::next) for those who poll: what `Stream::poll_next` wants to know.
    pub fn poll_next(&mut self, cx: &task::Context<'_>) -> Poll<Option<Fact>> {
        let mut unread = lock(&self.0.0);
        if let Some(fact) = unread.facts.pop_front() {
            return Poll::Ready(Some(fact));
        }
        if unread.closed {
            return Poll::Ready(None);
        }
        let before = unread.reader.replace(cx.waker().clone());
        drop(unread);
        drop(before);
        Poll::Pending
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unread = lock(&self.0.0).facts.len();
        f.debug_struct("Facts").field("unread", &unread).finish_non_exhaustive()
    }
}

impl<P: Payload> Engine<P> {
    /// Puts down for the observers that the run has begun, and with what.
    pub(crate) fn tell_begun(&mut self) {
        let Some(observers) = self.observers.clone() else { return };
        let window = self.core.options().window;
        observers.put(self.begun, What::Begun { window });
        let jobs: Vec<JobId> = self.core.jobs().collect();
        for job in jobs {
            observers.put(self.begun, What::Added(self.info(job)));
        }
        self.tell();
    }

    /// Puts down for the observers what has changed.
    pub(crate) fn tell(&mut self) {
        if self.observers.is_some() {
            self.tell_changes(None);
        }
    }

    /// The same, and lets them hear it. Costs one look if there are none.
    pub(crate) fn inform(&mut self) {
        if self.observers.is_some() {
            self.tell_changes(None);
            self.deliver_told();
        }
    }

    #[cold]
    fn deliver_told(&self) {
        if let Some(observers) = &self.observers {
            observers.deliver();
        }
    }

    /// The same, after an attempt has completed.
    pub(crate) fn tell_completed(&mut self, attempt: Attempt) {
        if self.observers.is_some() {
            self.tell_changes(Some(attempt));
        }
    }

    // Cold: a run that nobody observes is to cost nothing.
    #[cold]
    fn tell_changes(&mut self, completed: Option<Attempt>) {
        let Some(observers) = self.observers.clone() else { return };
        while let Some(transition) = self.core.poll_transition() {
            let what = match &self.hooks {
                None => self.what_changed(transition, completed),
                Some(_) => self.what_changed_in_hooks(transition, completed),
            };
            if let Some(what) = what {
                observers.put(transition.at, what);
            }
        }
    }

    fn what_changed(
        &self,
        Transition { id, change, .. }: Transition,
        completed: Option<Attempt>,
    ) -> Option<What> {
        Some(match change {
            Change::Added => What::Added(self.info(id)),
            Change::State { from, to } => {
                What::State { id, from, to, error: self.error(id, from, to, completed) }
            }
            Change::Ready => What::Ready(id),
            // Nothing is removed from the run of a graph.
            Change::Removed => return None,
        })
    }

    fn what_changed_in_hooks(
        &self,
        Transition { id, change, .. }: Transition,
        completed: Option<Attempt>,
    ) -> Option<What> {
        let subject = (*self.hooks.as_ref()?.subjects.get(id.index())?)?;
        match change {
            Change::State { to: JobState::Running { .. }, .. } => Some(What::HookBegun(subject)),
            Change::State { from, to: to @ JobState::Ended(outcome) } => {
                let error = self.error(id, from, to, completed);
                Some(What::HookEnded { id: subject, outcome, error })
            }
            _ => None,
        }
    }

    /// Why the attempt failed that ended with this change.
    fn error(
        &self,
        id: JobId,
        from: JobState,
        to: JobState,
        completed: Option<Attempt>,
    ) -> Option<Arc<JobError>> {
        let number = from.attempt()?;
        match to {
            JobState::Ended(Outcome::Failed(_)) | JobState::Backoff { .. } | JobState::Queued => {}
            _ => return None,
        }
        let timed_out = matches!(from, JobState::Stopping { reason: StopReason::TimedOut, .. });
        if timed_out || completed != Some(Attempt { job: id, number }) {
            return Some(Arc::new(JobError::TimedOut));
        }
        let reported = self.core.payload(id).and_then(|record| record.error().cloned());
        Some(reported.unwrap_or_else(|| Arc::new(JobError::NeverReady)))
    }

    fn info(&self, id: JobId) -> Arc<JobInfo> {
        JobInfo::of(&self.core, &self.cells, id)
    }

    /// Tells the observers that the run is over, and returns when they have heard it all.
    /// One that can run again tells them of the next run as well.
    pub(crate) fn tell_over(&self, at: Timestamp, verdict: Verdict) {
        if let Some(observers) = &self.observers {
            observers.put(at, What::Over(verdict));
            observers.flush();
            if !self.keep_bodies {
                observers.close();
            }
            #[cfg(feature = "tracing")]
            observers.tell_inside(&tracing::Span::none());
        }
    }
}
