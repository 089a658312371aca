use alloc::boxed::Box;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

use super::edge::Condition;
use super::job::{Attempt, JobId, JobKind};
use super::phase::Verdict;
use super::pool::BadNeed;
use super::retries::BadRetries;
use super::state::JobState;

/// A job as people name it: `#3 fetch`, or `#3` without a label. The label is owned in errors, and borrowed
/// (`JobName<&str>`) in explanations and reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobName<L = Box<str>> {
    /// Its id; `None` for a job that was refused and never got one.
    pub id: Option<JobId>,
    /// Its label, if it is present and has one.
    pub label: Option<L>,
}

impl JobName {
    /// Of a job that has no id yet.
    pub(crate) fn new(label: Option<&str>) -> Self {
        Self { id: None, label: label.map(Into::into) }
    }

    /// The label, or else the id: the shortest name that people recognise.
    fn short(&self) -> impl fmt::Display + '_ {
        struct Short<'a>(&'a JobName);
        impl fmt::Display for Short<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match &self.0.label {
                    Some(label) => f.write_str(label),
                    None => self.0.fmt(f),
                }
            }
        }
        Short(self)
    }
}

impl<L: fmt::Display> fmt::Display for JobName<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.id, &self.label) {
            (Some(id), Some(label)) => write!(f, "{id} {label}"),
            (Some(id), None) => id.fmt(f),
            (None, Some(label)) => write!(f, "the new job {label}"),
            (None, None) => f.write_str("the new job"),
        }
    }
}

/// Why the graph cannot be built, changed or started like this. Nothing was changed.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GraphError {
    /// No job has this id: it is another orchestrator's, or the job was removed.
    UnknownJob {
        /// The id that names nothing.
        id: JobId,
    },
    /// A job cannot require itself.
    SelfRequirement {
        /// The job.
        job: JobName,
    },
    /// A job may ask one thing only of a job that it requires.
    ConflictingConditions {
        /// The job.
        job: JobName,
        /// The job that it requires.
        required: JobName,
        /// What it asks already.
        existing: Condition,
        /// What it was to ask as well.
        asked: Condition,
    },
    /// The end of a forever job cannot be required, only the readiness of a service.
    ForeverRequired {
        /// The job.
        job: JobName,
        /// The forever job or service that it was to require.
        required: JobName,
        /// Which of the two the required job is.
        kind: JobKind,
        /// What was asked of it.
        condition: Condition,
    },
    /// When a critical job fails the run ends: what waits for that would never run.
    CriticalFailureRequired {
        /// The job.
        job: JobName,
        /// The critical job.
        required: JobName,
    },
    /// The job does not require the other one.
    NotRequired {
        /// The job.
        job: JobName,
        /// What it does not require.
        required: JobName,
    },
    /// A job whose failure is required cannot be bypassed: its dependent would wait for a failure of nobody.
    BypassedFailure {
        /// The job to bypass.
        job: JobName,
        /// Its dependent that requires it to fail.
        dependent: JobName,
    },
    /// The requirements form a cycle, so none of these jobs could ever start.
    Cycle {
        /// The jobs on it; each requires the next, the last one the first.
        jobs: Vec<JobName>,
    },
    /// This can be done before `start` only.
    AlreadyStarted {
        /// What was asked for, as it completes "it is too late to ...".
        action: &'static str,
    },
    /// The run is ending, so no job can be added to it.
    RunEnding {
        /// The job that was to be added.
        job: JobName,
        /// Why the run is ending.
        ending: Verdict,
    },
    /// The retries of a job make no sense as they were asked for.
    BadRetries {
        /// The job.
        job: JobName,
        /// What is wrong with them.
        problem: BadRetries,
    },
    /// A job requires any of a group without members: it would never start.
    EmptyGroup {
        /// The job.
        job: JobName,
    },
    /// A job names another one twice: in groups, or in a group and beside it.
    MemberTwice {
        /// The job.
        job: JobName,
        /// The job that is named twice.
        required: JobName,
    },
    /// [`Condition::Any`] is not asked of single jobs.
    NotInGroup {
        /// The job.
        job: JobName,
        /// The job of which it was to be asked.
        required: JobName,
    },
    /// A job cannot be bypassed that requires any of a group, or is a member of one.
    BypassedGroup {
        /// The job to bypass.
        job: JobName,
        /// Whose group it is.
        dependent: JobName,
    },
    /// A pool of nothing, or a second one with the same name.
    BadPool {
        /// Its name.
        name: Box<str>,
        /// How much there was to be of it.
        capacity: u32,
    },
    /// A job cannot take from a pool what it asks for.
    BadNeed {
        /// The job.
        job: JobName,
        /// The pool, if there is one.
        pool: Option<Box<str>>,
        /// Why not.
        problem: BadNeed,
    },
    /// There is no room for another job or requirement (2^30 jobs, 2^30 requirements).
    Full,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Succeeded => "to succeed",
            Self::Finished => "to finish",
            Self::Failed => "to fail",
            Self::Settled => "to be settled",
            Self::Any => "as one of a group",
        })
    }
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownJob { id } => no_such_job(*id, f),
            Self::SelfRequirement { job } => {
                write!(f, "{job} requires itself: it would never start")
            }
            Self::ConflictingConditions { job, required, existing, asked } => write!(
                f,
                "{job} cannot require {required} {asked}: it requires it {existing} already; remove that requirement first"
            ),
            Self::ForeverRequired { job, required, kind: JobKind::Service, condition } => write!(
                f,
                "{job} requires {required} {condition}: a service only ends with the run; require its readiness (`Condition::Succeeded`)"
            ),
            Self::ForeverRequired { job, required, condition, .. } => write!(
                f,
                "{job} requires {required} {condition}: a forever job only ends with the run; make it a service to require its readiness"
            ),
            Self::CriticalFailureRequired { job, required } => write!(
                f,
                "{job} requires {required} to fail: a critical failure ends the run first; use a shutdown hook instead"
            ),
            Self::NotRequired { job, required } => {
                write!(f, "{job} does not require {required}: there is nothing to take back")
            }
            Self::BypassedFailure { job, dependent } => write!(
                f,
                "{job} cannot be bypassed: {dependent} requires it to fail; remove that requirement first"
            ),
            Self::Cycle { jobs } => {
                f.write_str("the requirements form a cycle: ")?;
                for job in jobs.iter().chain(jobs.first()).enumerate() {
                    let arrow = if job.0 == 0 { "" } else { " -> " };
                    write!(f, "{arrow}{}", job.1.short())?;
                }
                Ok(())
            }
            Self::AlreadyStarted { action } => {
                write!(f, "the run has started already: it is too late to {action}")
            }
            Self::RunEnding { job, ending } => {
                write!(f, "{job} cannot be added: the run is ending ({ending})")
            }
            Self::BadRetries { job, problem } => write!(f, "{job} cannot be added: its {problem}"),
            Self::EmptyGroup { job } => write!(
                f,
                "{job} requires any of a group of nobody: it would never start; name jobs, or leave the group out"
            ),
            Self::MemberTwice { job, required } => {
                write!(f, "{job} requires {required} twice, as a member of a group: name it once")
            }
            Self::NotInGroup { job, required } => write!(
                f,
                "{job} requires {required} as one of a group: it is in none; name the group in `JobOptions::any_of`"
            ),
            Self::BypassedGroup { job, dependent } => write!(
                f,
                "{job} cannot be bypassed: {dependent} requires any of a group; remove that requirement first"
            ),
            Self::BadPool { name, capacity: 0 } => write!(
                f,
                "the pool {name} has room for nothing: no job of it could ever start; make it of 1 at least"
            ),
            Self::BadPool { name, .. } => {
                write!(f, "there is a pool {name} already: use that, or another name")
            }
            Self::BadNeed { job, pool: Some(pool), problem } => {
                write!(f, "{job} cannot take from the pool {pool}: {problem}")
            }
            Self::BadNeed { job, pool: None, problem } => {
                write!(f, "{job} cannot take from a pool: {problem}")
            }
            Self::Full => f.write_str("the graph is full: it holds as much as it can number"),
        }
    }
}

impl fmt::Debug for GraphError {
    /// Like `Display`: this is what `?` in a `main` shows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn no_such_job(id: JobId, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "there is no job {id}: it was never in this graph, or was removed from it")
}

impl Error for GraphError {}

/// Why an input to a run makes no sense. Nothing was changed, not even the clock.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputError {
    /// The run has not started.
    NotStarted,
    /// No job has this id: it is another orchestrator's, or the job was removed.
    UnknownJob {
        /// The id that names nothing.
        id: JobId,
    },
    /// The attempt is over, or never was.
    NotThatAttempt {
        /// The attempt that was named.
        attempt: Attempt,
        /// Its job.
        job: JobName,
        /// Where the job is.
        state: JobState,
    },
    /// The body of the attempt is not said to be away, or its abort was not the last thing polled.
    NotLeaving {
        /// The attempt that was named.
        attempt: Attempt,
        /// Its job.
        job: JobName,
        /// Where the job is.
        state: JobState,
    },
    /// The job has ended, so it cannot be cancelled.
    Ended {
        /// The job.
        job: JobName,
        /// Where it is.
        state: JobState,
    },
    /// The job has not ended, so it cannot be removed from the run.
    NotEnded {
        /// The job.
        job: JobName,
        /// Where it is.
        state: JobState,
    },
    /// Only a service can be ready.
    NotAService {
        /// The job.
        job: JobName,
        /// Where it is.
        state: JobState,
    },
    /// The service has been asked to stop: it is too late to be ready.
    StoppingAlready {
        /// The job.
        job: JobName,
        /// Where it is.
        state: JobState,
    },
    /// This attempt of the service has been ready before.
    ReadyAlready {
        /// The job.
        job: JobName,
        /// Where it is.
        state: JobState,
    },
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted => f.write_str("the run has not started: call `start` first"),
            Self::UnknownJob { id } => no_such_job(*id, f),
            Self::NotThatAttempt { attempt, job, state } => {
                let number = attempt.number;
                write!(f, "attempt {number} of {job} is not under way: the job is {state}")
            }
            Self::NotLeaving { attempt, job, state } => write!(
                f,
                "the body of attempt {} of {job} is not leaving: only an abort that was just polled, or a body that \
                 is away, leaves one; the job is {state}",
                attempt.number
            ),
            Self::Ended { job, state } => {
                write!(f, "{job} cannot be cancelled: it has ended ({state})")
            }
            Self::NotEnded { job, state } => {
                write!(f, "{job} cannot be removed: it is {state}; cancel it first")
            }
            Self::NotAService { job, state } => {
                write!(f, "{job} cannot be ready: it is not a service, and is {state}")
            }
            Self::StoppingAlready { job, state } => {
                write!(f, "{job} cannot be ready any more: it is {state}")
            }
            Self::ReadyAlready { job, state } => {
                write!(f, "{job} cannot be ready twice: it is {state}")
            }
        }
    }
}

impl fmt::Debug for InputError {
    /// Like `Display`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for InputError {}
