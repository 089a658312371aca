use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use super::body::Body;
use super::context::Context;
use super::job::Job;
use crate::run::facts::error::Error;
use crate::run::facts::runtime::Clock as _;

impl Job<()> {
    /// A forever job that does something again and again: at once, and then each time such a period has passed since
    /// the first time. While it still does it, times pass without another one. A `Result` is for
    /// [`try_every`](Self::try_every).
    ///
    #[cfg_attr(feature = "testing", doc = "```")]
    #[cfg_attr(not(feature = "testing"), doc = "```ignore")]
    /// use std::cell::Cell;
    /// use std::time::Duration;
    /// use jobgraph::testing::VirtualClock;
    /// use jobgraph::{Context, Job, JobGraph};
    ///
    /// let ticks = Cell::new(0);
    /// let mut graph = JobGraph::new();
    /// graph.add(Job::every(Duration::from_secs(10), async || ticks.set(ticks.get() + 1)).label("progress"));
    /// graph.add(Job::with_context(|cx: Context| async move { cx.sleep(Duration::from_secs(25)).await }));
    /// let clock = VirtualClock::new();
    /// clock.block_on(jobgraph::run(&clock, graph))?.check()?;
    /// assert_eq!(ticks.get(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// What each time is to own, it gets a clone of:
    /// `move || { let client = client.clone(); async move { client.get().await } }`.
    pub fn every<G: FnMut() -> F, F: Future<Output = ()>>(
        period: Duration,
        mut make: G,
    ) -> Job<impl Body<Output = ()>> {
        Self::try_every(period, move || {
            let tick = make();
            async move {
                tick.await;
                Ok::<_, Error>(())
            }
        })
    }

    /// Like [`every`](Self::every), for a closure whose future returns a `Result`: the job fails with the first
    /// error.
    pub fn try_every<G, F, E>(period: Duration, mut make: G) -> Job<impl Body<Output = ()>>
    where
        G: FnMut() -> F,
        F: Future<Output = Result<(), E>>,
        E: Into<Error>,
    {
        let ticks = async move |cx: Context| -> Result<(), Error> {
            let mut next = cx.now();
            loop {
                make().await.map_err(Into::into)?;
                next = next + until_next(period, cx.now().saturating_since(next));
                once_pending().await;
                cx.clock().sleep_until(next).await;
            }
        };
        Job::try_with_context(ticks).forever()
    }
}

/// So long after one time comes the next that has not passed, when so much has passed since.
fn until_next(period: Duration, passed: Duration) -> Duration {
    let begun = passed.as_nanos().checked_div(period.as_nanos()).map_or(0, |periods| periods + 1);
    let nanos = begun.saturating_mul(period.as_nanos());
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Lets others have a turn: without a period nothing else would make it wait.
async fn once_pending() {
    let mut polled = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
