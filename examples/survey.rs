//! A survey of many hosts that can be killed at any time, and goes on where it was when it is started again. At its end it
//! writes a timeline that shows what ran, and what was restored.
//!
//! `cargo run --example survey --features "journal progress signal"`; press Ctrl-C, or `kill -9` it, and start it
//! again. `-- FILE` names the journal, `-- FILE 100` makes it a hundred times as fast.
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jobgraph::journal::{Journal, Kept};
use jobgraph::view::{Detail, History, Progress};
use jobgraph::{Context, Handle, Job, JobGraph, ServiceContext};

const HOSTS: u32 = 60;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let file = arguments.next().map_or(std::env::temp_dir().join("survey.journal"), PathBuf::from);
    let speed = arguments.next().and_then(|speed| speed.into_string().ok()?.parse().ok());
    let pace = Duration::from_millis(400).div_f64(speed.unwrap_or(1.0));

    let journal = Journal::resume(&file)?;
    println!(
        "{}: {} records, {} damaged",
        file.display(),
        journal.keys().count(),
        journal.damaged()
    );
    let mut graph = JobGraph::new().window(8).journal(journal);
    let progress = Progress::options().detail(Detail::Failures).watch(&mut graph);
    let mut facts = graph.facts();
    let total = build(&mut graph, pace);

    let signals = jobgraph::smol::signals()?;
    let stop = graph.stop_handle();
    let report = async_io::block_on(signals.around(stop, jobgraph::smol::run(graph)))?;
    drop(progress);

    let restored = report.jobs().filter(|job| job.kept() == Some(Kept::Restored)).count();
    println!("{restored} of {} jobs were restored", report.jobs().count());
    if let Some(total) = report.output(&total) {
        println!("{total} packages on {HOSTS} hosts");
    }
    let history: History = std::iter::from_fn(|| facts.try_next()).collect();
    let timeline = file.with_extension("html");
    std::fs::write(&timeline, jobgraph::view::timeline(&history))?;
    println!("wrote {}", timeline.display());
    Ok(report.exit_code())
}

/// Each host is asked what it has, by a connection that is opened only if any is asked; what they answer is counted.
fn build(graph: &mut JobGraph<'_>, pace: Duration) -> Handle<u32> {
    let connection = graph.add(
        Job::service(move |cx: ServiceContext<&'static str>| async move {
            cx.sleep(pace).await;
            cx.ready("a connection");
            cx.cancelled().await;
            Ok(())
        })
        .label("connection"),
    );
    let counts: Vec<_> = (0..HOSTS)
        .map(|host| {
            let ask = move |cx: Context, _: Arc<&'static str>| async move {
                cx.sleep(pace * (1 + host % 5)).await;
                if host % 20 == 7 && cx.attempt().number == 1 {
                    return Err("no answer".into());
                }
                jobgraph::ok(vec![format!("package-{}", host % 3); 10 + host as usize % 7])
            };
            let name = format!("host {host}");
            let packages = Job::repeat_with(&connection, ask).retries(2).label(&*name);
            let packages = graph.add(packages.durable(name));
            let count = Job::with(&packages, |packages: Arc<Vec<String>>| async move {
                u32::try_from(packages.len()).unwrap_or(u32::MAX)
            });
            graph.add(count.durable(format!("count {host}")).label(format!("count {host}")))
        })
        .collect();
    let total = Job::with(&counts, |counts: Vec<Arc<u32>>| async move {
        counts.iter().map(|count| **count).sum::<u32>()
    });
    graph.add(total.durable("total").label("total"))
}
