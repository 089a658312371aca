//! The slot for what outlives a run: a journal.

use std::fmt;
use std::format;
use std::io;
use std::string::String;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{self, Poll};
use std::vec::Vec;

use xxhash_rust::xxh3::Xxh3;

use crate::orchestrator::{Attempt, JobId};
use crate::run::facts::kept::Again;

/// Remembers what jobs left behind, as text. The keys are those of a whole run, with the paths of graphs inside.
pub(crate) trait Keeper: Send + Sync + fmt::Debug {
    /// Whether anything is recorded of a job, or was in this run.
    fn has(&self, key: &str) -> bool;

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

    /// The digest of all that the jobs of a graph inside, whose path this is, have left behind in this run, if anything.
    fn digest_of_all(&self, path: &str) -> Option<u128>;

    /// Takes a key for a job of a graph, unless it is taken. Another attempt of the job that the graph is may have it.
    fn claim(&self, place: &Place, key: &Arc<str>) -> bool;

    /// The job of this key has not begun, and will not.
    fn release(&self, key: &str);

    /// What names the run.
    fn run_name(&self) -> &Arc<str>;
}

/// What is recorded of a job.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub(crate) output: Arc<str>,
    pub(crate) digest: u128,
}

/// What something comes from, in the order of the names.
pub(crate) type Origin = Vec<Whence>;

/// A durable job that something comes from, or what lies behind one that is not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Whence {
    /// The key of a durable job.
    pub(crate) name: Arc<str>,
    /// Of what is left behind; `None` if nothing is.
    pub(crate) digest: Option<u128>,
    /// Whether it is one of several of which any is enough.
    pub(crate) is_any: bool,
}

/// What lies behind a job, all of it together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// No durable job does.
    FromNothing,
    From(u128),
    /// It is not the same as anything.
    InDoubt,
}

impl Came {
    pub(crate) fn of(origin: &[Whence]) -> Self {
        let mut all = Xxh3::new();
        for Whence { name, digest, .. } in origin {
            let Some(digest) = digest else { return Self::InDoubt };
            all.update(&name.len().to_le_bytes());
            all.update(name.as_bytes());
            all.update(&digest.to_le_bytes());
        }
        if origin.is_empty() { Self::FromNothing } else { Self::From(all.digest128()) }
    }

    /// The same of a job that is of this version, if it is durable.
    pub(crate) fn of_version(mut origin: Origin, version: u32) -> Self {
        if version > 0 {
            let digest = Some(version.into());
            origin.push(Whence { name: "version".into(), digest, is_any: false });
        }
        Self::of(&origin)
    }

    /// As a part of what something else comes from.
    pub(crate) fn whence(self, name: String) -> Option<Whence> {
        let digest = match self {
            Self::FromNothing => return None,
            Self::From(digest) => Some(digest),
            Self::InDoubt => None,
        };
        Some(Whence { name: name.into(), digest, is_any: false })
    }
}

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

impl Keep {
    /// What makes an effect of it known as the same.
    pub(crate) fn effect(&self) -> Effect {
        let mut from = Xxh3::new();
        from.update(&self.version.to_le_bytes());
        for Whence { name, digest, .. } in &self.inputs {
            from.update(name.as_bytes());
            from.update(&digest.unwrap_or_default().to_le_bytes());
        }
        let (run, key) = (Arc::clone(self.keeper.run_name()), Arc::clone(&self.key));
        Effect { run, key, from: from.digest(), text: OnceLock::new() }
    }
}

/// The name of what a durable job does: of the run, its key, its version and what it comes from.
pub(crate) struct Effect {
    run: Arc<str>,
    key: Arc<str>,
    from: u64,
    text: OnceLock<String>,
}

impl Effect {
    pub(crate) fn as_str(&self) -> &str {
        let Self { run, key, from, text } = self;
        text.get_or_init(|| format!("{run}-{key}-{from:016x}"))
    }
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
    /// Which jobs these are, which of the graphs that each has run, and in which attempt.
    pub(crate) jobs: Vec<JobId>,
    pub(crate) graphs: Vec<u32>,
    pub(crate) attempts: Vec<u32>,
    /// What these come from, and with them all inside.
    pub(crate) inputs: Origin,
    pub(crate) again: Option<Again>,
}

impl Place {
    pub(crate) fn key(&self, own: &Arc<str>) -> Arc<str> {
        if self.path.is_empty() {
            return Arc::clone(own);
        }
        format!("{}{own}", self.path).into()
    }

    /// That of a graph inside a job.
    pub(crate) fn path_to(&self, name: &str) -> String {
        format!("{}{name}/", self.path)
    }
}

/// What the graphs inside an attempt of a job are to be kept by. It does not keep the keeper: an attempt's context may outlive
/// the run.
#[derive(Clone)]
pub(crate) struct Inside {
    keeper: Weak<dyn Keeper>,
    around: Arc<Place>,
    name: Arc<str>,
    attempt: Attempt,
    came: Came,
    again: Option<Again>,
    graphs: Arc<Graphs>,
}

/// How many graphs an attempt has run.
#[derive(Default)]
struct Graphs {
    begun: AtomicU32,
    ended: AtomicU32,
}

impl Keeping {
    pub(crate) fn new(keeper: Arc<dyn Keeper>) -> Self {
        Self { keeper, place: Arc::default() }
    }

    /// Inside an attempt that comes from this.
    pub(crate) fn inside(
        &self,
        name: &str,
        attempt: Attempt,
        came: Came,
        again: Option<Again>,
    ) -> Inside {
        let (keeper, around) = (Arc::downgrade(&self.keeper), Arc::clone(&self.place));
        let graphs = Arc::default();
        Inside { keeper, around, name: name.into(), attempt, came, again, graphs }
    }
}

impl Inside {
    #[cfg(feature = "remote")]
    pub(crate) fn run_name(&self) -> Option<String> {
        Some(String::from(&**self.keeper.upgrade()?.run_name()))
    }

    /// For the next graph; `None` once the run is over. That comes from what the graphs before it left behind.
    pub(crate) fn keeping(&self) -> Option<Keeping> {
        let Self { around, name, attempt, graphs, .. } = self;
        let (keeper, path) = (self.keeper.upgrade()?, around.path_to(name));
        let mut inputs = around.inputs.clone();
        inputs.extend(self.came.whence(format!("around {path}")));
        if graphs.ended.load(Ordering::Relaxed) > 0 {
            let before = keeper.digest_of_all(&path).map_or(Came::FromNothing, Came::From);
            inputs.extend(before.whence(format!("before in {path}")));
        }
        let number = graphs.begun.fetch_add(1, Ordering::Relaxed);
        let place = Place {
            path,
            jobs: [&*around.jobs, &[attempt.job]].concat(),
            graphs: [&*around.graphs, &[number]].concat(),
            attempts: [&*around.attempts, &[attempt.number]].concat(),
            inputs,
            again: self.again.clone(),
        };
        Some(Keeping { keeper, place: Arc::new(place) })
    }

    /// One of them is over.
    pub(crate) fn has_ended(&self) {
        self.graphs.ended.fetch_add(1, Ordering::Relaxed);
    }
}
