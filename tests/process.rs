//! Commands as jobs, in real time: on the four ways to run.
#![cfg(all(unix, feature = "process", feature = "smol", feature = "tokio", feature = "testing"))]

#[path = "support/real.rs"]
mod real;

#[path = "process/ending.rs"]
mod ending;
#[path = "process/leashed.rs"]
mod leashed;
#[path = "process/outcomes.rs"]
mod outcomes;
#[path = "process/output.rs"]
mod output;

use jobgraph::process::Command;
use jobgraph::{Job, SendJobGraph, SendReport};

use crate::real::{MARK, Mark, Way};

/// One command as the only job: what it left, or the text of why not.
fn run(way: Way, command: Command) -> Result<jobgraph::process::Ran, String> {
    let mut graph = SendJobGraph::new();
    let job = graph.add(Job::command(command));
    let report = way.run(graph);
    let ran = report.result(&job).cloned();
    ran.map_err(|_| report.error(&job).map_or_else(|| "cancelled".into(), ToString::to_string))
}

/// Each test in each way, with commands that are on a leash and such that are not.
fn each(test: impl Fn(Way, &dyn Fn(Command) -> Command)) {
    for way in Way::ALL {
        test(way, &|command| command);
        test(way, &|command| command.leashed());
    }
}

fn verdict(report: &SendReport) -> String {
    report.verdict().to_string()
}

/// A script whose processes are known by a mark.
fn marked(script: &str, mark: &Mark) -> Command {
    Command::sh(script).env(MARK, &mark.0)
}
