use std::sync::Arc;
use std::vec::Vec;

use super::cells::Cells;
use super::graph::Graph;
use crate::orchestrator::{JobId, Orchestrator};
use crate::run::facts::fact::JobInfo;
use crate::run::facts::record::Record;
use crate::run::job::payload::Payload;

impl JobInfo {
    pub(crate) fn of<P: Payload>(
        core: &Orchestrator<Record>,
        cells: &Cells<P>,
        id: JobId,
    ) -> Arc<Self> {
        let body = cells.body(id.index());
        Arc::new(Self::with_inside(core, id, body.and_then(|body| body.peek().inside())))
    }
}

impl<P: Payload> Graph<P> {
    /// What is known of its jobs, in the order of their creation.
    #[must_use]
    pub fn outline(&self) -> Vec<Arc<JobInfo>> {
        self.core.jobs().map(|id| JobInfo::of(&self.core, &self.cells, id)).collect()
    }
}
