//! An experiment on a cluster over ssh: a gateway loads the nodes, each is given a script, a server runs on the first, all
//! measure against it, the results come back, and the gateway switches the nodes off, whatever happened. Try Ctrl-C.
//!
//! With a server that it starts itself on this machine, where the third node hangs, so that its measurement is given up:
//! `cargo run --example cluster --features "ssh signal progress" -- local`
//!
//! Against hosts of `~/.ssh/config`, the first of which is the gateway:
//! `cargo run --example cluster --features "ssh signal progress" -- gateway node1 node2 node3`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

mod loopback;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jobgraph::process::Command;
use jobgraph::ssh::{Session, Ssh};
use jobgraph::view::{History, Progress};
use jobgraph::{Context, Handle, Job, JobGraph};

const MEASURE: &str = include_str!("measure.sh");

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let local = (arguments == ["local"]).then(loopback::Server::start).transpose()?;
    let [gateway, nodes @ ..] = &arguments[..] else {
        return Err("say `local`, or a gateway and nodes: hosts of ~/.ssh/config".into());
    };
    let config = local.as_ref().map(loopback::Server::config);
    let ssh = |host: &str| match &config {
        Some(config) => Ssh::to(host).config(config),
        None => Ssh::to(host),
    };
    let local_nodes = ["node1", "node2", "node3"].map(String::from);
    let (gateway, nodes) =
        if local.is_some() { ("gateway", &local_nodes[..]) } else { (&**gateway, nodes) };
    let results = std::env::temp_dir().join("jobgraph-cluster");
    std::fs::create_dir_all(&results)?;
    std::fs::write(results.join("measure.sh"), MEASURE)?;

    let mut graph = JobGraph::new();
    let progress = Progress::watch(&mut graph);
    let mut facts = graph.facts();
    build(&mut graph, &ssh, gateway, nodes, &results);

    let stop = graph.stop_handle();
    let signals = jobgraph::smol::signals()?;
    let report = async_io::block_on(signals.around(stop, jobgraph::smol::run(graph)))?;
    drop(progress);
    println!("{report}");
    let history: History = std::iter::from_fn(|| facts.try_next()).collect();
    let timeline = results.join("timeline.html");
    std::fs::write(&timeline, jobgraph::view::timeline(&history))?;
    println!("wrote {}", timeline.display());
    Ok(report.exit_code())
}

fn build(
    graph: &mut JobGraph<'_>,
    ssh: &dyn Fn(&str) -> Ssh,
    gateway: &str,
    nodes: &[String],
    results: &Path,
) {
    let gateway = graph.add(ssh(gateway).service());
    let load = Command::sh("for node; do echo \"loading $node\"; sleep 0.4; done").args(nodes);
    let load = graph.add(Job::command_on(&gateway, load).critical().label("load"));

    let sessions: Vec<Handle<Session>> = nodes
        .iter()
        .map(|node| {
            let through = ssh(node).via(&gateway).service().requires(&load);
            graph.add(through.retries(5).backoff(Duration::from_secs(1), Duration::from_secs(10)))
        })
        .collect();
    let Some(first) = sessions.first() else { return };

    // Ready with the line that says where it listens, which the others are fed.
    let server =
        Command::sh("echo \"serving on port $((4000 + $$ % 1000))\"; while :; do sleep 0.2; done");
    let server = server.ready_when(|line| line.text.starts_with("serving on"));
    let server = graph.add(Job::serve_on(first, server).label("server"));

    let mut done = Vec::new();
    for (node, session) in nodes.iter().zip(&sessions) {
        let folder = format!("/tmp/jobgraph-cluster-{node}");
        let make = Command::new("mkdir").args(["-p", &folder]);
        let make = graph.add(Job::command_on(session, make).label(format!("{node}: folder")));
        let (script, to) = (results.join("measure.sh"), format!("{folder}/measure.sh"));
        let push = Job::push(session, script, to).requires(&make);
        let push = graph.add(push.label(format!("{node}: push")));
        let (name, within) = (node.clone(), folder.clone());
        let measure = Job::repeat_with(
            (session, &server),
            move |cx: Context, session: Arc<Session>, server: Arc<jobgraph::process::Line>| {
                measure(cx, session, name.clone(), within.clone(), server.text.clone())
            },
        );
        let measure = measure.requires(&push).label(format!("{node}: measure"));
        let measure =
            graph.add(measure.timeout(Duration::from_secs(4)).grace(Duration::from_secs(5)));
        let pull = Job::pull(session, format!("{folder}/result.csv"), result_of(results, node));
        done.push(graph.add(pull.requires(&measure).label(format!("{node}: pull"))));
    }
    let off = Command::sh("for node; do echo \"$node is off\"; done").args(nodes);
    let off = Job::command_on(&gateway, off).label("off");
    graph.add(done.iter().fold(off, Job::after));
}

fn result_of(results: &Path, node: &str) -> PathBuf {
    results.join(format!("{node}.csv"))
}

async fn measure(
    cx: Context,
    session: Arc<Session>,
    node: String,
    folder: String,
    server: String,
) -> Result<(), jobgraph::Error> {
    let says = cx.clone();
    let script = Command::sh("sh measure.sh \"$@\" > result.csv").dir(folder).args([server, node]);
    // What it writes to its standard error is how far it is.
    let script = script.lines(move |line| {
        if line.text.starts_with("round") {
            says.note(&*line.text);
        }
    });
    session.run(&cx, script).await?;
    cx.note("measured");
    Ok(())
}
