use std::fs;
use std::sync::Arc;

use jobgraph::journal::{Journal, Sync};
use jobgraph::{Job, SendJobGraph};

use crate::{Done, Folder, run};

/// A chain of so many, the output of each being the sum of the numbers so far.
fn chain(journal: Journal, jobs: u32, done: &Done) {
    let mut graph = SendJobGraph::new().journal(journal);
    let mut before = graph.add(Job::new(async { 0_u32 }).durable("0"));
    for number in 1..jobs {
        let done = done.clone();
        let next = Job::with(&before, move |sum: Arc<u32>| async move {
            done.say(number.to_string());
            *sum + number
        });
        before = graph.add(next.durable(number.to_string()));
    }
    let report = run(graph);
    assert_eq!(report.result(&before).unwrap(), &(jobs * (jobs - 1) / 2));
}

/// Whatever a file has suffered, it opens, gives no wrong output, and can be appended to.
fn survives(folder: &Folder, bytes: &[u8], lost_at_most: usize) {
    fs::write(folder.file(), bytes).unwrap();
    let done = Done::default();
    chain(folder.resume(), 20, &done);
    let again = done.take().len();
    // What follows in the chain is as it was, so that only what was lost is done.
    assert!(again <= lost_at_most, "{again} of {}", bytes.len());
    chain(folder.resume(), 20, &done);
    assert_eq!(done.take(), [""; 0]);
}

#[test]
fn a_file_may_be_cut_off_anywhere() {
    let (folder, done) = (Folder::new(), Done::default());
    chain(folder.resume(), 20, &done);
    let whole = fs::read(folder.file()).unwrap();
    for length in 0..whole.len() {
        survives(&folder, &whole[..length], 19);
    }
}

#[test]
fn any_bit_of_a_file_may_flip() {
    let (folder, done) = (Folder::new(), Done::default());
    chain(folder.resume(), 20, &done);
    let whole = fs::read(folder.file()).unwrap();
    // All of them take a while: `ALL_BITS=1`.
    let bits = if std::env::var_os("ALL_BITS").is_some() { 8 } else { 1 };
    for (at, bit) in (0..whole.len()).flat_map(|at| (0..bits).map(move |bit| (at, (at + bit) % 8)))
    {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << bit;
        survives(&folder, &flipped, 2);
    }
}

#[test]
fn damage_is_counted() {
    let (folder, done) = (Folder::new(), Done::default());
    chain(folder.resume(), 3, &done);
    let mut bytes = fs::read(folder.file()).unwrap();
    bytes.extend(b"0123456789abcdef {\"k\":\"0\"}\nnonsense\n\xff");
    fs::write(folder.file(), bytes).unwrap();
    assert_eq!(folder.resume().damaged(), 3);
}

#[test]
fn one_at_a_time_has_it() {
    let folder = Folder::new();
    let first = folder.resume();
    let error = folder.resume_again().unwrap_err();
    assert!(error.is_taken());
    let text = format!(
        "the journal {} is that of a run that goes on: one at a time can have it",
        folder.file().display()
    );
    assert_eq!(error.to_string(), text);
    drop(first);
    let id = folder.resume().run_id().to_owned();
    assert_eq!(folder.resume().run_id(), id);
    let error = Journal::create(folder.file()).unwrap_err().to_string();
    assert!(error.ends_with("exists: use `Journal::resume` to go on with it"), "{error}");
}

impl Folder {
    fn resume_again(&self) -> Result<Journal, jobgraph::journal::JournalError> {
        Journal::resume(self.file())
    }
}

/// A record that lacks something hides none, and a later format is told wherever it stands.
#[test]
fn what_is_written_by_others_is_told() {
    use xxhash_rust::xxh3::xxh3_64;
    let line = |json: &str| format!("{:016x} {json}\n", xxh3_64(json.as_bytes()));
    let (folder, done) = (Folder::new(), Done::default());
    chain(folder.resume(), 3, &done);
    done.take();
    let whole = fs::read_to_string(folder.file()).unwrap();
    fs::write(folder.file(), whole.clone() + &line("{\"k\":\"1\"}")).unwrap();
    assert_eq!(folder.resume().damaged(), 1);
    chain(folder.resume(), 3, &done);
    assert_eq!(done.take(), [""; 0]);
    let later = line("{\"jobgraph\":2,\"run\":\"x\"}");
    for text in [later.clone() + &whole, whole + &later] {
        fs::write(folder.file(), text).unwrap();
        let error = folder.resume_again().unwrap_err().to_string();
        assert!(error.ends_with("is of format 2, which a later version has written"), "{error}");
    }
    assert!(
        Journal::resume("/dev/null")
            .unwrap_err()
            .to_string()
            .ends_with("is no journal: name another file")
    );
}

/// Somebody's own file is not to be written to.
#[test]
fn what_is_no_journal_is_left_alone() {
    let folder = Folder::new();
    for text in ["[package]\nname = \"mine\"\n", "0123456789abcdef is no journal", "\n", "{}"] {
        fs::write(folder.file(), text).unwrap();
        let error = folder.resume_again().unwrap_err().to_string();
        assert!(error.ends_with("is no journal: name another file"), "{error}");
        assert_eq!(fs::read_to_string(folder.file()).unwrap(), text);
    }
}

#[test]
fn what_is_on_the_disk_counts() {
    let (folder, done) = (Folder::new(), Done::default());
    chain(folder.resume().sync(Sync::Power).unwrap(), 10, &done);
    assert_eq!(done.take().len(), 9);
    let mut graph = SendJobGraph::new().journal(folder.resume().sync(Sync::Power).unwrap());
    for number in 0..100 {
        graph.add(Job::new(async move { number }).durable(format!("n{number}")));
    }
    crate::real::Way::TokioThreads.run(graph).check().unwrap();
    chain(folder.resume(), 10, &done);
    assert_eq!(done.take(), [""; 0]);
}

#[test]
fn a_file_of_one_damaged_line_opens() {
    let folder = Folder::new();
    drop(folder.resume());
    let mut bytes = fs::read(folder.file()).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(folder.file(), bytes).unwrap();
    Journal::resume(folder.file()).unwrap();
}
