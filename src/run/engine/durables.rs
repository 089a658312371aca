use std::collections::HashMap;
use std::sync::Arc;
use std::vec::Vec;

use crate::orchestrator::{Attempt, Condition, Extra, JobId, JobKind, Orchestrator};
use crate::run::facts::error::RunError;
use crate::run::facts::kept::Again;
use crate::run::facts::record::Record;
use crate::run::job::asked::Asked;
use crate::run::job::body::Execute;
use crate::run::job::keep::{Inside, Keep, Keeping, Origin};

/// The durable jobs of a graph, and who keeps what they leave behind.
#[derive(Clone, Default)]
pub(crate) struct Durables {
    pub(crate) keeping: Option<Keeping>,
    /// Whether somebody would, if there were a path to this graph.
    pub(crate) is_lost: bool,
    jobs: HashMap<JobId, Durable>,
    keys: HashMap<Arc<str>, JobId>,
    /// Of all jobs, if there is a journal.
    sources: HashMap<JobId, Source>,
}

#[derive(Clone)]
struct Durable {
    /// In its own graph.
    key: Arc<str>,
    version: u32,
}

/// What the work of a job comes from, as far as its graph knows.
#[derive(Clone, Default)]
struct Source {
    /// The durable jobs that it requires, also through services.
    inputs: Vec<JobId>,
    /// Whether it runs only if all of these have succeeded.
    needs_all: bool,
    /// A job that feeds it, also through services, and is neither durable nor a service.
    fed_by: Option<Arc<str>>,
}

impl Durables {
    /// Takes a job of a graph in that is being built, if it is a durable one.
    pub(crate) fn declare(
        &mut self,
        core: &Orchestrator<Record>,
        job: JobId,
        asked: &Asked,
    ) -> Result<(), RunError> {
        let Some((key, version)) = asked.durable() else { return Ok(()) };
        let name = || core.job_name(job);
        if core.kind(job) != Some(JobKind::Finite) {
            return Err(RunError::Endless { job: name() });
        }
        if let Some(&other) = self.keys.get(key) {
            return Err(RunError::SameKey {
                job: name(),
                other: core.job_name(other),
                key: key.into(),
            });
        }
        self.insert(job, key, version);
        Ok(())
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
        extra: Option<&Extra>,
    ) -> Result<(), RunError> {
        let Some((key, _)) = asked.durable() else { return Ok(()) };
        let job = || Extra::name(extra);
        if extra.is_some_and(|extra| extra.kind() != JobKind::Finite) {
            return Err(RunError::Endless { job: job() });
        }
        if let Some(&other) = self.keys.get(key) {
            return Err(RunError::SameKey {
                job: job(),
                other: core.job_name(other),
                key: key.into(),
            });
        }
        if self.is_lost {
            return Err(RunError::NoPath);
        }
        self.claim(key)
    }

    /// The job was not added after all.
    pub(crate) fn release(&self, asked: &Asked) {
        if let (Some((key, _)), Some(keeping)) = (asked.durable(), &self.keeping) {
            keeping.keeper.release(&keeping.place.key(key));
        }
    }

    fn claim(&self, key: &str) -> Result<(), RunError> {
        let Some(Keeping { keeper, place }) = &self.keeping else { return Ok(()) };
        let key = place.key(key);
        if keeper.claim(place, &key) {
            Ok(())
        } else {
            Err(RunError::KeyTaken { key: (*key).into() })
        }
    }

    /// Takes the keys of all jobs of a graph that begins.
    pub(crate) fn claim_all(&self) -> Result<(), RunError> {
        let mut keys: Vec<_> = self.keys.keys().collect();
        keys.sort_unstable();
        keys.into_iter().try_for_each(|key| self.claim(key))
    }

    /// A job was added to a run, its key having been reserved.
    pub(crate) fn admit(
        &mut self,
        core: &Orchestrator<Record>,
        job: JobId,
        asked: &Asked,
        body: &dyn Execute,
    ) {
        if let Some((key, version)) = asked.durable() {
            self.insert(job, key, version);
        }
        self.learn(core, job, body);
    }

    /// A job has left the run.
    pub(crate) fn remove(&mut self, job: JobId) {
        self.sources.remove(&job);
        let Some(Durable { key, .. }) = self.jobs.remove(&job) else { return };
        self.keys.remove(&key);
        if let Some(keeping) = &self.keeping {
            keeping.keeper.release(&keeping.place.key(&key));
        }
    }

    pub(crate) fn any(&self) -> Option<JobId> {
        self.jobs.keys().min().copied()
    }

    pub(crate) fn contains(&self, job: JobId) -> bool {
        self.jobs.contains_key(&job)
    }

    /// Learns what a job comes from, once that is known of all that it requires.
    pub(crate) fn learn(&mut self, core: &Orchestrator<Record>, job: JobId, body: &dyn Execute) {
        if self.keeping.is_none() {
            return;
        }
        let mut source = Source { needs_all: true, ..Source::default() };
        for (required, condition) in core.requirements(job) {
            let through = self.sources.get(&required);
            let through = through.filter(|_| core.kind(required) != Some(JobKind::Finite));
            if self.contains(required) {
                source.inputs.push(required);
            } else if let Some(through) = through {
                source.inputs.extend(&through.inputs);
                source.needs_all &= through.needs_all;
            } else {
                continue;
            }
            source.needs_all &= condition == Condition::Succeeded;
        }
        body.feeders(&mut |feeder| {
            let by = match core.kind(feeder.id) {
                _ if self.contains(feeder.id) => None,
                Some(JobKind::Finite) => Some(std::format!("{}", core.job_name(feeder.id)).into()),
                _ => self.sources.get(&feeder.id).and_then(|through| through.fed_by.clone()),
            };
            source.fed_by = source.fed_by.take().or(by);
        });
        source.inputs.sort_unstable();
        source.inputs.dedup();
        self.sources.insert(job, source);
    }

    /// Whether a job runs only if all durable jobs that it comes from have succeeded, and these are all so.
    pub(crate) fn needs_all(&self, job: JobId, are_so: impl Fn(JobId) -> bool) -> bool {
        let source = self.sources.get(&job);
        source
            .is_some_and(|source| source.needs_all && source.inputs.iter().all(|&job| are_so(job)))
    }

    /// How a job is kept, if it is, with what its inputs have left behind.
    pub(crate) fn keep(
        &self,
        job: JobId,
        digest: impl Fn(JobId, &str) -> Option<u128>,
    ) -> Option<Keep> {
        let (Durable { key, version }, keeping) = (self.jobs.get(&job)?, self.keeping.as_ref()?);
        let (inputs, again) = self.origin(keeping, job, digest);
        Some(Keep {
            keeper: Arc::clone(&keeping.keeper),
            key: keeping.place.key(key),
            version: *version,
            inputs,
            again,
            is_inside: !keeping.place.path.is_empty(),
        })
    }

    /// The same, while the run goes on: only what has succeeded has left anything behind.
    pub(crate) fn keep_now(&self, core: &Orchestrator<Record>, job: JobId) -> Option<Keep> {
        let keeper = &self.keeping.as_ref()?.keeper;
        self.keep(job, |input, key| keeper.digest(key).filter(|_| core.has_succeeded(input)))
    }

    /// All that a job comes from, that of the jobs around included.
    fn origin(
        &self,
        keeping: &Keeping,
        job: JobId,
        digest: impl Fn(JobId, &str) -> Option<u128>,
    ) -> (Origin, Option<Again>) {
        let place = &keeping.place;
        let source = self.sources.get(&job).cloned().unwrap_or_default();
        let mut own: Origin = Vec::with_capacity(source.inputs.len());
        for input in source.inputs {
            if let Some(durable) = self.jobs.get(&input) {
                let key = place.key(&durable.key);
                let digest = digest(input, &key);
                own.push((key, digest));
            }
        }
        own.sort_unstable();
        let again = place.again.clone().or(source.fed_by.map(Again::FedBy));
        ([&*place.inputs, &*own].concat(), again)
    }

    /// What a graph inside an attempt is to be kept by. `Err` if there would be no path to it.
    pub(crate) fn inside(
        &self,
        core: &Orchestrator<Record>,
        attempt: Attempt,
    ) -> Option<Result<Inside, ()>> {
        let Some(keeping) = &self.keeping else { return self.is_lost.then_some(Err(())) };
        let key = self.jobs.get(&attempt.job).map(|durable| &*durable.key);
        let Some(name) = key.or_else(|| core.label(attempt.job)) else { return Some(Err(())) };
        let digest =
            |input, key: &str| keeping.keeper.digest(key).filter(|_| core.has_succeeded(input));
        let (inputs, again) = self.origin(keeping, attempt.job, digest);
        Some(Ok(keeping.inside(name, attempt, inputs, again)))
    }
}
