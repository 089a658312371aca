use std::fmt;
use std::io::Write;
use std::string::String;
use std::sync::Arc;
use std::time::Duration;

use super::event::Detail;
use super::handle::Progress;
use super::monitor::Monitor;
use super::outlet::Outlet;
use super::screen::Screen;
use super::show::Show;
use crate::{Graph, Payload};

impl Progress {
    /// Shows the run of this graph.
    pub fn watch<P: Payload>(graph: &mut Graph<P>) -> Self {
        Self::options().watch(graph)
    }

    /// Begins to say how a run is to be shown.
    pub fn options() -> ProgressOptions {
        ProgressOptions {
            name: None,
            detail: Detail::default(),
            every: EVERY,
            in_lines: false,
            to: None,
        }
    }
}

/// How a run is to be shown: what [`Progress::options`] begins with, and [`watch`](Self::watch) ends.
///
/// ```
/// use std::time::Duration;
///
/// use jobgraph::view::{Detail, Progress};
/// use jobgraph::{Job, JobGraph};
///
/// let mut graph = JobGraph::new();
/// graph.add(Job::new(async {}).label("fetch"));
/// let log = std::io::stdout();
/// Progress::options().to(log).detail(Detail::Failures).every(Duration::from_secs(60)).watch(&mut graph);
/// // Prints `[1/1] 0 running, 0 waiting · completed in 0.0 s`.
/// assert!(jobgraph::smol::block_on(graph)?.check().is_ok());
/// # Ok::<(), jobgraph::RunError>(())
/// ```
#[must_use]
pub struct ProgressOptions {
    name: Option<String>,
    detail: Detail,
    every: Duration,
    in_lines: bool,
    to: Option<Arc<Outlet>>,
}

/// A sign of life comes as often, unless it is said otherwise.
const EVERY: Duration = Duration::from_secs(10);

/// And no more often than that.
const NO_MORE_OFTEN: Duration = Duration::from_millis(100);

impl ProgressOptions {
    /// What the run is called, where several are shown at once.
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// How much is told in lines: [`Detail::All`] by default.
    pub fn detail(self, detail: Detail) -> Self {
        Self { detail, ..self }
    }

    /// In lines, the totals are told where nothing else was told of the run for so long: 10 s by default. Less
    /// than 100 ms counts as that.
    pub fn every(self, every: Duration) -> Self {
        Self { every: every.max(NO_MORE_OFTEN), ..self }
    }

    /// Tells it in lines, in a terminal too.
    pub fn lines(self) -> Self {
        Self { in_lines: true, ..self }
    }

    /// Tells it in lines that are written here, each with one `write`, rather than to the standard error stream.
    pub fn to(self, to: impl Write + Send + 'static) -> Self {
        Self { to: Some(Outlet::new(Screen::lines(to))), ..self }
    }

    /// Draws it on a terminal that understands the usual escape sequences and shows what is written here; `size` tells
    /// how many columns and rows it has now.
    pub fn to_terminal(
        self,
        to: impl Write + Send + 'static,
        size: impl Fn() -> (u16, u16) + Send + 'static,
    ) -> Self {
        Self { to: Some(Outlet::new(Screen::terminal(to, size))), ..self }
    }

    /// Shows it where another one is shown: in a terminal, one below the other.
    pub fn beside(self, other: &Progress) -> Self {
        Self { to: Some(Arc::clone(&other.0.outlet)), ..self }
    }

    /// Shows the run of this graph.
    pub fn watch<P: Payload>(self, graph: &mut Graph<P>) -> Progress {
        let outlet = self.to.unwrap_or_else(Outlet::stderr);
        let in_lines = self.in_lines || !outlet.is_terminal();
        let monitor = Monitor::new();
        let monitor = match self.name {
            Some(name) => monitor.named(name),
            None => monitor,
        };
        let show = Show::new(outlet, monitor, self.detail, self.every, in_lines);
        let listener = Listener(Arc::clone(&show));
        graph.observe(move |fact| listener.0.hear(fact));
        Progress(show)
    }
}

/// The observer. With the last of it, nothing can be shown any more.
struct Listener(Arc<Show>);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl fmt::Debug for ProgressOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressOptions")
            .field("name", &self.name)
            .field("detail", &self.detail)
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}
