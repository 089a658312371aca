use std::time::{Duration, Instant};

use jobgraph::process::Command;
use jobgraph::{Job, SendJobGraph};

use crate::real::Way;
use crate::sshd::Sshd;
use crate::{SECOND, connected, to};

/// Twenty commands of 0.1 s, on a server that gives so many sessions.
fn twenty(server: &Sshd, way: Way) -> Duration {
    let mut graph = SendJobGraph::new();
    let session = connected(&mut graph, server);
    for _ in 0..20 {
        graph.add(Job::command_on(&session, Command::sh("sleep 0.1")));
    }
    let begun = Instant::now();
    way.run(graph).check().unwrap();
    begun.elapsed()
}

/// Refusals are waited out, and not for long.
#[test]
fn more_commands_than_sessions_all_succeed() {
    for sessions in [10, 3] {
        let Some(server) = Sshd::start(&[&format!("MaxSessions {sessions}")]) else { return };
        for (count, way) in Way::ALL.into_iter().enumerate() {
            let took = twenty(&server, way);
            assert!(took < 20 * SECOND, "{sessions} {way:?} {took:?}");
            server.assert_connections(count + 1);
        }
    }
}

#[test]
fn a_server_that_gives_no_session_is_told() {
    let Some(server) = Sshd::start(&["MaxSessions 0"]) else { return };
    let mut graph = SendJobGraph::new();
    let session = connected(&mut graph, &server);
    let job = graph.add(Job::command_on(&session, Command::new("true")));
    let report = Way::SmolInPlace.run(graph);
    let error = report.error(&job).unwrap().to_string();
    assert!(error.contains("box") && error.contains("session request failed"), "{error}");
    server.assert_connections(1);
}

/// The server drops some of those that connect at once.
#[test]
fn many_connect_at_once() {
    let Some(server) = Sshd::start(&["MaxStartups 2:50:8"]) else { return };
    let mut graph = SendJobGraph::new();
    for _ in 0..20 {
        let service = to(&server).service().retries(20);
        let session = graph.add(service.backoff(Duration::from_millis(100), SECOND).jitter());
        graph.add(Job::command_on(&session, Command::new("true")));
    }
    let report = Way::TokioThreads.run(graph);
    report.check().unwrap();
    server.assert_connections(20);
}

/// It would wait for a service that waits for it.
#[test]
fn a_command_without_a_session_since_services_have_all_is_told() {
    let Some(server) = Sshd::start(&["MaxSessions 1"]) else { return };
    let mut graph = SendJobGraph::new().timeout(60 * SECOND);
    let session = connected(&mut graph, &server);
    let serves = graph.add(Job::serve_on(&session, Command::sh("sleep 100")));
    let job = graph.add(Job::command_on(&session, Command::new("true")).requires(&serves));
    let report = Way::SmolInPlace.run(graph);
    let error = report.error(&job).unwrap().to_string();
    assert!(
        error.ends_with("each of the sessions that the server gives is one of a service"),
        "{error}"
    );
}
