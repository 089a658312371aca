use std::boxed::Box;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use super::additions::OpenAdditions;
use super::cells::Cells;
#[cfg(feature = "journal")]
use super::durables::Durables;
use super::engine::Engine;
use super::setting::Setting;
use crate::orchestrator::{
    JobId, NumberAndIndex, Orchestrator, Order, Particulars, PoolId, RunOptions, Timestamp,
};
use crate::run::facts::column::Column;
use crate::run::facts::handle::{Handle, Key, Pool, Scope};
use crate::run::facts::mailbox::{Mailbox, StopHandle};
use crate::run::facts::observers::Observers;
use crate::run::facts::output::{Outputs, Slot};
use crate::run::facts::record::Record;
use crate::run::facts::run_error::RunError;
use crate::run::facts::runtime::AnyClock;
use crate::run::job::asked::Asked;
use crate::run::job::body::Body;
use crate::run::job::hook::Hook;
use crate::run::job::job::Job;
use crate::run::job::payload::{Local, Payload, Sendable, to_heap};

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
/// assert!(report.is_completed());
/// assert_eq!(*log.borrow(), ["first", "second"]);
/// # Ok::<(), jobgraph::RunError>(())
/// ```
pub type JobGraph<'a> = Graph<Local<'a>>;

/// A graph whose jobs are `Send + 'static`, so that its run is as well: it may be awaited in a task
/// that moves between threads.
pub type SendJobGraph = Graph<Sendable>;

/// Jobs and what they require of one another: a [`JobGraph`] or a [`SendJobGraph`].
pub struct Graph<P: Payload> {
    pub(crate) scope: Scope,
    /// In a box, since graphs and reports are moved.
    pub(crate) core: Box<Orchestrator<Record>>,
    pub(crate) options: RunOptions,
    /// Whether the last window asked for was one of zero jobs.
    pub(super) no_window: bool,
    hook_timeout: Duration,
    /// By index in the core.
    pub(crate) cells: Cells<P>,
    pub(crate) outputs: Outputs<P::Outputs>,
    /// The jobs whose outputs go with the last job that requires them.
    transients: Vec<JobId>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) additions: OpenAdditions<P>,
    pub(crate) observers: Option<Arc<Observers>>,
    /// What `run` will refuse it for.
    pub(crate) errors: Vec<RunError>,
    #[cfg(feature = "journal")]
    pub(crate) durables: Durables,
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
    pub fn add<B: Body + 'a, H: Hook + 'a>(&mut self, job: Job<B, H>) -> Handle<B::Output> {
        let slot = self
            .outputs
            .reserve::<B::Output>(job.show, |other| Box::new(Column::<B::Output>::new(other)));
        let hook = H::IS_SOME.then(|| Local::new(to_heap(job.hook)));
        let added =
            self.insert(Local::new(job.body), hook, job.particulars, &job.requirements, slot);
        Handle::new(Key { scope: self.scope.graph, id: added.into() })
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
    pub fn add<B, H>(&mut self, job: Job<B, H>) -> Handle<B::Output>
    where
        B: Body<Output: Send + Sync> + Send + 'static,
        H: Hook + Send + 'static,
    {
        let slot = self
            .outputs
            .reserve::<B::Output>(job.show, |other| Box::new(Column::<B::Output>::new(other)));
        let hook = H::IS_SOME.then(|| Sendable::new(to_heap(job.hook)));
        let added =
            self.insert(Sendable::new(job.body), hook, job.particulars, &job.requirements, slot);
        Handle::new(Key { scope: self.scope.graph, id: added.into() })
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

impl<P: Payload> Graph<P> {
    fn empty() -> Self {
        Self {
            scope: Scope::of_graph(),
            core: Orchestrator::boxed(),
            options: RunOptions::default(),
            no_window: false,
            hook_timeout: Duration::from_secs(10),
            cells: Cells::with_room(),
            outputs: Outputs::new(),
            transients: Vec::new(),
            mailbox: Arc::default(),
            additions: OpenAdditions::new(),
            observers: None,
            errors: Vec::new(),
            #[cfg(feature = "journal")]
            durables: Durables::default(),
        }
    }

    /// How many finite jobs may run at once. Zero is refused when the graph is run.
    #[must_use]
    pub fn window(mut self, jobs: usize) -> Self {
        self.options.window = NonZero::new(jobs);
        self.no_window = jobs == 0;
        self
    }

    /// A limit by name, beside the window, of which jobs [take](Job::within) while they are under way: two
    /// connections to a host, four processors, ten of a disk. A capacity of zero, or a name that another pool
    /// has, is refused when the graph is run.
    pub fn pool(&mut self, name: &str, capacity: u32) -> Pool {
        let id = self.core.add_pool(name, capacity).unwrap_or_else(|error| {
            self.errors.push(error.into());
            PoolId::new(u32::MAX)
        });
        Pool { scope: self.scope.graph, id }
    }

    /// In which order jobs that wait for a seat or a pool go; [`Order::BreadthFirst`] unless asked otherwise.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.options.order = order;
        self
    }

    /// How long the whole run may take. Zero: it times out at once, and starts nothing.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// What the random pauses of [`Job::jitter`] begin with; 0 unless asked otherwise. A program that runs on
    /// many machines had better take another one on each.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = seed;
        self
    }

    /// The run goes on until it is stopped, times out or a critical job fails, also when all its jobs have
    /// ended or there are none yet: for runs to which jobs are [added](Self::adder) as they come.
    ///
    /// ```
    /// use jobgraph::{Job, JobGraph};
    ///
    /// let mut graph = JobGraph::new().until_stopped();
    /// let (adder, stop) = (graph.adder(), graph.stop_handle());
    /// futures_lite::future::block_on(async {
    ///     let run = jobgraph::smol::run(graph);
    ///     let requests = async move {
    ///         let request = adder.add(Job::new(async { "answer" })).await?;
    ///         stop.stop();
    ///         Ok::<_, jobgraph::RunError>(request)
    ///     };
    ///     let (report, request) = futures_lite::future::zip(run, requests).await;
    ///     assert_eq!(report?.output(&request?), Some(&"answer"));
    ///     Ok::<(), jobgraph::RunError>(())
    /// })?;
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    #[must_use]
    pub fn until_stopped(mut self) -> Self {
        self.options.until_stopped = true;
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

    /// How long each shutdown hook may take; 10 s unless asked otherwise. One that takes longer is dropped,
    /// and has failed.
    #[must_use]
    pub fn hook_timeout(mut self, timeout: Duration) -> Self {
        self.hook_timeout = timeout;
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
        hook: Option<P>,
        particulars: Particulars,
        requirements: &Asked,
        slot: Slot,
    ) -> NumberAndIndex {
        let added = match requirements.by_id(self.scope, &particulars) {
            Ok(ids) => match self.core.insert(Record::new(slot), particulars, ids) {
                Ok(added) => added,
                Err(error) => self.insert_refused(error.into(), slot),
            },
            Err(error) => self.insert_refused(error, slot),
        };
        if added.number > 0 {
            if requirements.asks_more() {
                self.note_output(requirements, added.into(), slot, hook.is_some());
            }
            self.cells.add(added.index as usize, body, hook);
        }
        added
    }

    /// What few jobs ask for of their outputs.
    #[cold]
    fn note_output(
        &mut self,
        requirements: &Asked,
        job: JobId,
        slot: Slot,
        #[cfg_attr(not(feature = "journal"), expect(unused, reason = "for the other feature"))]
        has_hook: bool,
    ) {
        if requirements.is_transient() {
            self.transients.push(job);
        }
        if requirements.is_hidden() {
            self.outputs.hide(slot);
        }
        #[cfg(feature = "journal")]
        self.errors.extend(self.durables.declare(&self.core, job, requirements, has_hook).err());
    }

    /// A job that cannot be added gets a handle all the same; the run is refused.
    #[cold]
    fn insert_refused(&mut self, error: RunError, slot: Slot) -> NumberAndIndex {
        self.errors.push(error);
        self.core
            .insert(Record::new(slot), Particulars::default(), &[])
            .unwrap_or(NumberAndIndex::NOBODY)
    }

    /// Begins the run, unless there is an error.
    pub(crate) fn start(self, clock: AnyClock, now: Timestamp) -> Result<Box<Engine<P>>, RunError> {
        if let Some(error) = self.refusal() {
            return Err(error);
        }
        let (options, setting) = (self.run_options(), self.setting());
        let Self { mut core, cells, outputs, mut additions, .. } = self;
        core.set_options(options)?;
        let engine = setting.begin(core, cells, outputs, clock, now)?;
        additions.pass_on();
        Ok(engine)
    }

    /// The options of a run of this graph.
    pub(crate) fn run_options(&self) -> RunOptions {
        RunOptions { record: self.observers.is_some(), ..self.options }
    }

    /// What a run of this graph shares with it.
    pub(crate) fn setting(&self) -> Setting<P> {
        Setting {
            scope: self.scope.of_run(),
            hook_timeout: self.hook_timeout,
            transients: self.transients.clone(),
            mailbox: Arc::clone(&self.mailbox),
            additions: self.additions.reopen(),
            observers: self.observers.clone(),
            #[cfg(feature = "journal")]
            durables: self.durables.clone(),
        }
    }
}
