use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, whether or not somebody panicked who held it: no invariant of ours spans a call of the user's code.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
