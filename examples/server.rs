//! An HTTP server on tokio: axum, a store on disk, a job that looks after it, and an orderly end.
//!
//! The store opens first and closes last; between them are the server and what sweeps the store. Ctrl-C or SIGTERM stops them in
//! reverse order, requests that are under way are answered, a second one aborts.
//!
//! `cargo run --example server --features server -- notes.redb 127.0.0.1:8080`, then
//! `curl -d 'to be' localhost:8080/notes/hamlet; curl localhost:8080/notes/hamlet; kill -TERM PID`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use jobgraph::{Context, Error, Job, SendJobGraph, ServiceContext};
use redb::{Database, ReadableDatabase as _, TableDefinition};
use tokio::net::TcpListener;

const NOTES: TableDefinition<'_, &str, &str> = TableDefinition::new("notes");
const GRACE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<ExitCode, Error> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().unwrap_or("notes.redb".into());
    let address: SocketAddr = arguments.next().as_deref().unwrap_or("127.0.0.1:8080").parse()?;

    let mut graph = SendJobGraph::new();
    let store = Job::service(move |cx| open(cx, file)).label("store").grace(GRACE).critical();
    let store = graph.add(store);
    let tables = graph.add(Job::try_with(&store, make_tables).label("tables"));
    let http = Job::service_with(&store, move |cx, store| serve(cx, store, address));
    // Not before there are tables, and the run goes on as long as it does.
    let http = http.requires(&tables).label("http").grace(GRACE).critical().awaited();
    let http = graph.add(http);
    graph.add(Job::once_with(&store, sweep).requires(&tables).label("sweep").forever());
    let hello = Job::with(&http, async |address: Arc<SocketAddr>| println!("http://{address}"));
    graph.add(hello.label("hello"));

    let signals = jobgraph::tokio::signals()?;
    let stop = graph.stop_handle();
    let report = signals.around(stop, jobgraph::tokio::run_parallel(graph)).await?;
    println!("{} after {:.1?}\n{report}", report.verdict(), report.elapsed());
    Ok(if report.check_stopped().is_ok() { ExitCode::SUCCESS } else { report.exit_code() })
}

/// Whoever requires it is fed the database. It is closed when all of them have ended.
async fn open(cx: ServiceContext<Database>, file: String) -> Result<(), Error> {
    let store = cx.ready(Database::create(&file)?);
    println!("store {file} is open");
    cx.cancelled().await;
    drop(store);
    println!("store {file} is closed");
    Ok(())
}

async fn make_tables(store: Arc<Database>) -> Result<(), redb::Error> {
    let write = store.begin_write()?;
    write.open_table(NOTES)?;
    Ok(write.commit()?)
}

/// Asked to end, it takes no more requests, and answers those that it has.
async fn serve(
    cx: ServiceContext<SocketAddr>,
    store: Arc<Database>,
    address: SocketAddr,
) -> Result<(), Error> {
    let notes = Router::new().route("/notes/{name}", get(read).post(write)).with_state(store);
    let listener = TcpListener::bind(address).await?;
    cx.ready(listener.local_addr()?);
    let end = Context::clone(&cx);
    let served = axum::serve(listener, notes);
    served.with_graceful_shutdown(async move { end.cancelled().await }).await?;
    println!("http has answered its last request");
    Ok(())
}

/// Each minute, notes without text go.
async fn sweep(cx: Context, store: Arc<Database>) -> Result<(), Error> {
    loop {
        cx.sleep(Duration::from_secs(60)).await;
        let write = store.begin_write()?;
        write.open_table(NOTES)?.retain(|_, text| !text.is_empty())?;
        write.commit()?;
    }
}

type Answer = Result<String, (StatusCode, String)>;

async fn read(State(store): State<Arc<Database>>, Path(name): Path<String>) -> Answer {
    let read = || -> Result<Option<String>, redb::Error> {
        let notes = store.begin_read()?.open_table(NOTES)?;
        Ok(notes.get(&*name)?.map(|text| text.value().to_owned()))
    };
    let found = read().map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    found.ok_or_else(|| (StatusCode::NOT_FOUND, format!("no note {name}\n")))
}

async fn write(
    State(store): State<Arc<Database>>,
    Path(name): Path<String>,
    text: String,
) -> Answer {
    let write = || -> Result<(), redb::Error> {
        let write = store.begin_write()?;
        write.open_table(NOTES)?.insert(&*name, &*text)?;
        Ok(write.commit()?)
    };
    write().map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(format!("{} bytes\n", text.len()))
}
