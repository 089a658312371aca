use std::boxed::Box;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::orchestrator::Timestamp;

/// What a run needs of its surroundings: the time, and to be woken at a later one.
///
/// Time is monotonic. A timer is only a wake-up: whether a deadline has been reached is decided by
/// [`now`](Self::now), so it may fire early, late, or more than once. Clones show the same time.
pub trait Clock: Clone + Send + Sync + 'static {
    /// The time that has passed since an epoch of the clock's choice.
    fn now(&self) -> Timestamp;

    /// Completes once `now()` has reached `at`.
    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send;

    /// Whether the runtime lets this task go on for now. Asked after each poll of a job; if not, the others of the
    /// runtime get a turn. True, unless the runtime counts what a task does, as tokio: there whatever is
    /// polled once the budget of a task is spent is polled in vain. A clock that wraps another one passes this on.
    fn has_budget(&self) -> bool {
        true
    }

    /// Whether its time is made up, and passes when nothing else does: what takes real time, as a process does, would be
    /// late in it, and refuses to run. False, but for that of `testing`. A clock that wraps another one passes
    /// this on.
    fn is_virtual(&self) -> bool {
        false
    }

    /// Completes once `duration` has passed.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        self.sleep_until(self.now() + duration)
    }
}

/// What a parallel run needs as well: tasks for its jobs.
///
/// A task takes one job after the other, as long as there are any that may start. While there is more to
/// start, another one is on its way, so that there are hardly more tasks than jobs under way at once.
pub trait Spawn: Clock {
    /// Starts a task, detached. It ends by itself soon after the run does.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);

    /// Called in a task that has spawned or woken others and goes on, perhaps for long: these are not to wait
    /// for that. There is nothing to do for most runtimes. One that keeps the last of them to this thread
    /// until the task has been polled, as tokio's with several threads does, lets it go here; a runtime that
    /// wraps another one passes this on.
    fn publish(&self);
}

/// Any clock, without its type.
#[derive(Clone)]
pub struct AnyClock(Arc<dyn Erased>);

trait Erased: Send + Sync {
    fn now(&self) -> Timestamp;
    fn has_budget(&self) -> bool;
    fn is_virtual(&self) -> bool;
    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

impl<C: Clock> Erased for C {
    fn now(&self) -> Timestamp {
        Clock::now(self)
    }

    fn has_budget(&self) -> bool {
        Clock::has_budget(self)
    }

    fn is_virtual(&self) -> bool {
        Clock::is_virtual(self)
    }

    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let clock = self.clone();
        Box::pin(async move { Clock::sleep_until(&clock, at).await })
    }
}

impl AnyClock {
    pub(crate) fn new(clock: impl Clock) -> Self {
        Self(Arc::new(clock))
    }
}

impl Clock for AnyClock {
    fn now(&self) -> Timestamp {
        Erased::now(&*self.0)
    }

    fn has_budget(&self) -> bool {
        Erased::has_budget(&*self.0)
    }

    fn is_virtual(&self) -> bool {
        Erased::is_virtual(&*self.0)
    }

    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send {
        Erased::sleep_until(&*self.0, at)
    }
}

impl fmt::Debug for AnyClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyClock").field(&Clock::now(self)).finish()
    }
}
