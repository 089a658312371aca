use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::edge::Condition;
use super::error::JobName;
use super::job::{JobId, JobKind};
use super::machine::Orchestrator;
use super::phase::{Phase, Verdict};
use super::pool::PoolWait;
use super::resolve::Resolution;
use super::state::{JobState, Outcome, SkipReason, Stage, StopReason};
use super::time::Seconds;

/// Why a job is where it is. Displays as a line that a person can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Explanation<'a> {
    /// The run has not started.
    NotStarted,
    /// These requirements are unresolved: what is asked of which job, and whether that is a service.
    Waiting {
        /// The jobs, what is asked of them, and their kinds, in the order the requirements were made.
        on: Vec<(JobName<&'a str>, Condition, JobKind)>,
    },
    /// It will be handed out when asked for.
    ReadyToStart,
    /// It may start once the body of its attempt before is gone.
    BodyAway {
        /// Which attempt that was, from 1.
        attempt: u32,
    },
    /// It may start once another finite job has ended.
    WindowFull {
        /// How many finite jobs are under way.
        running: usize,
    },
    /// It may start once these pools have room for it.
    PoolsFull {
        /// Those that have not.
        pools: Vec<PoolWait<'a>>,
    },
    /// It is being executed.
    Running {
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// It is being executed, and will be asked to stop once its dependents have ended.
    HeldBack {
        /// The jobs that have to end first.
        by: Vec<JobName<&'a str>>,
    },
    /// It failed, and will be attempted again.
    Retry {
        /// How long from the clock of the run on.
        after: Duration,
    },
    /// It was asked to stop.
    Stopping {
        /// Why.
        reason: StopReason,
        /// How long from now on until it is aborted; `None`: as long as it likes.
        aborted_after: Option<Duration>,
    },
    /// It was never handed out, because of another job.
    Skipped {
        /// That job.
        required: JobName<&'a str>,
        /// How that one ended; `None` if it was removed.
        outcome: Option<Outcome>,
    },
    /// It was never handed out, since the run ended first.
    NeverStarted {
        /// Why that was.
        end: EndOfRun<'a>,
    },
    /// It was cancelled, since the run ended.
    CutShort {
        /// Why that was.
        end: EndOfRun<'a>,
    },
    /// It has ended otherwise.
    Ended(Outcome),
}

/// Why a run ended, with the name of whose failure that was. Displays as a sentence: `the run timed out`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndOfRun<'a> {
    /// How the run ended.
    pub verdict: Verdict,
    /// The critical job that failed, if one did.
    pub culprit: Option<JobName<&'a str>>,
}

impl fmt::Display for EndOfRun<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.verdict, &self.culprit) {
            (Verdict::CriticalFailure(_), Some(culprit)) => write!(f, "{culprit} failed"),
            (Verdict::CriticalFailure(job), None) => write!(f, "{job} failed"),
            (Verdict::Stopped, _) => f.write_str("the run was stopped"),
            (verdict @ (Verdict::Completed | Verdict::TimedOut), _) => {
                write!(f, "the run {verdict}")
            }
        }
    }
}

impl<J> Orchestrator<J> {
    /// Why a job is where it is; `None` if it is not present. O(its requirements); in an ending run
    /// O(jobs + requirements).
    #[must_use]
    pub fn explain(&self, job: JobId) -> Option<Explanation<'_>> {
        let index = self.jobs.index(job)?;
        let node = self.node(index);
        Some(match self.state_of(index) {
            _ if !self.has_started() => Explanation::NotStarted,
            JobState::Waiting => Explanation::Waiting { on: self.unresolved(index) },
            JobState::Queued if node.body_is_leaving => {
                Explanation::BodyAway { attempt: node.attempts }
            }
            JobState::Queued => match self.options.window {
                Some(window) if node.is_finite() && self.seats_taken >= window.get() => {
                    Explanation::WindowFull { running: self.seats_taken }
                }
                _ => match self.pool_waits(index) {
                    pools if pools.is_empty() => Explanation::ReadyToStart,
                    pools => Explanation::PoolsFull { pools },
                },
            },
            JobState::Running { attempt } => match self.held_back_by(index) {
                by if by.is_empty() => Explanation::Running { attempt },
                by => Explanation::HeldBack { by },
            },
            JobState::Backoff { until } => {
                Explanation::Retry { after: until.saturating_since(self.clock) }
            }
            JobState::Stopping { reason, .. } => {
                let armed = self.jobs.extra(index).and_then(|extra| extra.armed);
                Explanation::Stopping {
                    reason,
                    aborted_after: armed.map(|(at, _)| at.saturating_since(self.clock)),
                }
            }
            JobState::Ended(Outcome::Skipped(SkipReason::Requirement(id))) => {
                Explanation::Skipped {
                    required: self.called(id),
                    outcome: self.state(id).and_then(JobState::outcome),
                }
            }
            JobState::Ended(outcome) => match (node.stage, self.end_of_run()) {
                (Stage::RunStopped, Some(end)) => Explanation::NeverStarted { end },
                (Stage::CutShort, Some(end)) => Explanation::CutShort { end },
                _ => Explanation::Ended(outcome),
            },
        })
    }

    /// Why the run ends, as soon as it does.
    fn end_of_run(&self) -> Option<EndOfRun<'_>> {
        let verdict = self.ending()?;
        let culprit = match verdict {
            Verdict::CriticalFailure(id) => Some(self.called(id)),
            Verdict::Completed | Verdict::TimedOut | Verdict::Stopped => None,
        };
        Some(EndOfRun { verdict, culprit })
    }

    /// The pools that have no room for a queued job.
    fn pool_waits(&self, index: u32) -> Vec<PoolWait<'_>> {
        let Some(kind) = self.jobs.kind_of(index) else { return Vec::new() };
        self.queue.kinds.waits(kind)
    }

    /// The name of a job that may be gone.
    fn called(&self, id: JobId) -> JobName<&'_ str> {
        JobName { id: Some(id), label: self.label(id) }
    }

    fn named(&self, index: u32) -> JobName<&'_ str> {
        JobName { id: Some(self.id(index)), label: self.jobs.label(index) }
    }

    fn unresolved(&self, index: u32) -> Vec<(JobName<&'_ str>, Condition, JobKind)> {
        self.required_in_order(index)
            .into_iter()
            .filter(|&(required, condition)| self.is_unresolved(index, required, condition))
            .map(|(required, condition)| {
                (self.named(required), condition, self.node(required).kind())
            })
            .collect()
    }

    fn is_unresolved(&self, index: u32, required: u32, condition: Condition) -> bool {
        let group = self.jobs.rare(index).and_then(|rare| rare.groups.of(required));
        let asked = match group.filter(|_| condition == Condition::Any) {
            Some(group) if group.is_satisfied => return false,
            Some(group) => group.condition,
            None => condition,
        };
        self.fate(required).resolution(asked) == Resolution::Pending
    }

    /// The dependents that have to end before a job is asked to stop: the nearest that have not ended.
    fn held_back_by(&self, index: u32) -> Vec<JobName<&'_ str>> {
        let Phase::Ending { order, .. } = &self.phase else { return Vec::new() };
        if !order.holds_back(index) {
            return Vec::new();
        }
        let mut seen = vec![false; self.jobs.nodes.len()];
        let (mut open, mut found) = (vec![index], Vec::new());
        while let Some(at) = open.pop() {
            for dependent in self.edges.dependents_at_the_end(at) {
                if core::mem::replace(&mut seen[dependent as usize], true) {
                    continue;
                }
                let free = self.jobs.is_gone(dependent);
                if free { open.push(dependent) } else { found.push(dependent) }
            }
        }
        found.sort_unstable_by_key(|&index| self.jobs.nodes.number(index));
        found.into_iter().map(|index| self.named(index)).collect()
    }
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted => f.write_str("the run has not started"),
            Self::Waiting { on } => {
                f.write_str("waiting for [")?;
                for (position, (job, condition, kind)) in on.iter().enumerate() {
                    let comma = if position == 0 { "" } else { ", " };
                    let what = match (condition, kind) {
                        (Condition::Succeeded, JobKind::Service) => " to be ready",
                        (Condition::Succeeded, _) => "",
                        (Condition::Finished, _) => " to finish",
                        (Condition::Failed, _) => " to fail",
                        (Condition::Settled, JobKind::Service) => " to be ready, or to end",
                        (Condition::Settled, _) => " to end",
                        (Condition::Any, _) => " or another",
                    };
                    write!(f, "{comma}{job}{what}")?;
                }
                f.write_str("]")
            }
            Self::ReadyToStart => f.write_str("ready to start"),
            Self::BodyAway { attempt } => write!(f, "waits for attempt {attempt} to be gone"),
            Self::WindowFull { running } => write!(f, "window full ({running} running)"),
            Self::PoolsFull { pools } => {
                f.write_str("waits for ")?;
                for (position, wait) in pools.iter().enumerate() {
                    let and = if position == 0 { "" } else { " and for " };
                    write!(f, "{and}{wait}")?;
                }
                Ok(())
            }
            Self::Running { attempt: 1 } => f.write_str("running"),
            Self::Running { attempt } => write!(f, "running (attempt {attempt})"),
            Self::HeldBack { by } => {
                f.write_str("running, waits for [")?;
                for (position, job) in by.iter().enumerate() {
                    let comma = if position == 0 { "" } else { ", " };
                    write!(f, "{comma}{job}")?;
                }
                f.write_str("] to stop first")
            }
            Self::Retry { after } => write!(f, "retry in {}", Seconds(*after)),
            Self::Stopping { reason, aborted_after: None } => write!(f, "stopping ({reason})"),
            Self::Stopping { reason, aborted_after: Some(after) } => {
                write!(f, "stopping ({reason}), aborted in {}", Seconds(*after))
            }
            Self::Skipped { required, outcome } => match outcome {
                Some(Outcome::Failed(_)) => write!(f, "skipped: {required} failed"),
                Some(Outcome::Cancelled) => write!(f, "skipped: {required} was cancelled"),
                Some(Outcome::Skipped(_)) => write!(f, "skipped: {required} was skipped"),
                Some(Outcome::Succeeded) => write!(f, "skipped: {required} succeeded"),
                None => write!(f, "skipped: because of {required}, since removed"),
            },
            Self::NeverStarted { end } => write!(f, "never started: {end} first"),
            Self::CutShort { end } => write!(f, "cancelled: {end}"),
            Self::Ended(outcome) => outcome.fmt(f),
        }
    }
}
