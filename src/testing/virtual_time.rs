use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::vec::Vec;

use crate::{Clock, Timestamp};

/// A clock that stands still while anything can happen, and then jumps to the next thing that somebody
/// waits for: hours pass in microseconds, and each run is the same.
///
/// Clones share the time.
///
/// ```
/// use std::time::Duration;
/// use jobgraph::testing::VirtualClock;
/// use jobgraph::{Clock, Job, JobGraph};
///
/// let clock = VirtualClock::new();
/// let mut graph = JobGraph::new().timeout(Duration::from_secs(3_600));
/// let ticker = graph.add(Job::new(async { loop { clock.sleep(Duration::from_secs(60)).await } }).forever());
/// let work = graph.add(Job::new(clock.sleep(Duration::from_secs(7_200))));
/// let report = clock.block_on(jobgraph::run(&clock, graph))?;
/// assert!(!report.is_success());
/// assert_eq!(report.elapsed(), Duration::from_secs(3_600));
/// # let _ = (ticker, work);
/// # Ok::<(), jobgraph::RunError>(())
/// ```
#[derive(Clone, Default)]
pub struct VirtualClock(Arc<Mutex<Time>>);

#[derive(Default)]
struct Time {
    now: Timestamp,
    /// Who is to be woken when, in the order in which they asked.
    timers: BTreeMap<(Timestamp, u64), Waker>,
    asked: u64,
}

impl VirtualClock {
    /// A clock at [`Timestamp::ZERO`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Time> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets time pass without anybody waiting for it, as a job that blocks its thread does.
    pub fn advance(&self, duration: std::time::Duration) {
        let mut time = self.lock();
        time.now = time.now + duration;
    }

    /// Polls a future until it is done. Whenever it waits for time alone, time jumps ahead.
    ///
    /// # Panics
    /// If the future waits for something that nobody in it can bring about.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let woken = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        loop {
            while woken.0.swap(false, Ordering::AcqRel) {
                if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker))
                {
                    return output;
                }
            }
            assert!(
                self.jump(),
                "the future waits for something other than time, and nobody is left to wake it"
            );
        }
    }

    /// Goes on to the next timer, and wakes all that are due then.
    fn jump(&self) -> bool {
        let mut time = self.lock();
        let Some(&(next, _)) = time.timers.keys().next() else { return false };
        let at = time.now.max(next);
        time.now = at;
        let mut due = Vec::new();
        while let Some(timer) = time.timers.first_entry() {
            if timer.key().0 > at {
                break;
            }
            due.push(timer.remove());
        }
        drop(time);
        due.into_iter().for_each(Waker::wake);
        true
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send {
        let mut timer = Timer { clock: self.clone(), at, key: None };
        poll_fn(move |cx| timer.poll(cx))
    }
}

struct Timer {
    clock: VirtualClock,
    at: Timestamp,
    key: Option<(Timestamp, u64)>,
}

impl Timer {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.forget();
        let mut time = self.clock.lock();
        if time.now >= self.at {
            return Poll::Ready(());
        }
        time.asked += 1;
        let key = (self.at, time.asked);
        time.timers.insert(key, cx.waker().clone());
        drop(time);
        self.key = Some(key);
        Poll::Pending
    }

    fn forget(&mut self) {
        if let Some(key) = self.key.take() {
            // Dropping a waker may run any code: not under the lock.
            let waker = self.clock.lock().timers.remove(&key);
            drop(waker);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.forget();
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VirtualClock").field(&self.now()).finish()
    }
}
