//! The two builds that are compared, and the tree of the old one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::callgrind;

const PACKAGE: &str = "benches/against";
/// What is built in an older tree: today's, so that both are measured in the same way.
const SOURCES: [&str; 6] = [
    "benches/against/Cargo.toml",
    "benches/against/Cargo.lock",
    "benches/against/src/bin/contestant.rs",
    "benches/support/shapes.rs",
    "benches/support/threads.rs",
    "benches/support/work.rs",
];

/// What is measured: how so many jobs of which shape are run.
pub(crate) struct Row {
    pub(crate) way: String,
    pub(crate) shape: &'static str,
    pub(crate) jobs: usize,
    /// For how many ns each computes.
    pub(crate) work: u32,
}

impl Row {
    /// How often old and new are measured in a turn: more often where who meets whom is up to chance.
    pub(crate) fn pairs(&self) -> usize {
        if self.on_threads() { 5 } else { 1 }
    }

    fn on_threads(&self) -> bool {
        self.way.contains('-')
    }

    fn arguments(&self) -> [String; 4] {
        let (jobs, work) = (self.jobs.to_string(), self.work.to_string());
        [self.way.clone(), self.shape.to_owned(), jobs, work]
    }

    /// The ratio of instructions, new to old. On several threads these are not the same each time.
    pub(crate) fn instructions(&self, contestants: &[Contestant; 2]) -> Option<f64> {
        let [old, new] = contestants;
        (!self.on_threads()).then(|| new.count(self) / old.count(self))
    }
}

/// A program that measures the library of one tree.
pub(crate) struct Contestant(PathBuf);

impl Contestant {
    /// Builds it. Its jobs may wait.
    pub(crate) fn build(tree: &Path, waits: bool) -> Self {
        let target = tree.join("target");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--release", "--bin", "contestant", "--manifest-path"]);
        cargo.arg(tree.join(PACKAGE).join("Cargo.toml")).arg("--target-dir").arg(&target);
        if waits {
            cargo.args(["--features", "waits"]);
        }
        output(&mut cargo);
        Self(target.join("release/contestant"))
    }

    /// Nanoseconds a job.
    pub(crate) fn time(&self, row: &Row) -> f64 {
        let printed = output(Command::new(&self.0).args(row.arguments()));
        printed.parse().expect("nanoseconds")
    }

    fn count(&self, row: &Row) -> f64 {
        let [way, shape, jobs, work] = row.arguments();
        let arguments = [&*way, &*shape, &*jobs, &*work, "once"];
        callgrind::count(&self.0, &arguments, "contestant::counted*")
    }
}

pub(crate) fn can_count() -> bool {
    Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_ok()
}

/// This working tree.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).expect("the package is in the tree").to_owned()
}

/// The tree of a commit, with today's contestant in it, and what the commit is called.
pub(crate) fn check_out(revision: &str) -> (PathBuf, String) {
    let commit = format!("{revision}^{{commit}}");
    let hash = git(&["rev-parse", "--verify", "--short=12", &commit]);
    let tree = root().join("target/against").join(&hash);
    if !tree.exists() {
        let path = tree.to_str().expect("a path in UTF-8");
        // By force: `cargo clean` removes a tree without telling git.
        git(&["worktree", "add", "--force", "--detach", path, &hash]);
    }
    for source in SOURCES {
        copy(&root().join(source), &tree.join(source));
    }
    (tree, git(&["show", "--no-patch", "--format=%h (%s)", &hash]))
}

/// Copies a file unless it is there already: Cargo would build it anew.
fn copy(from: &Path, to: &Path) {
    let content = fs::read(from).expect("it is a file of this tree");
    if fs::read(to).is_ok_and(|there| there == content) {
        return;
    }
    fs::create_dir_all(to.parent().expect("it is in a tree")).expect("a directory can be made");
    fs::write(to, content).expect("a file can be written");
}

fn git(arguments: &[&str]) -> String {
    output(Command::new("git").arg("-C").arg(root()).args(arguments))
}

/// What a command prints, if it succeeds.
fn output(command: &mut Command) -> String {
    let output = command.stderr(Stdio::inherit()).output().expect("it can be started");
    assert!(output.status.success(), "{command:?} failed");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}
