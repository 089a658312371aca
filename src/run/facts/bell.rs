use std::fmt;
use std::task::Waker;

use super::quiet::{caught, drop_quietly};

/// The waker of somebody's task, kept until that is to be woken. A waker is code of the user's: it is made,
/// rung and dropped under no lock, and whatever it panics with is not heard.
pub(crate) struct Bell(Waker);

impl Bell {
    /// A bell for a task. If its waker cannot be cloned, the task is woken at once, since nobody else will.
    pub(crate) fn of(waker: &Waker) -> Self {
        Self(caught(|| waker.clone()).unwrap_or_else(|_| {
            ring(waker);
            Waker::noop().clone()
        }))
    }

    #[inline]
    pub(crate) fn is_of(&self, waker: &Waker) -> bool {
        self.0.will_wake(waker)
    }

    pub(crate) fn ring(mut self) {
        let waker = self.take();
        drop(caught(|| waker.wake()));
    }

    fn take(&mut self) -> Waker {
        std::mem::replace(&mut self.0, Waker::noop().clone())
    }
}

/// Wakes a task.
pub(crate) fn ring(waker: &Waker) {
    drop(caught(|| waker.wake_by_ref()));
}

impl Drop for Bell {
    fn drop(&mut self) {
        drop_quietly(self.take());
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bell")
    }
}
