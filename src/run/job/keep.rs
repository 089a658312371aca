//! The slot for what outlives a run: a journal.

use std::fmt;
use std::format;
use std::io;
use std::string::String;
use std::sync::Arc;
use std::task::{self, Poll};
use std::vec::Vec;

use crate::orchestrator::{Attempt, JobId};
use crate::run::facts::kept::Again;

/// Remembers what jobs left behind, as text. The keys are those of a whole run, with the paths of graphs inside.
pub(crate) trait Keeper: Send + Sync + fmt::Debug {
    /// What is recorded of a job, if it counts: if its version and what it requires are what they were. From then on
    /// it counts as what the job left behind in this run.
    fn restore(&self, job: &Keep) -> Result<Arc<str>, Again>;

    /// What was restored cannot be read: it does not count after all.
    fn reject(&self, key: &str);

    /// Records what a job left behind. The ticket is for [`poll_safe`](Self::poll_safe).
    fn record(&self, job: &Keep, output: &str) -> io::Result<u64>;

    /// Whether what was recorded is as safe as asked for. In virtual time this waits: nobody else would.
    fn poll_safe(
        &self,
        ticket: u64,
        is_virtual: bool,
        cx: &mut task::Context<'_>,
    ) -> Poll<io::Result<()>>;

    /// Takes keys for a graph that begins; the first that is taken already, if one is. Another attempt of the job that it
    /// is may have them.
    fn claim(
        &self,
        graph: &Keeping,
        keys: &mut dyn Iterator<Item = Arc<str>>,
    ) -> Result<(), Arc<str>>;

    /// What makes the same effect known as the same: of the run and the job.
    fn effect(&self, job: &Keep) -> String;
}

/// A durable job, as its keeper knows it.
#[derive(Clone, Debug)]
pub struct Keep {
    pub(crate) keeping: Keeping,
    pub(crate) key: Arc<str>,
    pub(crate) version: u32,
    /// The durable jobs that it requires.
    pub(crate) inputs: Vec<Arc<str>>,
    /// Why it is done in any case.
    pub(crate) again: Option<Again>,
    /// Whether this is asked before the run: what is not known of an input then is yet to come.
    pub(crate) planning: bool,
}

/// Who keeps, and where in the whole run a graph is.
#[derive(Clone)]
pub(crate) struct Keeping {
    pub(crate) keeper: Arc<dyn Keeper>,
    /// Of the jobs around, ending with a slash; empty for the outermost graph.
    pub(crate) path: Arc<str>,
    /// Which jobs these are, and which of their attempts.
    pub(crate) jobs: Vec<JobId>,
    pub(crate) attempts: Vec<u32>,
}

impl Keeping {
    pub(crate) fn new(keeper: Arc<dyn Keeper>) -> Self {
        Self { keeper, path: "".into(), jobs: Vec::new(), attempts: Vec::new() }
    }

    pub(crate) fn key(&self, name: &str) -> Arc<str> {
        format!("{}{name}", self.path).into()
    }

    /// Of the graph that a job is.
    pub(crate) fn inside(&self, name: &str, attempt: Attempt) -> Self {
        let path = format!("{}{name}/", self.path).into();
        let jobs = [&*self.jobs, &[attempt.job]].concat();
        let attempts = [&*self.attempts, &[attempt.number]].concat();
        Self { keeper: Arc::clone(&self.keeper), path, jobs, attempts }
    }
}

impl fmt::Debug for Keeping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keeping").field(&self.path).finish()
    }
}
