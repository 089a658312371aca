use std::any::Any;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::string::String;
use std::sync::{Arc, Mutex};
use std::task::{self, Poll};
use std::vec::Vec;

use pin_project_lite::pin_project;

use super::in_place::drive;
use crate::orchestrator::Verdict;
use crate::run::engine::graph::Graph;
use crate::run::facts::error::{Cancelled, Error, RunError};
use crate::run::facts::fact::JobInfo;
use crate::run::facts::lock::lock;
use crate::run::facts::mailbox::Message;
use crate::run::facts::observers::Observers;
use crate::run::facts::output::{OutputStore, Show};
use crate::run::facts::report::{JobReport, Report};
use crate::run::job::body::{Body, Execute, Start};
use crate::run::job::context::Context;
use crate::run::job::job::Job;
use crate::run::job::make::Contextual;
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

/// A graph until its run begins; the body and its future share it.
type Inner<P> = Arc<Mutex<Option<Graph<P>>>>;

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
        let inner = Arc::new(Mutex::new(Some(graph)));
        let shared = Arc::clone(&inner);
        let run = move |cx: Context| {
            let graph = lock(&inner).take();
            async move {
                match graph {
                    Some(graph) => run_inside(cx, graph).await,
                    None => Err(RunError::Over),
                }
            }
        };
        let body = Simple::<_, (Verdicts, P)>::new(Contextual::new(run));
        let mut job = Job::of(Nested { body, inner: shared }).unlimited_grace();
        job.show = Some(Show::below::<Report<P::Outputs>>());
        job
    }
}

/// Runs a graph in the task of the job that it is, and stops it when that job is asked to.
async fn run_inside<P: Payload>(
    cx: Context,
    mut graph: Graph<P>,
) -> Result<Report<P::Outputs>, RunError> {
    if let Some(around) = cx.observers() {
        graph.observe(Observers::pass_on(around, cx.attempt().job));
    }
    let clock = cx.clock().clone();
    let engine = graph.start(clock.clone())?;
    let mailbox = Arc::clone(&engine.mailbox);
    let mut cancelled = pin!(cx.cancelled());
    let mut asked = false;
    let mut run = pin!(drive(clock, engine));
    let engine = poll_fn(|cx| {
        if !asked && cancelled.as_mut().poll(cx).is_ready() {
            asked = true;
            mailbox.post(Message::StopInOrder);
        }
        run.as_mut().poll(cx)
    })
    .await;
    Ok(engine.finish().0)
}

pin_project! {
    /// The body of a nested graph, which can be listed until its run begins.
    struct Nested<B, P: Payload> {
        #[pin]
        body: B,
        inner: Inner<P>,
    }
}

impl<B: Body, P: Payload> Body for Nested<B, P> {
    type Output = B::Output;
}

impl<B: Body, P: Payload> Execute for Nested<B, P> {
    fn prepare(self: Pin<&mut Self>, start: &mut dyn Start) {
        self.project().body.prepare(start);
    }

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        self.project().body.poll(cx)
    }

    fn deliver(self: Pin<&mut Self>, column: &mut dyn Any, slot: u32) {
        self.project().body.deliver(column, slot);
    }

    fn clear(self: Pin<&mut Self>) {
        let this = self.project();
        this.body.clear();
        let graph = lock(this.inner).take();
        drop(graph);
    }

    fn can_repeat(&self) -> bool {
        false
    }

    fn inside(&self) -> Option<Vec<Arc<JobInfo>>> {
        lock(&self.inner).as_ref().map(Graph::outline)
    }

    fn list(&self, to: &mut dyn fmt::Write) -> fmt::Result {
        lock(&self.inner).as_ref().map_or(Ok(()), |graph| write!(to, "\n{graph}"))
    }
}
