use std::boxed::Box;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::vec::Vec;

use super::fact::{Fact, What};
use super::lock::lock;
use super::quiet::{Quiet, caught, drop_quietly};
use crate::orchestrator::{JobId, Timestamp};

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

impl Observers {
    pub(crate) fn new() -> Self {
        Self {
            facts: Mutex::default(),
            listeners: Mutex::new(Quiet(Vec::new())),
            nowhere: Arc::new([]),
            closed: AtomicBool::new(false),
            #[cfg(feature = "tracing")]
            span: Mutex::new(tracing::Span::none()),
        }
    }

    /// Puts a fact down, to be delivered when the run is not locked.
    pub(crate) fn put(&self, at: Timestamp, what: What) {
        let within = Arc::clone(&self.nowhere);
        lock(&self.facts).push_back(Fact { at, within, what });
    }

    pub(crate) fn add(&self, observer: impl FnMut(&Fact) + Send + 'static) {
        lock(&self.listeners).0.push(Box::new(observer));
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
    pub(crate) fn flush(&self) {
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
