use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::orchestrator::NumberAndIndex;
use crate::{
    Condition, Failure, JobId, JobKind, JobState, Outcome, SkipReason, StopReason, Timestamp,
};

impl Serialize for JobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.number())
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        let index =
            number.checked_sub(1).ok_or_else(|| D::Error::custom("jobs are numbered from 1"))?;
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        Ok(NumberAndIndex { number, index }.into())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.as_nanos())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self::from_nanos)
    }
}

/// Writes and reads one of several words.
macro_rules! words {
    ($type:ident: $($value:ident $word:literal),+) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(match self { $(Self::$value => $word),+ })
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                const WORDS: &[&str] = &[$($word),+];
                match &*std::borrow::Cow::<'de, str>::deserialize(deserializer)? {
                    $($word => Ok(Self::$value),)+
                    other => Err(D::Error::unknown_variant(other, WORDS)),
                }
            }
        }
    };
}

words!(JobKind: Finite "finite", Forever "forever", Service "service");
words!(Condition: Succeeded "succeeded", Finished "finished", Settled "settled", Failed "failed", Any "any");
words!(Failure: Error "error", Panic "panic", TimedOut "timed_out", NeverReady "never_ready");
words!(StopReason: TimedOut "timed_out", Cancelled "cancelled", RunEnding "run_ending");

/// A state as a map.
#[derive(Serialize, Deserialize)]
struct Told {
    state: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<StopReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requirement: Option<JobId>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Name {
    Waiting,
    Queued,
    Running,
    Stopping,
    Backoff,
    Succeeded,
    Failed,
    Cancelled,
    Skipped,
}

impl Told {
    const fn named(state: Name) -> Self {
        Self { state, attempt: None, reason: None, until: None, failure: None, requirement: None }
    }
}

impl From<JobState> for Told {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Waiting => Self::named(Name::Waiting),
            JobState::Queued => Self::named(Name::Queued),
            JobState::Running { attempt } => {
                Self { attempt: Some(attempt), ..Self::named(Name::Running) }
            }
            JobState::Stopping { attempt, reason } => {
                let (attempt, reason) = (Some(attempt), Some(reason));
                Self { attempt, reason, ..Self::named(Name::Stopping) }
            }
            JobState::Backoff { until } => {
                Self { until: Some(until), ..Self::named(Name::Backoff) }
            }
            JobState::Ended(outcome) => match outcome {
                Outcome::Succeeded => Self::named(Name::Succeeded),
                Outcome::Failed(failure) => {
                    Self { failure: Some(failure), ..Self::named(Name::Failed) }
                }
                Outcome::Cancelled => Self::named(Name::Cancelled),
                Outcome::Skipped(SkipReason::Requirement(job)) => {
                    Self { requirement: Some(job), ..Self::named(Name::Skipped) }
                }
                Outcome::Skipped(SkipReason::RunStopped) => Self::named(Name::Skipped),
            },
        }
    }
}

impl Told {
    /// What it says, or which field it lacks.
    fn known(self) -> Result<JobState, &'static str> {
        Ok(match self.state {
            Name::Waiting => JobState::Waiting,
            Name::Queued => JobState::Queued,
            Name::Running => JobState::Running { attempt: self.attempt.ok_or("attempt")? },
            Name::Stopping => {
                let attempt = self.attempt.ok_or("attempt")?;
                JobState::Stopping { attempt, reason: self.reason.ok_or("reason")? }
            }
            Name::Backoff => JobState::Backoff { until: self.until.ok_or("until")? },
            Name::Succeeded => JobState::Ended(Outcome::Succeeded),
            Name::Failed => JobState::Ended(Outcome::Failed(self.failure.ok_or("failure")?)),
            Name::Cancelled => JobState::Ended(Outcome::Cancelled),
            Name::Skipped => {
                let reason =
                    self.requirement.map_or(SkipReason::RunStopped, SkipReason::Requirement);
                JobState::Ended(Outcome::Skipped(reason))
            }
        })
    }
}

impl Serialize for JobState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Told::from(*self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JobState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Told::deserialize(deserializer)?.known().map_err(D::Error::missing_field)
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        JobState::Ended(*self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match JobState::deserialize(deserializer)? {
            JobState::Ended(outcome) => Ok(outcome),
            state => Err(D::Error::custom(std::format_args!("{state} is no outcome"))),
        }
    }
}
