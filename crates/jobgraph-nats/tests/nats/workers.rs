//! What becomes of calls when workers, and what lies between, fail.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use jobgraph::SendReport;

use super::*;
use crate::real::eventually;

pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Who did what how often.
fn counted(folder: &Folder) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for effect in effects(folder) {
        *counted.entry(effect).or_default() += 1;
    }
    counted
}

/// So many calls, in a window of 64: all of them have their answers.
pub(crate) fn many(way: Way, nats: Nats, calls: u64, millis: u64) -> SendReport {
    let mut graph = SendJobGraph::new().window(65);
    let engine = graph.add(nats.engine().label("engine"));
    let jobs: Vec<_> =
        (0..calls).map(|number| graph.add(EFFECT.of(&engine, (number, millis)))).collect();
    let report = way.run(graph);
    for (number, job) in jobs.iter().enumerate() {
        assert_eq!(report.result(job).unwrap(), &(number as u64), "{:?}", report.error(job));
    }
    report
}

/// `MANY_CALLS` is how many.
#[test]
fn every_call_has_one_answer_whoever_dies() {
    let (mut server, folder) = (Server::start(), Folder::new());
    let mut workers: Vec<_> = (0..3).map(|_| start_worker(&server, &folder, 16)).collect();
    let calls = std::env::var("MANY_CALLS").map_or(10_000, |calls| calls.parse().unwrap());
    let nats = quick(&server.url());
    let run = std::thread::spawn(move || many(Way::TokioThreads, nats, calls as u64, 1));
    let done = |share: usize| {
        let what = format!("{share} calls are done");
        eventually(&what, Duration::from_secs(60), || effects(&folder).len() >= share);
    };
    done(calls / 10);
    drop(workers.pop());
    done(calls / 3);
    workers[1].signal("-STOP");
    done(calls / 2);
    server.kill();
    std::thread::sleep(ms(500));
    server.go_on();
    let report = run.join().unwrap();
    let counted = counted(&folder);
    let over: usize = counted.values().map(|times| times - 1).sum();
    assert_eq!(counted.len(), calls);
    assert!(over < calls / 5, "{over} executions over one");
    assert!(report.counts().failed == 0);
    assert_eq!(server.messages("jg-done"), 0);
}

#[test]
fn a_call_that_kills_its_workers_fails() {
    let (server, folder) = (Server::start(), Folder::new());
    let url = server.url();
    let run = std::thread::spawn(move || {
        let mut graph = SendJobGraph::new();
        let engine = graph.add(quick(&url).engine());
        let die = graph.add(DIE.of(&engine, ()).retries(3));
        let report = Way::SmolInPlace.run(graph);
        (report.error(&die).unwrap().to_string(), report.job(&die).unwrap().attempts())
    });
    for _ in 0..2 {
        let mut worker = start_worker(&server, &folder, 1);
        assert!(!worker.0.wait().unwrap().success());
    }
    let _survives = start_worker(&server, &folder, 1);
    let (error, attempts) = run.join().unwrap();
    assert_eq!(error, "no worker survived `die.v1`: it was begun 2 times, and never answered");
    assert_eq!(attempts, 1);
    assert_eq!(server.messages("jg-work"), 0);
}

#[test]
fn payloads_may_be_larger_than_messages() {
    let (server, folder) = (Server::start(), Folder::new());
    let _worker = start_worker(&server, &folder, 2);
    let mut graph = SendJobGraph::new();
    let engine = graph.add(quick(&server.url()).engine());
    let text = "x".repeat(3_000_000);
    let twice = graph.add(REPEAT.of(&engine, (text, 2)));
    let length = graph.add(LENGTH.job(&engine, &twice));
    let report = Way::SmolInPlace.run(graph);
    assert_eq!(report.result(&length).unwrap(), &6_000_000);
    // Three objects were there, of three parts and more each; what is left says that they were removed.
    eventually("objects are removed", SOON, || server.messages("OBJ_jg-large") <= 3);
}

#[test]
fn a_call_is_cancelled_where_it_is() {
    let (server, folder) = (Server::start(), Folder::new());
    // Nobody has it yet.
    let mut graph = SendJobGraph::new();
    let engine = graph.add(quick(&server.url()).engine());
    let waits = graph.add(WAIT.of(&engine, ()).timeout(ms(300)).grace(SOON));
    let begun = Instant::now();
    let report = Way::SmolInPlace.run(graph);
    assert_eq!(report.error(&waits).unwrap().to_string(), "timed out");
    assert!(begun.elapsed() < ms(2_000), "{:?}", begun.elapsed());
    assert_eq!(server.messages("jg-work"), 0);
    // A worker has it, and hears.
    let _worker = start_worker(&server, &folder, 2);
    let mut graph = SendJobGraph::new();
    let engine = graph.add(quick(&server.url()).engine());
    let waits = graph.add(WAIT.of(&engine, ()).timeout(ms(1_000)).grace(SOON));
    let report = Way::SmolInPlace.run(graph);
    assert_eq!(report.error(&waits).unwrap().to_string(), "timed out");
    assert_eq!(effects(&folder), ["waits", "cancelled"]);
    // One whose run is dropped, too.
    let mut graph = SendJobGraph::new();
    let engine = graph.add(quick(&server.url()).engine());
    graph.add(WAIT.of(&engine, ()));
    let dropped = async {
        async_io::Timer::after(ms(700)).await;
    };
    assert!(Way::SmolInPlace.run_beside(graph, dropped).is_none());
    eventually("it is cancelled", SOON, || effects(&folder).len() == 4);
    eventually("nothing is left", SOON, || server.messages("jg-work") == 0);
}

#[test]
fn who_is_not_there_is_told() {
    let server = Server::start();
    let mut graph = SendJobGraph::new();
    let engine = graph.add(quick(&server.url()).engine());
    let alone = graph.add(DOUBLE.of(&engine, 1).timeout(ms(4_500)));
    let report = Way::TokioInPlace.run(graph);
    assert_eq!(report.job(&alone).unwrap().note(), Some("no worker is there for `double.v1`"));
}

/// In the same program, with a handler that knows how many there are of it.
#[test]
fn at_most_so_many_are_handled_at_once() {
    let server = Server::start();
    for way in Way::ALL {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let seen = Arc::clone(&most);
        let handlers = Handlers::new().on(DOUBLE, move |cx: CallContext, n: u64| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                cx.sleep(ms(10)).await;
                now.fetch_sub(1, Ordering::SeqCst);
                jobgraph::ok(n * 2)
            }
        });
        let mut graph = SendJobGraph::new();
        graph.add(quick(&server.url()).worker(handlers, 3));
        let engine = graph.add(quick(&server.url()).engine());
        let jobs: Vec<_> = (0..30).map(|n| graph.add(DOUBLE.of(&engine, n))).collect();
        let report = way.run(graph);
        assert_eq!(jobs.iter().map(|job| report.result(job).unwrap()).sum::<u64>(), 870);
        assert_eq!(seen.load(Ordering::SeqCst), 3, "{way:?}");
    }
}

#[test]
fn a_worker_that_is_stopped_ends_what_it_has_begun() {
    let (server, folder) = (Server::start(), Folder::new());
    let mut worker = start_worker(&server, &folder, 1);
    let nats = quick(&server.url());
    let run = std::thread::spawn(move || many(Way::SmolInPlace, nats, 2, 1_200));
    eventually("one is begun", SOON, || effects(&folder).len() == 1);
    worker.signal("-TERM");
    assert!(worker.0.wait().unwrap().success());
    // The other one was not touched.
    assert_eq!(effects(&folder).len(), 1);
    let _other = start_worker(&server, &folder, 1);
    run.join().unwrap().check().unwrap();
    assert_eq!(effects(&folder).len(), 2);
}

#[test]
fn what_a_worker_has_no_time_for_is_given_back() {
    let (server, folder) = (Server::start(), Folder::new());
    let mut graph = SendJobGraph::new().until_stopped();
    let handlers = handlers(&folder.0.join("effects"));
    // Its lease is so long that only giving it back helps.
    let long = || quick(&server.url()).lease(Duration::from_secs(60));
    graph.add(long().worker(handlers.clone(), 1).grace(ms(200)));
    let stop = graph.stop_handle();
    let first = std::thread::spawn(move || drop(Way::TokioThreads.run(graph)));
    let nats = long();
    let run = std::thread::spawn(move || many(Way::SmolInPlace, nats, 1, 2_000));
    eventually("it is begun", SOON, || effects(&folder).len() == 1);
    stop.stop();
    first.join().unwrap();
    let mut graph = SendJobGraph::new().until_stopped();
    graph.add(long().worker(handlers, 1));
    let stop = graph.stop_handle();
    let second = std::thread::spawn(move || drop(Way::TokioInPlace.run(graph)));
    let begun = Instant::now();
    run.join().unwrap().check().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    stop.stop();
    second.join().unwrap();
    assert_eq!(effects(&folder).len(), 2);
}

#[test]
fn two_controllers_do_not_hear_each_other() {
    let (server, folder) = (Server::start(), Folder::new());
    let _worker = start_worker(&server, &folder, 8);
    let runs: Vec<_> = [Way::SmolExecutor, Way::TokioInPlace]
        .into_iter()
        .map(|way| {
            let nats = quick(&server.url());
            std::thread::spawn(move || many(way, nats, 200, 1))
        })
        .collect();
    for run in runs {
        run.join().unwrap().check().unwrap();
    }
    assert!(counted(&folder).values().all(|times| *times == 2));
}

/// A way to the server that can be held up.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    pub(crate) is_held: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (own, is_held) =
            (listener.local_addr().unwrap().port(), Arc::new(AtomicBool::new(false)));
        let held = Arc::clone(&is_held);
        let connections = Arc::<Mutex<Vec<TcpStream>>>::default();
        let opened = Arc::clone(&connections);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                opened.lock().unwrap().push(near.try_clone().unwrap());
                let ways = [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)];
                for (mut from, mut to) in ways {
                    let held = Arc::clone(&held);
                    std::thread::spawn(move || {
                        let mut bytes = vec![0; 65_536];
                        while let Ok(count @ 1..) = from.read(&mut bytes) {
                            while held.load(Ordering::SeqCst) {
                                std::thread::sleep(ms(5));
                            }
                            if to.write_all(&bytes[..count]).is_err() {
                                break;
                            }
                        }
                        let _ = to.shutdown(std::net::Shutdown::Both);
                    });
                }
            }
        });
        Self { port: own, is_held, connections }
    }

    /// Ends all connections that there are.
    pub(crate) fn cut(&self) {
        for connection in self.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(std::net::Shutdown::Both);
        }
    }
}

#[test]
fn a_network_may_be_gone_for_a_while() {
    let (server, folder) = (Server::start(), Folder::new());
    let proxy = Proxy::to(server.port());
    let _worker = start_worker(&server, &folder, 8);
    let url = format!("nats://127.0.0.1:{}", proxy.port);
    let options = jobgraph_nats::async_nats::ConnectOptions::new().ping_interval(ms(500));
    let nats = quick(&url).options(options);
    let run = std::thread::spawn(move || many(Way::TokioThreads, nats, 1_000, 5));
    eventually("some are done", SOON, || effects(&folder).len() > 100);
    proxy.is_held.store(true, Ordering::SeqCst);
    std::thread::sleep(ms(4_000));
    proxy.is_held.store(false, Ordering::SeqCst);
    run.join().unwrap().check().unwrap();
    assert_eq!(counted(&folder).len(), 1_000);
}
