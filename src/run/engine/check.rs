use std::boxed::Box;
#[cfg(feature = "journal")]
use std::collections::HashSet;
use std::fmt;
#[cfg(feature = "journal")]
use std::format;
use std::vec::Vec;

use super::graph::Graph;
use crate::run::facts::run_error::RunError;
use crate::run::job::body::Inside;
#[cfg(feature = "journal")]
use crate::run::job::body::TakeKey;
use crate::run::job::payload::Payload;

/// All that is wrong with a graph: the answer of [`Graph::check`].
#[derive(Clone, PartialEq, Eq)]
pub struct Problems(Vec<RunError>);

impl Problems {
    /// One by one, in the order in which they were made; cycles last.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &RunError> {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [one] = &self.0[..] {
            return one.fmt(f);
        }
        write!(f, "{} problems", self.0.len())?;
        let mut separator = ": ";
        for problem in &self.0 {
            write!(f, "{separator}{problem}")?;
            separator = "; ";
        }
        Ok(())
    }
}

impl fmt::Debug for Problems {
    /// Like `Display`: this is what `?` in a `main` shows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Problems {}

impl<P: Payload> Graph<P> {
    /// Looks for all that is wrong, at once, where a run names the first: jobs that could not be added,
    /// requirements and pools that make no sense, a window of zero, cycles (of several that share a job, one), and
    /// the same in graphs inside. O(jobs + requirements).
    ///
    /// ```
    /// use jobgraph::{Condition, Job, JobGraph};
    ///
    /// let mut graph = JobGraph::new().window(0);
    /// let a = graph.add(Job::new(async {}).label("a"));
    /// let b = graph.add(Job::new(async {}).label("b").requires(&a));
    /// graph.require(&a, &b, Condition::Succeeded)?;
    /// graph.pool("disk", 0);
    /// let problems = graph.check().unwrap_err();
    /// assert_eq!(problems.iter().len(), 3);
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    ///
    /// # Errors
    /// [`Problems`] lists them.
    pub fn check(&self) -> Result<(), Problems> {
        let problems = self.problems();
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }

    /// The window asked for last has no seat.
    fn no_window(&self) -> Option<RunError> {
        self.no_window.then_some(RunError::NoWindow)
    }

    /// What the graph is refused for, if it is.
    pub(crate) fn refusal(&self) -> Option<RunError> {
        self.errors.first().cloned().or_else(|| self.no_window())
    }

    /// Durable jobs inside that cannot be told apart, or not be found again, if there is a journal.
    #[cfg(feature = "journal")]
    pub(crate) fn misplaced(&self) -> Vec<RunError> {
        let (mut problems, mut keys) = (Vec::new(), HashSet::new());
        if self.durables.keeping.is_some() {
            self.durable_keys("", &mut |key| match key {
                Ok((job, key)) if keys.contains(&key) => {
                    problems.push(RunError::KeyTaken { job, key: key.into() });
                }
                Ok((_, key)) => drop(keys.insert(key)),
                Err(job) => problems.push(RunError::NoPath { job }),
            });
        }
        problems
    }

    /// See [`Inside::durables`].
    #[cfg(feature = "journal")]
    pub(crate) fn durable_keys(&self, path: &str, take: &mut TakeKey<'_>) {
        for job in self.core.jobs() {
            if let Some(key) = self.durables.own_key(job) {
                take(Ok((self.core.job_name(job), format!("{path}{key}"))));
            }
        }
        for job in self.core.jobs() {
            let inside = self.cells.body(job.index()).and_then(|body| body.peek().inside());
            let Some(inside) = inside else { continue };
            if let Some(step) = self.durables.step(&self.core, job) {
                inside.durables(&format!("{path}{step}/"), take);
                continue;
            }
            let mut is_lost = false;
            inside.durables("", &mut |_| is_lost = true);
            if is_lost {
                take(Err(self.core.job_name(job)));
            }
        }
    }

    pub(crate) fn problems(&self) -> Vec<RunError> {
        let mut problems = self.errors.clone();
        problems.extend(self.no_window());
        for job in self.core.jobs() {
            let inside = self.cells.body(job.index()).and_then(|body| body.peek().inside());
            problems.extend(inside.into_iter().flat_map(Inside::problems).map(|error| {
                let job = self.core.job_name(job);
                RunError::Inside { job, error: Box::new(error) }
            }));
        }
        #[cfg(feature = "journal")]
        problems.extend(self.misplaced());
        problems.extend(self.core.cycles().into_iter().map(RunError::Graph));
        problems
    }
}
