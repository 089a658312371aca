//! Four small graphs, in real time (8 s), each with what it prints.
//!
//! `cargo run --example tour`, or in no time at all:
//! `cargo run --example tour --features testing -- --virtual`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_lite::future::yield_now;
use jobgraph::smol::SmolClock;
use jobgraph::{Clock, Graph, Handle, Job, JobGraph, Payload, Report, RunError};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            let midnight = SystemTime::now().duration_since(UNIX_EPOCH)?;
            Ok(async_io::block_on(tour(&Stage { clock: SmolClock::new(), begun: midnight }))?)
        }
        #[cfg(feature = "testing")]
        ["--virtual"] => {
            let clock = jobgraph::testing::VirtualClock::new();
            Ok(clock.block_on(tour(&Stage { clock: clock.clone(), begun: Duration::ZERO }))?)
        }
        _ => Err("usage: tour [--virtual]   (--virtual needs `--features testing`)".into()),
    }
}

async fn tour<C: Clock>(stage: &Stage<C>) -> Result<(), RunError> {
    unrelated(stage).await?;
    required(stage).await?;
    monitored(stage).await?;
    endless(stage).await
}

/// A: three unrelated jobs start at once, and the run takes as long as the longest.
async fn unrelated<C: Clock>(stage: &Stage<C>) -> Result<(), RunError> {
    println!("A: three unrelated jobs");
    let mut graph = JobGraph::new();
    let jobs = [1.0, 2.0, 1.5].map(|seconds| graph.add(Job::new(stage.work(seconds))));
    let report = stage.orchestrate(graph).await?;
    for job in &jobs {
        println!("{} returned {}", job.id(), returned(&report, job));
    }
    Ok(())
}

/// B: `b3` requires `b1`, so it starts when that has succeeded.
async fn required<C: Clock>(stage: &Stage<C>) -> Result<(), RunError> {
    println!("\nB: one job requires another");
    let mut graph = JobGraph::new();
    let b1 = graph.add(Job::new(stage.work(1.0)).label("b1"));
    graph.add(Job::new(stage.work(2.0)));
    let b3 = graph.add(Job::new(stage.work(1.5)).label("b3").requires(&b1));
    let report = stage.orchestrate(graph).await?;
    println!("{report}");
    println!("b1 succeeded: {}", report.succeeded(&b1));
    println!("b3 returned {}", returned(&report, &b3));
    Ok(())
}

/// C: a forever job serves the others, and is stopped when they have ended.
async fn monitored<C: Clock>(stage: &Stage<C>) -> Result<(), RunError> {
    println!("\nC: a forever job prints what the others put on a bus");
    let (bus, messages) = async_channel::unbounded::<String>();
    let talk = async |name: &str, tenths: u32| {
        let say = async |what: &str| bus.send(format!("{name} {what}")).await.unwrap_or_default();
        say("begins").await;
        stage.clock.sleep(Duration::from_millis(100) * tenths).await;
        say("ends").await;
        // The run may end with this job: let the monitor read the message first.
        yield_now().await;
        tenths
    };

    let mut graph = JobGraph::new();
    let c1 = graph.add(Job::new(talk("c1", 4)).label("c1"));
    let c2 = graph.add(Job::new(talk("c2", 8)).label("c2"));
    let c3 = graph.add(Job::new(talk("c3", 6)).label("c3").requires(&c1));
    let monitor = async {
        while let Ok(message) = messages.recv().await {
            stage.say(&format!("bus: {message}"));
        }
    };
    graph.add(Job::new(monitor).label("monitor").forever());
    let report = stage.orchestrate(graph).await?;
    println!("{report}");
    println!("results: {}", [c1, c2, c3].map(|job| returned(&report, &job)).join(", "));
    Ok(())
}

/// D: nothing but a forever job, which the global timeout ends.
async fn endless<C: Clock>(stage: &Stage<C>) -> Result<(), RunError> {
    println!("\nD: a forever job, and a global timeout of 2.5 s");
    let ticker = async {
        for tick in 0.. {
            stage.say(&format!("tick {tick}"));
            stage.clock.sleep(Duration::from_secs(1)).await;
        }
    };
    let mut graph = JobGraph::new().timeout(Duration::from_millis(2_500));
    graph.add(Job::new(ticker).label("ticker").forever());
    let report = stage.orchestrate(graph).await?;
    println!("{report}");
    Ok(())
}

/// Where it all happens: a clock, and the time of day at its epoch.
struct Stage<C> {
    clock: C,
    begun: Duration,
}

impl<C: Clock> Stage<C> {
    /// Takes its time, and returns 1000 times its seconds.
    async fn work(&self, seconds: f64) -> u128 {
        self.say(&format!("-> work({seconds:.1})"));
        let duration = Duration::from_secs_f64(seconds);
        self.clock.sleep(duration).await;
        self.say(&format!("<- work({seconds:.1})"));
        duration.as_millis()
    }

    /// Runs a graph, and says how that went.
    async fn orchestrate<P: Payload>(
        &self,
        graph: Graph<P>,
    ) -> Result<Report<P::Outputs>, RunError> {
        let report = jobgraph::run(&self.clock, graph).await?;
        println!("{} in {:.1} s", report.verdict(), report.elapsed().as_secs_f64());
        Ok(report)
    }

    /// A line with the time of day (UTC; in virtual time, since the beginning).
    fn say(&self, line: &str) {
        let time = self.begun + Duration::from_nanos(self.clock.now().as_nanos());
        let (seconds, millis) = (time.as_secs(), time.subsec_millis());
        let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
        println!("{hours:02}:{minutes:02}:{:02}.{millis:03} {line}", seconds % 60);
    }
}

/// A job's output as text.
fn returned<T: ToString + 'static>(report: &Report, job: &Handle<T>) -> String {
    report.output(job).map_or("nothing".to_string(), T::to_string)
}
