//! Two thousand files: each is read, counted and thrown away again, eight at a time from the disk, two at a time on a processor;
//! one is missing, one is moody. Shows its progress, and writes a timeline.
//!
//! `cargo run --example pipeline --features progress`, or with `-- some/folder`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_executor::Executor;
use jobgraph::view::{Detail, History, Progress};
use jobgraph::{Context, Handle, Job, Pool, RunError, SendJobGraph, SendReport};

/// How often each word occurs.
type Words = BTreeMap<String, usize>;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let made = std::env::temp_dir().join(format!("jobgraph-pipeline-{}", std::process::id()));
    let folder = match std::env::args_os().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => write_files(&made)?,
    };
    let mut files =
        fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.sort();
    files.push(folder.join("missing.txt"));

    let mut graph = SendJobGraph::new().timeout(Duration::from_secs(60));
    let (disk, processors) = (graph.pool("disk", 8), graph.pool("processors", 2));
    let counts = files.iter().map(|file| count(&mut graph, file, &disk, &processors)).collect();
    let total = merge(&mut graph, counts);
    let mut facts = graph.facts();
    let progress = Progress::options().detail(Detail::Failures).watch(&mut graph);
    let report = on_two_threads(graph)?;
    drop(progress);

    let (words, missing) = report.result(&total)?;
    let mut most: Vec<_> = words.iter().collect();
    most.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
    println!("{} of {} files, {} different words", files.len() - missing, files.len(), words.len());
    most.iter().take(3).for_each(|(word, times)| println!("{times:>6} {word}"));
    for trouble in report.troubles() {
        println!("{trouble}");
    }
    let history: History = std::iter::from_fn(|| facts.try_next()).collect();
    let timeline = std::env::temp_dir().join("pipeline.html");
    fs::write(&timeline, jobgraph::view::timeline(&history))?;
    println!("wrote {}", timeline.display());
    let _ = fs::remove_dir_all(made);
    Ok(report.exit_code())
}

/// Each job that is under way is a task, of an executor that this thread drives and one more.
fn on_two_threads(graph: SendJobGraph) -> Result<SendReport, RunError> {
    let executor = Arc::new(Executor::new());
    let (done, is_done) = async_channel::bounded::<()>(1);
    std::thread::scope(|scope| {
        scope.spawn(|| async_io::block_on(executor.run(is_done.recv())));
        let run = jobgraph::smol::run_parallel(Arc::clone(&executor), graph);
        let report = async_io::block_on(executor.run(run));
        drop(done);
        report
    })
}

/// Two jobs for a file. The text goes as soon as it is counted.
fn count(graph: &mut SendJobGraph, file: &Path, disk: &Pool, processors: &Pool) -> Handle<Words> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let path = Arc::<Path>::from(file);
    let read = Job::repeat_with_context(move |cx: Context| {
        let path = Arc::clone(&path);
        async move {
            if path.ends_with("note-0007.txt") && cx.attempt().number == 1 {
                return Err(io::Error::other("the disk is moody"));
            }
            fs::read_to_string(&path)
        }
    });
    let read = read.retries(2).backoff(Duration::from_millis(10), Duration::from_millis(100));
    let text = graph.add(read.within(disk).transient().label(format!("read {name}")));
    let words = Job::with(&text, async |text: Arc<String>| {
        let mut words = Words::new();
        for word in text.split_whitespace() {
            *words.entry(word.to_lowercase()).or_default() += 1;
        }
        words
    });
    graph.add(words.within(processors).label(format!("count {name}")))
}

/// One job is fed what all the others have counted, and how many could not.
fn merge(graph: &mut SendJobGraph, counts: Vec<Handle<Words>>) -> Handle<(Words, usize)> {
    let sum = Job::with(jobgraph::settled(counts), async |counts: Vec<Result<Arc<Words>, _>>| {
        let (mut sum, all) = (Words::new(), counts.len());
        let there: Vec<Arc<Words>> = counts.into_iter().filter_map(Result::ok).collect();
        for (word, times) in there.iter().flat_map(|words| words.iter()) {
            *sum.entry(word.clone()).or_default() += times;
        }
        (sum, all - there.len())
    });
    graph.add(sum.label("merge"))
}

fn write_files(folder: &Path) -> io::Result<PathBuf> {
    let words =
        ["fair", "is", "foul", "and", "foul", "is", "fair", "hover", "through", "the", "fog"];
    fs::create_dir_all(folder)?;
    for number in 0..2_000 {
        let text: Vec<_> = (0..200).map(|at| words[(number + at * at) % words.len()]).collect();
        fs::write(folder.join(format!("note-{number:04}.txt")), text.join(" "))?;
    }
    Ok(folder.to_owned())
}
