#![no_main]

use std::cell::Cell;
use std::fs;
use std::sync::Arc;

use jobgraph::journal::Journal;
use jobgraph::testing::VirtualClock;
use jobgraph::{Job, JobGraph};

/// What two jobs leave behind with what is in this file, and how many of them were done.
fn run(journal: Journal) -> (String, u32) {
    let (clock, done) = (VirtualClock::new(), Cell::new(0));
    let mut graph = JobGraph::new().journal(journal);
    let note = || done.set(done.get() + 1);
    let page = graph.add(
        Job::new(async {
            note();
            String::from("to be or not")
        })
        .durable("page"),
    );
    let words = Job::with(&page, |page: Arc<String>| async move {
        note();
        page.split(' ').count()
    });
    let words = graph.add(words.durable("words").version(2));
    let report = clock.block_on(jobgraph::run(&clock, graph)).unwrap();
    (format!("{} {}", report.result(&page).unwrap(), report.result(&words).unwrap()), done.get())
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("jobgraph-fuzz-{}", std::process::id()));
    fs::write(&path, bytes).unwrap();
    // Whatever is in the file: it opens, or is refused and let alone.
    if let Ok(journal) = Journal::resume(&path) {
        assert_eq!(run(journal).0, "to be or not 4");
        let again = run(Journal::resume(&path).unwrap());
        assert_eq!(again, ("to be or not 4".into(), 0));
    } else {
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
});
