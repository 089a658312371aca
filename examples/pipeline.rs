//! Typed data flow over real files: find them, read each with retries, count, and merge.
//!
//! `cargo run --example pipeline`, or `cargo run --example pipeline -- some/folder`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jobgraph::{Handle, Job, JobGraph};

/// How often each word occurs.
type Words = BTreeMap<String, usize>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args()
        .nth(1)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../src"), PathBuf::from);
    let files = rust_files(&folder)?;

    // At most four files at a time, and all of it within ten seconds.
    let mut graph = JobGraph::new().window(4).timeout(Duration::from_secs(10));
    let counts: Vec<Handle<Words>> = files.iter().map(|file| count(&mut graph, file)).collect();
    let total = merge(&mut graph, &counts);
    let lost =
        graph.add(Job::try_new(async { fs::read_to_string("no/such/file") }).label("no such file"));
    graph.add(Job::with(&lost, |text| async move { text.len() }).label("never"));
    let report = jobgraph::smol::block_on(graph)?;

    println!("{} in {:.1?}", report.verdict(), report.elapsed());
    for failure in report.failures() {
        println!(
            "failed: {}: {}",
            failure.label().unwrap_or_default(),
            failure.error().ok_or("no error")?
        );
    }
    let words = report.output(&total).ok_or("the merge did not succeed")?;
    let mut most: Vec<_> = words.iter().collect();
    most.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    println!("{} files, {} different words; the most frequent:", files.len(), words.len());
    for (word, count) in most.into_iter().take(5) {
        println!("{count:>6} {word}");
    }
    Ok(())
}

/// Two jobs for a file: one reads it, up to three times if the disk is moody, one counts its words.
fn count<'a>(graph: &mut JobGraph<'a>, file: &'a Path) -> Handle<Words> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let read = graph.add(
        Job::repeat(move || async move { fs::read_to_string(file) })
            .retries(2)
            .backoff(Duration::from_millis(10), Duration::from_millis(100))
            .label(format!("read {name}")),
    );
    let words = Job::with(&read, |text| async move {
        let mut words = Words::new();
        for word in text.split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 3) {
            *words.entry(word.to_lowercase()).or_default() += 1;
        }
        words
    });
    graph.add(words.label(format!("count {name}")))
}

/// One job is fed the outputs of all the others.
fn merge(graph: &mut JobGraph<'_>, counts: &[Handle<Words>]) -> Handle<Words> {
    let sum = Job::with(counts, |counts| async move {
        let mut sum = Words::new();
        for (word, count) in counts.iter().flat_map(|words| words.iter()) {
            *sum.entry(word.clone()).or_default() += count;
        }
        sum
    });
    graph.add(sum.label("merge"))
}

fn rust_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = vec![];
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
