//! What an expert writes for one program: counters, and nothing else.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::task::{Poll, Waker};

use async_executor::{Executor, LocalExecutor};
use futures_lite::StreamExt;
use futures_lite::future::block_on;
use futures_util::stream::FuturesUnordered;
use tokio::runtime::{Handle, Runtime};
use tokio::task::JoinSet;

use super::job;
use super::kahn::{Dependents, Kahn};
use super::shapes::{Shape, index};

/// All in one task.
pub(crate) fn in_place(shape: &Shape) {
    block_on(async {
        let mut kahn = Kahn::new(shape);
        let mut running: FuturesUnordered<_> = kahn.roots().map(job).collect();
        while let Some(done) = running.next().await {
            kahn.done(done, |freed| running.push(job(freed)));
        }
    });
}

/// What tasks of one thread tell the task that decides.
#[derive(Default)]
struct Done {
    jobs: RefCell<Vec<usize>>,
    driver: Cell<Option<Waker>>,
}

/// Each job in a task of its own, a driver task decides.
pub(crate) fn local_executor(shape: &Shape) {
    let executor = LocalExecutor::new();
    let done = Rc::new(Done::default());
    let spawn = |number| {
        let done = Rc::clone(&done);
        let task = async move {
            let number = job(number).await;
            done.jobs.borrow_mut().push(number);
            if let Some(driver) = done.driver.take() {
                driver.wake();
            }
        };
        executor.spawn(task).detach();
    };
    block_on(executor.run(async {
        let mut kahn = Kahn::new(shape);
        kahn.roots().for_each(spawn);
        let (mut left, mut batch) = (shape.jobs(), Vec::new());
        while left > 0 {
            poll_fn(|cx| {
                std::mem::swap(&mut batch, &mut done.jobs.borrow_mut());
                if batch.is_empty() {
                    done.driver.set(Some(cx.waker().clone()));
                    return Poll::Pending;
                }
                Poll::Ready(())
            })
            .await;
            left -= batch.len();
            batch.drain(..).for_each(|job| kahn.done(job, spawn));
        }
    }));
}

/// Each job in a task of tokio's, a driver decides.
pub(crate) fn join_set(runtime: &Runtime, shape: &Shape) {
    runtime.block_on(async {
        let mut kahn = Kahn::new(shape);
        let mut running = JoinSet::new();
        for root in kahn.roots() {
            running.spawn(job(root));
        }
        while let Some(done) = running.join_next().await {
            kahn.done(done.expect("no job panics"), |freed| {
                running.spawn(job(freed));
            });
        }
    });
}

/// Spawns a task on several threads.
pub(crate) trait SpawnTask: Clone + Send + Sync + 'static {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);
}

impl SpawnTask for Handle {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(Handle::spawn(self, task));
    }
}

impl SpawnTask for Arc<Executor<'static>> {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        Executor::spawn(self, task).detach();
    }
}

/// What the tasks of a run on several threads share.
struct Shared<S> {
    dependents: Dependents,
    open: Vec<AtomicU32>,
    left: AtomicUsize,
    over: async_channel::Sender<()>,
    spawner: S,
    freed: Freed,
}

/// What the task that ended a job does with the jobs that this frees.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freed {
    /// It spawns a task for each.
    Spawn,
    /// It goes on with one of them itself, and spawns the others.
    GoOn,
}

/// On several threads, without a driver.
pub(crate) async fn decided_in_the_job<S: SpawnTask>(spawner: S, shape: &Shape, freed: Freed) {
    let (over, is_over) = async_channel::bounded(1);
    let open = |job| AtomicU32::new(index(shape.requirements(job).len()));
    let shared = Arc::new(Shared {
        dependents: Dependents::of(shape),
        open: (0..shape.jobs()).map(open).collect(),
        left: AtomicUsize::new(shape.jobs()),
        over,
        spawner,
        freed,
    });
    for root in (0..shape.jobs()).filter(|&job| shape.requirements(job).is_empty()) {
        shared.spawner.spawn(work(Arc::clone(&shared), root));
    }
    is_over.recv().await.expect("the last job sends");
}

#[expect(clippy::manual_async_fn, reason = "it spawns itself, so it has to promise to be `Send`")]
fn work<S: SpawnTask>(shared: Arc<Shared<S>>, first: usize) -> impl Future<Output = ()> + Send {
    async move {
        let mut next = Some(first);
        while let Some(number) = next.take() {
            job(number).await;
            for &dependent in shared.dependents.of_job(number) {
                if shared.open[dependent as usize].fetch_sub(1, Ordering::AcqRel) > 1 {
                    continue;
                }
                if shared.freed == Freed::GoOn && next.is_none() {
                    next = Some(dependent as usize);
                } else {
                    shared.spawner.spawn(work(Arc::clone(&shared), dependent as usize));
                }
            }
            if shared.left.fetch_sub(1, Ordering::AcqRel) == 1 {
                shared.over.try_send(()).expect("somebody waits");
            }
        }
    }
}
