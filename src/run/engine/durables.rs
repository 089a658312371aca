use std::collections::HashMap;
use std::format;
use std::sync::Arc;
use std::vec::Vec;

use super::sources::{Known, Sources};
use super::table::Table;
use crate::orchestrator::{Attempt, JobId, JobKind, JobName, Orchestrator, Particulars};
use crate::run::facts::record::Record;
use crate::run::facts::run_error::RunError;
use crate::run::job::asked::Asked;
use crate::run::job::body::Execute;
use crate::run::job::keep::{Came, Inside, Keep, Keeping};

/// The durable jobs of a graph, and who keeps what they leave behind.
#[derive(Clone, Default)]
pub(crate) struct Durables {
    pub(crate) keeping: Option<Keeping>,
    /// Whether somebody would, if there were a path to this graph.
    pub(crate) is_lost: bool,
    jobs: Table<Durable>,
    keys: HashMap<Arc<str>, JobId>,
    sources: Sources,
}

#[derive(Clone)]
struct Durable {
    /// In its own graph.
    key: Arc<str>,
    version: u32,
}

/// What a plan knows before the run: what will be restored, and what lies behind the others.
#[derive(Default)]
pub(crate) struct Planned {
    restored: Table<u128>,
    came: Table<Came>,
}

impl Durables {
    /// Takes a job of a graph in that is being built, if it is a durable one.
    pub(crate) fn declare(
        &mut self,
        core: &Orchestrator<Record>,
        job: JobId,
        asked: &Asked,
        has_hook: bool,
    ) -> Result<(), RunError> {
        let Some((key, version)) = asked.durable() else { return Ok(()) };
        let is_finite = core.kind(job) == Some(JobKind::Finite);
        self.check(core, key, is_finite, has_hook, || core.job_name(job))?;
        self.insert(job, key, version);
        Ok(())
    }

    /// That a job can be durable, with a key that no other one of its graph has.
    fn check(
        &self,
        core: &Orchestrator<Record>,
        key: &str,
        is_finite: bool,
        has_hook: bool,
        name: impl FnOnce() -> JobName,
    ) -> Result<(), RunError> {
        if !is_finite {
            return Err(RunError::Endless { job: name() });
        }
        if has_hook {
            return Err(RunError::TakenBack { job: name() });
        }
        match self.keys.get(key) {
            Some(&other) => {
                let other = core.job_name(other);
                Err(RunError::SameKey { job: name(), other, key: key.into() })
            }
            None => Ok(()),
        }
    }

    fn insert(&mut self, job: JobId, key: &str, version: u32) {
        let key: Arc<str> = key.into();
        self.keys.insert(Arc::clone(&key), job);
        self.jobs.insert(job, Durable { key, version });
    }

    /// Takes the key of a job that is about to be added to a run, if it is a durable one.
    pub(crate) fn reserve(
        &self,
        core: &Orchestrator<Record>,
        asked: &Asked,
        particulars: &Particulars,
        has_hook: bool,
    ) -> Result<(), RunError> {
        let Some((key, _)) = asked.durable() else { return Ok(()) };
        let job = || particulars.name();
        let is_finite =
            particulars.options.as_ref().is_none_or(|options| options.kind == JobKind::Finite);
        self.check(core, key, is_finite, has_hook, job)?;
        if self.is_lost {
            return Err(RunError::NoPath { job: job() });
        }
        self.claim(&key.into(), job)
    }

    fn claim(&self, key: &Arc<str>, name: impl FnOnce() -> JobName) -> Result<(), RunError> {
        let Some(Keeping { keeper, place }) = &self.keeping else { return Ok(()) };
        let key = place.key(key);
        if keeper.claim(place, &key) {
            Ok(())
        } else {
            Err(RunError::KeyTaken { job: name(), key: (*key).into() })
        }
    }

    /// The job was not added after all.
    pub(crate) fn release(&self, asked: &Asked) {
        if let (Some((key, _)), Some(keeping)) = (asked.durable(), &self.keeping) {
            keeping.keeper.release(&keeping.place.key(&key.into()));
        }
    }

    /// Takes the keys of all jobs of a graph that begins.
    pub(crate) fn claim_all(&self, core: &Orchestrator<Record>) -> Result<(), RunError> {
        let mut jobs = self.jobs.iter();
        jobs.try_for_each(|(job, durable)| self.claim(&durable.key, || core.job_name(job)))
    }

    /// Learns what a job comes from, once that is known of all that it requires.
    pub(crate) fn learn(&mut self, core: &Orchestrator<Record>, job: JobId, body: &dyn Execute) {
        if self.keeping.is_some() {
            let Self { sources, jobs, .. } = self;
            sources.learn(core, job, body, |job| jobs.contains(job));
        }
    }

    /// A job was added to a run, its key having been reserved, by another one, if that is known.
    pub(crate) fn admit(
        &mut self,
        core: &Orchestrator<Record>,
        job: JobId,
        asked: &Asked,
        body: &dyn Execute,
        by: Option<JobId>,
    ) {
        if let Some((key, version)) = asked.durable() {
            self.insert(job, key, version);
        }
        self.learn(core, job, body);
        let Some(by) = by.filter(|_| self.keeping.is_some()) else { return };
        let name = format!("added by {}", core.label(by).unwrap_or("a job"));
        let (from, fed_by) = (self.behind(core, by).whence(name), self.sources.fed_by(by));
        self.sources.added(job, from, fed_by);
    }

    /// A job leaves the run that has ended, or was not begun. What came from it is settled before.
    pub(crate) fn remove(&mut self, core: &Orchestrator<Record>, job: JobId) {
        if self.keeping.is_some() {
            for (dependent, _) in core.dependents(job).collect::<Vec<_>>() {
                if !self.jobs.contains(dependent) {
                    self.settle(core, dependent);
                    let came = self.sources.came(core, dependent, &Now { durables: self, core });
                    self.sources.note(dependent, came);
                }
            }
        }
        self.forget(job, core.attempts(job) > 0);
    }

    /// A job is gone. A key whose job was done is not used again in this run.
    pub(crate) fn forget(&mut self, job: JobId, was_begun: bool) {
        self.sources.remove(job);
        let Some(Durable { key, .. }) = self.jobs.remove(job) else { return };
        self.keys.remove(&key);
        if let Some(keeping) = self.keeping.as_ref().filter(|_| !was_begun) {
            keeping.keeper.release(&keeping.place.key(&key));
        }
    }

    pub(crate) fn any(&self) -> Option<JobId> {
        self.jobs.iter().next().map(|(job, _)| job)
    }

    pub(crate) fn contains(&self, job: JobId) -> bool {
        self.jobs.contains(job)
    }

    /// The key of a durable job, as it is in its graph.
    pub(crate) fn own_key(&self, job: JobId) -> Option<&str> {
        self.jobs.get(job).map(|durable| &*durable.key)
    }

    /// What a job is called on the way to what is inside: its key, or its label.
    pub(crate) fn step<'a>(
        &'a self,
        core: &'a Orchestrator<Record>,
        job: JobId,
    ) -> Option<&'a str> {
        self.own_key(job).or_else(|| core.label(job))
    }

    /// How a job is kept, if it is, with what its inputs leave behind, as planned.
    pub(crate) fn keep_planned(
        &self,
        core: &Orchestrator<Record>,
        job: JobId,
        planned: &Planned,
    ) -> Option<Keep> {
        let Keeping { keeper, place } = self.keeping.as_ref()?;
        let is_recorded = keeper.has(&place.key(&self.jobs.get(job)?.key));
        let runs = || self.sources.needs_all(job, |input| planned.is_so(self, input));
        if !is_recorded || !runs() {
            return None;
        }
        self.keep(core, job, &Before { durables: self, planned })
    }

    /// What lies behind a job, as planned.
    pub(crate) fn plan(&self, core: &Orchestrator<Record>, job: JobId, planned: &mut Planned) {
        let runs = self.sources.needs_all(job, |input| planned.is_so(self, input));
        let known = Before { durables: self, planned };
        let came = if runs { self.sources.came(core, job, &known) } else { Came::InDoubt };
        planned.came.insert(job, came);
    }

    /// How a job is kept that begins: only what has succeeded has left anything behind.
    pub(crate) fn keep_now(&mut self, core: &Orchestrator<Record>, job: JobId) -> Option<Keep> {
        if self.keeping.is_none() || !self.contains(job) {
            return None;
        }
        self.settle(core, job);
        self.keep(core, job, &Now { durables: self, core })
    }

    fn keep(&self, core: &Orchestrator<Record>, job: JobId, known: &impl Known) -> Option<Keep> {
        let (Durable { key, version }, keeping) = (self.jobs.get(job)?, self.keeping.as_ref()?);
        let place = &keeping.place;
        let own = self.sources.origin(core, job, known);
        Some(Keep {
            keeper: Arc::clone(&keeping.keeper),
            key: place.key(key),
            version: *version,
            inputs: [&*place.inputs, &*own].concat(),
            again: place.again.clone().or_else(|| self.sources.again(job)),
            is_inside: !place.path.is_empty(),
        })
    }

    /// Notes what lies behind all that a job requires and has ended, or is ready: nothing changes that any more.
    fn settle(&mut self, core: &Orchestrator<Record>, job: JobId) {
        let unknown = self.sources.unknown(job, |job| self.jobs.contains(job));
        for job in unknown.into_iter().filter(|&job| core.is_ended(job) || core.has_succeeded(job))
        {
            let came = self.sources.came(core, job, &Now { durables: self, core });
            self.sources.note(job, came);
        }
    }

    /// What lies behind a job that has begun, with its version if it is durable.
    fn behind(&mut self, core: &Orchestrator<Record>, job: JobId) -> Came {
        self.settle(core, job);
        let origin = self.sources.origin(core, job, &Now { durables: self, core });
        Came::of_version(origin, self.jobs.get(job).map_or(0, |durable| durable.version))
    }

    /// What a graph inside an attempt is to be kept by. `Err` if there would be no path to it.
    pub(crate) fn inside(
        &mut self,
        core: &Orchestrator<Record>,
        attempt: Attempt,
        keep: Option<&Keep>,
    ) -> Option<Result<Inside, ()>> {
        let Some(keeping) = self.keeping.clone() else { return self.is_lost.then_some(Err(())) };
        let Some(name) = self.step(core, attempt.job).map(Arc::<str>::from) else {
            return Some(Err(()));
        };
        let came = match keep {
            Some(keep) => {
                let own = keep.inputs[keeping.place.inputs.len()..].to_vec();
                Came::of_version(own, keep.version)
            }
            None => self.behind(core, attempt.job),
        };
        let again = keeping.place.again.clone().or_else(|| self.sources.again(attempt.job));
        Some(Ok(keeping.inside(&name, attempt, came, again)))
    }
}

impl Planned {
    pub(crate) fn restore(&mut self, job: JobId, digest: u128) {
        self.restored.insert(job, digest);
    }

    pub(crate) fn restores_nothing(&self) -> bool {
        self.restored.iter().next().is_none()
    }

    pub(crate) fn is_restored(&self, job: JobId) -> bool {
        self.restored.contains(job)
    }

    /// Whether a job that something comes from will be restored, or comes only from such; `None` if it comes from nothing.
    fn is_so(&self, durables: &Durables, job: JobId) -> Option<bool> {
        if durables.contains(job) {
            return Some(self.restored.contains(job));
        }
        match self.came.get(job)? {
            Came::FromNothing => None,
            Came::From(_) => Some(true),
            Came::InDoubt => Some(false),
        }
    }
}

/// What is known before the run.
struct Before<'a> {
    durables: &'a Durables,
    planned: &'a Planned,
}

impl Known for Before<'_> {
    fn key(&self, job: JobId) -> Option<Arc<str>> {
        self.durables.key(job)
    }

    fn digest(&self, job: JobId, _: &str) -> Option<u128> {
        self.planned.restored.get(job).copied()
    }

    fn came(&self, job: JobId) -> Option<Came> {
        self.planned.came.get(job).copied()
    }

    fn inside(&self, _: &str) -> Option<u128> {
        None
    }
}

/// What is known while the run goes on.
struct Now<'a> {
    durables: &'a Durables,
    core: &'a Orchestrator<Record>,
}

impl Known for Now<'_> {
    fn key(&self, job: JobId) -> Option<Arc<str>> {
        self.durables.key(job)
    }

    fn digest(&self, job: JobId, key: &str) -> Option<u128> {
        let keeper = &self.durables.keeping.as_ref()?.keeper;
        keeper.digest(key).filter(|_| self.core.has_succeeded(job))
    }

    fn came(&self, job: JobId) -> Option<Came> {
        self.durables.sources.known(job)
    }

    fn inside(&self, label: &str) -> Option<u128> {
        let Keeping { keeper, place } = self.durables.keeping.as_ref()?;
        keeper.digest_of_all(&place.path_to(label))
    }
}

impl Durables {
    fn key(&self, job: JobId) -> Option<Arc<str>> {
        let durable = self.jobs.get(job)?;
        Some(self.keeping.as_ref()?.place.key(&durable.key))
    }
}
