//! The slot for what outlives a run: a journal.

use std::fmt;
use std::format;
use std::io;
use std::string::String;
use std::sync::{Arc, Weak};
use std::task::{self, Poll};
use std::vec::Vec;

use crate::orchestrator::{Attempt, JobId};
use crate::run::facts::kept::Again;

/// Remembers what jobs left behind, as text. The keys are those of a whole run, with the paths of graphs inside.
pub(crate) trait Keeper: Send + Sync + fmt::Debug {
    /// What is recorded of a job, if it counts: if its version, and all that it comes from, are what they were.
    fn look_up(&self, job: &Keep) -> Result<Recorded, Again>;

    /// What a job has left behind in this run has this digest; `None` if that is not known.
    fn note(&self, key: &Arc<str>, digest: Option<u128>);

    /// The digest of what a job has left behind in this run, as far as is known.
    fn digest(&self, key: &str) -> Option<u128>;

    /// Records what a job left behind, and notes it. The ticket is for [`poll_safe`](Self::poll_safe).
    fn record(&self, job: &Keep, output: &str) -> io::Result<u64>;

    /// Whether what was recorded is as safe as asked for. In virtual time this waits: nobody else would.
    fn poll_safe(
        &self,
        ticket: u64,
        is_virtual: bool,
        cx: &mut task::Context<'_>,
    ) -> Poll<io::Result<()>>;

    /// Takes a key for a job of a graph, unless it is taken. Another attempt of the job that the graph is may have it.
    fn claim(&self, place: &Place, key: &Arc<str>) -> bool;

    /// The job of this key has left the run.
    fn release(&self, key: &str);

    /// What makes the same effect known as the same: of the run, the job and what it comes from.
    fn effect(&self, job: &Keep) -> String;
}

/// What is recorded of a job.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub(crate) output: Arc<str>,
    pub(crate) digest: u128,
}

/// The keys of the durable jobs that something comes from, and the digests of what they left behind; `None` if there is none.
pub(crate) type Origin = Vec<(Arc<str>, Option<u128>)>;

/// A durable job, as its keeper knows it when an attempt of it begins.
#[derive(Debug)]
pub struct Keep {
    pub(crate) keeper: Arc<dyn Keeper>,
    pub(crate) key: Arc<str>,
    pub(crate) version: u32,
    pub(crate) inputs: Origin,
    /// Why it is done in any case.
    pub(crate) again: Option<Again>,
    /// Whether it is one of a graph inside.
    pub(crate) is_inside: bool,
}

/// Who keeps what the jobs of a graph leave behind.
#[derive(Clone, Debug)]
pub(crate) struct Keeping {
    pub(crate) keeper: Arc<dyn Keeper>,
    pub(crate) place: Arc<Place>,
}

/// Where in the whole run a graph is.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// Of the jobs around, ending with a slash; empty for the outermost graph.
    pub(crate) path: String,
    /// Which jobs these are, and which of their attempts.
    pub(crate) jobs: Vec<JobId>,
    pub(crate) attempts: Vec<u32>,
    /// What these come from, and with them all inside.
    pub(crate) inputs: Origin,
    pub(crate) again: Option<Again>,
}

impl Place {
    pub(crate) fn key(&self, name: &str) -> Arc<str> {
        format!("{}{name}", self.path).into()
    }
}

/// What a graph inside an attempt of a job is to be kept by. It does not keep the keeper: an attempt's context may outlive
/// the run.
#[derive(Clone)]
pub(crate) struct Inside {
    keeper: Weak<dyn Keeper>,
    around: Arc<Place>,
    name: Arc<str>,
    attempt: Attempt,
    inputs: Origin,
    again: Option<Again>,
}

impl Keeping {
    pub(crate) fn new(keeper: Arc<dyn Keeper>) -> Self {
        Self { keeper, place: Arc::default() }
    }

    /// Inside an attempt that comes from these.
    pub(crate) fn inside(
        &self,
        name: &str,
        attempt: Attempt,
        inputs: Origin,
        again: Option<Again>,
    ) -> Inside {
        let (keeper, around) = (Arc::downgrade(&self.keeper), Arc::clone(&self.place));
        Inside { keeper, around, name: name.into(), attempt, inputs, again }
    }
}

impl Inside {
    /// `None` once the run is over.
    pub(crate) fn keeping(&self) -> Option<Keeping> {
        let Self { around, name, attempt, .. } = self;
        let place = Place {
            path: format!("{}{name}/", around.path),
            jobs: [&*around.jobs, &[attempt.job]].concat(),
            attempts: [&*around.attempts, &[attempt.number]].concat(),
            inputs: self.inputs.clone(),
            again: self.again.clone(),
        };
        Some(Keeping { keeper: self.keeper.upgrade()?, place: Arc::new(place) })
    }
}
