//! What `combine.rs` and `reply.rs` are made of, as loom sees it.

use std::ops::{Deref, DerefMut};
use std::sync::{TryLockError, TryLockResult};

use loom::sync::{Mutex as Lock, MutexGuard as Guard};

pub(crate) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
pub(crate) use loom::thread::yield_now as spin_loop;

/// Once is as good as often.
pub(crate) const LOOKS: [u32; 1] = [1];

/// All ways are tried anyway.
pub(crate) fn pretend_taken() -> bool {
    false
}

/// A lock that is always waited for, by [`lock`], or never: loom's own `try_lock` waits where that of the
/// standard library fails (0.7.3), so here it is a flag.
pub(crate) struct Mutex<T> {
    is_taken: AtomicBool,
    value: Lock<T>,
}

pub(crate) struct MutexGuard<'a, T> {
    is_taken: Option<&'a AtomicBool>,
    value: Option<Guard<'a, T>>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    MutexGuard { is_taken: None, value: mutex.value.lock().ok() }
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { is_taken: AtomicBool::new(false), value: Lock::new(value) }
    }

    pub(crate) fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        let (free, taken) = (Ordering::Relaxed, Ordering::Acquire);
        match self.is_taken.compare_exchange(false, true, taken, free) {
            Ok(_) => {
                Ok(MutexGuard { is_taken: Some(&self.is_taken), value: self.value.lock().ok() })
            }
            Err(_) => Err(TryLockError::WouldBlock),
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("no test goes on after a panic")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("no test goes on after a panic")
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.value = None;
        if let Some(is_taken) = self.is_taken {
            is_taken.store(false, Ordering::Release);
        }
    }
}
