//! The committed corpora of the fuzz targets, replayed without a fuzzer.
#![cfg(feature = "testing")]

use std::fs;
use std::path::Path;

use jobgraph::testing::reference::driver;
use jobgraph::testing::reference::model::{Focus, check_focused};

fn replay(target: &str, check: impl Fn(&[u8]) -> Result<(), String>) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in fs::read_dir(&corpus).expect("the corpus is there") {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        if let Err(what) = check(&bytes) {
            panic!("{}: {what}", path.display());
        }
        inputs += 1;
    }
    assert!(inputs > 0, "{} is empty", corpus.display());
}

#[test]
fn events() {
    replay("events", |bytes| check_focused(Focus::Everything, bytes).map(drop));
}

#[test]
fn dag() {
    replay("dag", |bytes| check_focused(Focus::Shapes, bytes).map(drop));
}

#[test]
fn time() {
    replay("time", |bytes| check_focused(Focus::Time, bytes).map(drop));
}

#[test]
fn the_drivers() {
    replay("driver", driver::check);
}
