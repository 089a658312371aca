use std::fmt;
use std::task::Waker;

use super::quiet::{caught, drop_quietly};

/// The waker of somebody's task, kept until that is to be woken. A waker is code of the user's: it is made,
/// rung and dropped under no lock, and whatever it panics with is not heard.
pub(crate) struct Bell(Option<Waker>);

impl Bell {
    /// A bell for a task. If its waker cannot be cloned, the task is woken at once, since nobody else will.
    pub(crate) fn of(waker: &Waker) -> Self {
        let bell = Self(caught(|| waker.clone()).ok());
        if bell.0.is_none() {
            ring(waker);
        }
        bell
    }

    #[inline]
    pub(crate) fn is_of(&self, waker: &Waker) -> bool {
        self.0.as_ref().is_some_and(|known| known.will_wake(waker))
    }

    pub(crate) fn ring(mut self) {
        if let Some(waker) = self.0.take() {
            drop(caught(|| waker.wake()));
        }
    }
}

/// Wakes a task.
pub(crate) fn ring(waker: &Waker) {
    drop(caught(|| waker.wake_by_ref()));
}

impl Drop for Bell {
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            drop_quietly(waker);
        }
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bell")
    }
}
