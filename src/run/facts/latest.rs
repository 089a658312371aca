use std::fmt;
use std::sync::{Arc, Mutex};

use super::lock::lock;

/// What a service is ready with, as it is now: see [`latest`](crate::latest). Clones see the same.
pub struct Latest<T>(Arc<Mutex<Arc<T>>>);

impl<T> Latest<T> {
    pub(super) fn new(value: Arc<T>) -> Self {
        Self(Arc::new(Mutex::new(value)))
    }

    /// The value with which the service was last ready. While it is started again, that of the attempt before.
    #[must_use]
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&lock(&self.0))
    }

    /// Whoever calls this holds the value before.
    pub(super) fn set(&self, value: Arc<T>) {
        *lock(&self.0) = value;
    }
}

impl<T> Clone for Latest<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for Latest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Latest").field(&self.get()).finish()
    }
}
