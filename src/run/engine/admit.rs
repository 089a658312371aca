use std::sync::Arc;

use super::additions::{Adder, Addition};
use super::engine::Engine;
use super::graph::Graph;
use super::leftovers::Value;
use super::removals::Goes;
use crate::orchestrator::JobId;
use crate::run::facts::error::RunError;
use crate::run::facts::handle::Key;
use crate::run::facts::record::Record;
use crate::run::job::payload::Payload;

impl<P: Payload> Engine<P> {
    /// Adds what waits, and answers.
    pub(super) fn admit(&mut self) {
        // What is added counts from the clock of the core: hand it the time.
        drop(self.core.poll_ready_jobs(self.now));
        for addition in self.additions.take() {
            let Addition { body, hook, extra, requirements, reserve, reply, by } = addition;
            let fits = self.check_inputs(&body, extra.as_deref());
            let slot = reserve(&mut self.outputs);
            #[cfg(feature = "journal")]
            let fits = fits.and_then(|()| self.check_key(&requirements, extra.as_deref()));
            let core = &mut self.core;
            let result: Result<JobId, RunError> = fits
                .and_then(|()| requirements.by_id(self.scope, extra.as_deref()))
                .and_then(|ids| Ok(core.insert(Record::new(slot), extra, ids)?.into()));
            if let Ok(id) = result {
                self.cells.add(id.index(), body, hook);
                if let Some(by) = by.filter(|_| self.observers.is_some()) {
                    self.added_by.insert(id, by);
                }
                for (required, _) in self.core.requirements(id) {
                    self.removals.dependent_added(required);
                }
                #[cfg(feature = "journal")]
                if let Some((key, version)) = requirements.durable() {
                    // Its key was looked at before.
                    let _ = self.durables.add(id, key, version);
                }
                if requirements.is_hidden() {
                    self.outputs.hide(slot);
                }
                if requirements.is_transient() {
                    self.let_go(id, Goes::Output);
                }
            } else {
                self.outputs.release(slot);
                for value in [Some(body), hook].into_iter().flatten() {
                    self.left.discard(None, Value::Body(value));
                }
            }
            let answer = result.map(|id| Key { scope: self.scope.run, id });
            self.left.wake.extend(reply.give(answer));
        }
    }
}

#[cfg(feature = "journal")]
impl<P: Payload> Engine<P> {
    /// Whether the key of a durable job is nobody else's.
    fn check_key(
        &self,
        requirements: &crate::run::job::asked::Asked,
        extra: Option<&crate::orchestrator::Extra>,
    ) -> Result<(), RunError> {
        let Some((key, _)) = requirements.durable() else { return Ok(()) };
        let job = || crate::orchestrator::Extra::name(extra);
        if let Some(other) = self.durables.with_key(key) {
            let other = self.core.job_name(other);
            return Err(RunError::SameKey { job: job(), other, key: key.into() });
        }
        let Some(keeping) = &self.durables.keeping else { return Ok(()) };
        let mut keys = std::iter::once(keeping.key(key));
        keeping
            .keeper
            .claim(keeping, &mut keys)
            .map_err(|key| RunError::KeyTaken { key: key.as_ref().into() })
    }
}

impl<P: Payload> Graph<P> {
    /// A handle with which the graph's jobs can add further jobs while it runs. Clones add to the same run.
    #[must_use]
    pub fn adder(&self) -> Adder<P> {
        Adder::new(self.additions.share(), Arc::clone(&self.mailbox))
    }
}
