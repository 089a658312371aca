use std::boxed::Box;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use super::additions::OpenAdditions;
use super::cells::Cells;
use super::leftovers::Leftovers;
use super::removals::Removals;
use crate::orchestrator::{JobId, Orchestrator, Timestamp};
use crate::run::facts::handle::Scope;
use crate::run::facts::mailbox::{Mailbox, Message};
use crate::run::facts::mishap::Mishap;
use crate::run::facts::observers::Observers;
use crate::run::facts::output::Outputs;
use crate::run::facts::record::Record;
use crate::run::facts::runtime::AnyClock;
use crate::run::job::payload::Payload;
#[cfg(feature = "tracing")]
use crate::run::job::spans::RunSpan;

/// A graph that runs: the core, the bodies and their outputs, and all that happens between two polls.
///
/// It decides. What is to be done then, and may run code of the user's, it leaves in `left`: nothing in this
/// storey wakes, drops a value of the user's, polls, makes a span, calls an observer or looks at a clock, so
/// that a driver may hold a lock around it. Who polls, and where, is the driver's.
pub(crate) struct Engine<P: Payload> {
    pub(crate) scope: Scope,
    pub(crate) role: Role,
    pub(crate) core: Box<Orchestrator<Record>>,
    /// By index of the job in the core. `None` while a body is being polled or dropped, and for good once it
    /// was dropped.
    pub(crate) cells: Cells<P>,
    pub(crate) outputs: Outputs<P::Outputs>,
    pub(crate) mailbox: Arc<Mailbox>,
    /// That of the outermost run, if this one is inside another.
    pub(crate) outermost: Option<Arc<Mailbox>>,
    /// Messages about bodies that were being polled when they came.
    pub(crate) unread: Vec<Message>,
    pub(crate) additions: OpenAdditions<P>,
    /// For contexts. The engine itself is told the time.
    pub(crate) clock: AnyClock,
    /// The time of this turn: what the driver's clock said last, outside any lock.
    pub(crate) now: Timestamp,
    pub(crate) begun: Timestamp,
    /// When the run was over, its shutdown hooks included.
    pub(crate) ended: Timestamp,
    /// How long each shutdown hook may take.
    pub(crate) hook_timeout: Duration,
    /// Whether bodies are kept for another run.
    pub(crate) keep_bodies: bool,
    /// How often somebody wanted the run to stop.
    pub(crate) stops: u32,
    pub(crate) removals: Removals,
    /// Who added jobs of which observers have not been told.
    pub(crate) added_by: HashMap<JobId, JobId>,
    /// Whether somebody wants to know that: who observes, and who keeps what jobs leave behind.
    pub(crate) knows_who_adds: bool,
    pub(crate) left: Leftovers<P>,
    /// Those that are no job's.
    pub(crate) mishaps: Vec<Mishap>,
    /// Who hears of the run; `None` if nobody does.
    pub(crate) observers: Option<Arc<Observers>>,
    #[cfg(feature = "journal")]
    pub(crate) durables: super::durables::Durables,
    #[cfg(feature = "tracing")]
    pub(crate) span: RunSpan,
}

/// What an engine runs.
pub(crate) enum Role {
    /// The jobs of a graph.
    Jobs,
    /// Their shutdown hooks; by index in the core, whose hook it is.
    Hooks(Vec<Option<JobId>>),
}
