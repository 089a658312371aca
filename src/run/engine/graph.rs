use std::boxed::Box;
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::vec::Vec;

use super::additions::{Additions, OpenAdditions};
use super::cells::Cells;
use super::engine::Engine;
use crate::orchestrator::{Extra, JobId, NumberAndIndex, Orchestrator, RunOptions};
use crate::run::facts::error::RunError;
use crate::run::facts::handle::{Handle, Key};
use crate::run::facts::listing::Listing;
use crate::run::facts::mailbox::{Mailbox, StopHandle};
use crate::run::facts::observers::Observers;
use crate::run::facts::output::{Column, Outputs, Slot};
use crate::run::facts::record::Record;
use crate::run::facts::runtime::{AnyClock, Clock as _};
use crate::run::job::asked::Asked;
use crate::run::job::body::Body;
use crate::run::job::job::Job;
use crate::run::job::payload::{Local, Payload, Sendable};
#[cfg(feature = "tracing")]
use crate::run::job::spans;

/// A graph whose jobs run on one thread, in the task that awaits the run. They may borrow, and need
/// not be `Send`; so the future of its run is not `Send` either, and what is to be given to
/// `tokio::spawn` is a [`SendJobGraph`].
///
/// ```
/// use std::cell::RefCell;
/// use jobgraph::{Job, JobGraph};
///
/// let log = RefCell::new(vec![]);
/// let mut graph = JobGraph::new();
/// let first = graph.add(Job::new(async { log.borrow_mut().push("first") }));
/// graph.add(Job::new(async { log.borrow_mut().push("second") }).requires(&first));
/// let report = jobgraph::smol::block_on(graph)?;
/// assert!(report.is_success());
/// assert_eq!(*log.borrow(), ["first", "second"]);
/// # Ok::<(), jobgraph::RunError>(())
/// ```
pub type JobGraph<'a> = Graph<Local<'a>>;

/// A graph whose jobs are `Send + 'static`, so that its run is as well: it may be awaited in a task
/// that moves between threads.
pub type SendJobGraph = Graph<Sendable>;

/// Jobs and what they require of one another: a [`JobGraph`] or a [`SendJobGraph`].
pub struct Graph<P: Payload> {
    pub(crate) id: u64,
    pub(crate) core: Orchestrator<Record>,
    pub(crate) options: RunOptions,
    shutdown_timeout: Duration,
    /// By index in the core.
    pub(crate) cells: Cells<P>,
    pub(crate) outputs: Outputs<P::Outputs>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) additions: OpenAdditions<P>,
    /// Whether any job has a shutdown hook.
    pub(crate) hooked: bool,
    pub(crate) observers: Option<Arc<Observers>>,
    /// What `run` will refuse it for.
    pub(crate) error: Option<RunError>,
}

impl<'a> Graph<Local<'a>> {
    /// An empty graph.
    #[must_use]
    pub fn new() -> Self {
        Self::empty()
    }

    /// Adds a job. O(its requirements + types of outputs in the graph).
    ///
    /// A requirement that cannot be made is reported when the graph is run.
    #[expect(clippy::inline_always, reason = "each call is of another type")]
    #[inline(always)]
    pub fn add<B: Body + 'a>(&mut self, job: Job<B>) -> Handle<B::Output> {
        self.hooked |= job.body.has_hook();
        let slot =
            self.outputs.reserve::<B::Output>(job.show, || Box::new(Column::<B::Output>::new()));
        let added = self.insert(Local::new(job.body), job.extra, &job.requirements, slot);
        Handle::new(Key { graph: self.id, id: added.into() })
    }
}

impl Graph<Sendable> {
    /// An empty graph.
    #[must_use]
    pub fn new() -> Self {
        Self::empty()
    }

    /// Adds a job. O(its requirements + types of outputs in the graph).
    ///
    /// A requirement that cannot be made is reported when the graph is run.
    #[expect(clippy::inline_always, reason = "each call is of another type")]
    #[inline(always)]
    pub fn add<B: Body<Output: Send + Sync> + Send + 'static>(
        &mut self,
        job: Job<B>,
    ) -> Handle<B::Output> {
        self.hooked |= job.body.has_hook();
        let slot =
            self.outputs.reserve::<B::Output>(job.show, || Box::new(Column::<B::Output>::new()));
        let added = self.insert(Sendable::new(job.body), job.extra, &job.requirements, slot);
        Handle::new(Key { graph: self.id, id: added.into() })
    }
}

impl Default for Graph<Local<'_>> {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for Graph<Sendable> {
    fn default() -> Self {
        Self::new()
    }
}

/// Tells graphs apart, so that a handle of one is not taken for a job of another.
static GRAPHS: AtomicU64 = AtomicU64::new(1);

impl<P: Payload> Graph<P> {
    fn empty() -> Self {
        Self {
            id: GRAPHS.fetch_add(1, Ordering::Relaxed),
            core: Orchestrator::new(RunOptions::default()),
            options: RunOptions::default(),
            shutdown_timeout: Duration::from_secs(10),
            cells: Cells::new(),
            outputs: Outputs::new(),
            mailbox: Arc::default(),
            additions: OpenAdditions::open(Arc::new(Additions::new())),
            hooked: false,
            observers: None,
            error: None,
        }
    }

    /// How many finite jobs may run at once. Zero is refused when the graph is run.
    #[must_use]
    pub fn window(mut self, jobs: usize) -> Self {
        self.options.window = NonZero::new(jobs);
        if self.options.window.is_none() {
            self.error.get_or_insert(RunError::NoWindow);
        }
        self
    }

    /// How long the whole run may take. Zero: it times out at once, and starts nothing.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// How many jobs it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.core.len()
    }

    /// Whether it has no jobs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.core.is_empty()
    }

    /// How long the shutdown hooks may take together; 10 s unless asked otherwise.
    #[must_use]
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// A handle that ends the run from outside.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle(Arc::clone(&self.mailbox))
    }

    fn insert(
        &mut self,
        body: P,
        extra: Option<Box<Extra>>,
        requirements: &Asked,
        slot: Slot,
    ) -> NumberAndIndex {
        let added = match requirements.by_id(self.id, extra.as_deref()) {
            Ok(ids) => match self.core.insert(Record::new(slot), extra, ids) {
                Ok(added) => added,
                Err(error) => self.insert_refused(error.into(), slot),
            },
            Err(error) => self.insert_refused(error, slot),
        };
        if added.number > 0 {
            self.cells.add(added.index as usize, body);
        }
        added
    }

    /// A job that cannot be added gets a handle all the same; the run is refused.
    #[cold]
    fn insert_refused(&mut self, error: RunError, slot: Slot) -> NumberAndIndex {
        self.error.get_or_insert(error);
        self.core.insert(Record::new(slot), None, &[]).unwrap_or(NumberAndIndex::NOBODY)
    }

    /// Begins the run, unless there is an error.
    pub(crate) fn start(mut self, clock: AnyClock) -> Result<Box<Engine<P>>, RunError> {
        #[cfg(feature = "tracing")]
        self.trace();
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let mut core = std::mem::replace(&mut self.core, Orchestrator::new(self.options));
        core.set_options(self.run_options())?;
        core.start(clock.now())?;
        let cells = std::mem::replace(&mut self.cells, Cells::new());
        let outputs = std::mem::replace(&mut self.outputs, Outputs::new());
        let engine = self.engine(core, cells, outputs, clock);
        self.additions.pass_on();
        Ok(engine)
    }

    /// The options of a run of this graph.
    pub(crate) fn run_options(&self) -> RunOptions {
        RunOptions { record: self.observers.is_some(), ..self.options }
    }

    /// The engine of a run of this graph that has begun.
    pub(crate) fn engine(
        &self,
        core: Orchestrator<Record>,
        cells: Cells<P>,
        outputs: Outputs<P::Outputs>,
        clock: AnyClock,
    ) -> Box<Engine<P>> {
        #[cfg(feature = "tracing")]
        let span = spans::run(core.len(), self.options);
        #[cfg(feature = "tracing")]
        if let Some(observers) = &self.observers {
            observers.tell_inside(&span);
        }
        let mut engine = Box::new(Engine {
            graph: self.id,
            run: 1,
            begun: core.clock(),
            core,
            cells,
            outputs,
            mailbox: Arc::clone(&self.mailbox),
            additions: OpenAdditions::open(self.additions.share()),
            clock,
            shutdown_timeout: self.shutdown_timeout,
            hooked: self.hooked,
            keep_bodies: false,
            stops: 0,
            unread: Vec::new(),
            retired: Vec::new(),
            hooks: None,
            observers: self.observers.clone(),
            #[cfg(feature = "tracing")]
            span,
        });
        engine.tell_begun();
        engine
    }
}

impl<P: Payload> fmt::Display for Graph<P> {
    /// One line a job, in topological order (of creation, if there is a cycle).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nested = |job: JobId, to: &mut dyn fmt::Write| match self.cells.body(job.index()) {
            Some(body) => body.peek().list(to),
            None => Ok(()),
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
