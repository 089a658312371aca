use std::collections::HashMap;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

use crate::orchestrator::{Attempt, JobId, Orchestrator};
use crate::run::facts::kept::Again;
use crate::run::facts::record::Record;
use crate::run::job::keep::{Keep, Keeping};

/// The durable jobs of a graph, and who keeps what they leave behind.
#[derive(Clone, Default)]
pub(crate) struct Durables {
    pub(crate) keeping: Option<Keeping>,
    pub(crate) jobs: HashMap<JobId, Durable>,
    keys: HashMap<Arc<str>, JobId>,
}

#[derive(Clone)]
pub(crate) struct Durable {
    /// In its own graph.
    pub(crate) key: Arc<str>,
    pub(crate) version: u32,
    /// A job that feeds it, and is neither durable nor a service.
    pub(crate) fed_by: Option<Arc<str>>,
}

impl Durables {
    /// Takes a job in, unless its key is taken: then that of whoever has it.
    pub(crate) fn add(&mut self, job: JobId, key: &str, version: u32) -> Result<(), JobId> {
        if let Some(other) = self.with_key(key) {
            return Err(other);
        }
        let key: Arc<str> = key.into();
        self.keys.insert(Arc::clone(&key), job);
        self.jobs.insert(job, Durable { key, version, fed_by: None });
        Ok(())
    }

    /// Whose key this is.
    pub(crate) fn with_key(&self, key: &str) -> Option<JobId> {
        self.keys.get(key).copied()
    }

    /// How the output of a job is kept, if it is.
    pub(crate) fn keep(&self, core: &Orchestrator<Record>, job: JobId) -> Option<Keep> {
        let Durable { key, version, fed_by } = self.jobs.get(&job)?;
        let keeping = self.keeping.clone()?;
        let durable = |(required, _)| self.jobs.get(&required).map(|input| keeping.key(&input.key));
        let mut inputs: Vec<_> = core.requirements(job).filter_map(durable).collect();
        inputs.sort();
        inputs.dedup();
        let (key, version) = (keeping.key(key), *version);
        let again = fed_by.clone().map(Again::FedBy);
        Some(Keep { keeping, key, version, inputs, again, planning: false })
    }

    /// What makes effects of a job known as the same, if it is kept.
    pub(crate) fn effect(&self, core: &Orchestrator<Record>, job: JobId) -> Option<String> {
        self.keeping.as_ref()?;
        self.keep(core, job).map(|keep| keep.keeping.keeper.effect(&keep))
    }

    /// What a graph inside a job is to be kept by. `Err` if there would be no path to it.
    pub(crate) fn inside(
        &self,
        core: &Orchestrator<Record>,
        attempt: Attempt,
    ) -> Option<Result<Keeping, ()>> {
        let keeping = self.keeping.as_ref()?;
        let key = self.jobs.get(&attempt.job).map(|durable| &*durable.key);
        let name = key.or_else(|| core.label(attempt.job));
        Some(name.map(|name| keeping.inside(name, attempt)).ok_or(()))
    }
}
