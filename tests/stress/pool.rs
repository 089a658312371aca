//! Threads that execute runs, and a watch over those that hang.

use std::fmt;
use std::io::Write;
use std::panic::{set_hook, take_hook};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use async_executor::Executor;
use async_io::Timer;
use futures_lite::future::{block_on, or};
use jobgraph::{SendJobGraph, SendReport};

use crate::bodies::World;
use crate::plan::Plan;

/// A run that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) enum Pool {
    Tokio(tokio::runtime::Runtime),
    Smol { executor: Arc<Executor<'static>>, threads: Vec<JoinHandle<()>>, stop: Option<Stop> },
}

type Stop = async_channel::Sender<()>;

impl Pool {
    pub(crate) fn tokio(threads: usize) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        Self::Tokio(builder.worker_threads(threads).enable_all().build().unwrap())
    }

    pub(crate) fn smol(threads: usize) -> Self {
        let executor = Arc::new(Executor::new());
        let (stop, stopped) = async_channel::bounded::<()>(1);
        let work = |_| {
            let (executor, stopped) = (Arc::clone(&executor), stopped.clone());
            std::thread::spawn(move || {
                let _ = block_on(executor.run(stopped.recv()));
            })
        };
        let threads = (0..threads).map(work).collect();
        Self::Smol { executor, threads, stop: Some(stop) }
    }

    /// Runs a graph as its plan says; `None` if the run was dropped. Nothing is alive when it returned.
    pub(crate) fn run(
        &self,
        graph: SendJobGraph,
        world: &Arc<World>,
    ) -> Result<Option<SendReport>, String> {
        let (world, executor) = (Arc::clone(world), self.executor());
        let in_task = world.plan.in_task;
        let run = async move {
            let leave = world.plan.leave;
            let to_the_end = async {
                let report = match executor {
                    None => jobgraph::tokio::run_parallel(graph).await,
                    Some(executor) => jobgraph::smol::run_parallel(executor, graph).await,
                };
                (Some(report), world.alive())
            };
            let leave = async {
                match leave {
                    Some(time) => drop(Timer::after(time).await),
                    None => std::future::pending().await,
                }
                (None, 0)
            };
            or(to_the_end, leave).await
        };
        let (report, alive) = match self {
            Self::Tokio(runtime) if in_task => runtime.block_on(runtime.spawn(run)).unwrap(),
            Self::Tokio(runtime) => runtime.block_on(run),
            Self::Smol { executor, .. } if in_task => block_on(executor.spawn(run)),
            Self::Smol { .. } => block_on(run),
        };
        if alive > 0 {
            return Err(format!("{alive} values are alive when the run has returned"));
        }
        report.transpose().map_err(|error| error.to_string())
    }

    fn executor(&self) -> Option<Arc<Executor<'static>>> {
        match self {
            Self::Tokio(_) => None,
            Self::Smol { executor, .. } => Some(Arc::clone(executor)),
        }
    }

    /// Returns when no task of a run is left: each ends soon after its run.
    pub(crate) fn wait_for_tasks(&self) {
        let any = || match self {
            Self::Tokio(runtime) => runtime.metrics().num_alive_tasks() > 0,
            Self::Smol { executor, .. } => !executor.is_empty(),
        };
        while any() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Self::Smol { threads, stop, .. } = self {
            drop(stop.take());
            threads.drain(..).for_each(|thread| thread.join().unwrap());
        }
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tokio(runtime) => write!(f, "tokio, {} threads", runtime.metrics().num_workers()),
            Self::Smol { threads, .. } => write!(f, "smol, {} threads", threads.len()),
        }
    }
}

/// Ends the process if something hangs.
pub(crate) struct Watchdog {
    watched: Arc<Watched>,
    thread: Option<JoinHandle<()>>,
}

type Run = (Option<u64>, Instant);

#[derive(Default)]
struct Watched {
    /// The seeds that are being run, or none for what is left of all, and since when; `None` once nothing is watched any more.
    runs: Mutex<Option<Vec<Run>>>,
    over: Condvar,
}

impl Watchdog {
    pub(crate) fn new() -> Self {
        let watched = Arc::new(Watched { runs: Mutex::new(Some(vec![])), ..Watched::default() });
        let watches = Arc::clone(&watched);
        Self { watched, thread: Some(std::thread::spawn(move || watches.watch())) }
    }

    pub(crate) fn watch<T>(&self, seed: Option<u64>, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        self.watched.runs.lock().unwrap().as_mut().unwrap().push((seed, begun));
        let done = work();
        let mut runs = self.watched.runs.lock().unwrap();
        runs.as_mut().unwrap().retain(|run| *run != (seed, begun));
        done
    }
}

impl Watched {
    fn watch(&self) {
        let mut runs = self.runs.lock().unwrap();
        while let Some(all) = &*runs {
            if let Some((seed, _)) = all.iter().find(|(_, begun)| begun.elapsed() > PATIENCE) {
                let what = match seed {
                    Some(seed) => format!("STRESS_SEED={seed} hangs\n{:#?}", Plan::new(*seed)),
                    None => "tasks are left of runs that are over".into(),
                };
                let _ = writeln!(std::io::stderr(), "{what}");
                std::process::abort();
            }
            runs = self.over.wait_timeout(runs, Duration::from_secs(1)).unwrap().0;
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        *self.watched.runs.lock().unwrap() = None;
        self.watched.over.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Says nothing of panics that the plans ask for.
pub(crate) fn hush_planned_panics() {
    let before = take_hook();
    set_hook(Box::new(move |info| {
        let text = info.payload().downcast_ref::<String>();
        if !text.is_some_and(|text| text.starts_with("planned: ")) {
            before(info);
        }
    }));
}
