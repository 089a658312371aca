use std::boxed::Box;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use super::additions::OpenAdditions;
use super::cells::Cells;
#[cfg(feature = "journal")]
use super::durables::Durables;
use super::engine::{Engine, Role};
use super::leftovers::Leftovers;
use super::removals::{Goes, Removals};
use crate::orchestrator::{JobId, Orchestrator, Timestamp};
use crate::run::facts::handle::Scope;
use crate::run::facts::mailbox::Mailbox;
use crate::run::facts::observers::Observers;
use crate::run::facts::output::Outputs;
use crate::run::facts::record::Record;
use crate::run::facts::run_error::RunError;
use crate::run::facts::runtime::AnyClock;
use crate::run::job::payload::Payload;
#[cfg(feature = "tracing")]
use crate::run::job::spans::RunSpan;

/// What a run shares with its graph.
pub(crate) struct Setting<P: Payload> {
    pub(super) scope: Scope,
    pub(super) hook_timeout: Duration,
    pub(super) transients: Vec<JobId>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) additions: OpenAdditions<P>,
    pub(super) observers: Option<Arc<Observers>>,
    #[cfg(feature = "journal")]
    pub(super) durables: Durables,
}

impl<P: Payload> Setting<P> {
    /// Begins a run, with the jobs that were added to its graph before.
    pub(crate) fn begin(
        self,
        core: Box<Orchestrator<Record>>,
        cells: Cells<P>,
        outputs: Outputs<P::Outputs>,
        clock: AnyClock,
        now: Timestamp,
    ) -> Result<Box<Engine<P>>, RunError> {
        let mut engine = Box::new(Engine {
            scope: self.scope,
            role: Role::Jobs,
            core,
            cells,
            outputs,
            mailbox: self.mailbox,
            outermost: None,
            unread: Vec::new(),
            additions: self.additions,
            clock,
            begun: now,
            ended: now,
            now,
            hook_timeout: self.hook_timeout,
            keep_bodies: false,
            stops: 0,
            removals: Removals::default(),
            #[cfg(feature = "journal")]
            knows_who_adds: self.observers.is_some() || self.durables.keeping.is_some(),
            #[cfg(not(feature = "journal"))]
            knows_who_adds: self.observers.is_some(),
            added_by: HashMap::new(),
            left: Leftovers::new(),
            mishaps: Vec::new(),
            observers: self.observers,
            #[cfg(feature = "journal")]
            durables: self.durables,
            #[cfg(feature = "tracing")]
            span: RunSpan::none(),
        });
        engine.admit();
        // All jobs are told in one way, below.
        while engine.core.poll_transition().is_some() {}
        engine.core.start(now)?;
        for job in self.transients {
            engine.let_go(job, Goes::Output);
        }
        engine.tell_begun();
        Ok(engine)
    }
}
