use std::boxed::Box;
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::vec::Vec;

use super::error::JobError;
use super::mishap::Mishap;
use crate::orchestrator::{
    Condition, JobId, JobKind, JobName, JobState, Outcome, Timestamp, Verdict,
};

/// One thing that happened in a run, as [observers](crate::Graph::observe) hear of it.
///
/// The facts of a run tell all that is to be known about it: first [`Begun`](FactKind::Begun), then an
/// [`Added`](FactKind::Added) for each job, then whatever happens, in order, and last [`Over`](FactKind::Over).
/// What happens inside a nested graph is told in the same way, between the beginning and the end of the
/// job that it is, with the [path](Self::within) to it.
#[derive(Clone, Debug)]
pub struct Fact {
    /// When, by the clock of the run.
    pub at: Timestamp,
    /// The jobs inside which it happened, outermost first; empty in the observed graph itself.
    pub within: Arc<[JobId]>,
    /// What happened.
    pub what: FactKind,
}

/// What a [`Fact`] tells.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FactKind {
    /// The run has begun.
    Begun {
        /// How many finite jobs may run at once.
        window: Option<NonZero<usize>>,
        /// The pools, and how much there is of each.
        pools: Vec<(Box<str>, u32)>,
    },
    /// A job is part of the run, and waits.
    Added(Arc<JobInfo>),
    /// The state of a job changed.
    State {
        /// Which job.
        id: JobId,
        /// The state that it left.
        from: JobState,
        /// The state that it is in now.
        to: JobState,
        /// Why the attempt that ended with this failed, if it did: its job may be attempted again.
        error: Option<Arc<JobError>>,
    },
    /// A service is ready.
    Ready(JobId),
    /// A job has said something of itself, by [`Context::note`](crate::Context::note).
    Note {
        /// Which job.
        id: JobId,
        /// What it said.
        text: Arc<str>,
    },
    /// The shutdown hook of a job has begun.
    HookBegun(JobId),
    /// The shutdown hook of a job has ended.
    HookEnded {
        /// Whose hook it was.
        id: JobId,
        /// How it ended.
        outcome: Outcome,
        /// Why it failed, if it did.
        error: Option<Arc<JobError>>,
    },
    /// Code of the user's panicked where that changes no outcome.
    Mishap(Mishap),
    /// The run is over, its shutdown hooks included. Nothing follows.
    Over(Verdict),
}

/// What is known of a job before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobInfo {
    /// Its id.
    pub id: JobId,
    /// Its label, if it has one.
    pub label: Option<Box<str>>,
    /// Whether it is finite, forever or a service.
    pub kind: JobKind,
    /// Whether its failure ends the run.
    pub critical: bool,
    /// How much it takes of which pools while it is under way.
    pub takes: Vec<(Box<str>, u32)>,
    /// The jobs that it requires, in the order in which the requirements were made.
    pub requirements: Vec<(JobId, Condition)>,
    /// The jobs inside, if it is a graph.
    pub inside: Option<Vec<Arc<JobInfo>>>,
    /// The job of the same graph that added it while the run went on, if one did, and the run was observed.
    pub added_by: Option<JobId>,
}

impl JobInfo {
    /// A finite job without a label that requires nothing.
    #[must_use]
    pub fn new(id: JobId) -> Self {
        Self {
            id,
            label: None,
            kind: JobKind::Finite,
            critical: false,
            takes: Vec::new(),
            requirements: Vec::new(),
            inside: None,
            added_by: None,
        }
    }

    pub(crate) fn takes(&self) -> impl Iterator<Item = (&str, u32)> {
        self.takes.iter().map(|(pool, amount)| (&**pool, *amount))
    }

    /// Its id and label, as people name it: `#3 fetch`.
    #[must_use]
    pub fn name(&self) -> JobName<&str> {
        JobName { id: Some(self.id), label: self.label.as_deref() }
    }
}

impl Fact {
    /// The same, as the graph around tells it that has this graph as a job.
    pub(crate) fn inside(self, job: JobId) -> Self {
        let within = [&[job], &*self.within].concat().into();
        Self { within, ..self }
    }
}

impl fmt::Display for Fact {
    /// One line: the time, and what happened to which job.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.at)?;
        self.within.iter().try_for_each(|job| write!(f, "{job} / "))?;
        match &self.what {
            FactKind::Begun { .. } => f.write_str("the run has begun"),
            FactKind::Added(job) => write!(f, "{} added", job.name()),
            FactKind::State { id, to, error: Some(error), .. } => write!(f, "{id} {to}: {error}"),
            FactKind::State { id, to, error: None, .. } => write!(f, "{id} {to}"),
            FactKind::Ready(id) => write!(f, "{id} is ready"),
            FactKind::Note { id, text } => write!(f, "{id} says {text}"),
            FactKind::HookBegun(id) => write!(f, "the hook of {id} has begun"),
            FactKind::HookEnded { id, outcome, error: None } => {
                write!(f, "the hook of {id} {outcome}")
            }
            FactKind::HookEnded { id, outcome, error: Some(error) } => {
                write!(f, "the hook of {id} {outcome}: {error}")
            }
            FactKind::Mishap(mishap) => mishap.fmt(f),
            FactKind::Over(verdict) => write!(f, "the run is over: {verdict}"),
        }
    }
}
