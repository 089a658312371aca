use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

use super::act::{begin, end};
use super::in_place::drive;
use super::steady::Steady;
use crate::orchestrator::Verdict;
use crate::run::engine::graph::Graph;
use crate::run::facts::error::{Cancelled, Error};
use crate::run::facts::fact::JobInfo;
use crate::run::facts::handle::Key;
use crate::run::facts::mailbox::Message;
use crate::run::facts::observers::Observers;
use crate::run::facts::output::{OutputStore, Show};
use crate::run::facts::quiet::note_caught;
use crate::run::facts::report::{JobReport, Report};
use crate::run::facts::run_error::RunError;
use crate::run::job::ask::{Ask, TheContext, ValuesAndContext};
use crate::run::job::asked::Asked;
#[cfg(feature = "journal")]
use crate::run::job::body::TakeKey;
use crate::run::job::body::{Body, Inside, Start};
use crate::run::job::context::Context;
use crate::run::job::inputs::Feeds;
use crate::run::job::job::Job;
use crate::run::job::make::Make;
use crate::run::job::payload::Payload;
use crate::run::job::simple::{Settle, Simple};

/// Why a nested graph failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphFailed {
    verdict: Verdict,
    culprit: Option<String>,
}

impl GraphFailed {
    /// How its run ended.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }
}

impl fmt::Display for GraphFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.culprit {
            Some(culprit) => write!(f, "critical failure of {culprit}"),
            None => self.verdict.fmt(f),
        }
    }
}

impl std::error::Error for GraphFailed {}

/// The output of a nested run is its report, however it ended.
#[derive(Debug)]
pub struct Verdicts;

impl<P: Payload, E: Into<Error>> Settle<Result<Report<P::Outputs>, E>> for (Verdicts, P) {
    type Output = Report<P::Outputs>;

    const ALWAYS: bool = true;

    fn settle(result: Result<Report<P::Outputs>, E>) -> (Option<Self::Output>, Result<(), Error>) {
        match result {
            Ok(report) => {
                let result = outcome(&report);
                (Some(report), result)
            }
            Err(error) => (None, Err(error.into())),
        }
    }
}

fn outcome<C: OutputStore + ?Sized>(report: &Report<C>) -> Result<(), Error> {
    let culprit = match report.verdict() {
        Verdict::Completed => return Ok(()),
        Verdict::Stopped => return Err(Cancelled.into()),
        Verdict::TimedOut => None,
        Verdict::CriticalFailure(id) => {
            report.jobs().find(|job| job.id() == id).map(JobReport::failure)
        }
    };
    Err(GraphFailed { verdict: report.verdict(), culprit }.into())
}

impl Job<()> {
    /// A graph as a job of another one, with a window and a timeout of its own. Its output is the
    /// report of its run, however that ended.
    ///
    /// It succeeds if its verdict is `Completed`, fails if that is `TimedOut` or `CriticalFailure`, and
    /// is cancelled if it is `Stopped`. Asked to stop, it stops its jobs in order and runs their hooks,
    /// and takes as long as that takes, unless [`grace`](Self::grace) sets a limit; dropped, everything
    /// inside is dropped at once. Its jobs run in the task of this job.
    ///
    /// ```
    /// use jobgraph::{Job, JobGraph};
    ///
    /// let mut inner = JobGraph::new().window(1);
    /// let one = inner.add(Job::new(async { 1 }).label("one"));
    /// inner.add(Job::new(async { 2 }).label("two"));
    ///
    /// let mut outer = JobGraph::new();
    /// let both = outer.add(Job::graph(inner).label("both"));
    /// let report = jobgraph::smol::block_on(outer)?;
    /// assert_eq!(report.output(&both).unwrap().output(&one), Some(&1));
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn graph<P: Payload>(graph: Graph<P>) -> Job<impl Body<Output = Report<P::Outputs>>> {
        Self::nested::<P, _, _, _, _, _>(Asked::default(), TheContext, graph, run_inside)
    }

    /// A graph that is made of the outputs of other jobs, as a job of another one: the closure is fed them, and
    /// its future makes the graph; if the job is asked to stop before there is one, it is cancelled. Otherwise like
    /// [`graph`](Self::graph). Handles are given by value, lists of them as a `Vec`.
    ///
    /// ```
    /// use jobgraph::{Job, JobGraph};
    ///
    /// let mut graph = JobGraph::new();
    /// let hosts = graph.add(Job::new(async { vec!["a", "b", "c"] }).label("inventory"));
    /// let survey = graph.add(Job::graph_with(hosts, |hosts| async move {
    ///     let mut survey = JobGraph::new().window(2);
    ///     for &host in hosts.iter() {
    ///         survey.add(Job::new(async move { host.len() }).label(host));
    ///     }
    ///     survey
    /// }).label("survey"));
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert_eq!(report.output(&survey).unwrap().jobs().count(), 3);
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn graph_with<O, G, P>(inputs: O, make: G) -> Job<impl Body<Output = Report<P::Outputs>>>
    where
        O: Feeds<G, Future: Future<Output = Graph<P>>>,
        P: Payload,
    {
        let asked = Asked::fed_by(&inputs);
        let run = async |(cx, values): (Context, O::Values), Later(make): Later<G>| match cx
            .unless_cancelled(O::call(make, values))
            .await
        {
            Some(graph) => Ok(run_inside(cx, graph).await?),
            None => Err(Error::from(Cancelled)),
        };
        Self::nested::<P, _, _, _, _, _>(asked, ValuesAndContext(inputs), Later(make), run)
    }

    fn nested<P, A, S, F, R, E>(
        asked: Asked,
        ask: A,
        source: S,
        run: R,
    ) -> Job<impl Body<Output = Report<P::Outputs>>>
    where
        P: Payload,
        A: Ask,
        S: Source,
        F: Future<Output = Result<Report<P::Outputs>, E>>,
        E: Into<Error>,
        R: Fn(A::Given, S) -> F,
    {
        let run = NestedRun { ask, given: None, source: Some(source), run };
        let body = Simple::<_, (Verdicts, P)>::new(run);
        let mut job = Job::asking(asked, body).unlimited_grace();
        job.show = Some(Show::below::<Report<P::Outputs>>());
        job
    }
}

impl Context {
    /// Runs a graph from inside the job, as [`Job::graph`] does: it is stopped when the job is asked to, in
    /// order, and observed with the run around it, with the way to it; of several that one job runs at once, one
    /// is. What became of it is the job's to look at.
    ///
    /// ```
    /// use jobgraph::{Job, JobGraph};
    ///
    /// let mut graph = JobGraph::new();
    /// let batches = graph.add(Job::try_with_context(|cx| async move {
    ///     for batch in 0..3 {
    ///         let mut jobs = JobGraph::new();
    ///         jobs.add(Job::new(async move { batch }));
    ///         cx.run(jobs).await?.check()?;
    ///     }
    ///     jobgraph::ok("three batches")
    /// }));
    /// assert!(jobgraph::smol::block_on(graph)?.output(&batches).is_some());
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    ///
    /// # Errors
    /// [`RunError`] if the graph cannot run.
    pub fn run<P: Payload>(
        &self,
        graph: Graph<P>,
    ) -> impl Future<Output = Result<Report<P::Outputs>, RunError>> + use<P> {
        run_inside(self.clone(), graph)
    }
}

/// Where the graph of a nested run comes from.
trait Source {
    /// The graph, if it is there already.
    fn inside(&self) -> Option<&dyn Inside> {
        None
    }
}

/// A closure that makes it when the job begins.
struct Later<G>(G);

impl<G> Source for Later<G> {}

impl<P: Payload> Source for Graph<P> {
    fn inside(&self) -> Option<&dyn Inside> {
        Some(self)
    }
}

impl<P: Payload> Inside for Graph<P> {
    fn is_blank(&self) -> bool {
        self.is_empty()
    }

    fn outline(&self) -> Vec<Arc<JobInfo>> {
        Self::outline(self)
    }

    fn problems(&self) -> Vec<RunError> {
        Self::problems(self)
    }

    #[cfg(feature = "journal")]
    fn durables(&self, path: &str, take: &mut TakeKey<'_>) {
        if self.durables.keeping.is_none() {
            Self::durable_keys(self, path, take);
        }
    }
}

/// A graph, or what makes it, until its run begins, which is the future of a job.
struct NestedRun<A: Ask, S, R> {
    ask: A,
    given: Option<A::Given>,
    source: Option<S>,
    run: R,
}

impl<A: Ask, S: Source, F: Future, R: Fn(A::Given, S) -> F> Make for NestedRun<A, S, R> {
    type Future = F;

    fn gather(&mut self, start: &mut dyn Start) {
        self.given = self.ask.gather(start);
    }

    fn feeders(&self, take: &mut dyn FnMut(Key)) {
        self.ask.feeders(take);
    }

    fn make(&mut self) -> Option<F> {
        Some((self.run)(self.given.take()?, self.source.take()?))
    }

    fn forget(&mut self) {
        note_caught(|| self.source = None);
        note_caught(|| self.given = None);
    }

    fn dispose(&mut self) {
        self.forget();
    }

    fn is_spent(&self) -> bool {
        self.source.is_none() && self.given.is_none()
    }

    fn inside(&self) -> Option<&dyn Inside> {
        self.source.as_ref()?.inside()
    }
}

/// Runs a graph in the task of the job that it is, and stops it when that job is asked to.
async fn run_inside<P: Payload>(
    cx: Context,
    mut graph: Graph<P>,
) -> Result<Report<P::Outputs>, RunError> {
    let telling = cx.tell_inside();
    if let Some(telling) = &telling {
        graph.hear(Observers::pass_on(Arc::clone(&telling.observers), cx.attempt().job));
    }
    #[cfg(feature = "journal")]
    match cx.inside().filter(|_| graph.durables.keeping.is_none()) {
        Some(Ok(inside)) => graph.durables.keeping = inside.keeping(),
        Some(Err(())) => {
            if let Some(job) = graph.durables.any() {
                return Err(RunError::NoPath { job: graph.core.job_name(job) });
            }
            graph.durables.is_lost = true;
        }
        None => {}
    }
    let clock = Steady::new(cx.clock().clone());
    let mut engine = begin(&clock, graph)?;
    engine.outermost = Some(Arc::clone(cx.outermost()));
    let mailbox = Arc::clone(&engine.mailbox);
    let mut cancelled = pin!(cx.cancelled());
    let mut asked = false;
    let mut run = pin!(drive(&clock, engine));
    let engine = poll_fn(|cx| {
        if !asked && cancelled.as_mut().poll(cx).is_ready() {
            asked = true;
            mailbox.post(Message::StopInOrder);
        }
        run.as_mut().poll(cx)
    })
    .await;
    #[cfg(feature = "journal")]
    if let Some(Ok(inside)) = cx.inside() {
        inside.has_ended();
    }
    Ok(end(engine).0)
}
