use std::boxed::Box;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use crate::orchestrator::Timestamp;
use crate::run::facts::lock::lock;
use crate::run::facts::quiet::{Panic, caught, drop_caught};
use crate::run::facts::runtime::Clock;

/// The user's clock, which may panic. To be looked at under no lock.
pub(super) struct Steady<C> {
    pub(super) clock: C,
    /// Whether it ever panicked. Stale at most: it is set before the panic is there to be taken.
    lost: AtomicBool,
    panic: Mutex<Option<Panic>>,
}

impl<C: Clock> Steady<C> {
    pub(super) fn new(clock: C) -> Self {
        Self { clock, lost: AtomicBool::new(false), panic: Mutex::new(None) }
    }

    /// The time; `None` if the clock panicked.
    #[inline]
    pub(super) fn now(&self) -> Option<Timestamp> {
        match caught(|| self.clock.now()) {
            Ok(now) => Some(now),
            Err(panic) => {
                self.lose(panic);
                None
            }
        }
    }

    /// Whether this task may go on for now; `None` if the clock panicked.
    #[inline]
    pub(super) fn has_budget(&self) -> Option<bool> {
        match caught(|| self.clock.has_budget()) {
            Ok(has_budget) => Some(has_budget),
            Err(panic) => {
                self.lose(panic);
                None
            }
        }
    }

    #[cold]
    fn lose(&self, panic: Panic) {
        if !self.lost.swap(true, Ordering::AcqRel) {
            *lock(&self.panic) = Some(panic);
        }
    }

    /// What the clock panicked with first, once.
    #[inline]
    pub(super) fn take_panic(&self) -> Option<Panic> {
        if self.lost.load(Ordering::Acquire) { lock(&self.panic).take() } else { None }
    }

    /// Completes at a time, or when the clock panics.
    pub(super) fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send {
        let sleep = match caught(|| Box::pin(self.clock.sleep_until(at))) {
            Ok(sleep) => Some(sleep),
            Err(panic) => {
                self.lose(panic);
                None
            }
        };
        Sleep { clock: self, sleep }
    }
}

/// A timer of the user's clock.
struct Sleep<'a, C: Clock, F> {
    clock: &'a Steady<C>,
    sleep: Option<Pin<Box<F>>>,
}

impl<C: Clock, F: Future<Output = ()>> Future for Sleep<'_, C, F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(sleep) = &mut self.sleep else { return Poll::Ready(()) };
        match caught(|| sleep.as_mut().poll(cx)) {
            Ok(polled) => polled,
            Err(panic) => {
                self.clock.lose(panic);
                Poll::Ready(())
            }
        }
    }
}

impl<C: Clock, F> Drop for Sleep<'_, C, F> {
    fn drop(&mut self) {
        if let Some(panic) = drop_caught(self.sleep.take()) {
            self.clock.lose(panic);
        }
    }
}
