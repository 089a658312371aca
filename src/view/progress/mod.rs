mod monitor;

use std::format;
use std::io::{self, IsTerminal, LineWriter, Write};
use std::string::String;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use std::vec::Vec;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

pub use self::monitor::Monitor;
use crate::{Fact, Graph, Payload, Timestamp, What};

/// How often it is drawn, whatever happens in between.
const PERIOD: Duration = Duration::from_millis(100);

/// Shows a run on the standard error stream while it goes on.
///
/// In a terminal, one line for each job that runs, then for those that come next, as many as fit, and a
/// line of totals: drawn ten times a second by a thread of its own, whatever number of jobs there is. At
/// the end the totals stay, and the failures. Into a pipe or a file, or where `TERM` is `dumb`, one plain
/// line for each event. Colours unless `NO_COLOR` is set.
///
/// What else the program prints there would be drawn over: let it be printed by
/// [`println`](Self::println), or written to a [`writer`](Self::writer). Clones show the same run.
///
/// ```
/// use jobgraph::view::Progress;
/// use jobgraph::{Job, JobGraph};
///
/// let mut graph = JobGraph::new();
/// let progress = Progress::of(&mut graph);
/// let shown = progress.clone();
/// graph.add(Job::new(async move { shown.println("half way there") }).label("fetch"));
/// assert!(jobgraph::smol::block_on(graph)?.check().is_ok());
/// # Ok::<(), jobgraph::RunError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Progress(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Held while something is drawn, so that nothing old is drawn over what is new.
    pen: Mutex<()>,
    /// Told when the run is over.
    over: Condvar,
    display: Display,
}

#[derive(Debug)]
struct State {
    monitor: Monitor,
    /// The latest time of the run that was heard of, and when.
    heard: (Timestamp, Instant),
    over: bool,
}

#[derive(Debug)]
enum Display {
    Live { bar: ProgressBar, terminal: Term },
    Lines,
}

impl Progress {
    /// Shows the run of this graph.
    pub fn of<P: Payload>(graph: &mut Graph<P>) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let display = if io::stderr().is_terminal() && !dumb {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(20));
            bar.set_style(
                ProgressStyle::with_template("{msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            Display::Live { bar, terminal: Term::stderr() }
        } else {
            Display::Lines
        };
        let live = matches!(display, Display::Live { .. });
        let state = State {
            monitor: Monitor::new(),
            heard: (Timestamp::ZERO, Instant::now()),
            over: false,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            pen: Mutex::default(),
            over: Condvar::new(),
            display,
        });
        let listener = Listener(Arc::clone(&shared));
        graph.observe(move |fact| listener.0.hear(fact));
        if live {
            let drawn = Arc::clone(&shared);
            let _ = thread::Builder::new()
                .name("progress".into())
                .spawn(move || drawn.draw_until_over());
        }
        Self(shared)
    }

    /// Prints lines above those of the jobs.
    pub fn println(&self, text: impl AsRef<str>) {
        self.0.print(text.as_ref());
    }

    /// Prints what is written to it above the lines of the jobs, line by line: for logs.
    #[must_use]
    pub fn writer(&self) -> impl Write + Send + use<> {
        LineWriter::new(Writer(Arc::clone(&self.0)))
    }
}

struct Writer(Arc<Shared>);

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.print(text.strip_suffix('\n').unwrap_or(&text));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The observer. With the last of it, nothing can be shown any more.
struct Listener(Arc<Shared>);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.finish();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_pen(&self) -> MutexGuard<'_, ()> {
        self.pen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, fact: &Fact) {
        let mut state = self.lock();
        state.monitor.note(fact);
        state.heard = (fact.at, Instant::now());
        let event = match self.display {
            Display::Lines => state.monitor.event(fact),
            Display::Live { .. } => None,
        };
        drop(state);
        if let Some(event) = event {
            self.print(&event);
        }
        if fact.within.is_empty() && matches!(fact.what, What::Over(_)) {
            self.conclude();
        }
    }

    fn print(&self, text: &str) {
        match &self.display {
            Display::Live { bar, .. } => bar.suspend(|| write_lines(text)),
            Display::Lines => write_lines(text),
        }
    }

    /// The last word on a run.
    fn conclude(&self) {
        let _pen = self.take_pen();
        let summary = self.lock().monitor.summary();
        if let Display::Live { bar, .. } = &self.display {
            bar.set_message("");
            bar.suspend(|| write_lines(&summary.join("\n")));
        } else {
            write_lines(&summary.join("\n"));
        }
    }

    /// Nothing more is drawn.
    fn finish(&self) {
        let _pen = self.take_pen();
        self.lock().over = true;
        self.over.notify_all();
        if let Display::Live { bar, .. } = &self.display {
            bar.finish_and_clear();
        }
    }

    fn draw_until_over(&self) {
        loop {
            self.draw();
            let state = self.lock();
            if state.over {
                return;
            }
            drop(self.over.wait_timeout(state, PERIOD));
        }
    }

    fn draw(&self) {
        let Display::Live { bar, terminal } = &self.display else { return };
        let _pen = self.take_pen();
        let state = self.lock();
        if state.over
            || state.monitor.history().verdict().is_some()
            || state.monitor.history().jobs().len() == 0
        {
            return;
        }
        let (height, width) = terminal.size();
        let (at, heard) = state.heard;
        let frame = state.monitor.frame(
            usize::from(width).saturating_sub(1),
            usize::from(height).saturating_sub(1),
            at + heard.elapsed(),
        );
        drop(state);
        bar.set_message(coloured(frame).join("\n"));
        bar.tick();
    }
}

/// Gives the marks of the lines colours, where colours are wanted.
fn coloured(lines: Vec<String>) -> Vec<String> {
    let colour = |line: String| {
        let mut characters = line.chars();
        let style = console::Style::new().for_stderr();
        let style = match characters.next() {
            Some('▶') => style.cyan(),
            Some('·') => style.dim(),
            Some('✗') => style.red(),
            _ => return line,
        };
        let mark: String = line.chars().take(1).collect();
        format!("{}{}", style.apply_to(mark), characters.as_str())
    };
    lines.into_iter().map(colour).collect()
}

fn write_lines(text: &str) {
    // Nobody is left to hear of a stream that is closed.
    let _ = writeln!(io::stderr(), "{text}");
}
