//! A run of 45 jobs, watched live: an experiment on twelve hosts, with failures, retries, a service, a
//! forever job and a graph in the graph. At its end it writes pictures and timelines, and says where.
//!
//! `cargo run --example monitor --features progress`, 12 s; try it with `2> log` or in a small terminal as
//! well. `-- DIRECTORY` says where to write, `-- DIRECTORY 20` runs 20 times as fast.
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::path::PathBuf;
use std::time::Duration;

use jobgraph::view::{CriticalPath, History, Progress};
use jobgraph::{Context, Handle, Job, JobGraph};

const HOSTS: u64 = 12;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let directory = arguments.next().map_or(std::env::temp_dir().join("jobgraph"), PathBuf::from);
    let speed = arguments.next().and_then(|speed| speed.into_string().ok()?.parse().ok());
    std::fs::create_dir_all(&directory)?;

    let mut graph = JobGraph::new().window(8);
    let progress = Progress::watch(&mut graph);
    let mut facts = graph.facts();
    build(&mut graph, &progress, Pace(speed.unwrap_or(1.0)));
    let report = jobgraph::smol::block_on(graph)?;

    // The report knows when jobs began and ended, the facts each attempt and wait as well.
    let history: History = std::iter::from_fn(|| facts.try_next()).collect();
    let path = CriticalPath::of(&history);
    println!("{}", report.counts());
    println!("what bound the time: {path}");
    for (name, text) in [
        ("timeline.html", jobgraph::view::timeline(&history)),
        ("trace.json", jobgraph::view::chrome_trace(&history)),
        ("graph.dot", jobgraph::view::dot(&history)),
        ("graph.mmd", jobgraph::view::mermaid(&history)),
    ] {
        let file = directory.join(name);
        std::fs::write(&file, text)?;
        println!("wrote {}", file.display());
    }
    Ok(())
}

/// How fast time passes.
#[derive(Clone, Copy)]
struct Pace(f64);

impl Pace {
    async fn work(self, cx: Context, millis: u64) {
        cx.sleep(Duration::from_millis(millis).div_f64(self.0)).await;
    }
}

fn build(graph: &mut JobGraph<'_>, progress: &Progress, pace: Pace) {
    let gateway = graph.add(
        Job::service(move |cx| async move {
            pace.work((*cx).clone(), 700).await;
            cx.ready(());
            cx.cancelled().await;
            pace.work((*cx).clone(), 300).await;
            Ok(())
        })
        .label("gateway")
        .grace(Duration::from_secs(2))
        .on_shutdown(|| async {}),
    );
    let shown = progress.clone();
    graph.add(
        Job::with_context(move |cx| async move {
            for minute in 1.. {
                pace.work(cx.clone(), 3_000).await;
                shown.println(format!("weather: all quiet, reading {minute}"));
            }
        })
        .label("weather station")
        .forever(),
    );
    let measured: Vec<_> = (1..=HOSTS).map(|host| add_host(graph, &gateway, host, pace)).collect();
    let collect = Job::with_context(move |cx| pace.work(cx, 800)).label("collect what there is");
    let collect = graph.add(collect.after(&measured));
    graph.add(Job::graph(analysis(pace)).label("analysis").critical().requires(&collect));
}

/// Boots a host, installs what is needed, and measures; a host that cannot be used is reset.
fn add_host(graph: &mut JobGraph<'_>, gateway: &Handle<()>, host: u64, pace: Pace) -> Handle<()> {
    let boot = Job::with_context(move |cx| pace.work(cx, 600 + host * 389 % 900));
    let boot = graph.add(boot.label(format!("boot host {host}")).requires(gateway));
    let mut attempts = 0;
    let install = Job::repeat_with_context(move |cx| {
        attempts += 1;
        let fails = host == 5 || (host.is_multiple_of(4) && attempts < 3);
        async move {
            pace.work(cx, 400 + host * 571 % 700).await;
            if fails { Err(format!("host {host}: no space left on device")) } else { Ok(()) }
        }
    });
    let pause = Duration::from_millis(500).div_f64(pace.0);
    let install =
        install.retries(2).backoff(pause, 4 * pause).label(format!("install on host {host}"));
    let install = graph.add(install.requires(&boot));
    if host == 5 {
        let reset = Job::with_context(move |cx| pace.work(cx, 500));
        graph.add(reset.label(format!("reset host {host}")).on_failure_of(&install));
    }
    let measure = Job::with_context(move |cx| pace.work(cx, 1_000 + host * 233 % 1_500));
    graph.add(measure.label(format!("measure host {host}")).requires(&install))
}

/// A graph in the graph.
fn analysis<'a>(pace: Pace) -> JobGraph<'a> {
    let mut graph = JobGraph::new();
    let job = |millis| Job::with_context(move |cx| pace.work(cx, millis));
    let clean = graph.add(job(500).label("clean"));
    let mean = graph.add(job(600).label("mean").requires(&clean));
    let outliers = graph.add(job(1_100).label("outliers").requires(&clean));
    graph.add(job(300).label("plot").requires((&mean, &outliers)));
    graph
}
