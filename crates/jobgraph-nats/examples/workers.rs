//! One program that is three: it counts the words of pages in this process, has workers elsewhere do it, or is such a worker.
//!
//! ```sh
//! cargo run -p jobgraph-nats --example workers                     # in this process, with no server
//! nats-server --jetstream &                                        # once, somewhere
//! cargo run -p jobgraph-nats --example workers -- worker           # as many as you like, wherever; Ctrl-C ends it in order
//! cargo run -p jobgraph-nats --example workers -- controller       # the same graph, its work there
//! ```
//!
//! Another server than the one on this machine is named behind it: `-- worker nats://10.0.0.1`.
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jobgraph::remote::{CallContext, Engine, Handlers, Remote};
use jobgraph::{Handle, Job, JobGraph, Repeat};
use jobgraph_nats::Nats;

/// What both sides know of the work: in a real program, in a crate that both depend on.
const COUNT: Remote<String, usize> = Remote::named("count.v1");

/// How it is done, wherever that is.
fn handlers() -> Handlers {
    Handlers::new().on(COUNT, count)
}

async fn count(cx: CallContext, page: String) -> Result<usize, String> {
    cx.sleep(Duration::from_millis(100)).await; // as if it were hard
    if page.is_empty() { Err("an empty page".into()) } else { Ok(page.split(' ').count()) }
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let role = arguments.next();
    let nats = Nats::at(arguments.next().unwrap_or("nats://127.0.0.1".into()));
    match role.as_deref() {
        None => run(Engine::embedded(handlers()).service()),
        Some("controller") => run(nats.engine()),
        Some("worker") => work(nats),
        Some(other) => Err(format!("neither `controller` nor `worker`: `{other}`").into()),
    }
}

/// The graph is the same, whatever the engine is.
fn run(
    engine: Job<impl Repeat<Output = Engine> + 'static>,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut graph = JobGraph::new();
    let engine = graph.add(engine);
    let counts: Vec<Handle<usize>> = (1..=40)
        .map(|number| {
            let page = graph.add(Job::new(async move { "word ".repeat(number) + "and end" }));
            let count = COUNT.job(&engine, &page).timeout(Duration::from_secs(60)).retries(2);
            graph.add(count.label(format!("page {number}")))
        })
        .collect();
    let sum = Job::with(&counts, async |counts: Vec<Arc<usize>>| {
        counts.iter().map(|count| **count).sum::<usize>()
    });
    let sum = graph.add(sum.label("sum"));

    let stop = graph.stop_handle();
    let signals = jobgraph::smol::signals()?;
    let report = async_io::block_on(signals.around(stop, jobgraph::smol::run(graph)))?;
    report.check()?;
    println!("{} words, in {:.1} s", report.result(&sum)?, report.elapsed().as_secs_f64());
    Ok(ExitCode::SUCCESS)
}

/// A graph of one service, which goes on until Ctrl-C, and then ends what it has begun.
fn work(nats: Nats) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut graph = JobGraph::new();
    let worker = graph.add(nats.worker(handlers(), 8).critical());
    let stop = graph.stop_handle();
    let signals = jobgraph::smol::signals()?;
    let report = async_io::block_on(signals.around(stop, jobgraph::smol::run(graph)))?;
    if let Some(error) = report.error(&worker) {
        return Err(error.to_string().into());
    }
    println!("stopped in order");
    Ok(ExitCode::SUCCESS)
}
