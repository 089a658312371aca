//! Twenty hosts, each a graph of its own in one graph; one hangs. The others do not wait for it, and the report says what became
//! of each. The hosts are made up, so that it runs anywhere; `cluster` does it with real ones, over ssh.
//!
//! `cargo run --example hosts`, or in no time at all: `cargo run --example hosts --features testing -- --virtual`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use jobgraph::{Clock, Context, Handle, Job, JobGraph, Missing, Report};

const HOSTS: u32 = 20;
const HANGS: u32 = 7;

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        None => async_io::block_on(survey(&jobgraph::smol::SmolClock::new())),
        #[cfg(feature = "testing")]
        Some("--virtual") => {
            let clock = jobgraph::testing::VirtualClock::new();
            clock.block_on(survey(&clock))
        }
        Some(_) => Err("usage: hosts [--virtual]   (--virtual needs `--features testing`)".into()),
    }
}

async fn survey(clock: &impl Clock) -> Result<(), Box<dyn Error>> {
    let mut graph = JobGraph::new().window(8);
    let gateway = graph.add(Job::with_context(|cx| ready_after(cx, 200)).label("gateway"));
    let mut hosts = Vec::new();
    for number in 1..=HOSTS {
        let (host, speed) = host(number);
        // What happens inside is in the report of the host, which is the output of this job.
        let host = Job::graph(host).label(format!("host {number}")).requires(&gateway);
        hosts.push((graph.add(host), speed));
    }
    let handles: Vec<_> = hosts.iter().map(|(host, _)| *host).collect();
    let slowest = graph.add(
        Job::with(jobgraph::settled(handles), async |hosts: Vec<Result<Arc<Report>, Missing>>| {
            hosts.iter().flatten().map(|host| host.elapsed()).max()
        })
        .label("slowest"),
    );
    let report = jobgraph::run(clock, graph).await?;

    for (number, (host, speed)) in (1..).zip(&hosts) {
        match report.result(host).and_then(|inside| inside.result(speed)) {
            Ok(speed) => println!("host {number:2}: {speed} MB/s"),
            Err(error) => println!("host {number:2}: {error}"),
        }
    }
    println!("{} in {:.1} s", report.verdict(), report.elapsed().as_secs_f64());
    if let Some(Some(slowest)) = report.output(&slowest) {
        println!("the slowest host took {:.1} s", slowest.as_secs_f64());
    }
    for trouble in report.troubles() {
        println!("trouble: {trouble}");
    }
    Ok(())
}

/// What is done on a host, and what it leaves behind.
fn host<'a>(number: u32) -> (JobGraph<'a>, Handle<u32>) {
    let mut graph = JobGraph::new();
    let boot = Job::with_context(move |cx| ready_after(cx, 200 + 20 * u64::from(number)));
    let boot = graph.add(boot.label("boot"));
    let install = Job::with_context(move |cx| async move {
        if number == HANGS {
            std::future::pending::<()>().await;
        }
        ready_after(cx, 300).await;
    });
    let install = install.requires(&boot).timeout(Duration::from_millis(1_500));
    let install = graph.add(install.label("install"));
    let measure = Job::with_context(move |cx: Context| async move {
        cx.sleep(Duration::from_millis(100)).await;
        900 + number
    });
    let speed = graph.add(measure.requires(&install).label("measure"));
    (graph, speed)
}

async fn ready_after(cx: Context, millis: u64) {
    cx.sleep(Duration::from_millis(millis)).await;
}
