use std::boxed::Box;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::vec::Vec;

use super::fact::{Fact, FactKind};
use super::lock::lock;
use super::quiet::{Quiet, caught, drop_quietly};
use crate::orchestrator::{JobId, Timestamp};

/// Somebody who hears of each fact, and says whether of the next one as well.
type Observer = Box<dyn FnMut(&Fact) -> bool + Send>;

/// So many facts are told in one turn, so that whoever tells them has other things to do as well.
pub(crate) const BATCH: usize = 256;

/// Who wants to hear of a run, and what they have not heard yet.
///
/// Facts are put down in order while a run is locked, and delivered when it is not.
pub(crate) struct Observers {
    /// No other lock is taken while this one is held, and no code of the user's runs.
    facts: Mutex<VecDeque<Fact>>,
    /// Whether there are facts. May be stale: it is set after a fact was put down.
    any: AtomicBool,
    /// Held while facts are delivered, so that there is one who delivers. Observers run under it: no lock
    /// of the run may be held by whoever takes it.
    listeners: Mutex<Quiet<Observer>>,
    nowhere: Arc<[JobId]>,
    /// Whether nobody is to be told anything more.
    closed: AtomicBool,
    /// The span of the run, inside which observers are told.
    #[cfg(feature = "tracing")]
    span: Mutex<Arc<tracing::Span>>,
}

impl Observers {
    pub(crate) fn new() -> Self {
        Self {
            facts: Mutex::default(),
            any: AtomicBool::new(false),
            listeners: Mutex::new(Quiet(Vec::new())),
            nowhere: Arc::new([]),
            closed: AtomicBool::new(false),
            #[cfg(feature = "tracing")]
            span: Mutex::new(Arc::new(tracing::Span::none())),
        }
    }

    /// Puts a fact down, to be delivered when the run is not locked.
    pub(crate) fn put(&self, at: Timestamp, what: FactKind) {
        self.put_fact(Fact { at, within: Arc::clone(&self.nowhere), what });
    }

    fn put_fact(&self, fact: Fact) {
        lock(&self.facts).push_back(fact);
        self.any.store(true, Ordering::Release);
    }

    pub(crate) fn add(&self, observer: impl FnMut(&Fact) -> bool + Send + 'static) {
        lock(&self.listeners).0.push(Box::new(observer));
    }

    /// Whether there are facts to tell.
    #[inline]
    pub(crate) fn has_any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Tells some of what there is, unless somebody else does, and returns how many facts that were. Whoever
    /// calls this looks again, later, whether there is more.
    pub(crate) fn deliver(&self, at_most: usize) -> usize {
        let told = match self.listeners.try_lock() {
            Ok(mut observers) => self.deliver_to(&mut observers.0, at_most),
            Err(TryLockError::Poisoned(observers)) => {
                self.deliver_to(&mut observers.into_inner().0, at_most)
            }
            Err(TryLockError::WouldBlock) => return 0,
        };
        if self.closed.load(Ordering::Acquire) {
            self.close();
        }
        told
    }

    /// Lets go of the observers, whoever may still hold this: there is nothing more to tell.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // Whoever delivers closes it when that is done.
        let observers =
            self.listeners.try_lock().map(|mut observers| std::mem::take(&mut observers.0));
        drop(observers.map(Quiet));
    }

    /// Returns once all is delivered.
    pub(crate) fn flush(&self) {
        while self.has_any() {
            self.deliver_to(&mut lock(&self.listeners).0, BATCH);
        }
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn tell_inside(&self, span: Arc<tracing::Span>) {
        let before = std::mem::replace(&mut *lock(&self.span), span);
        drop_quietly(before);
    }

    fn deliver_to(&self, observers: &mut Vec<Observer>, at_most: usize) -> usize {
        #[cfg(feature = "tracing")]
        let span = Arc::clone(&lock(&self.span));
        #[cfg(feature = "tracing")]
        let entered = caught(|| span.enter());
        let batch = self.take(if observers.is_empty() { usize::MAX } else { at_most });
        let told = batch.len();
        for fact in &batch {
            let is_done = |observer: &mut Observer| !caught(|| observer(fact)).unwrap_or(false);
            observers.extract_if(.., is_done).for_each(drop_quietly);
        }
        drop_quietly(batch);
        #[cfg(feature = "tracing")]
        drop_quietly(entered);
        told
    }

    fn take(&self, at_most: usize) -> Vec<Fact> {
        let mut facts = lock(&self.facts);
        let len = facts.len().min(at_most);
        let batch = facts.drain(..len).collect();
        self.any.store(!facts.is_empty(), Ordering::Release);
        batch
    }

    /// An observer of a nested graph who passes on what happens inside `job`.
    pub(crate) fn pass_on(
        around: Arc<Self>,
        job: JobId,
    ) -> impl FnMut(&Fact) -> bool + Send + 'static {
        move |fact| {
            // Told once the poll of the job inside which it happened is over.
            around.put_fact(fact.clone().inside(job));
            true
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observers").finish_non_exhaustive()
    }
}
