use std::sync::Arc;

use super::additions::{Adder, Addition};
use super::engine::Engine;
use super::graph::Graph;
use crate::orchestrator::JobId;
use crate::run::facts::error::RunError;
use crate::run::facts::quiet::drop_quietly;
use crate::run::facts::record::Record;
use crate::run::job::payload::Payload;

impl<P: Payload> Engine<P> {
    /// Adds what waits, and tells those who wait for it.
    pub(super) fn admit(&mut self) {
        let additions = self.additions.take();
        if self.hooks.is_some() {
            // The run of the jobs is over.
            return drop_quietly(additions);
        }
        for addition in additions {
            let Addition { body, extra, requirements, reserve, reply } = addition;
            let core = &mut self.core;
            let slot = reserve(&mut self.outputs);
            let result: Result<JobId, RunError> = requirements
                .by_id(self.graph, extra.as_deref())
                .and_then(|ids| Ok(core.insert(Record::new(slot), extra, ids)?.into()));
            match result {
                Ok(id) => {
                    self.hooked |= body.peek().has_hook();
                    self.cells.add(id.index(), body);
                }
                Err(_) => drop_quietly(body),
            }
            reply.give(result);
        }
    }
}

impl<P: Payload> Graph<P> {
    /// A handle with which the graph's jobs can add further jobs while it runs. Clones add to the same run.
    #[must_use]
    pub fn adder(&self) -> Adder<P> {
        Adder::new(self.id, self.additions.share(), Arc::clone(&self.mailbox))
    }
}
