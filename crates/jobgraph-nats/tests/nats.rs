//! Jobs on workers behind a NATS server of the tests' own.
#![cfg(unix)]

#[path = "../../../tests/support/real.rs"]
mod real;
#[path = "support/mod.rs"]
mod support;

#[path = "nats/bad.rs"]
mod bad;
#[path = "nats/controllers.rs"]
mod controllers;
#[path = "nats/lost.rs"]
mod lost;
#[path = "nats/options.rs"]
mod options;
#[path = "nats/removed.rs"]
mod removed;
#[path = "nats/same.rs"]
mod same;
#[path = "nats/workers.rs"]
mod workers;

use std::process::{Command, Stdio};
use std::time::Duration;

use jobgraph::remote::{CallContext, Engine, Handlers, Remote};
use jobgraph::{Cancelled, Error, Job, Permanent, SendJobGraph};
use jobgraph_nats::Nats;

use crate::real::{Folder, Way};
use crate::support::{Killed, Server};

/// What all tests ask of workers.
const DOUBLE: Remote<u64, u64> = Remote::named("double.v1");
const LENGTH: Remote<String, usize> = Remote::named("length.v1");
const REPEAT: Remote<(String, usize), String> = Remote::named("repeat.v1");
const FAIL: Remote<String, ()> = Remote::named("fail.v1");
/// Writes its number to the file of effects, and sleeps for as many milliseconds.
const EFFECT: Remote<(u64, u64), u64> = Remote::named("effect.v1");
/// Waits until it is cancelled, and writes that to the file of effects.
const WAIT: Remote<(), ()> = Remote::named("wait.v1");
const DIE: Remote<(), ()> = Remote::named("die.v1");

fn handlers(effects: &std::path::Path) -> Handlers {
    let file = std::fs::OpenOptions::new().append(true).create(true).open(effects).unwrap();
    let file = std::sync::Arc::new(file);
    let effect = move |text: String| {
        use std::io::Write as _;
        (&*file).write_all(text.as_bytes()).unwrap();
    };
    let (waits, says) = (effect.clone(), effect);
    Handlers::new()
        .on(DOUBLE, async |_: CallContext, n: u64| jobgraph::ok(n * 2))
        .on(LENGTH, async |_: CallContext, text: String| jobgraph::ok(text.len()))
        .on(REPEAT, async |_: CallContext, (text, times): (String, usize)| {
            jobgraph::ok(text.repeat(times))
        })
        .on(FAIL, async |_: CallContext, how: String| match &*how {
            "panic" => std::panic::resume_unwind(Box::new("oh no")),
            "permanent" => Err(Error::from(Permanent::new("no such host"))),
            "cancelled" => Err(Cancelled.into()),
            _ => Err("busy".into()),
        })
        .on(EFFECT, move |cx: CallContext, (number, millis): (u64, u64)| {
            let says = says.clone();
            async move {
                says(format!("{number}\n"));
                cx.sleep(Duration::from_millis(millis)).await;
                jobgraph::ok(number)
            }
        })
        .on(WAIT, move |cx: CallContext, ()| {
            let waits = waits.clone();
            async move {
                waits("waits\n".into());
                cx.cancelled().await;
                waits("cancelled\n".into());
                Err::<(), _>(Cancelled)
            }
        })
        .on(DIE, async |_: CallContext, ()| -> Result<(), Error> { std::process::abort() })
}

const WORKER: &str = "JOBGRAPH_TEST_NATS_WORKER";

/// Not a test of its own: a worker, until it is told to stop.
#[test]
fn worker() {
    let Ok(given) = std::env::var(WORKER) else { return };
    let [url, effects, at_once] = given.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let mut graph = SendJobGraph::new();
    let worker = quick(url).worker(handlers(effects.as_ref()), at_once.parse().unwrap());
    graph.add(worker.grace(Duration::from_secs(20)));
    let stop = graph.stop_handle();
    let signals = jobgraph::smol::signals().unwrap();
    let run = jobgraph::smol::run(graph);
    let report = futures_lite::future::block_on(signals.around(stop, run)).unwrap();
    // It is told on its error stream, should it ever be looked at.
    assert!(report.jobs().all(|job| job.error().is_none()), "{report}");
}

/// With times that fit tests.
fn quick(url: &str) -> Nats {
    Nats::at(url).lease(Duration::from_secs(1)).patience(Duration::from_secs(6)).deliveries(2)
}

/// A worker that is a process of its own.
fn start_worker(server: &Server, effects: &Folder, at_once: usize) -> Killed {
    let effects = effects.0.join("effects");
    let command = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "worker", "--nocapture"])
        .env(WORKER, format!("{} {} {at_once}", server.url(), effects.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Killed(command.unwrap())
}

/// What handlers have written.
fn effects(folder: &Folder) -> Vec<String> {
    let text = std::fs::read_to_string(folder.0.join("effects")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
