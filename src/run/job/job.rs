use std::boxed::Box;
use std::fmt;
use std::future::Future;
use std::time::Duration;
use std::vec;
use std::vec::Vec;

use super::ask::Nothing;
use super::asked::Asked;
use super::body::{Body, Repeat};
use super::hook::{CleanUp, Hook, HookResult, NoHook};
use super::make::{Again, Maker, Once};
use super::payload::{Boxed, to_heap};
use super::simple::Simple;
use crate::orchestrator::{AnyOf, Condition, JobKind, JobOptions, Particulars, Retries};
use crate::run::facts::handle::{Pool, Requirements};
use crate::run::facts::output::Show;

/// A job to be: what it does, and under which conditions.
///
/// | constructor | of | fed outputs | sees its run | may fail | can be retried |
/// |---|---|---|---|---|---|
/// | [`new`](Self::new), [`try_new`](Self::try_new) | a future | | | `try_` | |
/// | [`with`](Self::with), [`try_with`](Self::try_with) | a closure | yes | | `try_` | |
/// | [`with_context`](Self::with_context), [`try_with_context`](Self::try_with_context) | a closure | | yes | `try_` | |
/// | [`once_with`](Self::once_with) | a closure | yes | yes | yes | |
/// | [`every`](Self::every), [`try_every`](Self::try_every) | a closure, again and again | | | `try_` | |
/// | [`repeat`](Self::repeat) | a closure | | | yes | yes |
/// | [`repeat_with_context`](Self::repeat_with_context) | a closure | | yes | yes | yes |
/// | [`repeat_with`](Self::repeat_with) | a closure | yes | yes | yes | yes |
/// | [`service`](Self::service), [`service_with`](Self::service_with) | a closure | `_with` | yes | yes | |
/// | [`restartable`](Self::restartable), [`restartable_with`](Self::restartable_with) | a closure | `_with` | yes | yes | yes |
/// | [`custom`](Self::custom) | a type of yours | | yes | yes | yes |
/// | [`graph`](Self::graph), [`graph_with`](Self::graph_with) | a graph | `_with` | | yes | |
///
/// ```
/// use std::time::Duration;
/// use jobgraph::{Job, JobGraph};
///
/// let mut graph = JobGraph::new();
/// let fetch = graph.add(Job::new(async { 20 }).label("fetch").timeout(Duration::from_secs(5)));
/// let double = graph.add(Job::with(&fetch, |n| async move { *n * 2 }).label("double"));
/// let report = jobgraph::smol::block_on(graph)?;
/// assert_eq!(report.output(&double), Some(&40));
/// # Ok::<(), jobgraph::RunError>(())
/// ```
#[must_use = "a job does nothing until it is added to a graph"]
pub struct Job<B, H = NoHook> {
    pub(crate) body: Boxed<B>,
    pub(crate) hook: H,
    pub(crate) particulars: Particulars,
    pub(crate) requirements: Asked,
    pub(crate) show: Option<Show>,
}

impl<B: Body> Job<B> {
    #[inline]
    pub(crate) fn of(body: B) -> Self {
        Self::asking(Asked::default(), body)
    }

    #[inline]
    pub(crate) fn asking(mut requirements: Asked, body: B) -> Self {
        if let Some(instead) = B::mistaken() {
            requirements.note_result(instead);
        }
        Self {
            body: to_heap(body),
            hook: NoHook,
            particulars: Particulars::default(),
            requirements,
            show: None,
        }
    }

    /// Clean-up after the run, if the job was ever started, whatever became of it and of the run: what
    /// this closure returns is awaited then. Hooks run dependents first, each under
    /// [`hook_timeout`](crate::Graph::hook_timeout). They never change the verdict; what became of them is
    /// in [`JobReport::hook`](crate::JobReport::hook), and one that failed makes
    /// [`Report::check`](crate::Report::check) fail. They do not run if the future of the run is dropped, by
    /// a `select!` or a timeout around it, say: use [`Graph::timeout`](crate::Graph::timeout) or a
    /// [`StopHandle`](crate::StopHandle).
    ///
    /// ```
    /// # use std::cell::Cell;
    /// # use jobgraph::{Job, JobGraph};
    /// let cleaned = Cell::new(false);
    /// let mut graph = JobGraph::new();
    /// graph.add(Job::new(async { panic!("oh no") }).on_shutdown(|| async { cleaned.set(true) }));
    /// jobgraph::smol::block_on(graph)?;
    /// assert!(cleaned.get());
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn on_shutdown<G: FnOnce() -> F, F: Future<Output: HookResult>>(
        self,
        hook: G,
    ) -> Job<B, Simple<Maker<Nothing, Once<G>>, CleanUp>> {
        self.with_hook(Simple::new(Maker::once(Nothing, hook)))
    }

    /// Like [`on_shutdown`](Self::on_shutdown), for a graph that is
    /// [run again](crate::Graph::repeatable): the closure is called after each run.
    pub fn on_each_shutdown<G: FnMut() -> F, F: Future<Output: HookResult>>(
        self,
        hook: G,
    ) -> Job<B, Simple<Maker<Nothing, Again<G>>, CleanUp>> {
        self.with_hook(Simple::new(Maker::again(Nothing, hook)))
    }

    fn with_hook<H: Hook>(self, hook: H) -> Job<B, H> {
        let Self { body, hook: NoHook, particulars, requirements, show } = self;
        Job { body, hook, particulars, requirements, show }
    }
}

impl<B: Body, H> Job<B, H> {
    pub(crate) fn kind(mut self, kind: JobKind) -> Self {
        self.options().kind = kind;
        self
    }

    fn options(&mut self) -> &mut JobOptions {
        self.particulars.options()
    }

    /// After a failure, up to `limit` further attempts; without a pause, unless [`backoff`](Self::backoff) asks for one.
    /// None after a [`Permanent`](crate::Permanent) error.
    ///
    /// For jobs whose futures a closure makes: [`repeat`](Self::repeat) and those like it,
    /// [`restartable`](Self::restartable), [`custom`](Self::custom).
    pub fn retries(mut self, limit: u32) -> Self
    where
        B: Repeat,
    {
        self.options().retries.limit = limit;
        self
    }

    /// Pauses between attempts that double from `base` on, and never exceed `cap`.
    pub fn backoff(mut self, base: Duration, cap: Duration) -> Self
    where
        B: Repeat,
    {
        let retries = &mut self.options().retries;
        *retries = Retries { base, cap, ..*retries };
        self
    }

    /// Random pauses, each from half of what [`backoff`](Self::backoff) says to the whole, so that jobs which
    /// failed together do not come back together. They follow from the [seed](crate::Graph::seed) of the graph.
    pub fn jitter(mut self) -> Self
    where
        B: Repeat,
    {
        self.options().retries.jitter = true;
        self
    }

    /// A [`restartable`](Self::restartable) service that fails after it was ready for so long, or a forever job
    /// that fails after it ran for so long, begins a new row of failures: all its retries are left, and the
    /// first pause is the first again.
    pub fn reset_after(mut self, healthy: Duration) -> Self
    where
        B: Repeat,
    {
        self.options().retries.reset_after = Some(healthy);
        self
    }

    /// What people call it, in listings and errors.
    pub fn label(mut self, label: impl Into<Box<str>>) -> Self {
        self.particulars.label = Some(label.into());
        self
    }

    /// It starts once these have succeeded, and is skipped if one of them does not.
    pub fn requires(self, required: impl Requirements) -> Self {
        self.on(required, Condition::Succeeded)
    }

    /// It starts once these have ended, however.
    pub fn after(self, required: impl Requirements) -> Self {
        self.on(required, Condition::Finished)
    }

    /// It starts once the first of these has succeeded (of a service: is ready), and is skipped if none does. The
    /// others go on. Each call names another group.
    ///
    /// ```
    /// use jobgraph::{Job, JobGraph};
    ///
    /// let mut graph = JobGraph::new();
    /// let mirrors = [1, 2].map(|n| graph.add(Job::try_new(async move { if n == 1 { Err("no route") } else { Ok(n) } })));
    /// let unpack = graph.add(Job::new(async {}).requires_any(&mirrors));
    /// assert!(jobgraph::smol::block_on(graph)?.is_done(&unpack));
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn requires_any(self, jobs: impl Requirements) -> Self {
        self.on_any(jobs, Condition::Succeeded)
    }

    /// Like [`requires_any`](Self::requires_any): it starts once the first of these has ended, however.
    pub fn after_any(self, jobs: impl Requirements) -> Self {
        self.on_any(jobs, Condition::Finished)
    }

    fn on_any(mut self, jobs: impl Requirements, condition: Condition) -> Self {
        let mut group = AnyOf { jobs: Vec::with_capacity(jobs.count()), condition };
        jobs.each(&mut |key| {
            self.requirements.push_stray(key);
            group.jobs.push(key.id);
        });
        let any_of = &mut self.options().any_of;
        *any_of = [any_of.to_vec(), vec![group]].concat().into();
        self
    }

    /// It starts as soon as it is decided whether these succeed: once they have ended, however; a service, once
    /// it is ready, or has ended without.
    pub fn once_settled(self, required: impl Requirements) -> Self {
        self.on(required, Condition::Settled)
    }

    /// It starts once these have failed, and is skipped if one of them does not.
    pub fn on_failure_of(self, required: impl Requirements) -> Self {
        self.on(required, Condition::Failed)
    }

    fn on(mut self, required: impl Requirements, condition: Condition) -> Self {
        self.requirements.expect(required.count());
        required.each(&mut |key| self.requirements.push(key, condition));
        self
    }

    /// It is not expected to end: the run does not wait for it, unless it is [`awaited`](Self::awaited), and
    /// stops it when all that it waits for has ended. A run of forever jobs alone goes on until they end or it
    /// is stopped.
    ///
    /// A service is a forever job already, and stays a service.
    pub fn forever(mut self) -> Self {
        let kind = &mut self.options().kind;
        if *kind == JobKind::Finite {
            *kind = JobKind::Forever;
        }
        self
    }

    /// The run goes on until it has ended, though it is a forever job or a service: a server that finite jobs
    /// set up goes on when these have ended, until the run is stopped. Of finite jobs that holds anyway.
    ///
    /// ```
    /// use jobgraph::{Job, JobGraph, ServiceContext, Verdict};
    ///
    /// let mut graph = JobGraph::new();
    /// let stop = graph.stop_handle();
    /// let migrations = graph.add(Job::new(async {}).label("migrations"));
    /// let http = Job::service(|cx: ServiceContext<()>| async move {
    ///     cx.ready(());
    ///     stop.stop(); // or on Ctrl-C
    ///     Ok(cx.cancelled().await)
    /// });
    /// let http = graph.add(http.label("http").requires(&migrations).awaited());
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert_eq!(report.verdict(), Verdict::Stopped); // not completed, when the migrations were
    /// assert_eq!(report.job(&http).unwrap().attempts(), 1);
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn awaited(mut self) -> Self {
        self.options().awaited = true;
        self
    }

    /// Its failure ends the run.
    pub fn critical(mut self) -> Self {
        self.options().critical = true;
        self
    }

    /// How long one attempt may take; for a service, until it is ready. One that takes longer is
    /// stopped, and has failed. An attempt that ends in the poll in which its time ran out has ended in
    /// time.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options().timeout = Some(timeout);
        self
    }

    /// How long it may go on once it was asked to stop, before it is dropped; by default not at all.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.options().grace = Some(grace);
        self
    }

    /// Like [`grace`](Self::grace), as long as it likes.
    pub fn unlimited_grace(mut self) -> Self {
        self.options().grace = None;
        self
    }

    /// Among jobs that wait for a seat in the window a higher priority goes first; 0 unless asked.
    pub fn priority(mut self, priority: i32) -> Self {
        self.options().priority = priority;
        self
    }

    /// It is under way only while one of this pool is free, and holds that as long. A job that waits for it is
    /// queued: it takes no seat in the window, and its timeout does not run.
    ///
    /// ```
    /// use jobgraph::{Job, JobGraph};
    ///
    /// let mut graph = JobGraph::new();
    /// let network = graph.pool("network", 2);
    /// for page in 0..100 {
    ///     graph.add(Job::new(async move { page }).within(&network)); // two at once
    /// }
    /// jobgraph::smol::block_on(graph)?.check()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn within(self, pool: &Pool) -> Self {
        self.takes(1, pool)
    }

    /// Like [`within`](Self::within), with so many of the pool. A job that takes from several pools takes all at
    /// once. The first in line that does not fit is not overtaken on what it needs.
    pub fn takes(mut self, amount: u32, pool: &Pool) -> Self {
        self.requirements.note_pool(pool.scope);
        let pools = &mut self.options().pools;
        *pools = [&**pools, &[(pool.id, amount)]].concat().into();
        self
    }

    /// Lets its output go once it has ended, and all jobs that require it: what only they read is not kept until
    /// the report is dropped, and is not in the report. A job that is added later cannot be fed it. The report of a
    /// graph that is a job stays all the same: it knows what went wrong inside.
    ///
    /// ```
    /// use jobgraph::{Job, JobGraph, Order};
    ///
    /// let mut graph = JobGraph::new().window(4).order(Order::DepthFirst);
    /// let lengths: Vec<_> = (0..100).map(|page| {
    ///     let text = graph.add(Job::new(async move { "x".repeat(page) }).transient());
    ///     graph.add(Job::with(&text, |text| async move { text.len() })) // four texts in memory, not a hundred
    /// }).collect();
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert_eq!(report.output(&lengths[99]), Some(&99));
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn transient(mut self) -> Self {
        self.requirements.note_transient();
        self
    }

    /// Keeps its output out of listings: a token, say; of a graph that is a job, the jobs inside.
    ///
    /// ```
    /// # use jobgraph::{Job, JobGraph};
    /// let mut graph = JobGraph::new();
    /// let token = graph.add(Job::new(async { "s3cr3t" }).hide().label("log in"));
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert_eq!(report.output(&token), Some(&"s3cr3t"));
    /// assert!(!report.to_string().contains("s3cr3t"));
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn hide(mut self) -> Self {
        self.requirements.note_hidden();
        self
    }

    /// Shows outputs of this type in listings, with `Debug`, cut if they are long. Numbers, texts and such are shown
    /// anyway, unless they are [hidden](Self::hide).
    pub fn show(mut self) -> Self
    where
        B::Output: fmt::Debug,
    {
        self.show = Some(Show::inline::<B::Output>());
        self
    }
}

impl<B, H> fmt::Debug for Job<B, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("label", &self.particulars.label)
            .field("options", &self.particulars.options)
            .field("requirements", &self.requirements)
            .finish_non_exhaustive()
    }
}
