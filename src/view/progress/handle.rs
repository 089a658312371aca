use std::io::Write;
use std::string::ToString;
use std::sync::Arc;

use super::lines::Lines;
use super::show::Show;

/// Shows a run on the standard error stream while it goes on.
///
/// In a terminal, one line for each job that runs, then for those that come next, as many as fit, and a
/// line of totals, with a percentage, the rate, and about how long the rest takes: drawn ten times a second,
/// whatever number of jobs there is. At the end the totals stay, and the failures. Into a pipe or a file, or
/// where `TERM` is `dumb`, one plain line for each event, and one of totals where 10 s pass without any.
/// Colours unless `NO_COLOR` is set. [`options`](Self::options) has more: levels of detail, other streams, names.
///
/// All of it is written by a thread of its own: a terminal that is stopped, or a pipe that nobody reads, does not keep
/// the run. 1 MiB of text waits; of what goes beyond, it is said how many lines were left out. The end of
/// the run waits up to 1 s for what is still to be written.
///
/// Several runs can be shown at once. What else the program prints to a terminal would be drawn over: let it be
/// printed by [`println`](Self::println), or written to a [`writer`](Self::writer). The message of a panic
/// is not drawn over. Clones show the same run.
///
/// ```
/// use jobgraph::view::Progress;
/// use jobgraph::{Job, JobGraph};
///
/// let mut graph = JobGraph::new();
/// let progress = Progress::watch(&mut graph);
/// let shown = progress.clone();
/// graph.add(Job::new(async move { shown.println("half way there") }).label("fetch"));
/// assert!(jobgraph::smol::block_on(graph)?.check().is_ok());
/// # Ok::<(), jobgraph::RunError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Progress(pub(super) Arc<Show>);

impl Progress {
    /// Prints lines above those of the jobs.
    pub fn println(&self, text: impl AsRef<str>) {
        self.0.outlet.print(text.as_ref().to_string());
    }

    /// Prints what is written to it above the lines of the jobs, line by line: for logs. What is not a whole line when
    /// it is dropped is printed then; a line of more than 64 KiB is broken.
    #[must_use]
    pub fn writer(&self) -> impl Write + Send + use<> {
        Lines::new(Arc::clone(&self.0.outlet))
    }
}
