use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use crate::orchestrator::Timestamp;
use crate::run::facts::lock::lock;
use crate::run::facts::quiet::{Panic, caught};
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
            Err(panic) => self.lose(panic),
        }
    }

    #[cold]
    fn lose(&self, panic: Panic) -> Option<Timestamp> {
        if !self.lost.swap(true, Ordering::AcqRel) {
            *lock(&self.panic) = Some(panic);
        }
        None
    }

    /// What the clock panicked with first, once.
    #[inline]
    pub(super) fn take_panic(&self) -> Option<Panic> {
        if self.lost.load(Ordering::Acquire) { lock(&self.panic).take() } else { None }
    }

    /// Completes at a time, or when the clock panics.
    pub(super) async fn sleep_until(&self, at: Timestamp) {
        let sleep = match caught(|| self.clock.sleep_until(at)) {
            Ok(sleep) => sleep,
            Err(panic) => {
                self.lose(panic);
                return;
            }
        };
        let mut sleep = pin!(sleep);
        poll_fn(|cx| match caught(|| sleep.as_mut().poll(cx)) {
            Ok(polled) => polled,
            Err(panic) => {
                self.lose(panic);
                Poll::Ready(())
            }
        })
        .await;
    }
}
