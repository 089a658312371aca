//! Tests in processes of their own, so that a hang and an abort have a name.
//!
//! The test binary executes itself, for one test and one case of it. A process that does not end in time
//! is killed.

use std::any::type_name;
use std::env;
use std::fmt::{self, Debug, Write};
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a process may take. What a test does takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Which case a process is to test.
const CASE: &str = "JOBGRAPH_FAULTS_CASE";

/// How many processes there are at a time.
const AT_ONCE: usize = 8;

/// The status with which a test binary ends if a test failed.
const FAILED: i32 = 101;

/// How many lines of what a process wrote are shown.
const LINES: usize = 30;

enum End {
    Passed,
    Failed(String),
    Hung(String),
    Aborted(ExitStatus, String),
}

/// Does this in a process of its own: to be called by a test, directly.
#[track_caller]
pub(crate) fn alone<F: FnOnce()>(test: F) {
    run_each(name::<F>(), &["alone"], |_| test());
}

/// Does this for each of these cases, each in a process of its own: to be called by a test, directly.
#[track_caller]
pub(crate) fn alone_each<C: Copy + Debug, F: FnOnce(C)>(cases: &[C], test: F) {
    run_each(name::<F>(), cases, test);
}

/// All pairs of these.
pub(crate) fn pairs<A: Copy, B: Copy>(some: &[A], others: &[B]) -> Vec<(A, B)> {
    some.iter().flat_map(|&one| others.iter().map(move |&other| (one, other))).collect()
}

/// The test that made this closure, as the test binary calls it.
fn name<F>() -> &'static str {
    let path = type_name::<F>();
    let path = path.split_once("::").expect("a crate").1;
    path.split("::{{closure}}").next().unwrap_or(path)
}

#[track_caller]
fn run_each<C: Copy + Debug>(test: &str, cases: &[C], run: impl FnOnce(C)) {
    if let Ok(case) = env::var(CASE) {
        return run(cases[case.parse::<usize>().expect("the number of a case")]);
    }
    let (mut wrong, mut texts) = (Vec::new(), String::new());
    for (chunk, cases) in cases.chunks(AT_ONCE).enumerate() {
        let processes: Vec<_> =
            (0..cases.len()).map(|case| Process::spawn(test, chunk * AT_ONCE + case)).collect();
        for (case, process) in cases.iter().zip(processes) {
            let end = process.end(PATIENCE);
            if !matches!(end, End::Passed) {
                wrong.push(format!("{case:?} {end}"));
                writeln!(texts, "{case:?} {end}: {}", end.last_words()).expect("a text");
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{texts}", wrong.join(", "));
}

struct Process {
    child: Child,
    output: Receiver<String>,
    begun: Instant,
}

impl Process {
    fn spawn(test: &str, case: usize) -> Self {
        let mut child = Command::new(env::current_exe().expect("a test binary"))
            .args([test, "--exact", "--nocapture"])
            .env(CASE, case.to_string())
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the test binary runs again");
        let (sender, output) = channel();
        let [to_stdout, to_stderr] = [sender.clone(), sender];
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        thread::spawn(move || to_stdout.send(read(stdout)));
        thread::spawn(move || to_stderr.send(read(stderr)));
        Self { child, output, begun: Instant::now() }
    }

    fn end(mut self, patience: Duration) -> End {
        let mut text = String::new();
        for _ in 0..2 {
            // Each ends with the process.
            let left = patience.saturating_sub(self.begun.elapsed());
            let Ok(part) = self.output.recv_timeout(left) else {
                self.child.kill().expect("it is killed");
                self.child.wait().expect("it was killed");
                text.extend(self.output.iter());
                return End::Hung(text);
            };
            text.push_str(&part);
        }
        let status = self.child.wait().expect("it has ended");
        match status.code() {
            Some(0) if text.contains("running 1 test") => End::Passed,
            Some(0) => End::Failed(format!("no such test: {text}")),
            Some(FAILED) => End::Failed(text),
            _ => End::Aborted(status, text),
        }
    }
}

fn read(from: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    // What was read before an error will do.
    let _ = from.expect("it is piped").read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

impl End {
    /// The last lines of what the process wrote.
    fn last_words(&self) -> String {
        let (Self::Failed(text) | Self::Hung(text) | Self::Aborted(_, text)) = self else {
            return String::new();
        };
        let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Failed(_) => f.write_str("failed"),
            Self::Hung(_) => f.write_str("hung"),
            Self::Aborted(status, _) => write!(f, "aborted ({status})"),
        }
    }
}

mod itself {
    use std::time::Duration;

    use super::{CASE, End, PATIENCE, Process};

    /// What becomes of the process of a test, `None` in that process itself.
    fn end(test: &str, patience: Duration) -> Option<End> {
        let parent = std::env::var(CASE).is_err();
        parent.then(|| Process::spawn(&format!("alone::itself::{test}"), 0).end(patience))
    }

    #[test]
    fn a_process_that_passes() {
        if let Some(end) = end("a_process_that_passes", PATIENCE) {
            assert!(matches!(end, End::Passed), "{end}");
        }
    }

    #[test]
    fn a_process_that_panics() {
        let Some(end) = end("a_process_that_panics", PATIENCE) else { panic!("on purpose") };
        assert!(matches!(&end, End::Failed(text) if text.contains("on purpose")), "{end}");
    }

    #[test]
    fn a_process_that_aborts() {
        let Some(end) = end("a_process_that_aborts", PATIENCE) else { std::process::abort() };
        assert!(matches!(end, End::Aborted(..)), "{end}");
    }

    #[test]
    fn a_process_that_hangs() {
        let Some(end) = end("a_process_that_hangs", Duration::from_millis(200)) else {
            loop {
                std::thread::park();
            }
        };
        assert!(matches!(end, End::Hung(_)), "{end}");
    }

    #[test]
    fn a_process_for_a_test_that_is_not_there() {
        let end = end("no_such_test", PATIENCE).expect("no test runs in that process");
        assert!(matches!(end, End::Failed(_)), "{end}");
    }
}
