use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::monitor::Monitor;
use crate::run::why;
use crate::{JobKind, JobState, Outcome, SkipReason, Timestamp, Verdict};

/// So many jobs are named of those that failed, and of those that never started.
const NAMED: usize = 50;

impl Monitor {
    /// What failed, one line each, in the order in which the jobs were added.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let failed = self
            .history
            .jobs()
            .filter(|job| matches!(job.state, JobState::Ended(Outcome::Failed(_))));
        let jobs = failed.map(|job| {
            let error = job.error().map_or_else(|| job.state.to_string(), |error| why(error));
            format!("✗ {}: {error}", self.path(job))
        });
        let hooks = self.history.jobs().filter_map(|job| {
            let hook = job.hook.as_ref()?;
            let (_, outcome) = hook.ended.filter(|&(_, outcome)| outcome != Outcome::Succeeded)?;
            let error = hook.error.as_ref().map_or(outcome.to_string(), |error| why(error));
            Some(format!("✗ {}: its shutdown hook: {error}", self.path(job)))
        });
        let mishaps = self.history.jobs().flat_map(|job| {
            job.mishaps.iter().map(|mishap| format!("✗ {}: {}", self.path(job), why(mishap)))
        });
        let of_run = self.history.mishaps().iter().map(|mishap| format!("✗ {}", why(mishap)));
        jobs.chain(hooks).chain(mishaps).chain(of_run).collect()
    }

    /// The forever jobs and services that were not started before the run completed: not what whoever added
    /// them had in mind. One line each.
    fn never_started(&self) -> impl Iterator<Item = String> {
        let completed = self.history.verdict() == Some(Verdict::Completed);
        let unstarted = JobState::Ended(Outcome::Skipped(SkipReason::RunStopped));
        let jobs = self.history.jobs().filter(move |job| {
            completed && job.state == unstarted && job.info.kind != JobKind::Finite
        });
        jobs.map(|job| format!("○ {}: never started, the run completed first", self.path(job)))
    }

    /// The last word on a run: what failed, what never started, fifty of each, and the totals. O(jobs).
    #[must_use]
    pub fn summary(&self) -> Vec<String> {
        let mut lines = some_of(self.failures(), "failed");
        lines.append(&mut some_of(self.never_started().collect(), "never started"));
        lines.extend(self.totals(usize::MAX, self.history.now().at));
        lines
    }
}

impl Monitor {
    /// The last word on a run that ends here without having come to its end: what failed so far, and the totals.
    pub(super) fn summary_of_dropped(&self, now: Timestamp) -> Vec<String> {
        let mut lines = some_of(self.failures(), "failed");
        lines.extend(self.totals(usize::MAX, now));
        lines.push("the run was dropped before its end".into());
        lines
    }
}

fn some_of(mut lines: Vec<String>, what: &str) -> Vec<String> {
    let more = lines.len().saturating_sub(NAMED);
    if more > 1 {
        lines.truncate(NAMED);
        lines.push(format!("… and {more} more {what}"));
    }
    lines
}
