use std::io::Read as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use jobgraph::process::Command;
use jobgraph::ssh::{ConnectFailed, Ssh};
use jobgraph::{Job, JobError, SendJobGraph};
use rustix::process::Signal;

use crate::real::{Way, eventually, send};
use crate::sshd::Sshd;
use crate::{SECOND, connected, marked, to};

/// Why it cannot be connected to, and after how many attempts that was clear.
fn refused(ssh: Ssh) -> (String, u32, Duration) {
    let mut graph = SendJobGraph::new();
    let service = ssh.service().retries(2).backoff(Duration::from_millis(10), SECOND);
    let session = graph.add(service);
    let job = graph.add(Job::command_on(&session, Command::new("true")));
    let begun = Instant::now();
    let report = Way::SmolInPlace.run(graph);
    assert!(!report.is_done(&job));
    let error = report.error(&session).unwrap().to_string();
    (error, report.job(&session).unwrap().attempts(), begun.elapsed())
}

#[test]
fn a_refusal_names_the_machine_and_the_words_of_ssh() {
    let Some(server) = Sshd::start(&[]) else { return };
    let ssh = |host: &str| Ssh::to(host).config(server.config());
    server.configure("wrong-key", server.port, "other_key", "");
    server.configure(
        "unknown-key",
        server.port,
        "user_key",
        "HostKeyAlias nobody\n StrictHostKeyChecking ask",
    );
    let (error, attempts, _) = refused(ssh("wrong-key"));
    assert_eq!(attempts, 1);
    assert!(
        error.starts_with("cannot connect to wrong-key: ")
            && error.ends_with("Permission denied (publickey)."),
        "{error}"
    );
    let (error, attempts, _) = refused(ssh("unknown-key"));
    assert_eq!(
        (&*error, attempts),
        ("cannot connect to unknown-key: Host key verification failed.", 1)
    );
    let (error, attempts, _) = refused(ssh("no-such-host.invalid"));
    assert!(error.contains("Could not resolve hostname no-such-host.invalid"), "{error}");
    assert_eq!(attempts, if error.contains("Temporary") { 3 } else { 1 });
    let (error, attempts, _) = refused(ssh("box").option("NoSuchOption=1"));
    assert!(error.contains("NoSuchOption") || error.contains("nosuchoption"), "{error}");
    assert_eq!(attempts, 1);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    server.configure("closed", closed, "user_key", "");
    let (error, attempts, _) = refused(ssh("closed"));
    assert!(error.ends_with("Connection refused"), "{error}");
    assert_eq!(attempts, 3, "the machine may be booting");
    assert_eq!(server.accepted(), 0);
}

#[test]
fn a_machine_that_accepts_and_says_nothing() {
    let Some(server) = Sshd::start(&[]) else { return };
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    server.configure("silent", silent.local_addr().unwrap().port(), "user_key", "");
    let accepting = std::thread::spawn(move || {
        let all: Vec<_> = silent.incoming().take(3).map(Result::unwrap).collect();
        for mut one in all {
            let _ = one.read_to_end(&mut Vec::new());
        }
    });
    let ssh = Ssh::to("silent").config(server.config()).option("ConnectTimeout=1");
    let (error, attempts, took) = refused(ssh);
    assert!(error.starts_with("cannot connect to silent: Connection"), "{error}");
    assert!(error.contains("timed out"), "{error}");
    assert_eq!(attempts, 3);
    assert!(took < 30 * SECOND);
    accepting.join().unwrap();
}

#[test]
fn errors_can_be_told_apart() {
    let Some(server) = Sshd::start(&[]) else { return };
    server.configure("wrong-key", server.port, "other_key", "");
    let mut graph = SendJobGraph::new();
    let session = graph.add(Ssh::to("wrong-key").config(server.config()).service());
    let report = Way::SmolInPlace.run({
        graph.add(Job::command_on(&session, Command::new("true")));
        graph
    });
    let Some(JobError::Error(error)) = report.error(&session) else { panic!("{report}") };
    let permanent = error.downcast_ref::<jobgraph::Permanent>().unwrap();
    let failed = permanent.inner().downcast_ref::<ConnectFailed>().unwrap();
    assert_eq!((failed.host(), failed.was_open()), ("wrong-key", false));
    assert!(failed.words().contains("Permission denied"));
}

/// One connection to the gateway, whatever goes through it; closed last.
#[test]
fn a_gateway_is_one_connection_that_is_closed_last() {
    let (Some(gateway), Some(node)) = (Sshd::start(&[]), Sshd::start(&[])) else { return };
    for (count, way) in Way::ALL.into_iter().enumerate() {
        let mut graph = SendJobGraph::new();
        let first = connected(&mut graph, &gateway);
        for _ in 0..3 {
            let through = graph.add(to(&node).via(&first).service());
            for _ in 0..2 {
                let job = Job::command_on(&through, Command::sh("echo \"$SSH_CONNECTION\""));
                graph.add(job);
            }
        }
        let report = way.run(graph);
        report.check().unwrap();
        gateway.assert_connections(count + 1);
        node.assert_connections(3 * (count + 1));
        let ended = |host: usize| report.jobs().nth(host).unwrap().ended();
        for through in [1, 4, 7] {
            assert!(ended(through) <= ended(0), "{report}");
        }
    }
}

#[test]
fn a_lost_connection_is_replaced_behind_the_same_session() {
    let Some(server) = Sshd::start(&[]) else { return };
    for (count, way) in Way::ALL.into_iter().enumerate() {
        let mark = crate::Mark::new();
        let mut graph = SendJobGraph::new();
        let session = graph.add(to(&server).service().retries(3));
        let killing = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        eventually("the one before is closed", 10 * SECOND, || server.connections().is_empty());
        let connections = children_of(&server);
        let jobs = [0, 1].map(|_| {
            let (killing, connections) = (killing.clone(), connections.clone());
            let command = marked("echo waits; sleep 1; echo done", &mark).lines(move |line| {
                if line.text == "waits" && !killing.swap(true, std::sync::atomic::Ordering::SeqCst)
                {
                    connections();
                }
            });
            graph.add(Job::command_on(&session, command).retries(1))
        });
        let report = way.run(graph);
        report.check().unwrap();
        for job in jobs {
            let attempts = report.job(&job).unwrap().attempts();
            assert!(attempts <= 2, "no attempt is wasted on a connection that is gone: {report}");
            assert!(report.result(&job).unwrap().stdout.text().ends_with("done\n"));
        }
        assert_eq!(report.job(&session).unwrap().attempts(), 2);
        mark.assert_gone();
        assert_eq!(server.accepted(), 2 * (count + 1));
    }
}

/// What kills all connections of a server.
fn children_of(server: &Sshd) -> std::sync::Arc<dyn Fn() + Send + Sync> {
    let server = server.id();
    std::sync::Arc::new(move || {
        for pid in crate::sshd::children(server) {
            send(Signal::KILL, pid);
        }
    })
}

/// Without retries, what runs over it fails with the words of the connection, and what has not begun does not wait for ever.
#[test]
fn a_connection_that_is_lost_for_good_is_told() {
    let Some(server) = Sshd::start(&["MaxSessions 1"]) else { return };
    for way in Way::ALL {
        let mut graph = SendJobGraph::new();
        let session = connected(&mut graph, &server);
        let kill = children_of(&server);
        let first = Command::sh("echo waits; sleep 100").lines(move |line| {
            if line.text == "waits" {
                kill();
            }
        });
        let first = graph.add(Job::command_on(&session, first).label("first").priority(1));
        let second = graph.add(Job::command_on(&session, Command::new("true")).label("second"));
        let report = way.run(graph);
        let error = report.error(&first).unwrap().to_string();
        assert!(error.contains("was lost on box"), "{error}");
        let ssh = report.error(&session).unwrap().to_string();
        assert!(ssh.starts_with("lost the connection to box: "), "{ssh}");
        // It may have begun before the first, and have succeeded.
        if let Some(error) = report.error(&second) {
            assert!(error.to_string().contains("lost"), "{error}");
        }
    }
}

/// A server that has stopped answering.
#[test]
fn a_machine_that_is_silent_is_lost() {
    let Some(server) = Sshd::start(&[]) else { return };
    let mut graph = SendJobGraph::new();
    let alive = to(&server).option("ServerAliveInterval=1").option("ServerAliveCountMax=2");
    let session = graph.add(alive.service());
    let id = server.id();
    let command = Command::sh("echo waits; sleep 100").lines(move |line| {
        if line.text == "waits" {
            for pid in crate::sshd::children(id) {
                let of = crate::sshd::children(pid);
                [vec![pid], of].concat().into_iter().for_each(|pid| send(Signal::STOP, pid));
            }
        }
    });
    let job = graph.add(Job::command_on(&session, command));
    let begun = Instant::now();
    let report = Way::SmolInPlace.run(graph);
    let error = report.error(&job).unwrap().to_string();
    assert!(error.contains("was lost on box: Timeout, server"), "{error}");
    assert!(begun.elapsed() < 30 * SECOND, "{:?}", begun.elapsed());
}

/// Its closures outlive a run: that is not what says that nobody will open the connection again.
#[test]
fn a_graph_that_runs_again_is_not_held_up_by_what_was_lost() {
    let Some(server) = Sshd::start(&[]) else { return };
    let mut graph = SendJobGraph::new();
    let session = connected(&mut graph, &server);
    let kill = children_of(&server);
    let lose = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let loses = lose.clone();
    let first = Command::sh("echo waits; sleep 0.3").lines(move |line| {
        if line.text == "waits" && loses.load(std::sync::atomic::Ordering::SeqCst) {
            kill();
        }
    });
    let first = graph.add(Job::command_on(&session, first));
    let second = graph.add(Job::command_on(&session, Command::new("true")).after(&first));
    let mut graph = graph.repeatable().unwrap();
    let clock = jobgraph::smol::SmolClock::new();
    let report = async_io::block_on(graph.run(&clock)).unwrap();
    let error = report.error(&second).unwrap().to_string();
    assert!(error.starts_with("lost the connection to box: "), "{error}");
    lose.store(false, std::sync::atomic::Ordering::SeqCst);
    let report = async_io::block_on(graph.run(&clock)).unwrap();
    report.check().unwrap();
    assert!(report.succeeded(&second));
}

/// What failed at last is told to whoever waited, not what was lost at first.
#[test]
fn whoever_waited_is_told_the_last_words() {
    let Some(server) = Sshd::start(&[]) else { return };
    let mut graph = SendJobGraph::new();
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (config, id) = (server.config(), server.id());
    let service = to(&server).service().retries(2).backoff(SECOND / 2, SECOND / 2);
    let session = graph.add(service);
    let first = Command::sh("echo waits; sleep 100").lines(move |line| {
        if line.text == "waits" {
            let text = std::fs::read_to_string(&config).unwrap();
            let port = text.lines().find(|line| line.contains("Port")).unwrap();
            std::fs::write(&config, text.replace(port, &format!(" Port {nowhere}"))).unwrap();
            for pid in crate::sshd::children(id) {
                send(Signal::KILL, pid);
            }
        }
    });
    let first = graph.add(Job::command_on(&session, first));
    let second = graph.add(Job::command_on(&session, Command::new("true")).after(&first));
    let report = Way::SmolInPlace.run(graph);
    let error = report.error(&second).unwrap().to_string();
    assert!(error.ends_with("Connection refused"), "{error}");
}
