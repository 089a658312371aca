//! The services of a small server on tokio: a store, and a TCP server and a worker that use it.
//!
//! Each starts once those that it requires are ready. When the clients have what they asked for, the
//! services are stopped in reverse order; so they are by Ctrl-C, and by a failure of the worker, which
//! is critical. A second Ctrl-C aborts them.
//!
//! `cargo run --example services --features tokio`; with `-- serve` it goes on until Ctrl-C, with
//! `-- fail` the worker fails after half a second.
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jobgraph::{Error, Job, SendJobGraph, ServiceContext};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the services share. A real one would be a pool of connections to a database.
#[derive(Default)]
struct Store {
    answers: AtomicU64,
    ticks: AtomicU64,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mode = std::env::args().nth(1).unwrap_or_default();
    let (endless, fails) = (mode == "serve" || mode == "fail", mode == "fail");
    let grace = Duration::from_secs(2);
    let mut graph = SendJobGraph::new();

    let store = graph.add(
        Job::service(run_store)
            .label("store")
            .grace(grace)
            .on_shutdown(|| async { println!("store   its lock file is gone (shutdown hook)") }),
    );
    let worker = Job::service_with(&store, move |cx, store| run_worker(cx, store, fails));
    graph.add(worker.label("worker").grace(grace).critical());
    let server = Job::service_with(&store, run_server).label("server").grace(grace);
    // A service does not keep a run going, unless it is awaited.
    let server = graph.add(if endless { server.awaited() } else { server });
    if !endless {
        for question in ["how are you", "what time is it", "goodbye"] {
            let client = Job::try_with(&server, move |address| ask(*address, question));
            graph.add(client.label(format!("ask \"{question}\"")));
        }
    }

    let stop = graph.stop_handle();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            println!("Ctrl-C  stopping; once more to abort");
            stop.stop();
        }
    });
    let report = jobgraph::tokio::run_parallel(graph).await?;
    println!("\n{} after {:.1?}\n{report}", report.verdict(), report.elapsed());
    Ok(())
}

/// Opens, is ready, and closes last, since the others use it.
async fn run_store(cx: ServiceContext<Store>) -> Result<(), Error> {
    println!("store   opens");
    cx.sleep(Duration::from_millis(100)).await;
    println!("store   ready");
    cx.ready(Store::default());
    cx.cancelled().await;
    println!("store   closes");
    Ok(())
}

/// Ticks ten times a second, until it is asked to stop.
async fn run_worker(cx: ServiceContext<()>, store: Arc<Store>, fails: bool) -> Result<(), Error> {
    println!("worker  ready");
    cx.ready(());
    while !cx.is_cancelled() {
        cx.sleep(Duration::from_millis(100)).await;
        if store.ticks.fetch_add(1, Ordering::Relaxed) == 4 && fails {
            println!("worker  fails");
            return Err("lost the queue".into());
        }
    }
    println!("worker  stops after {} ticks", store.ticks.load(Ordering::Relaxed));
    Ok(())
}

/// Accepts connections; when it is asked to stop, those that are open may end.
async fn run_server(cx: ServiceContext<SocketAddr>, store: Arc<Store>) -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    println!("server  ready on {address}");
    cx.ready(address);
    let mut clients = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            () = cx.cancelled() => break,
            accepted = listener.accept() => clients.spawn(answer(accepted?.0, Arc::clone(&store))),
        };
    }
    println!("server  stops, after {} answers", store.answers.load(Ordering::Relaxed));
    clients.join_all().await;
    Ok(())
}

/// One line in, one line out.
async fn answer(stream: TcpStream, store: Arc<Store>) -> Result<(), std::io::Error> {
    let mut stream = BufReader::new(stream);
    let mut question = String::new();
    stream.read_line(&mut question).await?;
    let number = store.answers.fetch_add(1, Ordering::Relaxed) + 1;
    let answer = format!("answer {number} to \"{}\"\n", question.trim());
    stream.write_all(answer.as_bytes()).await
}

/// A client: asks one question.
async fn ask(address: SocketAddr, question: &'static str) -> Result<String, std::io::Error> {
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    stream.write_all(format!("{question}\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_line(&mut answer).await?;
    println!("client  hears: {}", answer.trim());
    Ok(answer.trim().to_string())
}
