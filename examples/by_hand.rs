//! The server of the README without this crate: tokio, channels, and a `JoinSet`. It does about the same, with one store and one server;
//! where it would go wrong if a line were forgotten is marked.
//!
//! `cargo run --example by_hand --features tokio`, then Ctrl-C or SIGTERM
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::timeout;

type Error = Box<dyn std::error::Error + Send + Sync>;

const GRACE: Duration = Duration::from_secs(5);

struct Pool;

async fn store(
    ready: oneshot::Sender<Arc<Pool>>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Error> {
    let _ = ready.send(Arc::new(Pool));
    stop.wait_for(|stop| *stop).await?;
    Ok(())
}

async fn http(
    ready: oneshot::Sender<SocketAddr>,
    mut stop: watch::Receiver<bool>,
    _pool: Arc<Pool>,
) -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    let _ = ready.send(listener.local_addr()?);
    loop {
        tokio::select! {
            stopped = stop.wait_for(|stop| *stop) => return stopped.map(drop).map_err(Into::into),
            accepted = listener.accept() => drop(accepted?),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut tasks = JoinSet::new();
    let (stop_store, store_stops) = watch::channel(false);
    let (store_ready, store_is_ready) = oneshot::channel();
    let store = tasks.spawn(store(store_ready, store_stops)).id();
    // A store that fails drops the sender. One that hangs holds up everything: no timeout, and no Ctrl-C is heard yet.
    let Ok(pool) = store_is_ready.await else { return first_error(&mut tasks).await };

    let (stop_http, http_stops) = watch::channel(false);
    let (http_ready, http_is_ready) = oneshot::channel();
    let server = tasks.spawn(http(http_ready, http_stops, pool)).id();
    let Ok(address) = http_is_ready.await else { return first_error(&mut tasks).await };
    println!("http://{address}");

    // Not only Ctrl-C: also a task that fails or panics, which otherwise nobody would notice until the end.
    let mut terminated = signal(SignalKind::terminate())?;
    let mut result = Ok(());
    let mut ended: Option<Id> = None;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
        Some(task) = tasks.join_next_with_id() => (ended, result) = outcome(task),
    }
    // In reverse order, by hand; each with its grace; what does not end is aborted.
    for (id, stop) in [(server, &stop_http), (store, &stop_store)] {
        if ended == Some(id) {
            continue;
        }
        stop.send_replace(true);
        match timeout(GRACE, tasks.join_next_with_id()).await {
            // This takes the next task that ends for the one that was asked to: with three, it would be wrong.
            Ok(Some(task)) => result = result.and(outcome(task).1),
            Ok(None) => {}
            // And this aborts all.
            Err(_) => tasks.abort_all(),
        }
    }
    result
}

type Ended = Result<(Id, Result<(), Error>), tokio::task::JoinError>;

fn outcome(task: Ended) -> (Option<Id>, Result<(), Error>) {
    match task {
        Ok((id, result)) => (Some(id), result),
        Err(error) => (Some(error.id()), Err(error.into())),
    }
}

async fn first_error(tasks: &mut JoinSet<Result<(), Error>>) -> Result<(), Error> {
    match tasks.join_next_with_id().await {
        Some(task) => outcome(task).1,
        None => Ok(()),
    }
}
