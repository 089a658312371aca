use std::future::Future;
use std::time::Duration;

use crate::Timestamp;

/// What a run needs of its surroundings: the time, and to be woken at a later one.
///
/// Time is monotonic. A timer is only a wake-up: whether a deadline has been reached is decided by
/// [`now`](Self::now), so it may fire early, late, or more than once.
pub trait Clock {
    /// The time that has passed since an epoch of the clock's choice.
    fn now(&self) -> Timestamp;

    /// Completes once `now()` has reached `at`.
    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send;

    /// Completes once `duration` has passed.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        self.sleep_until(self.now() + duration)
    }
}
