use std::format;
use std::string::{String, ToString};

use super::monitor::Monitor;
use super::texts::elapsed;
use crate::orchestrator::Seconds;
use crate::run::{mark, short, why};
use crate::view::picture::state_text;
use crate::{Fact, FactKind, JobState, Outcome};

/// How much is told of a run where nothing can be redrawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detail {
    /// Each start, end and retry of a job, what it says of itself, what is ready, and each hook.
    #[default]
    All,
    /// What fails, and is retried for that.
    Failures,
    /// The totals alone.
    Totals,
}

impl Detail {
    /// Whether it includes this fact.
    #[must_use]
    pub fn tells(self, fact: &Fact) -> bool {
        let fails = match &fact.what {
            FactKind::State { to: JobState::Ended(Outcome::Failed(_)), .. }
            | FactKind::Mishap(_) => true,
            FactKind::State { to, error, .. } => error.is_some() && !to.is_ended(),
            FactKind::HookEnded { outcome, .. } => *outcome != Outcome::Succeeded,
            _ => false,
        };
        match self {
            Self::All => true,
            Self::Failures => fails,
            Self::Totals => false,
        }
    }
}

impl Monitor {
    /// What happened as a line of its own, for where nothing can be redrawn; `None` for what is of little
    /// interest there. After [`apply`](Self::apply).
    #[must_use]
    pub fn event(&self, fact: &Fact) -> Option<String> {
        let (id, what) = match &fact.what {
            FactKind::State { id, to, error, .. } => match (to, error) {
                (JobState::Waiting, _) | (JobState::Queued, None) => return None,
                (JobState::Ended(_), _) => {
                    let job = self.history.job(&fact.within, *id)?;
                    (id, state_text(&self.history, job))
                }
                (JobState::Backoff { until }, error) => {
                    let pause = Seconds(until.saturating_since(fact.at));
                    let error = error.as_ref().map_or("failed".into(), |error| why(error));
                    (id, format!("{error}; retry in {pause}"))
                }
                (JobState::Queued, Some(error)) => (id, format!("{}; retry", why(error))),
                (to, _) => (id, to.to_string()),
            },
            FactKind::Ready(id) => (id, "ready".into()),
            FactKind::Note { id, text } => (id, short(text)),
            FactKind::HookBegun(id) => (id, "its shutdown hook runs".into()),
            FactKind::HookEnded { id, outcome, error } => {
                let error = error.as_ref().map_or(outcome.to_string(), |error| why(error));
                (id, format!("its shutdown hook: {error}"))
            }
            FactKind::Mishap(mishap) => match &mishap.job {
                Some(id) => (id, why(&mishap.without_job())),
                None => return Some(format!("{}✗ {}", self.name, why(mishap))),
            },
            FactKind::Begun { .. } | FactKind::Added(_) | FactKind::Over(_) => return None,
        };
        let job = self.history.job(&fact.within, *id)?;
        let counts = self.history.counts();
        let since = elapsed(fact.at.saturating_since(self.history.begun()));
        let state = if let FactKind::State { to, .. } = fact.what { to } else { job.state };
        Some(format!(
            "{}[{}/{}] {since:>8} {} {}: {what}",
            self.name,
            counts.ended(),
            counts.present(),
            mark(state),
            self.path(job),
        ))
    }
}
