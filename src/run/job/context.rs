use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::Deref;
use std::sync::{Arc, Mutex, Weak};
use std::task::{self, Poll, Waker};

use slab::Slab;

use crate::orchestrator::{Attempt, Timestamp};
use crate::run::facts::lock::lock;
use crate::run::facts::mailbox::{Mailbox, Message, StopHandle};
use crate::run::facts::observers::Observers;
use crate::run::facts::runtime::{AnyClock, Clock};

/// What an attempt of a job sees of its run. Clones belong to the same attempt.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    attempt: Attempt,
    run: u32,
    mailbox: Arc<Mailbox>,
    clock: AnyClock,
    /// Who hears of the run. A context may outlive it.
    observers: Option<Weak<Observers>>,
    cancel: Mutex<Cancel>,
}

#[derive(Default)]
struct Cancel {
    asked: bool,
    waiting: Slab<Waker>,
}

/// Somebody who waits for the cancellation, until dropped.
struct Waits {
    context: Context,
    key: Option<usize>,
}

impl Waits {
    fn poll(&mut self, cx: &task::Context<'_>) -> Poll<()> {
        let mut cancel = lock(&self.context.0.cancel);
        if cancel.asked {
            self.key = None;
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let before = self.key.map(|key| cancel.waiting.remove(key));
        self.key = Some(cancel.waiting.insert(waker));
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
        run: u32,
        mailbox: Arc<Mailbox>,
        clock: AnyClock,
        observers: Option<Weak<Observers>>,
    ) -> Self {
        Self(Arc::new(Inner { attempt, run, mailbox, clock, observers, cancel: Mutex::default() }))
    }

    /// Who hears of the run, if anybody does.
    pub(crate) fn observers(&self) -> Option<Arc<Observers>> {
        self.0.observers.as_ref()?.upgrade()
    }

    /// Which attempt of which job this is.
    #[must_use]
    pub fn attempt(&self) -> Attempt {
        self.0.attempt
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

    pub(crate) fn cancel(&self) {
        let mut cancel = lock(&self.0.cancel);
        cancel.asked = true;
        // A canary: a planted bug, which shows that the tests would find one.
        if cfg!(jobgraph_canary = "driver") {
            return;
        }
        let waiting = std::mem::take(&mut cancel.waiting);
        drop(cancel);
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
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

    /// Ends the whole run.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
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
    value: Arc<Mutex<Option<V>>>,
}

impl<V> ServiceContext<V> {
    pub(crate) fn new(context: Context, value: Arc<Mutex<Option<V>>>) -> Self {
        Self { context, value }
    }

    /// The service is ready: what requires it starts, and is fed this value if it asks for it. Only
    /// the first call of an attempt counts, from the moment on at which the attempt next awaits.
    pub fn ready(&self, value: V) {
        let mut given = lock(&self.value);
        if given.is_none() {
            *given = Some(value);
            drop(given);
            self.context
                .0
                .mailbox
                .post(Message::Ready { attempt: self.context.attempt(), run: self.context.0.run });
        }
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
        Self { context: self.context.clone(), value: Arc::clone(&self.value) }
    }
}

impl<V> fmt::Debug for ServiceContext<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.context.fmt(f)
    }
}
