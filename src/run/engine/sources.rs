use std::collections::HashSet;
use std::format;
use std::sync::Arc;
use std::vec::Vec;

use super::table::Table;
use crate::orchestrator::{Condition, JobId, JobKind, Orchestrator};
use crate::run::facts::kept::Again;
use crate::run::facts::record::Record;
use crate::run::job::body::Execute;
use crate::run::job::keep::{Came, Origin, Whence};

/// What the work of jobs comes from, as far as their graph knows: kept if there is a journal.
#[derive(Clone, Default)]
pub(super) struct Sources {
    of: Table<Source>,
    /// What came from where, of jobs that were handed out, or whose inputs have left.
    known: Table<Came>,
}

#[derive(Clone, Default)]
struct Source {
    inputs: Vec<Input>,
    /// A job that feeds it, also through services, and is neither durable nor a service.
    fed_by: Option<Arc<str>>,
    /// What the job comes from that has added it.
    added: Option<Whence>,
    /// Whether its graph is there already, with durable jobs in it, which nobody knows before it has run.
    is_graph: bool,
}

#[derive(Clone)]
struct Input {
    job: JobId,
    condition: Condition,
}

/// What is known of the durable jobs of a graph.
pub(super) trait Known {
    /// The key of a job in the run, if it is durable.
    fn key(&self, job: JobId) -> Option<Arc<str>>;

    /// What a durable job left behind.
    fn digest(&self, job: JobId, key: &str) -> Option<u128>;

    /// What a job that is not durable comes from, if that is known without looking at its inputs.
    fn came(&self, job: JobId) -> Option<Came>;

    /// What the graphs inside a job left behind, if anything.
    fn inside(&self, label: &str) -> Option<u128>;
}

impl Sources {
    /// Learns what a job comes from, once that is known of all that it requires.
    pub(super) fn learn(
        &mut self,
        core: &Orchestrator<Record>,
        job: JobId,
        body: &dyn Execute,
        is_durable: impl Fn(JobId) -> bool,
    ) {
        let inputs = core.requirements(job).map(|(job, condition)| Input { job, condition });
        let mut source = Source { inputs: inputs.collect(), ..Source::default() };
        if let Some(inside) = body.inside() {
            inside.durables("", &mut |_| source.is_graph = true);
        }
        body.feeders(&mut |feeder| {
            let by = match core.kind(feeder.id) {
                _ if is_durable(feeder.id) => None,
                Some(JobKind::Finite) => Some(format!("{}", core.job_name(feeder.id)).into()),
                _ => self.of.get(feeder.id).and_then(|through| through.fed_by.clone()),
            };
            source.fed_by = source.fed_by.take().or(by);
        });
        self.of.insert(job, source);
    }

    /// A job was added by another one, which comes from this.
    pub(super) fn added(&mut self, job: JobId, from: Option<Whence>, fed_by: Option<Arc<str>>) {
        if let Some(source) = self.of.get_mut(job) {
            source.added = from;
            source.fed_by = source.fed_by.take().or(fed_by);
        }
    }

    pub(super) fn fed_by(&self, job: JobId) -> Option<Arc<str>> {
        self.of.get(job)?.fed_by.clone()
    }

    pub(super) fn again(&self, job: JobId) -> Option<Again> {
        self.fed_by(job).map(Again::FedBy)
    }

    pub(super) fn remove(&mut self, job: JobId) {
        let _ = (self.of.remove(job), self.known.remove(job));
    }

    pub(super) fn known(&self, job: JobId) -> Option<Came> {
        self.known.get(job).copied()
    }

    /// What a job comes from, by name: the durable jobs that it requires, and whatever lies behind the others.
    pub(super) fn origin(
        &self,
        core: &Orchestrator<Record>,
        job: JobId,
        known: &impl Known,
    ) -> Origin {
        let Some(source) = self.of.get(job) else { return Origin::new() };
        let mut origin: Origin = source.added.iter().cloned().collect();
        for Input { job, condition } in &source.inputs {
            let is_any = *condition == Condition::Any;
            if let Some(name) = known.key(*job) {
                let digest = known.digest(*job, &name);
                origin.push(Whence { name, digest, is_any });
                continue;
            }
            let digest = match known.came(*job) {
                Some(Came::FromNothing) | None => continue,
                Some(Came::From(digest)) => Some(digest),
                Some(Came::InDoubt) => None,
            };
            let name = format!("behind {}", core.label(*job).unwrap_or("a job")).into();
            origin.push(Whence { name, digest, is_any });
        }
        origin.sort_unstable();
        origin.dedup();
        origin
    }

    /// What lies behind a job that is not durable, all that it requires being known.
    pub(super) fn came(&self, core: &Orchestrator<Record>, job: JobId, known: &impl Known) -> Came {
        let mut origin = self.origin(core, job, known);
        // Whichever of them there were.
        origin.retain(|from| !from.is_any || from.digest.is_some());
        let is_graph = self.of.get(job).is_some_and(|source| source.is_graph);
        if let Some(digest) = core.label(job).and_then(|label| known.inside(label)) {
            origin.push(Whence { name: "inside".into(), digest: Some(digest), is_any: false });
        } else if is_graph {
            return Came::InDoubt;
        }
        Came::of(&origin)
    }

    /// The jobs that are not durable, which lie behind a job and are not known: those that others need first.
    pub(super) fn unknown(&self, job: JobId, is_durable: impl Fn(JobId) -> bool) -> Vec<JobId> {
        let is_open =
            |job: JobId| !is_durable(job) && self.of.contains(job) && !self.known.contains(job);
        let mut inputs = self.of.get(job).into_iter().flat_map(|source| &source.inputs);
        if !inputs.any(|input| is_open(input.job)) {
            return Vec::new();
        }
        let (mut order, mut way) = (Vec::new(), Vec::from([(job, 0)]));
        let mut seen = HashSet::new();
        while let Some((at, next)) = way.pop() {
            let inputs = self.of.get(at).map_or(&[][..], |source| &source.inputs);
            match inputs.get(next) {
                Some(input) => {
                    way.push((at, next + 1));
                    if is_open(input.job) && seen.insert(input.job) {
                        way.push((input.job, 0));
                    }
                }
                None if at != job => order.push(at),
                None => {}
            }
        }
        order
    }

    pub(super) fn note(&mut self, job: JobId, came: Came) {
        self.known.insert(job, came);
    }

    /// Whether a job runs only if all durable jobs that it comes from have succeeded, and these are all so.
    pub(super) fn needs_all(&self, job: JobId, is_so: impl Fn(JobId) -> Option<bool>) -> bool {
        self.of.get(job).is_none_or(|source| {
            source.inputs.iter().all(|input| match is_so(input.job) {
                Some(is_so) => is_so && input.condition == Condition::Succeeded,
                None => true,
            })
        })
    }
}
