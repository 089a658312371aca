use core::fmt;

use super::job::JobId;
use super::time::Timestamp;

/// How an attempt ended, as whoever executed it reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Completion {
    /// It did what it was for.
    Success,
    /// It returned an error.
    Error,
    /// It panicked.
    Panic,
    /// It returned an error that no retry helps: as [`Error`](Self::Error), but there is no further attempt.
    Permanent,
    /// It gave up, of its own accord or because it was asked to. Never retried.
    Cancelled,
}

/// Why a job failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// Its last attempt returned an error.
    Error,
    /// Its last attempt panicked.
    Panic,
    /// Its last attempt took longer than the job's timeout.
    TimedOut,
    /// A service ended without having been ready.
    NeverReady,
}

/// Why a job was never handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// What it required of this job became impossible.
    Requirement(JobId),
    /// The run ended first.
    RunStopped,
}

/// How a job ended. A job has exactly one outcome, and keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// An attempt succeeded.
    Succeeded,
    /// Its last attempt failed.
    Failed(Failure),
    /// It was cancelled.
    Cancelled,
    /// It was never handed out.
    Skipped(SkipReason),
}

/// Why a job was asked to stop. The first reason counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// Its attempt took longer than the job's own timeout.
    TimedOut,
    /// [`cancel`](super::Orchestrator::cancel) named it.
    Cancelled,
    /// The run is ending.
    RunEnding,
}

/// Where a job is. The table of its changes stands in the source beside this type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// A requirement is unresolved. All jobs wait before `start`.
    Waiting,
    /// It may start as soon as there is a seat for it.
    Queued,
    /// It was handed out, and has not completed.
    Running {
        /// Which attempt is running, from 1.
        attempt: u32,
    },
    /// It failed, and is attempted again at this time.
    Backoff {
        /// When it is queued again.
        until: Timestamp,
    },
    /// It was asked to end, and has not completed.
    Stopping {
        /// Which attempt is stopping, from 1.
        attempt: u32,
        /// Why it was asked.
        reason: StopReason,
    },
    /// It is over.
    Ended(Outcome),
}

impl JobState {
    /// The outcome, if the job has ended.
    #[must_use]
    pub const fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Ended(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// Whether the job has ended. It keeps this state then.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Ended(_))
    }

    /// The number of the attempt that is running or stopping.
    #[must_use]
    pub const fn attempt(self) -> Option<u32> {
        match self {
            Self::Running { attempt } | Self::Stopping { attempt, .. } => Some(attempt),
            _ => None,
        }
    }
}

/// Where a job is, as the core keeps it. What a [`JobState`] says beside that stands elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Waiting,
    Queued,
    Running,
    Backoff,
    Stopping(StopReason),
    Succeeded,
    Failed(Failure),
    Cancelled,
    /// Cancelled because the run ended.
    CutShort,
    /// What it required became impossible.
    Skipped,
    /// The run ended first.
    RunStopped,
}

impl Stage {
    #[inline]
    pub(super) const fn is_ended(self) -> bool {
        match self {
            Self::Waiting | Self::Queued | Self::Running | Self::Backoff | Self::Stopping(_) => {
                false
            }
            Self::Succeeded
            | Self::Failed(_)
            | Self::Cancelled
            | Self::CutShort
            | Self::Skipped
            | Self::RunStopped => true,
        }
    }

    /// Whether an attempt is under way.
    #[inline]
    pub(super) const fn is_under_way(self) -> bool {
        matches!(self, Self::Running | Self::Stopping(_))
    }
}

/// What may happen to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// All its requirements are satisfied.
    Satisfied,
    /// What it required of this job became impossible.
    Impossible(JobId),
    /// It is handed out.
    HandOut,
    /// Its attempt reports its end.
    Completed(Completion),
    /// It is asked to stop.
    Stop(StopReason),
    /// What it armed is due: its timeout, the end of its backoff or of its grace.
    Due,
    /// It is to end at once.
    Abort,
}

/// What the next state depends on, beside state and event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// A service whose attempt has not been ready.
    pub(super) never_ready: bool,
    /// Whether there is any grace period.
    pub(super) grace: bool,
    /// Why the attempt before failed.
    pub(super) last_failure: Option<Failure>,
}

impl Facts {
    /// Of a plain job.
    pub(super) const PLAIN: Self = Self { never_ready: false, grace: false, last_failure: None };
}

/// Where an event leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    To(Stage),
    /// To `Backoff` (at once `Queued` without a pause) if there is an attempt left, else `Failed`.
    Fail(Failure),
}

/// What whoever executes the attempt has to be told about a change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tell {
    Nothing,
    Cancel,
    Abort,
    /// The job ended with no attempt under way.
    Discard,
}

/// THE AUTOMATON of a job: every change of state there is. `None`: nothing happens.
#[expect(clippy::match_same_arms, reason = "a table, read row by row")]
// One row is left of it for an event that is known.
#[inline(always)]
pub(super) fn transition(from: Stage, event: Event, facts: Facts) -> Option<(Next, Tell)> {
    use Completion::{Error, Panic, Permanent, Success};
    use Event::{Abort, Completed, Due, HandOut, Impossible, Satisfied, Stop};
    use Stage::{
        Backoff, Cancelled, CutShort, Failed, Queued, RunStopped, Running, Skipped, Stopping,
        Succeeded, Waiting,
    };
    use StopReason::{RunEnding, TimedOut};

    let to = |stage| Some((Next::To(stage), Tell::Nothing));
    let discard = |stage| Some((Next::To(stage), Tell::Discard));
    let fail = |failure| Some((Next::Fail(failure), Tell::Nothing));
    let cancelled = |reason| if reason == RunEnding { CutShort } else { Cancelled };
    match (from, event) {
        (Waiting, Satisfied) => to(Queued),
        (Waiting, Impossible(_)) => discard(Skipped),
        (Waiting, Stop(StopReason::Cancelled)) => discard(Cancelled),
        (Waiting, Stop(RunEnding)) => discard(RunStopped),

        (Queued, HandOut) => to(Running),
        (Backoff, Due) => to(Queued),
        (Queued | Backoff, Stop(StopReason::Cancelled)) => discard(Cancelled),
        (Queued | Backoff, Stop(RunEnding)) => discard(match facts.last_failure {
            None => RunStopped,
            Some(failure) => Failed(failure),
        }),

        (Running, Completed(Success)) if facts.never_ready => fail(Failure::NeverReady),
        (Running, Completed(Success)) => to(Succeeded),
        (Running, Completed(Error)) => fail(Failure::Error),
        (Running, Completed(Permanent)) => to(Failed(Failure::Error)),
        (Running, Completed(Panic)) => fail(Failure::Panic),
        (Running, Completed(Completion::Cancelled)) => to(Cancelled),
        (Running, Stop(reason)) if facts.grace => Some((Next::To(Stopping(reason)), Tell::Cancel)),
        (Running, Due) if facts.grace => Some((Next::To(Stopping(TimedOut)), Tell::Cancel)),
        (Running, Stop(TimedOut) | Due) => Some((Next::Fail(Failure::TimedOut), Tell::Abort)),
        (Running, Stop(StopReason::Cancelled)) => Some((Next::To(Cancelled), Tell::Abort)),
        (Running, Stop(RunEnding) | Abort) => Some((Next::To(CutShort), Tell::Abort)),

        (Stopping(TimedOut), Completed(Permanent)) => to(Failed(Failure::TimedOut)),
        (Stopping(TimedOut), Completed(_)) => fail(Failure::TimedOut),
        (Stopping(TimedOut), Due | Abort) => Some((Next::Fail(Failure::TimedOut), Tell::Abort)),
        (Stopping(reason), Completed(Success)) if facts.never_ready => to(cancelled(reason)),
        (Stopping(_), Completed(Success)) => to(Succeeded),
        (Stopping(_), Completed(Error | Permanent)) => to(Failed(Failure::Error)),
        (Stopping(_), Completed(Panic)) => to(Failed(Failure::Panic)),
        (Stopping(reason), Completed(Completion::Cancelled)) => to(cancelled(reason)),
        (Stopping(reason), Due | Abort) => Some((Next::To(cancelled(reason)), Tell::Abort)),

        (
            Waiting | Queued | Running | Backoff | Stopping(_) | Succeeded | Failed(_) | Cancelled
            | CutShort | Skipped | RunStopped,
            _,
        ) => None,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Panic => "panic",
            Self::TimedOut => "timed out",
            Self::NeverReady => "never ready",
        })
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requirement(required) => fmt::Display::fmt(required, f),
            Self::RunStopped => f.write_str("run stopped"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeded => f.write_str("succeeded"),
            Self::Failed(failure) => write!(f, "failed ({failure})"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Skipped(reason) => write!(f, "skipped ({reason})"),
        }
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "timed out",
            Self::Cancelled => "cancelled",
            Self::RunEnding => "run ending",
        })
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => f.write_str("waiting"),
            Self::Queued => f.write_str("queued"),
            Self::Running { attempt: 1 } => f.write_str("running"),
            Self::Running { attempt } => write!(f, "running (attempt {attempt})"),
            Self::Backoff { until } => write!(f, "in backoff until {until}"),
            Self::Stopping { reason, .. } => write!(f, "stopping ({reason})"),
            Self::Ended(outcome) => outcome.fmt(f),
        }
    }
}
