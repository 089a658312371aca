use std::fmt;
use std::format;
use std::process::ExitCode;
use std::string::{String, ToString};
use std::sync::Arc;
use std::vec::Vec;

use super::output::{Below, OutputStore};
use super::report::{JobReport, Report};
use super::trouble::Trouble;
use super::words::why;
use crate::orchestrator::{Outcome, Verdict};

/// A run that was cut short, or in which something went wrong.
#[derive(Clone)]
pub struct RunFailed {
    verdict: Verdict,
    troubles: Vec<Trouble>,
}

impl RunFailed {
    /// How the run ended.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// What went wrong, at any depth.
    #[must_use]
    pub fn troubles(&self) -> &[Trouble] {
        &self.troubles
    }
}

/// So many troubles are named in one text.
const NAMED: usize = 10;

impl fmt::Display for RunFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut others: Vec<&Trouble> = self.troubles.iter().collect();
        match self.verdict {
            Verdict::CriticalFailure(job) => {
                f.write_str("the run ended by the critical failure of ")?;
                match others.iter().position(|trouble| trouble.job == Some(job)) {
                    Some(culprit) => f.write_str(&why(others.remove(culprit)))?,
                    None => write!(f, "{job}")?,
                }
            }
            verdict => write!(f, "the run {verdict}")?,
        }
        match &others[..] {
            [] => return Ok(()),
            [one] => return write!(f, ", with a failure: {}", why(one)),
            all => write!(f, ", with {} failures: ", all.len())?,
        }
        for (position, trouble) in others.iter().take(NAMED).enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}{}", why(trouble))?;
        }
        let more = others.len().saturating_sub(NAMED);
        if more > 0 { write!(f, "; and {more} more") } else { Ok(()) }
    }
}

impl fmt::Debug for RunFailed {
    /// Like `Display`: this is what `?` in a `main` shows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for RunFailed {}

impl<C: OutputStore + ?Sized> Report<C> {
    /// Whether all went well: completed, no job failed, no shutdown hook failed or was cut off, and no `Drop`
    /// panicked, at any depth. For `?` in a `main`, or a test.
    ///
    /// ```
    /// # use jobgraph::{Job, JobGraph};
    /// let mut graph = JobGraph::new();
    /// graph.add(Job::try_new(async { Err::<(), _>("no such host") }).label("fetch"));
    /// graph.add(Job::new(async { panic!("oh no") }));
    /// let report = jobgraph::smol::block_on(graph)?;
    /// let failed = report.check().unwrap_err();
    /// assert_eq!(failed.to_string(), "the run completed, with 2 failures: #1 fetch: no such host; #2: panicked: oh no");
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    ///
    /// # Errors
    /// [`RunFailed`] says how the run ended, and names what went wrong.
    pub fn check(&self) -> Result<(), RunFailed> {
        self.check_verdict(|verdict| verdict == Verdict::Completed)
    }

    /// Like [`check`](Self::check), for a run that is meant to be stopped, a server's: that it was stopped is
    /// well, too. What had failed by then is not: a job that waits for its next attempt when the run is stopped has failed.
    /// Whoever is dropped because it did not end within its grace period is cancelled, with a note that says so, which is no failure.
    ///
    /// # Errors
    /// As [`check`](Self::check), with something that went wrong.
    pub fn check_stopped(&self) -> Result<(), RunFailed> {
        self.check_verdict(|verdict| matches!(verdict, Verdict::Completed | Verdict::Stopped))
    }

    fn check_verdict(&self, is_well: impl Fn(Verdict) -> bool) -> Result<(), RunFailed> {
        let (verdict, troubles) = (self.verdict(), self.troubles());
        if is_well(verdict) && troubles.is_empty() {
            return Ok(());
        }
        Err(RunFailed { verdict, troubles })
    }

    /// What a program had better exit with that is made for this run: 0 if [all went well](Self::check), 124 if
    /// the run timed out (as `timeout` does), 130 if it was stopped and nothing else went wrong (as shells say of
    /// Ctrl-C), else 1.
    ///
    /// ```
    /// use std::process::ExitCode;
    /// use jobgraph::{Job, JobGraph};
    ///
    /// fn main() -> ExitCode {
    ///     let mut graph = JobGraph::new();
    ///     graph.add(Job::new(async {}).label("build"));
    ///     match jobgraph::smol::block_on(graph) {
    ///         Ok(report) => report.exit_code(),
    ///         Err(_) => ExitCode::FAILURE,
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match (self.verdict(), self.troubles().is_empty()) {
            (Verdict::Completed, true) => ExitCode::SUCCESS,
            (Verdict::TimedOut, _) => ExitCode::from(124),
            (Verdict::Stopped, true) => ExitCode::from(130),
            _ => ExitCode::FAILURE,
        }
    }

    /// All that went wrong, at any depth, in the order in which the jobs were created. Failures that somebody
    /// [was fed](crate::settled), or waited for, are among them.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble> {
        let of_run = self.mishaps.iter();
        let of_run =
            of_run.map(|mishap| Trouble { job: None, text: mishap.to_string(), error: None });
        self.jobs().flat_map(|job| self.troubles_of(job)).chain(of_run).collect()
    }

    /// Those of a job, and of what is inside it.
    pub(super) fn troubles_of(&self, job: JobReport<'_>) -> Vec<Trouble> {
        let mut troubles = job.own_troubles();
        let inside = job.record().and_then(|record| self.outputs.below(record.slot));
        let inside = inside.map(Below::troubles).unwrap_or_default().into_iter();
        troubles.extend(inside.map(|trouble| trouble.inside(job.name())));
        troubles
    }
}

impl JobReport<'_> {
    fn own_troubles(self) -> Vec<Trouble> {
        let Some(record) = self.record() else { return Vec::new() };
        let trouble = |text, error| Trouble { job: Some(self.id()), text, error };
        let named = |what: &dyn fmt::Display| format!("{}: {what}", self.name());
        let failed = self.error().and_then(|_| record.error());
        let failure = failed.map(|error| trouble(self.failure(), Some(Arc::clone(error))));
        let hook = record.hook().filter(|hook| hook.outcome() != Outcome::Succeeded);
        let hook = hook.map(|hook| trouble(named(&format!("its hook {hook}")), hook.error.clone()));
        let drops = record.panicked_drops().iter();
        let drops = drops.map(|panic| trouble(named(&format!("its drop panicked: {panic}")), None));
        let lost = Some(record.lost_hooks()).filter(|&lost| lost > 0);
        let lost = lost.map(|lost| trouble(named(&format!("{lost} hooks inside never ran")), None));
        failure.into_iter().chain(hook).chain(drops).chain(lost).collect()
    }

    /// Its name, and why it failed.
    pub(crate) fn failure(self) -> String {
        let name = self.name();
        self.error().map_or_else(|| name.to_string(), |error| format!("{name}: {error}"))
    }
}
