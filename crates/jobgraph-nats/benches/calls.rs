//! Calls in a window of 64, side by side with requests and replies by async-nats alone; and embedded ones beside jobs that
//! go through JSON by themselves. `cargo bench -p jobgraph-nats [-- CALLS]`; it needs `nats-server`.
#![allow(clippy::allow_attributes, clippy::print_stdout, dead_code, reason = "it prints a table")]

#[path = "../../../tests/support/real.rs"]
mod real;
#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use jetstream::consumer::{AckPolicy, pull};
use jetstream::stream::{Config, RetentionPolicy};
use jobgraph::remote::{CallContext, Engine, Handlers, Remote};
use jobgraph::{Context, Job, SendJobGraph, ServiceContext};
use jobgraph_nats::Nats;
use jobgraph_nats::async_nats::{self, HeaderMap, header, jetstream};
use tokio::sync::Semaphore;

use crate::real::Way;
use crate::support::Server;

const DOUBLE: Remote<u64, u64> = Remote::named("double.v1");
const WINDOW: usize = 64;

fn handlers() -> Handlers {
    Handlers::new().on(DOUBLE, async |_: CallContext, n: u64| jobgraph::ok(n * 2))
}

/// As many are taken in turns; what is told in the end are medians.
const ROUNDS: usize = 7;

fn main() {
    let calls = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(5_000);
    println!("{calls} calls in a window of {WINDOW}");
    compare(
        calls,
        [
            ("async-nats alone", &bare),
            ("on smol", &|calls| ours(Way::SmolInPlace, calls)),
            ("on tokio", &|calls| ours(Way::TokioThreads, calls)),
        ],
    );
    println!("100000 calls in this process");
    compare(
        100_000,
        [
            ("jobs with the same options", &|calls| fed(calls, true)),
            ("without a label and grace", &|calls| fed(calls, false)),
            ("nor fed by a service", &plain),
            ("embedded", &embedded),
        ],
    );
}

type Run<'a> = &'a dyn Fn(u64) -> Duration;

/// Prints µs a call, and how much longer than the first one the others take.
fn compare<const N: usize>(calls: u64, what: [(&str, Run<'_>); N]) {
    let mut times = [(); N].map(|()| Vec::new());
    let mut ratios = [(); N].map(|()| Vec::new());
    for _ in 0..ROUNDS {
        let first = per(calls, what[0].1);
        for (at, (_, run)) in what.iter().enumerate() {
            let took = if at == 0 { first } else { per(calls, run) };
            times[at].push(took);
            ratios[at].push(took / first);
        }
    }
    for (at, (name, _)) in what.iter().enumerate() {
        let ratio = median(&mut ratios[at]);
        let (least, most) = (ratios[at][0], ratios[at][ROUNDS - 1]);
        let took = median(&mut times[at]);
        println!(
            "  {name:<27} {took:6.2} µs, {ratio:.2} times as long ({least:.2} to {most:.2}), throughput {:.2}",
            1.0 / ratio
        );
    }
}

/// The time of a call in µs.
fn per(calls: u64, run: Run<'_>) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "it is not that many")]
    let number = calls as f64;
    run(calls).as_secs_f64() * 1e6 / number
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A worker in a thread of its own, as it would be on a machine of its own.
fn ours(way: Way, calls: u64) -> Duration {
    let server = Server::start();
    let mut graph = SendJobGraph::new().until_stopped();
    graph.add(Nats::at(server.url()).worker(handlers(), WINDOW));
    let stop = graph.stop_handle();
    let worker = std::thread::spawn(move || jobgraph::smol::block_on(graph).unwrap().check());
    let mut graph = SendJobGraph::new().window(WINDOW + 1);
    let engine = graph.add(Nats::at(server.url()).engine());
    // Once the worker is there.
    let warm = graph.add(DOUBLE.of(&engine, 0));
    let begin = graph.add(Job::new(async { Instant::now() }).requires(&warm));
    let calls: Vec<_> =
        (0..calls).map(|n| graph.add(DOUBLE.of(&engine, n).requires(&begin))).collect();
    let end = graph.add(Job::new(async { Instant::now() }).requires(&calls));
    let report = way.run(graph);
    let took = *report.result(&end).unwrap() - *report.result(&begin).unwrap();
    stop.stop();
    drop(worker.join().unwrap());
    took
}

/// The same by hand: published once, answered before it is acknowledged.
fn bare(calls: u64) -> Duration {
    let server = Server::start();
    let url = server.url();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ready = Arc::new(Semaphore::new(0));
    let (there, worker_url) = (Arc::clone(&ready), url.clone());
    std::thread::spawn(move || runtime().block_on(bare_worker(worker_url, there)));
    runtime().block_on(async {
        let client = async_nats::connect(url).await.unwrap();
        let jetstream = jetstream::new(client);
        drop(ready.acquire().await.unwrap());
        let done = jetstream.get_stream("done").await.unwrap();
        let config = pull::Config {
            durable_name: Some("controller".into()),
            ack_policy: AckPolicy::Explicit,
            ..pull::Config::default()
        };
        let consumer = done.create_consumer(config).await.unwrap();
        let mut answers = consumer.messages().await.unwrap();
        let window = Arc::new(Semaphore::new(WINDOW));
        let begin = Instant::now();
        let asks = async {
            for number in 0..calls {
                let permit = Arc::clone(&window).acquire_owned().await.unwrap();
                permit.forget();
                let jetstream = jetstream.clone();
                tokio::spawn(async move {
                    let subject = format!("work.{number}");
                    let payload = serde_json::to_vec(&number).unwrap();
                    let mut headers = HeaderMap::new();
                    headers.insert(header::NATS_MESSAGE_ID, subject.as_str());
                    let sent =
                        jetstream.publish_with_headers(subject, headers, payload.into()).await;
                    sent.unwrap().await.unwrap();
                });
            }
        };
        let hears = async {
            for _ in 0..calls {
                let answer = answers.next().await.unwrap().unwrap();
                answer.ack().await.unwrap();
                let _: u64 = serde_json::from_slice(&answer.payload).unwrap();
                window.add_permits(1);
            }
        };
        tokio::join!(asks, hears);
        begin.elapsed()
    })
}

async fn bare_worker(url: String, there: Arc<Semaphore>) {
    let client = async_nats::connect(url).await.unwrap();
    let jetstream = jetstream::new(client);
    let work = Config {
        name: "work".into(),
        subjects: vec!["work.>".into()],
        retention: RetentionPolicy::WorkQueue,
        ..Config::default()
    };
    let work = jetstream.create_stream(work).await.unwrap();
    let done = Config { name: "done".into(), subjects: vec!["done.>".into()], ..Config::default() };
    jetstream.create_stream(done).await.unwrap();
    let config = pull::Config {
        durable_name: Some("workers".into()),
        ack_policy: AckPolicy::Explicit,
        ..pull::Config::default()
    };
    let consumer = work.create_consumer(config).await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    there.add_permits(1);
    while let Some(Ok(message)) = messages.next().await {
        let jetstream = jetstream.clone();
        tokio::spawn(async move {
            let number: u64 = serde_json::from_slice(&message.payload).unwrap();
            let subject = message.subject.replace("work", "done");
            let mut headers = HeaderMap::new();
            headers.insert(header::NATS_MESSAGE_ID, subject.as_str());
            let answer = serde_json::to_vec(&(number * 2)).unwrap();
            let sent = jetstream.publish_with_headers(subject, headers, answer.into()).await;
            if sent.unwrap().await.is_ok() {
                message.ack().await.unwrap();
            }
        });
    }
}

fn plain(calls: u64) -> Duration {
    let total = Arc::new(AtomicUsize::new(0));
    let mut graph = SendJobGraph::new();
    for number in 0..calls {
        let total = Arc::clone(&total);
        graph.add(Job::repeat(move || {
            let total = Arc::clone(&total);
            async move {
                let input = serde_json::to_vec(&number)?;
                let number: u64 = serde_json::from_slice(&input)?;
                let output = serde_json::to_vec(&(number * 2))?;
                let output: u64 = serde_json::from_slice(&output)?;
                total.fetch_add(1, Ordering::Relaxed);
                jobgraph::ok(output)
            }
        }));
    }
    let begin = Instant::now();
    jobgraph::smol::block_on(graph).unwrap().check().unwrap();
    begin.elapsed()
}

/// What somebody writes who has a service to ask. A label and grace are what jobs of remote tasks have by themselves.
fn fed(calls: u64, has_options: bool) -> Duration {
    let mut graph = SendJobGraph::new();
    let doubles = graph.add(Job::service(|cx: ServiceContext<u64>| async move {
        cx.ready(2);
        cx.cancelled().await;
        Ok(())
    }));
    for number in 0..calls {
        let job = Job::repeat_with(&doubles, move |_cx: Context, by: Arc<u64>| async move {
            let input = serde_json::to_vec(&number)?;
            let number: u64 = serde_json::from_slice(&input)?;
            let output = serde_json::to_vec(&(number * *by))?;
            let output: u64 = serde_json::from_slice(&output)?;
            jobgraph::ok(output)
        });
        graph.add(if has_options {
            job.label(DOUBLE.name()).grace(Duration::from_secs(5))
        } else {
            job
        });
    }
    let begin = Instant::now();
    jobgraph::smol::block_on(graph).unwrap().check().unwrap();
    begin.elapsed()
}

fn embedded(calls: u64) -> Duration {
    let mut graph = SendJobGraph::new();
    let engine = graph.add(Engine::embedded(handlers()).service());
    for number in 0..calls {
        graph.add(DOUBLE.of(&engine, number));
    }
    let begin = Instant::now();
    jobgraph::smol::block_on(graph).unwrap().check().unwrap();
    begin.elapsed()
}
