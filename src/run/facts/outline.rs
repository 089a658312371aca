use std::sync::Arc;
use std::vec;
use std::vec::Vec;

use super::fact::{Fact, FactKind, JobInfo};
use super::mishap::{Mishap, MishapKind};
use super::output::{Below, OutputStore};
use super::record::Record;
use super::report::Report;
use super::trouble::Trouble;
use crate::orchestrator::{Condition, JobId, JobState, Orchestrator, Outcome, Timestamp};

impl JobInfo {
    /// With what is known of the jobs inside.
    pub(crate) fn with_inside(
        core: &Orchestrator<Record>,
        id: JobId,
        inside: Option<Vec<Arc<Self>>>,
    ) -> Self {
        Self {
            id,
            label: core.label(id).map(Into::into),
            kind: core.kind(id).unwrap_or_default(),
            critical: core.is_critical(id),
            takes: core.takes(id).map(|(pool, amount)| (pool.name.into(), amount)).collect(),
            requirements: core.requirements(id).collect(),
            inside,
            added_by: None,
        }
    }
}

impl FactKind {
    /// With what a run begins.
    pub(crate) fn begun<J>(core: &Orchestrator<J>) -> Self {
        let pools = core.pools().map(|pool| (pool.name.into(), pool.capacity)).collect();
        Self::Begun { window: core.options().window, pools }
    }
}

impl<C: OutputStore + ?Sized> Report<C> {
    /// What the report knows of the run, as an [observer](crate::Graph::observe) would have been told it, but
    /// coarser: of a job's attempts only the last is told, from the start of the first on; of a service,
    /// that it was ready when the first job started that requires it; of a shutdown hook, when the run
    /// was over. O(n log n).
    #[must_use]
    pub fn retell(&self) -> Vec<Fact> {
        let mut facts = Retelling { nowhere: Arc::new([]), facts: Vec::new() };
        for job in self.outline() {
            facts.put(self.begun, FactKind::Added(job));
        }
        for id in self.core.topological_order().unwrap_or_else(|_| self.core.jobs().collect()) {
            self.retell_job(id, &mut facts);
        }
        let within = Arc::clone(&facts.nowhere);
        let mut told = vec![Fact { at: self.begun, within, what: FactKind::begun(&self.core) }];
        facts.facts.sort_by_key(|fact| fact.at);
        told.append(&mut facts.facts);
        for mishap in &self.mishaps {
            facts.put(self.ended, FactKind::Mishap(mishap.clone()));
        }
        facts.put(self.ended, FactKind::Over(self.verdict));
        told.append(&mut facts.facts);
        told
    }

    fn info(&self, id: JobId) -> Arc<JobInfo> {
        let inside = self.report_of(id).map(Below::outline);
        Arc::new(JobInfo::with_inside(&self.core, id, inside))
    }

    /// The report of a nested run.
    fn report_of(&self, id: JobId) -> Option<&dyn Below> {
        self.outputs.below(self.core.payload(id)?.slot)
    }

    fn retell_job(&self, id: JobId, facts: &mut Retelling) {
        let Some((state, record)) = self.core.state(id).zip(self.core.payload(id)) else { return };
        let attempt = self.core.attempts(id);
        let running = JobState::Running { attempt };
        let mut before = JobState::Waiting;
        if let Some(started) = self.core.started(id) {
            facts.put(started, FactKind::State { id, from: before, to: running, error: None });
            before = running;
        }
        if let Some(ready) = self.ready(id) {
            facts.put(ready, FactKind::Ready(id));
        }
        if let Some(text) = record.note().cloned() {
            facts.put(self.core.ended(id).unwrap_or(self.ended), FactKind::Note { id, text });
        }
        let inside = self.report_of(id).map(Below::retell).unwrap_or_default();
        facts.facts.extend(inside.into_iter().map(|fact| fact.inside(id)));
        let failed = matches!(state, JobState::Ended(Outcome::Failed(_)));
        let error = record.error().cloned().filter(|_| failed);
        let ended = self.core.ended(id).unwrap_or(self.ended);
        if state != before {
            facts.put(ended, FactKind::State { id, from: before, to: state, error });
        }
        for panic in record.panicked_drops() {
            let panic = panic.clone();
            let mishap = Mishap { job: Some(id), what: MishapKind::Drop, panic };
            facts.put(ended, FactKind::Mishap(mishap));
        }
        if let Some(hook) = record.hook() {
            facts.put(self.ended, FactKind::HookBegun(id));
            let (outcome, error) = (hook.outcome, hook.error.clone());
            facts.put(self.ended, FactKind::HookEnded { id, outcome, error });
        }
    }

    fn ready(&self, id: JobId) -> Option<Timestamp> {
        let started = |id| self.core.started(id);
        let own = started(id).filter(|_| self.core.was_ready(id))?;
        let dependents = self.core.dependents(id);
        let fed = dependents.filter(|&(_, condition)| condition == Condition::Succeeded);
        Some(fed.filter_map(|(job, _)| started(job)).min().map_or(own, |first| first.max(own)))
    }
}

impl<C: OutputStore + ?Sized> Below for Report<C> {
    fn is_blank(&self) -> bool {
        self.core.is_empty() && self.mishaps.is_empty()
    }

    fn troubles(&self) -> Vec<Trouble> {
        Self::troubles(self)
    }

    fn retell(&self) -> Vec<Fact> {
        Self::retell(self)
    }

    fn outline(&self) -> Vec<Arc<JobInfo>> {
        self.core.jobs().map(|id| self.info(id)).collect()
    }
}

struct Retelling {
    nowhere: Arc<[JobId]>,
    facts: Vec<Fact>,
}

impl Retelling {
    fn put(&mut self, at: Timestamp, what: FactKind) {
        self.facts.push(Fact { at, within: Arc::clone(&self.nowhere), what });
    }
}
