//! A build tool: tasks from a TOML file, with commands that run only if they must, as many at once as there are processors.
//!
//! `cargo run --example build --features build -- examples/build.toml`; twice, and the second time all is up to date. Its exit code says
//! how it went, Ctrl-C ends it in order.
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use jobgraph::process::Command;
use jobgraph::{Context, Handle, Job, JobGraph};
use serde::Deserialize;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Task {
    run: String,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    inputs: Vec<PathBuf>,
    #[serde(default)]
    outputs: Vec<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    Ran,
    UpToDate,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let file = std::env::args_os().nth(1).map_or("build.toml".into(), PathBuf::from);
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let tasks: BTreeMap<String, Task> = toml::from_str(&text)?;
    let folder = file.parent().unwrap_or(Path::new("."));

    let mut graph = JobGraph::new().window(std::thread::available_parallelism()?.get());
    let mut handles = BTreeMap::new();
    for name in tasks.keys() {
        add(&mut graph, folder, &tasks, &mut handles, &mut vec![name])?;
    }
    let signals = jobgraph::smol::signals()?;
    let stop = graph.stop_handle();
    let report = async_io::block_on(signals.around(stop, jobgraph::smol::run(graph)))?;

    let ran = handles.values().filter(|task| report.output(task) == Some(&Done::Ran)).count();
    println!(
        "{ran} of {} tasks ran, in {:.1?}: {}",
        tasks.len(),
        report.elapsed(),
        report.verdict()
    );
    for trouble in report.troubles() {
        println!("{trouble}");
    }
    for (name, _) in handles.iter().filter(|(_, task)| report.output(task).is_none()) {
        println!("{name} was not done");
    }
    Ok(report.exit_code())
}

/// Adds a task behind those that it needs, each once. `path` is how we got here.
fn add<'a>(
    graph: &mut JobGraph<'_>,
    folder: &Path,
    tasks: &'a BTreeMap<String, Task>,
    handles: &mut BTreeMap<&'a str, Handle<Done>>,
    path: &mut Vec<&'a String>,
) -> Result<Handle<Done>, String> {
    let name = path[path.len() - 1];
    if let Some(handle) = handles.get(&**name) {
        return Ok(*handle);
    }
    let named = || path.iter().map(|name| &***name).collect::<Vec<_>>().join(" -> ");
    let task = tasks.get(name).ok_or_else(|| format!("there is no task `{name}`: {}", named()))?;
    if path[..path.len() - 1].contains(&name) {
        return Err(format!("tasks need each other: {}", named()));
    }
    let mut needs = Vec::new();
    for need in &task.needs {
        path.push(need);
        needs.push(add(graph, folder, tasks, handles, path)?);
        path.pop();
    }
    let (folder, task, label) = (folder.to_owned(), task.clone(), name.clone());
    let job = Job::once_with(needs, move |cx: Context, needs: Vec<Arc<Done>>| async move {
        if !needs.iter().any(|need| **need == Done::Ran) && is_up_to_date(&folder, &task) {
            return Ok(Done::UpToDate);
        }
        println!("{label}: {}", task.run);
        Command::sh(&task.run)
            .dir(folder)
            .lines(move |line| println!("{label}: {line}"))
            .run(&cx)
            .await?;
        jobgraph::ok(Done::Ran)
    });
    let handle = graph.add(job.label(&**name));
    handles.insert(name, handle);
    Ok(handle)
}

/// All of its outputs are there, and none is older than any input.
fn is_up_to_date(folder: &Path, task: &Task) -> bool {
    let time = |file: &PathBuf| fs::metadata(folder.join(file)).and_then(|file| file.modified());
    let times = |files: &[PathBuf]| files.iter().map(time).collect::<Result<Vec<SystemTime>, _>>();
    match (times(&task.inputs), times(&task.outputs)) {
        (Ok(inputs), Ok(outputs)) => {
            inputs.iter().max() <= outputs.iter().min() && !outputs.is_empty()
        }
        _ => false,
    }
}
