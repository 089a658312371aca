use std::process::{Child, Stdio};
use std::time::Duration;

use jobgraph::process::Command;
use jobgraph::{Job, SendJobGraph};

use crate::marked;
use crate::real::{Mark, Way, eventually};

const VICTIM: &str = "JOBGRAPH_TEST_VICTIM";

/// Not a test of its own: the program that the next one kills.
#[test]
fn victim() {
    let Ok(mark) = std::env::var(VICTIM) else { return };
    let mut graph = SendJobGraph::new();
    for _ in 0..3 {
        let command = marked("(sleep 100; echo) & sleep 100; echo", &Mark(mark.clone()));
        graph.add(Job::command(command.leashed()));
        graph.add(Job::command(Command::new("sleep").arg("100").env(crate::MARK, &mark).leashed()));
    }
    let _ = Way::SmolInPlace.run(graph);
}

fn victim_of(mark: &Mark) -> Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "leashed::victim", "--nocapture"])
        .env(VICTIM, &mark.0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn nothing_on_a_leash_outlives_this_process() {
    let mark = Mark::new();
    let mut victim = victim_of(&mark);
    let sleeps = || mark.processes().iter().filter(|(_, line)| line.starts_with("sleep")).count();
    eventually("they run", Duration::from_secs(10), || sleeps() == 9);
    victim.kill().unwrap();
    victim.wait().unwrap();
    mark.assert_gone();
}

/// A script longer than an argument may be.
#[test]
fn a_script_may_be_long() {
    let mut graph = SendJobGraph::new();
    let script = format!("{}echo done", ": \"'\\\n\" # a comment\n".repeat(20_000));
    let job = graph.add(Job::command(Command::sh(&script).leashed()));
    let short = graph.add(Job::command(Command::sh(script)));
    let report = Way::SmolInPlace.run(graph);
    assert_eq!(report.result(&job).unwrap().stdout.text(), "done\n");
    let error = report.error(&short).unwrap().to_string();
    assert!(error.contains("Argument list too long"), "{error}");
}
