//! What `Progress` writes, and when: into pipes that are read slowly or not at all, and on terminals.

use std::io::{self, Write};
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use jobgraph::testing::VirtualClock;
use jobgraph::view::{Detail, Progress};
use jobgraph::{Job, JobGraph};

/// A stream, and all that was written to it, `write` by `write`.
#[derive(Clone, Default)]
struct Stream(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    writes: Vec<Vec<u8>>,
    /// Whether whoever writes has to wait.
    stopped: bool,
}

impl Stream {
    fn stopped() -> Self {
        let stream = Self::default();
        stream.lock().stopped = true;
        stream
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap()
    }

    fn go_on(&self) {
        self.lock().stopped = false;
        self.0.1.notify_all();
    }

    fn text(&self) -> String {
        String::from_utf8(self.lock().writes.concat()).unwrap()
    }

    fn lines(&self) -> Vec<String> {
        self.text().lines().map(ToString::to_string).collect()
    }

    /// Returns once this was written.
    fn wait_for(&self, part: &str) {
        let wait = self.0.1.wait_timeout_while(self.lock(), Duration::from_secs(30), |state| {
            !String::from_utf8_lossy(&state.writes.concat()).contains(part)
        });
        assert!(!wait.unwrap().1.timed_out(), "{part:?} never came");
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let state = self.0.1.wait_while(self.lock(), |state| state.stopped);
        state.unwrap().writes.push(bytes.to_vec());
        self.0.1.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn run(graph: JobGraph<'_>) {
    let _ = VirtualClock::new().block_on(jobgraph::run(&VirtualClock::new(), graph)).unwrap();
}

fn terminal(columns: u16, rows: u16) -> vt100::Parser {
    let size = |size| NonZero::new(size).unwrap();
    vt100::Parser::new(size(rows), size(columns), 1_000)
}

/// What a terminal shows after all of this was written to it, and its history, without what is empty.
fn screen(bytes: &[u8], columns: u16, rows: u16) -> String {
    let mut terminal = terminal(columns, rows);
    terminal.process(bytes);
    all_of(&mut terminal)
}

fn all_of(terminal: &mut vt100::Parser) -> String {
    terminal.screen_mut().set_scrollback(usize::MAX);
    let scrolled = terminal.screen().scrollback();
    let mut rows = Vec::new();
    for back in (1..=scrolled).rev() {
        terminal.screen_mut().set_scrollback(back);
        rows.extend(terminal.screen().rows(0, 1_000).next());
    }
    terminal.screen_mut().set_scrollback(0);
    rows.extend(terminal.screen().rows(0, 1_000));
    rows.join("\n").trim_end().to_string()
}

#[test]
fn each_event_is_one_write() {
    let stream = Stream::default();
    let mut graph = JobGraph::new();
    let progress = Progress::options().to(stream.clone()).watch(&mut graph);
    let prints = async move {
        futures_lite::future::yield_now().await;
        progress.println("two\nlines");
    };
    let one = graph.add(Job::new(prints).label("one"));
    graph.add(Job::try_new(async { Err::<(), _>("no\nroom") }).requires(&one));
    run(graph);
    let writes: Vec<String> = stream
        .lock()
        .writes
        .iter()
        .map(|write| String::from_utf8(write.clone()).unwrap())
        .collect();
    assert_eq!(
        writes,
        [
            "[0/2]    0.0 s ▶ #1 one: running\n",
            "two\nlines\n",
            "[1/2]    0.0 s ✓ #1 one: succeeded\n",
            "[1/2]    0.0 s ▶ #2: running\n",
            "[2/2]    0.0 s ✗ #2: failed: no\\nroom\n",
            "✗ #2: no\\nroom\n[2/2] 0 running, 0 waiting, 1 failed · completed in 0.0 s\n",
        ]
    );
}

#[test]
fn a_stream_that_nobody_reads_keeps_no_run() {
    const JOBS: usize = 20_000;
    let stream = Stream::stopped();
    let mut graph = JobGraph::new();
    Progress::options().to(stream.clone()).watch(&mut graph);
    let jobs: Vec<_> = (0..JOBS).map(|_| graph.add(Job::new(async {}))).collect();
    let reader = stream.clone();
    graph.add(Job::new(async move { reader.go_on() }).after(&jobs));
    run(graph);
    let lines = stream.lines();
    let (left_out, written): (Vec<_>, Vec<_>) =
        lines.iter().partition(|line| line.ends_with(" lines left out"));
    let left_out: usize =
        left_out.iter().map(|line| line.split(' ').nth(1).unwrap().parse::<usize>().unwrap()).sum();
    assert!(left_out > JOBS / 2);
    assert_eq!(left_out + written.len(), 2 * (JOBS + 1) + 1);
    assert!(written.last().unwrap().ends_with("completed in 0.0 s"));
}

#[test]
fn the_end_of_a_run_does_not_wait_for_ever_for_a_stream() {
    let stream = Stream::stopped();
    let mut graph = JobGraph::new();
    Progress::options().to(stream.clone()).watch(&mut graph);
    graph.add(Job::new(async {}));
    run(graph);
    assert!(stream.lock().writes.is_empty());
    stream.go_on();
}

#[test]
fn a_stream_that_panics_or_refuses_changes_nothing() {
    struct Panics;
    impl Write for Panics {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("no stream");
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    struct Refuses;
    impl Write for Refuses {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for _ in 0..2 {
        let mut graph = JobGraph::new();
        Progress::options().to(Panics).watch(&mut graph);
        Progress::options().to(Refuses).watch(&mut graph);
        Progress::options().to_terminal(Stream::default(), || panic!("no size")).watch(&mut graph);
        graph.add(Job::new(async {}));
        run(graph);
    }
}

#[test]
fn a_stream_that_does_not_wait_is_written_to_again() {
    /// Takes three bytes of two, every second time.
    struct Hesitates(Stream, bool);
    impl Write for Hesitates {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.0.write(&bytes[..bytes.len().min(3)])
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let stream = Stream::default();
    let mut graph = JobGraph::new();
    Progress::options().to(Hesitates(stream.clone(), false)).watch(&mut graph);
    graph.add(Job::new(async {}));
    run(graph);
    assert_eq!(stream.lines().len(), 3);
}

/// 6,000 jobs in 20 groups, one of which fails, behind one that is awaited.
fn many(to: &Stream, detail: Detail) {
    let mut graph = JobGraph::new();
    Progress::options().to(to.clone()).detail(detail).watch(&mut graph);
    let first = graph.add(Job::new(async {}));
    for group in 0..20 {
        for job in 0..300 {
            let result =
                if (group, job) == (7, 7) { Err("no space left on device") } else { Ok(()) };
            graph.add(Job::try_new(async move { result }).requires(&first));
        }
    }
    run(graph);
}

#[test]
fn six_thousand_jobs_are_told_as_closely_as_one_wants() {
    let all = Stream::default();
    many(&all, Detail::All);
    assert_eq!(all.lines().len(), 2 * 6_001 + 2);
    let failures = Stream::default();
    many(&failures, Detail::Failures);
    let failed = "✗ #2109: failed: no space left on device";
    let told = failures.lines();
    let [event, failure, totals] = &told[..] else { panic!("{told:?}") };
    assert!(event.ends_with(failed), "{event}");
    assert_eq!(failure, "✗ #2109: no space left on device");
    assert!(totals.starts_with("[6001/6001] 0 running, 0 waiting, 1 failed · "));
    let none = Stream::default();
    many(&none, Detail::Totals);
    assert_eq!(none.lines(), told[1..]);
}

#[test]
fn a_run_that_is_silent_gives_a_sign_of_life() {
    let stream = Stream::default();
    let mut graph = JobGraph::new();
    let options = Progress::options().to(stream.clone()).every(Duration::ZERO).name("nightly");
    options.watch(&mut graph);
    let first = graph.add(Job::new(async {}));
    let shown = stream.clone();
    let wait = Job::new(async move {
        futures_lite::future::yield_now().await;
        shown.wait_for("nightly [1/3] 33 % · 1 running, 1 waiting · 0.");
    });
    let wait = graph.add(wait.label("wait").requires(&first));
    graph.add(Job::new(async {}).requires(&wait));
    run(graph);
    assert!(stream.lines().iter().all(|line| line.starts_with("nightly [")));
}

#[test]
fn what_is_written_in_pieces_is_printed_in_lines() {
    let stream = Stream::default();
    let mut graph = JobGraph::new();
    let progress = Progress::options().to(stream.clone()).detail(Detail::Totals).watch(&mut graph);
    let mut writer = progress.writer();
    for piece in ["a", "b", "\n", "\nc\nd é".as_bytes().escape_ascii().to_string().as_str()] {
        writer.write_all(piece.as_bytes()).unwrap();
        writer.flush().unwrap();
    }
    assert_eq!(stream.lines(), ["ab"]);
    // A character that comes byte by byte, and one that is none.
    for byte in "é\n".bytes().chain([0xff, b'\n']) {
        writer.write_all(&[byte]).unwrap();
        writer.flush().unwrap();
    }
    let lines = stream.lines();
    assert!(lines[1].ends_with('é'), "{lines:?}");
    assert_eq!(lines[2], "\u{fffd}");
    // A line that has no end.
    writer.write_all("ü".repeat(100_000).as_bytes()).unwrap();
    writer.write_all(b"the end").unwrap();
    drop(writer);
    let lines = stream.lines();
    assert_eq!(lines[3..].concat(), "ü".repeat(100_000) + "the end");
    assert!(lines[3..].iter().all(|line| line.len() <= 1 << 16));
}

#[test]
fn a_run_that_is_dropped_says_so() {
    let stream = Stream::default();
    let mut graph = JobGraph::new();
    Progress::options().to(stream.clone()).watch(&mut graph);
    graph.add(Job::new(std::future::pending::<()>()).label("hangs"));
    let clock = VirtualClock::new();
    let mut run = Box::pin(jobgraph::run(&clock, graph));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(run.as_mut().poll(&mut context).is_pending());
    drop(run);
    let lines = stream.lines();
    assert!(lines[1].starts_with("[0/1] 0 % · 1 running, 0 waiting · "), "{lines:?}");
    assert_eq!(lines[2..], ["the run was dropped before its end"]);

    // One that never began has nothing to say.
    let stream = Stream::default();
    Progress::options().to(stream.clone()).watch(&mut JobGraph::new());
    assert_eq!(stream.text(), "");
}

#[test]
fn each_run_of_a_repeatable_is_shown() {
    let stream = Stream::default();
    let mut graph = JobGraph::new();
    Progress::options().to(stream.clone()).detail(Detail::Totals).watch(&mut graph);
    graph.add(Job::repeat(|| async { Ok::<_, jobgraph::Error>(()) }));
    let clock = VirtualClock::new();
    let mut repeatable = graph.repeatable().unwrap();
    for _ in 0..2 {
        let _ = clock.block_on(repeatable.run(&clock)).unwrap();
    }
    let last = "[1/1] 0 running, 0 waiting · completed in 0.0 s";
    assert_eq!(stream.lines(), [last, last]);
}

#[test]
fn a_terminal_shows_what_was_printed_and_the_last_word() {
    for (columns, rows) in [(80, 24), (30, 3), (12, 2), (1, 1)] {
        let stream = Stream::default();
        let mut graph = JobGraph::new();
        let options = Progress::options().to_terminal(stream.clone(), move || (columns, rows));
        let progress = options.watch(&mut graph);
        let shown = stream.clone();
        let first = graph.add(Job::new(async move {
            futures_lite::future::yield_now().await;
            if rows > 1 {
                shown.wait_for("\u{1b}[J");
            }
            progress.println("1 printed\n2 printed");
            shown.wait_for("2 printed");
            // Drawn again below that.
            shown.lock().writes.push(b"\r".to_vec());
            if rows > 1 {
                shown.wait_for("\u{1b}[J\r");
            }
            progress.println("3 printed");
        }));
        graph.add(Job::try_new(async { Err::<(), _>("no") }).requires(&first));
        run(graph);
        let bytes = stream.lock().writes.concat();
        // On a terminal that is as wide as it takes, so that no line of the last word wraps.
        let shown = screen(&bytes, if columns < 80 { 500 } else { columns }, rows);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[..4], ["1 printed", "2 printed", "3 printed", "✗ #2: no"], "{shown}");
        assert!(lines[4].starts_with("[2/2] 0 running, 0 waiting, 1 failed · "), "{shown}");
        assert_eq!(lines.len(), 5, "{shown}");
    }
}

#[test]
fn a_terminal_that_becomes_narrower_is_left_clean() {
    let stream = Stream::default();
    let columns = Arc::new(Mutex::new(80));
    let seen = Arc::clone(&columns);
    let mut graph = JobGraph::new();
    let options =
        Progress::options().to_terminal(stream.clone(), move || (*seen.lock().unwrap(), 24));
    options.watch(&mut graph);
    let before = Arc::new(Mutex::new(Vec::new()));
    let (shown, taken) = (stream.clone(), Arc::clone(&before));
    graph.add(
        Job::new(async move {
            futures_lite::future::yield_now().await;
            shown.wait_for("1 running");
            let mut width = columns.lock().unwrap();
            *width = 50;
            *taken.lock().unwrap() = std::mem::take(&mut shown.lock().writes).concat();
            drop(width);
            shown.wait_for("1 running");
        })
        .label("fetch"),
    );
    run(graph);
    // The terminal wraps what it shows anew.
    let mut wide = terminal(80, 24);
    wide.process(&before.lock().unwrap());
    let shown: Vec<String> = wide.screen().rows(0, 80).collect();
    assert!(shown[0].starts_with("▶ #1 fetch "), "{shown:?}");
    let cursor = usize::from(wide.screen().cursor_position().0);
    let mut narrow = terminal(50, 24);
    narrow.process((shown[..cursor].join("\r\n") + "\r\n").as_bytes());
    narrow.process(&stream.lock().writes.concat());
    let left = all_of(&mut narrow);
    assert!(left.starts_with("[1/1] 0 running, 0 waiting · completed in 0.0"), "{left}");
    assert_eq!(left.lines().count(), 1, "{left}");
}

#[test]
fn several_runs_share_a_terminal() {
    let stream = Stream::default();
    let mut one = JobGraph::new();
    let options = Progress::options().to_terminal(stream.clone(), || (60, 6)).name("one");
    let progress = options.watch(&mut one);
    let mut two = JobGraph::new();
    Progress::options().beside(&progress).name("two").watch(&mut two);
    for job in 0..20 {
        one.add(Job::new(std::future::pending::<()>()).label(format!("a{job}")));
        two.add(Job::new(std::future::pending::<()>()).label(format!("b{job}")));
    }
    let clock = VirtualClock::new();
    let mut runs = [Box::pin(jobgraph::run(&clock, one)), Box::pin(jobgraph::run(&clock, two))];
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for run in &mut runs {
        assert!(run.as_mut().poll(&mut context).is_pending());
    }
    stream.lock().writes.clear();
    stream.wait_for("two [0/20]");
    let writes = stream.lock().writes.clone();
    let frame = writes.iter().rfind(|write| write.windows(3).any(|part| part == b"two")).unwrap();
    let shown = screen(frame, 60, 30);
    let heads: Vec<&str> = shown.lines().map(|line| &line[..line.len().min(10)]).collect();
    assert_eq!(heads, ["  … and ", "one [0/20]", "▶ #1 b0 ", "  … and ", "two [0/20]"], "{shown}");
    drop(runs);
    let left = screen(&stream.lock().writes.concat(), 60, 30);
    assert_eq!(left.matches("the run was dropped before its end").count(), 2, "{left}");
}

#[test]
fn an_error_whose_text_prints_something_holds_nobody_up() {
    #[derive(Debug)]
    struct Talks(Progress);
    impl std::fmt::Display for Talks {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.println("asked");
            f.write_str("no room")
        }
    }
    impl std::error::Error for Talks {}
    for _ in 0..50 {
        let stream = Stream::default();
        let mut graph = JobGraph::new();
        let options = Progress::options().to(stream.clone()).every(Duration::ZERO);
        let progress = options.watch(&mut graph);
        let other = progress.clone();
        let talks = std::thread::spawn(move || (0..50).for_each(|_| other.println("beside")));
        graph.add(Job::try_new(async move { Err::<(), _>(Talks(progress)) }));
        run(graph);
        talks.join().unwrap();
        assert!(stream.text().contains("asked\n"));
        assert!(stream.text().contains("✗ #1: no room"));
    }
}

#[test]
fn a_stream_may_print_to_itself() {
    #[derive(Clone)]
    struct Echoes(Stream, Arc<Mutex<Option<Progress>>>);
    impl Write for Echoes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(progress) = self.1.lock().unwrap().take() {
                progress.println("echo");
            }
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let echoes = Echoes(Stream::default(), Arc::default());
    let mut graph = JobGraph::new();
    let progress = Progress::options().to(echoes.clone()).detail(Detail::Totals).watch(&mut graph);
    *echoes.1.lock().unwrap() = Some(progress.clone());
    progress.println("one");
    assert_eq!(echoes.0.lines(), ["one", "echo"]);
    *echoes.1.lock().unwrap() = Some(progress);
    run(graph);
    assert_eq!(echoes.0.lines()[3..], ["echo"]);
}

#[test]
fn lines_in_a_terminal_have_signs_of_life_too() {
    let stream = Stream::default();
    let mut graph = JobGraph::new();
    let options = Progress::options().to_terminal(stream.clone(), || (80, 24)).lines();
    options.detail(Detail::Totals).every(Duration::ZERO).watch(&mut graph);
    let shown = stream.clone();
    graph.add(Job::new(async move {
        futures_lite::future::yield_now().await;
        shown.wait_for("[0/1] 0 % · 1 running, 0 waiting · 0.");
    }));
    run(graph);
}

#[test]
fn what_waits_has_a_bound_however_short_its_lines_are() {
    let stream = Stream::stopped();
    let mut graph = JobGraph::new();
    let options = Progress::options().to(stream.clone()).detail(Detail::Totals);
    let progress = options.watch(&mut graph);
    let reader = stream.clone();
    graph.add(Job::new(async move {
        futures_lite::future::yield_now().await;
        (0..200_000).for_each(|_| progress.println(""));
        reader.go_on();
    }));
    run(graph);
    let lines = stream.lines();
    assert!(lines.len() < 50_000, "{}", lines.len());
    assert!(lines.iter().any(|line| line.ends_with(" lines left out")));
}

#[test]
fn a_run_of_a_repeatable_that_is_dropped_says_so() {
    let stream = Stream::default();
    let mut graph = JobGraph::new();
    Progress::options().to(stream.clone()).detail(Detail::Totals).watch(&mut graph);
    graph.add(Job::repeat(std::future::pending::<Result<(), jobgraph::Error>>));
    let clock = VirtualClock::new();
    let mut repeatable = graph.repeatable().unwrap();
    let mut run = Box::pin(repeatable.run(&clock));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(run.as_mut().poll(&mut context).is_pending());
    drop(run);
    assert_eq!(stream.lines().last().unwrap(), "the run was dropped before its end");
}
