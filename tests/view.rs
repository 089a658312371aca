//! What people see of a run: histories, the critical path, pictures, timelines and traces.
#![cfg(feature = "testing")]

#[cfg(feature = "progress")]
#[path = "view/agreement.rs"]
mod agreement;
#[path = "view/critical_path.rs"]
mod critical_path;
#[cfg(feature = "serde")]
#[path = "view/data.rs"]
mod data;
#[path = "view/history.rs"]
mod history;
#[cfg(feature = "junit")]
#[path = "view/junit.rs"]
mod junit;
#[cfg(feature = "progress")]
#[path = "view/live.rs"]
mod live;
#[path = "view/pages.rs"]
mod pages;
#[path = "view/pictures.rs"]
mod pictures;
#[cfg(feature = "progress")]
#[path = "view/progress.rs"]
mod progress;

use std::time::Duration;

use jobgraph::testing::VirtualClock;
use jobgraph::view::History;
use jobgraph::{Clock, Graph, Job, JobGraph, Payload};

const SECOND: Duration = Duration::from_secs(1);

/// A label that holds what pictures and pages could trip over.
const HOSTILE: &str =
    "a \"b\" <i>c</i> & d\nsecond \\n line; </script> 🚀 `e` #1 {f} [g] | %%\u{1b}[31m \u{202e}";

/// Runs a graph in virtual time, and returns all that was told of it.
fn observed<P: Payload>(clock: &VirtualClock, mut graph: Graph<P>) -> History {
    let mut facts = graph.facts();
    let _ = clock.block_on(jobgraph::run(clock, graph)).unwrap();
    std::iter::from_fn(|| facts.try_next()).collect()
}

async fn work(clock: &VirtualClock, time: Duration) {
    clock.sleep(time).await;
}

fn diamond(clock: &VirtualClock) -> JobGraph<'_> {
    let mut graph = JobGraph::new();
    let a = graph.add(Job::new(work(clock, SECOND)).label("a"));
    let b = graph.add(Job::new(work(clock, SECOND)).label("b").requires(&a));
    let c = graph.add(Job::new(work(clock, 3 * SECOND)).label("c").requires(&a));
    graph.add(Job::new(work(clock, SECOND)).label("d").requires((&b, &c)));
    graph
}

/// All that can be seen: kinds, conditions, criticality, failures, retries, a skipped job, a graph inside.
fn motley(clock: &VirtualClock) -> JobGraph<'_> {
    let mut graph = JobGraph::new().window(2);
    let db = graph.add(
        Job::service(|cx| async move {
            cx.sleep(SECOND).await;
            cx.ready(());
            std::future::pending().await
        })
        .label("db"),
    );
    graph.add(Job::new(std::future::pending::<()>()).label("monitor").forever());
    let mut attempts = 0;
    let flaky = graph.add(
        Job::repeat(move || {
            attempts += 1;
            let result = if attempts < 3 { Err("no answer") } else { Ok(()) };
            async move {
                clock.sleep(SECOND).await;
                result
            }
        })
        .retries(5)
        .backoff(SECOND, SECOND)
        .label("flaky")
        .requires(&db),
    );
    let mut inner = JobGraph::new();
    let copy = inner.add(Job::new(work(clock, SECOND)).label("copy"));
    inner.add(Job::new(work(clock, SECOND)).label("check").requires(&copy));
    let deploy = graph.add(Job::graph(inner).label("deploy").critical().requires(&flaky));
    let broken = async {
        clock.sleep(SECOND).await;
        Err::<(), _>("no such <host>")
    };
    let broken = graph.add(Job::try_new(broken).label(HOSTILE).after(&deploy));
    graph.add(Job::new(async {}).label("repair").on_failure_of(&broken));
    graph.add(Job::new(async {}).label("celebrate").requires(&broken));
    graph
}
