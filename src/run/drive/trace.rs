//! Events of the `tracing` crate.

use std::boxed::Box;
use std::collections::HashMap;

use tracing::{Level, debug, field};

use crate::orchestrator::JobId;
use crate::run::engine::graph::Graph;
use crate::run::facts::fact::{Fact, FactKind};
use crate::run::facts::quiet::caught;
use crate::run::job::payload::Payload;

impl<P: Payload> Graph<P> {
    /// Lets changes of state be events, if anybody wants to know.
    pub(crate) fn trace(&mut self) {
        if !caught(|| tracing::enabled!(Level::DEBUG)).unwrap_or(false) {
            return;
        }
        let mut labels = HashMap::new();
        self.observe(move |fact| event(fact, &mut labels));
    }
}

/// What happens inside nested graphs are events of their own runs.
fn event(fact: &Fact, labels: &mut HashMap<JobId, Box<str>>) {
    if !fact.within.is_empty() {
        return;
    }
    match &fact.what {
        FactKind::Added(job) => {
            labels.extend(job.label.clone().map(|label| (job.id, label)));
        }
        FactKind::State { id, from, to, error } => {
            let label = labels.get(id).map(|label| &**label);
            let error = error.as_ref().map(field::display);
            debug!(job = %id, label, %from, %to, error, "state");
        }
        FactKind::Ready(id) => {
            let label = labels.get(id).map(|label| &**label);
            debug!(job = %id, label, "ready");
        }
        FactKind::Note { id, text } => {
            let label = labels.get(id).map(|label| &**label);
            debug!(job = %id, label, %text, "note");
        }
        FactKind::Mishap(mishap) => debug!(%mishap, "mishap"),
        FactKind::Begun { .. }
        | FactKind::HookBegun(_)
        | FactKind::HookEnded { .. }
        | FactKind::Over(_) => {}
    }
}
