//! The four ways to run a graph in real time, and what is left of processes.
#![allow(dead_code, clippy::allow_attributes, reason = "each test takes what it needs")]

use std::collections::BTreeSet;
use std::fs;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jobgraph::{SendJobGraph, SendReport};

#[path = "executor.rs"]
mod executor;

use self::executor::with_executor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    SmolInPlace,
    SmolExecutor,
    TokioInPlace,
    TokioThreads,
}

impl Way {
    pub(crate) const ALL: [Self; 4] =
        [Self::SmolInPlace, Self::SmolExecutor, Self::TokioInPlace, Self::TokioThreads];

    pub(crate) fn run(self, graph: SendJobGraph) -> SendReport {
        self.run_beside(graph, std::future::pending()).expect("nobody drops it")
    }

    /// Drops the run when something else is over, unless it is over first.
    pub(crate) fn run_beside(
        self,
        graph: SendJobGraph,
        end: impl Future<Output = ()>,
    ) -> Option<SendReport> {
        match self {
            Self::SmolInPlace => async_io::block_on(either(jobgraph::smol::run(graph), end)),
            Self::SmolExecutor => with_executor(|executor| {
                let run = jobgraph::smol::run_parallel(Arc::clone(executor), graph);
                async_io::block_on(either(run, end))
            }),
            Self::TokioInPlace => {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                runtime.block_on(async { either(jobgraph::tokio::run(graph), end).await })
            }
            Self::TokioThreads => {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_time()
                    .build()
                    .unwrap();
                runtime.block_on(async { either(jobgraph::tokio::run_parallel(graph), end).await })
            }
        }
    }
}

async fn either(
    run: impl Future<Output = Result<SendReport, jobgraph::RunError>>,
    end: impl Future<Output = ()>,
) -> Option<SendReport> {
    let end = async {
        end.await;
        None
    };
    futures_lite::future::or(async { Some(run.await.unwrap()) }, end).await
}

/// Waits until something is so, which takes a moment in real time.
pub(crate) fn eventually(what: &str, within: Duration, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < within, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a test's own processes are known by: a variable of their environment.
#[derive(Clone, Debug)]
pub(crate) struct Mark(pub(crate) String);

pub(crate) const MARK: &str = "JOBGRAPH_TEST_MARK";

impl Mark {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(format!("{}-{count}", std::process::id()))
    }

    /// The processes that have it, zombies aside, with their command lines.
    pub(crate) fn processes(&self) -> BTreeSet<(u32, String)> {
        processes_with(&format!("{MARK}={}", self.0))
    }

    /// Whether all of them are gone, soon: what is left, is left for a hundred seconds.
    pub(crate) fn assert_gone(&self) {
        let begun = Instant::now();
        loop {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "left: {left:#?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The processes with this in their environment, zombies aside, with their command lines.
pub(crate) fn processes_with(variable: &str) -> BTreeSet<(u32, String)> {
    let variable = format!("{variable}\0");
    let has_it = |environ: Vec<u8>| {
        let environ = [environ, vec![0]].concat();
        environ.windows(variable.len()).any(|window| window == variable.as_bytes())
    };
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let environ = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        has_it(environ).then(|| (pid, String::from_utf8_lossy(&line).replace('\0', " ")))
    });
    processes.collect()
}

/// The children of this process that nobody has waited for.
pub(crate) fn zombies() -> Vec<u32> {
    let own = std::process::id();
    let stat = |pid: u32| fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    let children = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = stat(pid)?;
        let (_, rest) = stat.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        let is_zombie = fields.next() == Some("Z");
        let parent: u32 = fields.next()?.parse().ok()?;
        (is_zombie && parent == own).then_some(pid)
    });
    children.collect()
}

/// A folder of a test's own, which goes with this.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        Self::named("")
    }

    /// With this at the end of its name.
    pub(crate) fn named(end: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("jgf-{}{end}", Mark::new().0));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Ends a process that may have ended already, or has it stand still.
pub(crate) fn send(signal: rustix::process::Signal, pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _ = rustix::process::kill_process(pid, signal);
}

/// Where a program is, if it is there.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let folders = ["/bin", "/usr/bin"].map(PathBuf::from);
    folders.into_iter().map(|folder| folder.join(name)).find(|path| path.exists())
}
