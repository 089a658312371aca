use std::fmt;
use std::sync::Arc;
use std::vec::Vec;

use super::cells::Cells;
use super::graph::Graph;
use crate::orchestrator::{JobId, Orchestrator};
use crate::run::facts::fact::JobInfo;
use crate::run::facts::listing::Listing;
use crate::run::facts::record::Record;
use crate::run::job::payload::Payload;

impl JobInfo {
    pub(crate) fn of<P: Payload>(
        core: &Orchestrator<Record>,
        cells: &Cells<P>,
        id: JobId,
    ) -> Arc<Self> {
        let body = cells.body(id.index());
        Arc::new(Self::with_inside(
            core,
            id,
            body.and_then(|body| Some(body.peek().inside()?.outline())),
        ))
    }
}

impl<P: Payload> Graph<P> {
    /// What is known of its jobs, in the order of their creation.
    #[must_use]
    pub fn outline(&self) -> Vec<Arc<JobInfo>> {
        self.core.jobs().map(|id| JobInfo::of(&self.core, &self.cells, id)).collect()
    }
}

impl<P: Payload> fmt::Display for Graph<P> {
    /// One line a job, in topological order (of creation, if there is a cycle).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nested = |job: JobId, to: &mut dyn fmt::Write, indent| match self
            .cells
            .body(job.index())
            .and_then(|body| body.peek().inside())
        {
            Some(inside) if !inside.is_blank() => write!(to, "\n{inside:indent$}"),
            _ => Ok(()),
        };
        Listing { core: &self.core, outputs: &self.outputs, nested: &nested }.fmt(f)
    }
}

impl<P: Payload> fmt::Debug for Graph<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph")
            .field("jobs", &self.core.counts())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
