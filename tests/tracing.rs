//! What a subscriber of the `tracing` crate sees of a run.
#![cfg(all(feature = "testing", feature = "tracing"))]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect_test::expect;
use jobgraph::testing::VirtualClock;
use jobgraph::{Clock, Job, JobGraph, SendJobGraph};
use tracing::level_filters::LevelFilter;
use tracing::{debug, info};
use tracing_subscriber::fmt::format::FmtSpan;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged meanwhile.
fn logged(level: LevelFilter, spans: FmtSpan, run: impl FnOnce()) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_max_level(level)
        .with_span_events(spans)
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .finish();
    tracing::subscriber::with_default(subscriber, run);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    log.lines().map(|line| line.trim_start().to_string() + "\n").collect()
}

fn graph(clock: &VirtualClock) -> SendJobGraph {
    let mut graph = SendJobGraph::new().window(1);
    let sleeper = clock.clone();
    let first = graph.add(
        Job::new(async move {
            info!("begins");
            sleeper.sleep(Duration::from_secs(1)).await;
            info!("ends");
        })
        .label("first")
        .on_shutdown(|| async { info!("cleans up") }),
    );
    let mut attempts = 0;
    graph.add(
        Job::repeat(move || {
            attempts += 1;
            async move {
                info!(attempts, "tries");
                if attempts < 2 { Err("no luck") } else { Ok(()) }
            }
        })
        .retries(1)
        .requires(&first),
    );
    graph
}

#[test]
fn the_events_of_a_job_are_inside_the_span_of_its_attempt() {
    let clock = VirtualClock::new();
    let log = logged(LevelFilter::INFO, FmtSpan::NONE, || {
        let _ = clock.block_on(jobgraph::run(&clock, graph(&clock))).unwrap();
    });
    expect![[r#"
        INFO run{jobs=2 window=1}:attempt{job=#1 label="first" attempt=1}: begins
        INFO run{jobs=2 window=1}:attempt{job=#1 label="first" attempt=1}: ends
        INFO run{jobs=2 window=1}:attempt{job=#2 attempt=1}: tries attempts=1
        INFO run{jobs=2 window=1}:attempt{job=#2 attempt=2}: tries attempts=2
        INFO run{jobs=2 window=1}:hook{job=#1 label="first"}: cleans up
    "#]]
    .assert_eq(&log);
}

#[test]
fn a_parallel_run_has_the_same_spans() {
    let [in_place, parallel] = [false, true].map(|parallel| {
        let clock = VirtualClock::new();
        logged(LevelFilter::INFO, FmtSpan::NONE, || {
            let graph = graph(&clock);
            if parallel {
                let _ = clock.block_on(jobgraph::run_parallel(&clock, graph)).unwrap();
            } else {
                let _ = clock.block_on(jobgraph::run(&clock, graph)).unwrap();
            }
        })
    });
    assert_eq!(in_place, parallel);
}

#[test]
fn changes_of_state_are_events_at_debug_level() {
    let clock = VirtualClock::new();
    let log = logged(LevelFilter::DEBUG, FmtSpan::NONE, || {
        let _ = clock.block_on(jobgraph::run(&clock, graph(&clock))).unwrap();
    });
    expect![[r#"
        DEBUG run{jobs=2 window=1}: state job=#1 label="first" from=waiting to=queued
        INFO run{jobs=2 window=1}:attempt{job=#1 label="first" attempt=1}: begins
        DEBUG run{jobs=2 window=1}: state job=#1 label="first" from=queued to=running
        INFO run{jobs=2 window=1}:attempt{job=#1 label="first" attempt=1}: ends
        DEBUG run{jobs=2 window=1}: state job=#1 label="first" from=running to=succeeded
        DEBUG run{jobs=2 window=1}: state job=#2 from=waiting to=queued
        INFO run{jobs=2 window=1}:attempt{job=#2 attempt=1}: tries attempts=1
        DEBUG run{jobs=2 window=1}: state job=#2 from=queued to=running
        DEBUG run{jobs=2 window=1}: state job=#2 from=running to=queued error=no luck
        INFO run{jobs=2 window=1}:attempt{job=#2 attempt=2}: tries attempts=2
        DEBUG run{jobs=2 window=1}: state job=#2 from=queued to=running (attempt 2)
        DEBUG run{jobs=2 window=1}: state job=#2 from=running (attempt 2) to=succeeded
        INFO run{jobs=2 window=1}:hook{job=#1 label="first"}: cleans up
    "#]]
    .assert_eq(&log);
}

#[test]
fn each_span_is_closed_by_the_end_of_the_run() {
    let clock = VirtualClock::new();
    let log = logged(LevelFilter::INFO, FmtSpan::NEW | FmtSpan::CLOSE, || {
        let _ = clock.block_on(jobgraph::run(&clock, graph(&clock))).unwrap();
    });
    let count = |what: &str| log.lines().filter(|line| line.contains(what)).count();
    assert_eq!(count(": new"), 5, "{log}"); // the run, three attempts, a hook
    assert_eq!(count(": close"), 5, "{log}");
    assert_eq!(count("verdict=completed"), 1, "{log}");
}

#[test]
fn a_run_inside_has_its_span_inside_that_of_its_job() {
    let clock = VirtualClock::new();
    let log = logged(LevelFilter::DEBUG, FmtSpan::NONE, || {
        let mut inner = JobGraph::new();
        inner.add(Job::new(async { debug!("here") }).label("inner"));
        let mut outer = JobGraph::new();
        outer.add(Job::graph(inner).label("outer"));
        let _ = clock.block_on(jobgraph::run(&clock, outer)).unwrap();
    });
    let inside = "run{jobs=1}:attempt{job=#1 label=\"outer\" attempt=1}:run{jobs=1}:";
    let here = format!("{inside}attempt{{job=#1 label=\"inner\" attempt=1}}: here");
    assert!(log.contains(&here), "{log}");
    assert!(log.contains(&format!("{inside} state job=#1 label=\"inner\" from=running")), "{log}");
}
