//! What could be lost, or taken for something else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use jobgraph::journal::Journal;
use jobgraph::{Context, SendReport};

use super::*;
use crate::real::eventually;
use crate::workers::{Proxy, SOON, many, ms};

/// With a cancelled call the server once forgot the others of its task.
#[test]
fn a_call_that_is_cancelled_takes_no_other_with_it() {
    let (server, folder) = (Server::start(), Folder::new());
    let mut graph = SendJobGraph::new();
    let engine = graph.add(quick(&server.url()).engine());
    let call = |number| EFFECT.of(&engine, (number, 0));
    let gone = graph.add(call(0).timeout(ms(300)));
    let jobs: Vec<_> = (1..8).map(|number| graph.add(call(number).timeout(SOON))).collect();
    let run = std::thread::spawn(move || Way::SmolInPlace.run(graph));
    eventually("one is cancelled", SOON, || server.messages("jg-work") == 7);
    let _worker = start_worker(&server, &folder, 2);
    let report = run.join().unwrap();
    assert_eq!(report.error(&gone).unwrap().to_string(), "timed out");
    assert!(jobs.iter().all(|job| report.succeeded(job)), "{report}");
}

#[test]
fn a_server_may_be_away_longer_than_patience() {
    let (mut server, folder) = (Server::start(), Folder::new());
    let nats = |url: String| Nats::at(url).lease(ms(1_000)).patience(ms(1_500));
    let mut graph = SendJobGraph::new().until_stopped();
    graph.add(nats(server.url()).worker(handlers(&folder.0.join("effects")), 4));
    let stop = graph.stop_handle();
    let worker = std::thread::spawn(move || drop(Way::TokioThreads.run(graph)));
    let engine = nats(server.url());
    let run = std::thread::spawn(move || many(Way::SmolInPlace, engine, 20, 400));
    eventually("some are begun", SOON, || effects(&folder).len() >= 4);
    server.kill();
    std::thread::sleep(ms(4_000));
    server.go_on();
    run.join().unwrap().check().unwrap();
    stop.stop();
    worker.join().unwrap();
}

/// A worker without a free hand gives back what comes to it. That is no loss of a worker.
#[test]
fn what_was_never_begun_kills_nobody() {
    let (server, folder) = (Server::start(), Folder::new());
    let _workers: Vec<_> = (0..4).map(|_| start_worker(&server, &folder, 1)).collect();
    let mut graph = SendJobGraph::new();
    let engine = graph.add(quick(&server.url()).engine());
    let long = (0..4).map(|number| EFFECT.of(&engine, (number, 2_500)));
    let long: Vec<_> = long.map(|job| graph.add(job)).collect();
    let short: Vec<_> = (0..4).map(|number| graph.add(DOUBLE.of(&engine, number))).collect();
    let report = Way::SmolInPlace.run(graph);
    assert!(long.iter().all(|job| report.succeeded(job)), "{report}");
    assert!(short.iter().all(|job| report.succeeded(job)), "{report}");
}

#[test]
fn two_calls_of_a_durable_job_are_two() {
    let (server, folder) = (Server::start(), Folder::new());
    let _worker = start_worker(&server, &folder, 2);
    let runs = Arc::new(AtomicU32::new(0));
    for round in 0..2 {
        let journal = Journal::resume(folder.0.join("journal")).unwrap();
        let mut graph = SendJobGraph::new().journal(journal);
        let engine = graph.add(quick(&server.url()).engine());
        // One that is not durable has nothing to do with it.
        graph.add(DOUBLE.of(&engine, 3));
        let runs = Arc::clone(&runs);
        let both = Job::repeat_with(&engine, move |cx: Context, engine: Arc<Engine>| {
            let runs = Arc::clone(&runs);
            async move {
                let one = EFFECT.call(&cx, &engine, &(1, 0)).await?;
                let two = EFFECT.call(&cx, &engine, &(100, 0)).await?;
                if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                    return Err("killed in between".into());
                }
                jobgraph::ok((one, two))
            }
        });
        let both = graph.add(both.durable("both"));
        let report = Way::TokioInPlace.run(graph);
        assert_eq!(report.output(&both).copied(), (round == 1).then_some((1, 100)));
    }
    // The answers of the first run were there.
    assert_eq!(effects(&folder), ["1", "100"]);
}

#[test]
fn a_worker_does_not_begin_what_it_has() {
    let (server, folder) = (Server::start(), Folder::new());
    let proxy = Proxy::to(server.port());
    let url = format!("nats://127.0.0.1:{}", proxy.port);
    let mut graph = SendJobGraph::new().until_stopped();
    graph.add(quick(&url).worker(handlers(&folder.0.join("effects")), 2).critical());
    let stop = graph.stop_handle();
    let worker = std::thread::spawn(move || drop(Way::TokioThreads.run(graph)));
    let nats = quick(&server.url());
    let run = std::thread::spawn(move || many(Way::SmolInPlace, nats, 1, 5_000));
    eventually("it is begun", SOON, || effects(&folder).len() == 1);
    // Longer than its lease.
    proxy.is_held.store(true, Ordering::SeqCst);
    std::thread::sleep(ms(2_500));
    proxy.is_held.store(false, Ordering::SeqCst);
    run.join().unwrap().check().unwrap();
    assert_eq!(effects(&folder).len(), 1);
    stop.stop();
    worker.join().unwrap();
}

#[test]
fn a_worker_that_ends_swallows_nothing() {
    let (server, folder) = (Server::start(), Folder::new());
    let long = |url: String| Nats::at(url).lease(Duration::from_secs(30));
    let mut workers = Vec::new();
    for _ in 0..2 {
        let mut graph = SendJobGraph::new().until_stopped();
        graph.add(long(server.url()).worker(handlers(&folder.0.join("effects")), 1).critical());
        let stop = graph.stop_handle();
        workers.push((stop, std::thread::spawn(move || drop(Way::TokioThreads.run(graph)))));
    }
    let nats = long(server.url());
    let run = std::thread::spawn(move || many(Way::SmolInPlace, nats, 200, 5));
    eventually("some are done", SOON, || effects(&folder).len() >= 30);
    let (stop, worker) = workers.remove(0);
    stop.stop();
    let begun = Instant::now();
    worker.join().unwrap();
    run.join().unwrap().check().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let (stop, worker) = workers.remove(0);
    stop.stop();
    worker.join().unwrap();
}

#[test]
fn a_stop_does_not_wait_for_a_server_that_is_away() {
    let mut server = Server::start();
    let mut graph = SendJobGraph::new();
    let engine = graph.add(quick(&server.url()).engine());
    let calls: Vec<_> = (0..50).map(|number| graph.add(DOUBLE.of(&engine, number))).collect();
    let stop = graph.stop_handle();
    let run = std::thread::spawn(move || Way::TokioThreads.run(graph));
    eventually("they wait", SOON, || server.messages("jg-work") == 50);
    server.kill();
    let begun = Instant::now();
    stop.stop();
    let report: SendReport = run.join().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(calls.iter().all(|call| !report.succeeded(call)));
}

/// With a handler that does not listen, on a worker that has no time.
#[test]
fn a_worker_that_gives_up_what_is_cancelled_says_so() {
    let (server, folder) = (Server::start(), Folder::new());
    let mut graph = SendJobGraph::new().until_stopped();
    let worker = quick(&server.url()).worker(handlers(&folder.0.join("effects")), 1);
    graph.add(worker.grace(ms(200)));
    let stop = graph.stop_handle();
    let worker = std::thread::spawn(move || drop(Way::TokioThreads.run(graph)));
    let mut graph = SendJobGraph::new();
    let engine = graph.add(quick(&server.url()).engine());
    let deaf = graph.add(EFFECT.of(&engine, (1, 60_000)).timeout(ms(1_000)).unlimited_grace());
    let run = std::thread::spawn(move || Way::SmolInPlace.run(graph));
    eventually("it is begun", SOON, || effects(&folder).len() == 1);
    std::thread::sleep(ms(1_200));
    stop.stop();
    worker.join().unwrap();
    assert_eq!(run.join().unwrap().error(&deaf).unwrap().to_string(), "timed out");
}

#[test]
fn passwords_may_have_any_letters_and_are_not_told() {
    let server =
        Server::with(r#"authorization { users = [ { user: a, password: "p@s/s" } ] }"#, true);
    let url = server.url().replace("nats://", "nats://a:p%40s%2Fs@");
    let mut graph = SendJobGraph::new();
    let engine = graph.add(quick(&url).engine());
    graph.add(Job::new(async {}).requires(&engine));
    Way::SmolInPlace.run(graph).check().unwrap();
    let mut graph = SendJobGraph::new();
    let engine = graph.add(quick("nats://user:sec,ret@127.0.0.1:9").engine());
    graph.add(Job::new(async {}).requires(&engine));
    let report = Way::SmolInPlace.run(graph);
    let told = report.error(&engine).unwrap().to_string();
    assert!(!told.contains("sec") && !told.contains("ret@"), "{told}");
}

/// Workers that are older than their patience have to hear of a controller before they see its calls.
#[test]
fn a_controller_may_come_late() {
    let (server, folder) = (Server::start(), Folder::new());
    let mut graph = SendJobGraph::new().until_stopped();
    let nats = || Nats::at(server.url()).patience(ms(600));
    graph.add(nats().worker(handlers(&folder.0.join("effects")), 4));
    let stop = graph.stop_handle();
    let worker = std::thread::spawn(move || drop(Way::TokioThreads.run(graph)));
    std::thread::sleep(ms(1_500));
    for _ in 0..20 {
        many(Way::SmolInPlace, nats(), 8, 0).check().unwrap();
    }
    stop.stop();
    worker.join().unwrap();
}
