//! Where a run drops what is the user's.

use std::fmt;
use std::future::{Future, pending, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use jobgraph::{Failure, Handle, Job, JobId, Outcome, SendJobGraph, ServiceContext, SkipReason};

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(3_600);

/// A value of the user's whose Drop does something.
pub(crate) struct Bomb(Arc<dyn Fn() + Send + Sync>);

impl Bomb {
    pub(crate) fn new(act: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(act))
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl fmt::Debug for Bomb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bomb")
    }
}

impl fmt::Display for Bomb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it carries a bomb")
    }
}

impl std::error::Error for Bomb {}

/// It has ended at its first poll, and what it holds is dropped with it.
struct AtOnce(Option<Bomb>);

impl Future for AtOnce {
    type Output = u8;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u8> {
        assert!(self.0.is_some());
        Poll::Ready(1)
    }
}

/// What a run drops while other jobs of it go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Site {
    /// A body that took too long.
    AbortedBody,
    /// A future that has ended.
    EndedBody,
    /// The closure of a job that can be repeated, and has succeeded.
    SucceededFactory,
    FailedFactory,
    /// The error of an attempt, when the next one succeeds.
    EarlierError,
    /// What a service was ready with, when it is ready with something else.
    EarlierValue,
    /// The body of a job that could not be added.
    RefusedAddition,
    SkippedBody,
    /// The body of a job that was skipped when it was added.
    SkippedAddition,
    /// What a job returned too late.
    LateOutput,
    /// What a service was ready with too late.
    LateValue,
    /// A body in a graph that took too long.
    AbortedInside,
    /// A body in a graph that was skipped.
    SkippedInside,
}

impl Site {
    pub(crate) const ALL: [Self; 13] = [
        Self::AbortedBody,
        Self::EndedBody,
        Self::SucceededFactory,
        Self::FailedFactory,
        Self::EarlierError,
        Self::EarlierValue,
        Self::RefusedAddition,
        Self::SkippedBody,
        Self::SkippedAddition,
        Self::LateOutput,
        Self::LateValue,
        Self::AbortedInside,
        Self::SkippedInside,
    ];

    /// Whether it is over with the job's own poll: what a panic in it does is the job's own failure.
    pub(crate) fn is_the_jobs_own(self) -> bool {
        self == Self::EndedBody
    }

    /// Adds what drops this bomb, while something else keeps the run going. Which job it is about.
    pub(crate) fn plant(self, graph: &mut SendJobGraph, bomb: Bomb) -> JobId {
        match self {
            Self::AbortedBody => graph.add(holds(bomb).timeout(SHORT)).id(),
            Self::EndedBody => graph.add(Job::new(AtOnce(Some(bomb)))).id(),
            Self::SucceededFactory => graph.add(made_by_a_holder(bomb, Ok(()))).id(),
            Self::FailedFactory => graph.add(made_by_a_holder(bomb, Err("no luck"))).id(),
            Self::EarlierError => {
                let mut bomb = Some(bomb);
                let attempts = move || ready(bomb.take().map_or(Ok(()), Err));
                graph.add(Job::repeat(attempts).retries(1)).id()
            }
            Self::EarlierValue => graph.add(ready_twice(bomb).label("service")).id(),
            Self::RefusedAddition => {
                let foreign = SendJobGraph::new().add(Job::new(async {}));
                adds(graph, holds(bomb).requires(&foreign))
            }
            Self::SkippedBody => {
                let fails = failing(graph);
                graph.add(holds(bomb).requires(&fails)).id()
            }
            Self::SkippedAddition => {
                let fails = failing(graph);
                adds(graph, holds(bomb).requires(&fails))
            }
            Self::LateOutput => {
                let late = Job::with_context(|cx| async move {
                    cx.cancelled().await;
                    bomb
                });
                graph.add(late.timeout(SHORT).grace(LONG)).id()
            }
            Self::LateValue => {
                let late = Job::service(|cx| async move {
                    cx.cancelled().await;
                    cx.ready(bomb);
                    Ok(())
                });
                graph.add(late.timeout(SHORT).grace(LONG)).id()
            }
            Self::AbortedInside => {
                let inner = Job::graph(around(bomb)).timeout(SHORT).grace(Duration::ZERO);
                graph.add(inner).id()
            }
            Self::SkippedInside => {
                let fails = failing(graph);
                graph.add(Job::graph(around(bomb)).requires(&fails)).id()
            }
        }
    }

    /// How the job ends.
    pub(crate) fn expects(self, outcome: Outcome) -> bool {
        match self {
            Self::AbortedBody | Self::LateOutput | Self::LateValue | Self::AbortedInside => {
                outcome == Outcome::Failed(Failure::TimedOut)
            }
            Self::EndedBody => outcome == Outcome::Failed(Failure::Panic),
            Self::FailedFactory => outcome == Outcome::Failed(Failure::Error),
            Self::SucceededFactory
            | Self::EarlierError
            | Self::RefusedAddition
            | Self::SkippedAddition => outcome == Outcome::Succeeded,
            Self::EarlierValue => outcome == Outcome::Cancelled,
            Self::SkippedBody | Self::SkippedInside => {
                matches!(outcome, Outcome::Skipped(SkipReason::Requirement(_)))
            }
        }
    }
}

type Held = jobgraph::Error;

fn holds(bomb: Bomb) -> Job<impl jobgraph::Body<Output = ()> + Send> {
    Job::new(async move {
        let _bomb = bomb;
        pending::<()>().await;
    })
}

fn around(bomb: Bomb) -> SendJobGraph {
    let mut inner = SendJobGraph::new();
    inner.add(holds(bomb));
    inner
}

/// A job whose closure holds this.
pub(crate) fn made_by_a_holder(
    bomb: Bomb,
    result: Result<(), &'static str>,
) -> Job<impl jobgraph::Body<Output = ()> + Send> {
    Job::repeat(move || {
        let _bomb = &bomb;
        ready(result.map_err(Held::from))
    })
}

/// A supervised service that fails once when it was ready, and is ready again.
fn ready_twice(bomb: Bomb) -> Job<impl jobgraph::Body<Output = Option<Bomb>> + Send> {
    let mut bomb = Some(bomb);
    Job::restartable(move |cx: ServiceContext<Option<Bomb>>| {
        let value = bomb.take();
        async move {
            let first = value.is_some();
            cx.ready(value);
            if first {
                cx.sleep(Duration::from_millis(1)).await;
                return Err("lost the connection".into());
            }
            pending().await
        }
    })
    .retries(1)
}

fn failing(graph: &mut SendJobGraph) -> Handle<()> {
    graph.add(Job::try_new(async { Err::<(), _>("no such host") }))
}

/// A job that adds this one.
fn adds<B>(graph: &mut SendJobGraph, job: Job<B>) -> JobId
where
    B: jobgraph::Body<Output: Send + Sync> + Send + 'static,
{
    let adder = graph.adder();
    // Whether it could be added is told elsewhere.
    graph.add(Job::new(async move { adder.add(job).await.is_ok() })).id()
}
