//! A journal: what is restored, what is done again, and what a file can suffer.
#![cfg(all(unix, feature = "journal", feature = "testing", feature = "smol", feature = "tokio"))]

#[path = "support/real.rs"]
mod real;

#[path = "journal/changes.rs"]
mod changes;
#[path = "journal/doubts.rs"]
mod doubts;
#[path = "journal/files.rs"]
mod files;
#[path = "journal/inside.rs"]
mod inside;
#[path = "journal/killed.rs"]
mod killed;
#[path = "journal/origins.rs"]
mod origins;
#[path = "journal/refused.rs"]
mod refused;
#[path = "journal/services.rs"]
mod services;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jobgraph::journal::Journal;
use jobgraph::testing::VirtualClock;
use jobgraph::{SendJobGraph, SendReport};

use crate::real::Folder;

impl Folder {
    fn file(&self) -> PathBuf {
        self.0.join("journal")
    }

    fn resume(&self) -> Journal {
        Journal::resume(self.file()).unwrap()
    }
}

/// Which jobs were done, in order.
#[derive(Clone, Default)]
struct Done(Arc<Mutex<Vec<String>>>);

impl Done {
    fn say(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        let mut done = std::mem::take(&mut *self.0.lock().unwrap());
        done.sort();
        done
    }
}

fn run(graph: SendJobGraph) -> SendReport {
    let clock = VirtualClock::new();
    clock.block_on(jobgraph::run(&clock, graph)).unwrap()
}

/// What a journal had to do with a job.
fn kept(report: &SendReport, label: &str) -> String {
    let job = report.jobs().find(|job| job.label() == Some(label)).unwrap();
    job.kept().map(|kept| kept.to_string()).unwrap_or_default()
}
