use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, poisoned or not: what user code panics with is dealt with where that code is called.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
