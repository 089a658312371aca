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
use crate::run::facts::error::{Cancelled, Error, RunError};
use crate::run::facts::fact::JobInfo;
use crate::run::facts::mailbox::Message;
use crate::run::facts::observers::Observers;
use crate::run::facts::output::{OutputStore, Show};
use crate::run::facts::report::{JobReport, Report};
use crate::run::job::body::{Body, Start};
use crate::run::job::context::Context;
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

impl<P: Payload> Settle<Result<Report<P::Outputs>, RunError>> for (Verdicts, P) {
    type Output = Report<P::Outputs>;

    const ALWAYS: bool = true;

    fn settle(
        result: Result<Report<P::Outputs>, RunError>,
    ) -> (Option<Self::Output>, Result<(), Error>) {
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
        let run = NestedRun { graph: Some(graph), context: None, run: run_inside };
        let mut job = Job::of(Simple::<_, (Verdicts, P)>::new(run)).unlimited_grace();
        job.show = Some(Show::below::<Report<P::Outputs>>());
        job
    }
}

/// A graph until its run begins, which is the future of a job.
struct NestedRun<P: Payload, G> {
    graph: Option<Graph<P>>,
    context: Option<Context>,
    run: G,
}

impl<P: Payload, F: Future, G: Fn(Context, Graph<P>) -> F> Make for NestedRun<P, G> {
    type Future = F;

    fn gather(&mut self, start: &mut dyn Start) {
        self.context = Some(start.context());
    }

    fn make(&mut self) -> Option<F> {
        Some((self.run)(self.context.take()?, self.graph.take()?))
    }

    fn forget(&mut self) {
        (self.graph, self.context) = (None, None);
    }

    fn is_spent(&self) -> bool {
        self.graph.is_none() && self.context.is_none()
    }

    fn inside(&self) -> Option<Vec<Arc<JobInfo>>> {
        self.graph.as_ref().map(Graph::outline)
    }

    fn problems(&self) -> Vec<RunError> {
        self.graph.as_ref().map(Graph::problems).unwrap_or_default()
    }

    fn list(&self, to: &mut dyn fmt::Write) -> fmt::Result {
        self.graph.as_ref().map_or(Ok(()), |graph| write!(to, "\n{graph}"))
    }
}

/// Runs a graph in the task of the job that it is, and stops it when that job is asked to.
async fn run_inside<P: Payload>(
    cx: Context,
    mut graph: Graph<P>,
) -> Result<Report<P::Outputs>, RunError> {
    if let Some(around) = cx.observers() {
        graph.hear(Observers::pass_on(around, cx.attempt().job));
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
    Ok(end(engine).0)
}
