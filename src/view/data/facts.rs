use std::boxed::Box;
use std::num::NonZero;
use std::string::{String, ToString};
use std::sync::Arc;
use std::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::FORMAT;
use super::jobs::Info;
use crate::{
    Fact, FactKind, JobError, JobId, JobState, Mishap, MishapKind, Outcome, Panic, Timestamp,
    Verdict,
};

/// A fact as a map.
#[derive(Serialize, Deserialize)]
struct Line {
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    within: Vec<JobId>,
    #[serde(flatten)]
    event: Event,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    Begun {
        format: u32,
        window: Option<NonZero<usize>>,
        pools: Vec<Pool>,
    },
    Added(Info),
    State {
        job: JobId,
        from: JobState,
        to: JobState,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    Ready {
        job: JobId,
    },
    Note {
        job: JobId,
        text: String,
    },
    HookBegun {
        job: JobId,
    },
    HookEnded {
        job: JobId,
        outcome: Outcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    Mishap(Told),
    Over(Ending),
}

#[derive(Serialize, Deserialize)]
struct Pool {
    pool: Box<str>,
    size: u32,
}

/// A mishap as a map.
#[derive(Serialize, Deserialize)]
pub(super) struct Told {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job: Option<JobId>,
    what: MishapName,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MishapName {
    Drop,
    Clock,
}

/// A verdict as a map.
#[derive(Serialize, Deserialize)]
struct Ending {
    verdict: VerdictName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job: Option<JobId>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum VerdictName {
    Completed,
    TimedOut,
    CriticalFailure,
    Stopped,
}

impl VerdictName {
    /// The name, and the job that goes with it.
    pub(super) fn of(verdict: Verdict) -> (Self, Option<JobId>) {
        match verdict {
            Verdict::Completed => (Self::Completed, None),
            Verdict::TimedOut => (Self::TimedOut, None),
            Verdict::CriticalFailure(job) => (Self::CriticalFailure, Some(job)),
            Verdict::Stopped => (Self::Stopped, None),
        }
    }
}

impl From<&Mishap> for Told {
    fn from(mishap: &Mishap) -> Self {
        let what = match mishap.what {
            MishapKind::Drop => MishapName::Drop,
            MishapKind::Clock => MishapName::Clock,
        };
        let message = mishap.panic.message().to_string();
        let location = mishap.panic.location().map(ToString::to_string);
        Self { job: mishap.job, what, message, location }
    }
}

impl From<Told> for Mishap {
    fn from(told: Told) -> Self {
        let what = match told.what {
            MishapName::Drop => MishapKind::Drop,
            MishapName::Clock => MishapKind::Clock,
        };
        Self { job: told.job, what, panic: Panic::told(told.message, told.location) }
    }
}

pub(super) fn text(error: Option<&Arc<JobError>>) -> Option<String> {
    error.map(ToString::to_string)
}

fn error(text: Option<String>) -> Option<Arc<JobError>> {
    text.map(|text| Arc::new(JobError::Error(text.into())))
}

impl From<&FactKind> for Event {
    fn from(what: &FactKind) -> Self {
        match what {
            FactKind::Begun { window, pools } => {
                let pools = pools.iter().cloned().map(|(pool, size)| Pool { pool, size });
                Self::Begun { format: FORMAT, window: *window, pools: pools.collect() }
            }
            FactKind::Added(info) => Self::Added(Info::of(info)),
            FactKind::State { id, from, to, error } => {
                Self::State { job: *id, from: *from, to: *to, error: text(error.as_ref()) }
            }
            FactKind::Ready(job) => Self::Ready { job: *job },
            FactKind::Note { id, text } => Self::Note { job: *id, text: text.to_string() },
            FactKind::HookBegun(job) => Self::HookBegun { job: *job },
            FactKind::HookEnded { id, outcome, error } => {
                Self::HookEnded { job: *id, outcome: *outcome, error: text(error.as_ref()) }
            }
            FactKind::Mishap(mishap) => Self::Mishap(mishap.into()),
            FactKind::Over(verdict) => {
                let (verdict, job) = VerdictName::of(*verdict);
                Self::Over(Ending { verdict, job })
            }
        }
    }
}

impl Event {
    fn told<E: serde::de::Error>(self) -> Result<FactKind, E> {
        Ok(match self {
            Self::Begun { format, .. } if format > FORMAT => {
                return Err(E::custom(std::format_args!(
                    "this is format {format}, {FORMAT} is the latest that can be read"
                )));
            }
            Self::Begun { window, pools, .. } => {
                let pools = pools.into_iter().map(|pool| (pool.pool, pool.size)).collect();
                FactKind::Begun { window, pools }
            }
            Self::Added(job) => FactKind::Added(Arc::new(job.into())),
            Self::State { job: id, from, to, error: why } => {
                FactKind::State { id, from, to, error: error(why) }
            }
            Self::Ready { job } => FactKind::Ready(job),
            Self::Note { job: id, text } => FactKind::Note { id, text: text.into() },
            Self::HookBegun { job } => FactKind::HookBegun(job),
            Self::HookEnded { job: id, outcome, error: why } => {
                FactKind::HookEnded { id, outcome, error: error(why) }
            }
            Self::Mishap(told) => FactKind::Mishap(told.into()),
            Self::Over(Ending { verdict, job }) => FactKind::Over(match verdict {
                VerdictName::Completed => Verdict::Completed,
                VerdictName::TimedOut => Verdict::TimedOut,
                VerdictName::CriticalFailure => {
                    Verdict::CriticalFailure(job.ok_or_else(|| E::missing_field("job"))?)
                }
                VerdictName::Stopped => Verdict::Stopped,
            }),
        })
    }
}

impl Serialize for Fact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let line =
            Line { at: self.at, within: self.within.to_vec(), event: Event::from(&self.what) };
        line.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let line = Line::deserialize(deserializer)?;
        Ok(Self { at: line.at, within: line.within.into(), what: line.event.told()? })
    }
}

impl Serialize for Mishap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Told::from(self).serialize(serializer)
    }
}
