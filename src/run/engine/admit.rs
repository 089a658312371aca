use std::sync::Arc;

use super::additions::{Adder, Addition};
use super::engine::Engine;
use super::graph::Graph;
use super::leftovers::Value;
use super::removals::Goes;
use crate::orchestrator::JobId;
use crate::run::facts::handle::Key;
use crate::run::facts::record::Record;
use crate::run::facts::run_error::RunError;
use crate::run::job::payload::Payload;

impl<P: Payload> Engine<P> {
    /// Adds what waits, and answers.
    pub(super) fn admit(&mut self) {
        // What is added counts from the clock of the core: hand it the time.
        drop(self.core.poll_ready_jobs(self.now));
        for addition in self.additions.take() {
            let Addition { body, hook, particulars, requirements, reserve, reply, by } = addition;
            let fits = self.check_inputs(&body, &particulars);
            let slot = reserve(&mut self.outputs);
            let fits = fits.and_then(|()| requirements.by_id(self.scope, &particulars));
            #[cfg(feature = "journal")]
            let fits = fits.and_then(|ids| {
                let has_hook = hook.is_some();
                self.durables
                    .reserve(&self.core, &requirements, &particulars, has_hook)
                    .map(|()| ids)
            });
            #[cfg(feature = "journal")]
            let is_reserved = fits.is_ok();
            let result: Result<JobId, RunError> = fits
                .and_then(|ids| Ok(self.core.insert(Record::new(slot), particulars, ids)?.into()));
            if let Ok(id) = result {
                #[cfg(feature = "journal")]
                self.durables.admit(&self.core, id, &requirements, body.peek(), by);
                self.cells.add(id.index(), body, hook);
                if let Some(by) = by.filter(|_| self.observers.is_some()) {
                    self.added_by.insert(id, by);
                }
                for (required, _) in self.core.requirements(id) {
                    self.removals.dependent_added(required);
                }
                if requirements.is_hidden() {
                    self.outputs.hide(slot);
                }
                if requirements.is_transient() {
                    self.let_go(id, Goes::Output);
                }
            } else {
                #[cfg(feature = "journal")]
                if is_reserved {
                    self.durables.release(&requirements);
                }
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

impl<P: Payload> Graph<P> {
    /// A handle with which the graph's jobs can add further jobs while it runs. Clones add to the same run.
    #[must_use]
    pub fn adder(&self) -> Adder<P> {
        Adder::new(self.additions.share(), Arc::clone(&self.mailbox))
    }
}
