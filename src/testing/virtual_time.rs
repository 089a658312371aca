use std::boxed::Box;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use std::vec::Vec;

use super::random::Random;
use crate::{Clock, Spawn, Timestamp};

/// A clock that stands still while anything can happen, and then jumps to the next thing that somebody
/// waits for: hours pass in microseconds, and each run is the same.
///
/// Jobs have to sleep by it, or by [`cx.sleep`](crate::Context::sleep): nothing here wakes the timers of
/// a reactor. For code that uses tokio's timers there is `tokio::time::pause`, with
/// `jobgraph::tokio::run`.
///
/// Clones share the time. It runs tasks as well, one at a time, so that parallel runs can be tested
/// ([`run_parallel`](crate::run_parallel)): in the order in which they were woken, or in one that depends on a
/// [seed](Self::seeded).
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
/// assert!(!report.is_completed());
/// assert_eq!(report.elapsed(), Duration::from_secs(3_600));
/// # let _ = (ticker, work);
/// # Ok::<(), jobgraph::RunError>(())
/// ```
#[derive(Clone, Default)]
pub struct VirtualClock(Arc<Inner>);

#[derive(Default)]
struct Inner {
    time: Mutex<Time>,
    tasks: Mutex<Tasks>,
}

#[derive(Default)]
struct Time {
    now: Timestamp,
    /// Who is to be woken when, in the order in which they asked.
    timers: BTreeMap<(Timestamp, u64), Waker>,
    asked: u64,
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Default)]
struct Tasks {
    /// Those that were spawned and have not been polled.
    spawned: Vec<(usize, Task)>,
    /// Those to be polled; 0 is the future that `block_on` was called with.
    woken: VecDeque<usize>,
    queued: BTreeSet<usize>,
    last: usize,
    order: Option<Random>,
    left: usize,
    /// Whether `block_on` is running.
    busy: bool,
}

impl Tasks {
    fn wake(&mut self, task: usize) {
        if self.queued.insert(task) {
            self.woken.push_back(task);
        }
    }

    fn next_woken(&mut self) -> Option<usize> {
        let position = match &mut self.order {
            Some(random) if !self.woken.is_empty() => {
                usize::try_from(random.next() >> 33).unwrap_or(0) % self.woken.len()
            }
            _ => 0,
        };
        let next = self.woken.remove(position)?;
        self.queued.remove(&next);
        Some(next)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl VirtualClock {
    /// A clock at [`Timestamp::ZERO`], which runs tasks in the order in which they were woken.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A clock at [`Timestamp::ZERO`], which runs tasks in an order that depends on the seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let clock = Self::default();
        lock(&clock.0.tasks).order = Some(Random(seed));
        clock
    }

    /// Lets time pass without anybody waiting for it, as a job that blocks its thread does.
    pub fn advance(&self, duration: Duration) {
        let mut time = lock(&self.0.time);
        time.now = time.now + duration;
    }

    /// How many tasks had not ended when [`block_on`](Self::block_on) returned. A run leaves none.
    #[must_use]
    pub fn tasks_left(&self) -> usize {
        lock(&self.0.tasks).left
    }

    /// Polls a future, and the tasks that it spawns, until it is done. Whenever they all wait for time
    /// alone, time jumps ahead. Tasks that are woken by its end are polled once more, then dropped.
    ///
    /// # Panics
    /// If the future waits for something that nobody can bring about, or if this is called inside
    /// itself.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let busy = std::mem::replace(&mut lock(&self.0.tasks).busy, true);
        assert!(!busy, "this clock is running a future already");
        let mut future = pin!(future);
        let main = self.waker(0);
        let mut tasks = BTreeMap::new();
        main.wake_by_ref();
        let output = loop {
            // Somebody may have let time pass.
            self.fire(Timestamp::ZERO);
            match self.next_woken(&mut tasks) {
                Some(0) => {
                    if let Poll::Ready(output) =
                        future.as_mut().poll(&mut Context::from_waker(&main))
                    {
                        break output;
                    }
                }
                Some(task) => poll_task(&mut tasks, task),
                None => assert!(
                    self.jump(),
                    "the future waits for something other than time, and nobody is left to wake it"
                ),
            }
        };
        let woken = lock(&self.0.tasks).woken.len();
        for _ in 0..woken {
            if let Some(task) = self.next_woken(&mut tasks) {
                poll_task(&mut tasks, task);
            }
        }
        let mut all = lock(&self.0.tasks);
        (all.left, all.busy) = (tasks.len(), false);
        drop(all);
        output
    }

    fn next_woken(&self, running: &mut BTreeMap<usize, (Task, Waker)>) -> Option<usize> {
        let mut tasks = lock(&self.0.tasks);
        let (spawned, next) = (std::mem::take(&mut tasks.spawned), tasks.next_woken());
        drop(tasks);
        for (number, task) in spawned {
            running.insert(number, (task, self.waker(number)));
        }
        next
    }

    fn waker(&self, task: usize) -> Waker {
        Waker::from(Arc::new(TaskWaker { task, clock: self.clone() }))
    }

    /// Goes on to the next timer, and wakes all that are due then.
    fn jump(&self) -> bool {
        let Some(&(next, _)) = lock(&self.0.time).timers.keys().next() else { return false };
        self.fire(next)
    }

    /// Wakes all whose time has come, at `until` at the latest; whether there was any.
    fn fire(&self, until: Timestamp) -> bool {
        let mut time = lock(&self.0.time);
        let at = time.now.max(until);
        time.now = at;
        let mut due = Vec::new();
        while let Some(timer) = time.timers.first_entry() {
            if timer.key().0 > at {
                break;
            }
            due.push(timer.remove());
        }
        drop(time);
        let any = !due.is_empty();
        due.into_iter().for_each(Waker::wake);
        any
    }
}

fn poll_task(tasks: &mut BTreeMap<usize, (Task, Waker)>, number: usize) {
    let Some((task, waker)) = tasks.get_mut(&number) else { return };
    let waker = waker.clone();
    if task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
        tasks.remove(&number);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        lock(&self.0.time).now
    }

    fn is_virtual(&self) -> bool {
        true
    }

    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send {
        let mut timer = Timer { clock: self.clone(), at, key: None };
        poll_fn(move |cx| timer.poll(cx))
    }
}

impl Spawn for VirtualClock {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.0.tasks);
        tasks.last += 1;
        let number = tasks.last;
        tasks.spawned.push((number, Box::pin(task)));
        tasks.wake(number);
    }

    fn publish(&self) {}
}

struct Timer {
    clock: VirtualClock,
    at: Timestamp,
    key: Option<(Timestamp, u64)>,
}

impl Timer {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.forget();
        let mut time = lock(&self.clock.0.time);
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
            let waker = lock(&self.clock.0.time).timers.remove(&key);
            drop(waker);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.forget();
    }
}

/// Wakes a task by its number.
struct TaskWaker {
    task: usize,
    clock: VirtualClock,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        let mut tasks = lock(&self.clock.0.tasks);
        tasks.wake(self.task);
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VirtualClock").field(&self.now()).finish()
    }
}
