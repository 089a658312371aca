use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use jobgraph::{Job, Outcome, SendJobGraph, Verdict};

use crate::real::{Mark, Way};
use crate::sshd::Sshd;
use crate::{SECOND, connected, marked};

const WAITS: &str = "(sleep 100; echo) & echo waits; sleep 100; echo";

/// One connection, opened and closed once, and nothing left, however the run ends.
#[test]
fn every_end_closes_the_connection_and_leaves_nothing() {
    let Some(server) = Sshd::start(&[]) else { return };
    let mut connections = 0;
    for way in Way::ALL {
        for end in ["success", "failure", "critical", "stop", "timeout", "panic", "drop"] {
            let mark = Mark::new();
            let mut graph = SendJobGraph::new();
            if end == "timeout" {
                graph = graph.timeout(SECOND);
            }
            let session = connected(&mut graph, &server);
            let stop = graph.stop_handle();
            let (tell, waits) = async_channel::bounded(9);
            let waiting = marked(WAITS, &mark).lines(move |line| {
                if line.text == "waits" {
                    // For the job that ends it, and for whoever drops the run.
                    let _ = (tell.try_send(()), tell.try_send(()));
                }
            });
            let all = ["success", "failure"].contains(&end);
            let waiting = if all { marked("true", &mark) } else { waiting };
            let waiting = graph.add(Job::command_on(&session, waiting));
            if end == "failure" {
                graph.add(Job::command_on(&session, marked("exit 1", &mark)));
            }
            let begun = waits.clone();
            let ends = Job::try_with_context(async move |_| {
                let _ = begun.recv().await;
                match end {
                    "panic" => panic!("oh no"),
                    "critical" => Err("oh no"),
                    "stop" => {
                        stop.stop();
                        Ok(())
                    }
                    _ => pending().await,
                }
            });
            if !all {
                graph.add(ends.critical());
            }
            let drop = async {
                if end == "drop" {
                    let _ = waits.recv().await;
                } else {
                    pending::<()>().await;
                }
            };
            let report = way.run_beside(graph, drop);
            mark.assert_gone();
            connections += 1;
            server.assert_connections(connections);
            let Some(report) = report else { continue };
            let expected = if all { Outcome::Succeeded } else { Outcome::Cancelled };
            assert_eq!(report.outcome(&waiting), Some(expected), "{way:?} {end}\n{report}");
        }
    }
    assert!(server.connections().is_empty());
}

#[test]
fn a_command_that_is_stopped_cleans_up_there() {
    let Some(server) = Sshd::start(&[]) else { return };
    for way in Way::ALL {
        let (mark, begun) = (Mark::new(), Instant::now());
        let mut graph = SendJobGraph::new();
        let session = connected(&mut graph, &server);
        let stop = graph.stop_handle();
        let (tell, heard) = async_channel::unbounded();
        let waiting = Arc::new(AtomicU32::new(0));
        let script = "trap 'sleep 0.5; echo cleaned up; exit 0' TERM; echo waits; while :; do sleep 0.05; done";
        for _ in 0..3 {
            let (tell, stop, waiting) = (tell.clone(), stop.clone(), Arc::clone(&waiting));
            let command = marked(script, &mark).lines(move |line| {
                if line.text == "waits" {
                    if waiting.fetch_add(1, Ordering::SeqCst) == 2 {
                        stop.stop_in_order();
                    }
                } else {
                    tell.try_send(line.text.clone()).unwrap();
                }
            });
            graph.add(Job::command_on(&session, command));
        }
        let report = way.run(graph);
        assert_eq!(report.verdict(), Verdict::Stopped);
        assert!(begun.elapsed() < 10 * SECOND, "{way:?} {:?}", begun.elapsed());
        let said = std::iter::from_fn(|| heard.try_recv().ok()).filter(|line| line != "Terminated");
        assert_eq!(said.collect::<Vec<_>>(), ["cleaned up"; 3], "{way:?}");
        mark.assert_gone();
    }
    server.assert_connections(Way::ALL.len());
}

#[test]
fn what_does_not_heed_is_killed_there_after_the_grace() {
    let Some(server) = Sshd::start(&[]) else { return };
    let (mark, begun) = (Mark::new(), Instant::now());
    let mut graph = SendJobGraph::new();
    let session = connected(&mut graph, &server);
    let script = "trap '' TERM; (while :; do sleep 0.1; done) & while :; do sleep 0.1; done";
    let deaf = marked(script, &mark).grace(SECOND);
    let deaf = graph.add(Job::command_on(&session, deaf).timeout(SECOND));
    let report = Way::SmolInPlace.run(graph);
    assert_eq!(report.error(&deaf).unwrap().to_string(), "timed out");
    assert!(begun.elapsed() < 30 * SECOND, "{:?}", begun.elapsed());
    mark.assert_gone();
}
