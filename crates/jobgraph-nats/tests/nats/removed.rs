//! What somebody removes from the server while it is in use.

use std::sync::atomic::Ordering;

use futures_util::TryStreamExt as _;
use jobgraph_nats::async_nats::jetstream;

use super::*;
use crate::real::eventually;
use crate::workers::{Proxy, SOON, many};

/// Calls that some workers have, and more that wait; something is removed; all have their answers.
fn survives(remove: impl AsyncFn(&jetstream::Context)) {
    let (server, folder) = (Server::start(), Folder::new());
    let _worker = start_worker(&server, &folder, 4);
    let nats = quick(&server.url());
    let run = std::thread::spawn(move || many(Way::SmolInPlace, nats, 12, 1_000));
    eventually("some are begun", SOON, || effects(&folder).len() == 4);
    server.ask(remove);
    run.join().unwrap().check().unwrap();
    // And it goes on.
    many(Way::TokioThreads, quick(&server.url()), 20, 1).check().unwrap();
}

#[test]
fn the_answers() {
    survives(async |jetstream| assert!(jetstream.delete_stream("jg-done").await.is_ok()));
}

#[test]
fn both() {
    survives(async |jetstream| {
        jetstream.delete_stream("jg-done").await.unwrap();
        jetstream.delete_stream("jg-work").await.unwrap();
    });
}

#[test]
fn whoever_takes_them() {
    survives(async |jetstream| {
        for stream in ["jg-work", "jg-done"] {
            let stream = jetstream.get_stream(stream).await.unwrap();
            let names: Vec<_> =
                futures_util::TryStreamExt::try_collect(stream.consumer_names()).await.unwrap();
            assert!(!names.is_empty());
            for name in names {
                stream.delete_consumer(&name).await.unwrap();
            }
        }
    });
}

/// The server comes back, and knows nothing of consumers: to questions for them it says nothing.
#[test]
fn what_the_server_knew() {
    let (mut server, folder) = (Server::start(), Folder::new());
    let _worker = start_worker(&server, &folder, 4);
    let nats = quick(&server.url());
    let run = std::thread::spawn(move || many(Way::SmolInPlace, nats, 12, 1_000));
    eventually("some are begun", SOON, || effects(&folder).len() == 4);
    server.kill();
    for stream in ["jg-work", "jg-done"] {
        let kept = format!("streams/jetstream/$G/streams/{stream}/obs");
        std::fs::remove_dir_all(server.folder.0.join(kept)).unwrap();
    }
    server.go_on();
    run.join().unwrap().check().unwrap();
}

/// The one who hears of answers is removed while nobody is connected who could be told.
#[test]
fn behind_its_back() {
    let (server, folder) = (Server::start(), Folder::new());
    let _worker = start_worker(&server, &folder, 4);
    let proxy = Proxy::to(server.port());
    let nats = quick(&format!("nats://127.0.0.1:{}", proxy.port));
    let run = std::thread::spawn(move || many(Way::SmolInPlace, nats, 12, 1_000));
    eventually("some are begun", SOON, || effects(&folder).len() == 4);
    proxy.is_held.store(true, Ordering::SeqCst);
    proxy.cut();
    server.ask(async |jetstream| {
        let done = jetstream.get_stream("jg-done").await.unwrap();
        let names: Vec<_> = done.consumer_names().try_collect().await.unwrap();
        done.delete_consumer(&names[0]).await.unwrap();
    });
    proxy.is_held.store(false, Ordering::SeqCst);
    run.join().unwrap().check().unwrap();
}
