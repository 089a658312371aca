use std::boxed::Box;
use std::sync::Arc;
use std::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Condition, JobId, JobInfo, JobKind};

/// What is known of a job before it runs.
#[derive(Serialize, Deserialize)]
pub(super) struct Info {
    pub(super) job: JobId,
    #[serde(default)]
    pub(super) label: Option<Box<str>>,
    pub(super) kind: JobKind,
    pub(super) critical: bool,
    pub(super) takes: Vec<Takes>,
    pub(super) requires: Vec<Requires>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) inside: Option<Vec<Self>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) added_by: Option<JobId>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Takes {
    pool: Box<str>,
    amount: u32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Requires {
    job: JobId,
    condition: Condition,
}

impl Info {
    /// Without the jobs inside.
    pub(super) fn alone(info: &JobInfo) -> Self {
        let takes = info.takes.iter().cloned().map(|(pool, amount)| Takes { pool, amount });
        let requires =
            info.requirements.iter().map(|&(job, condition)| Requires { job, condition });
        Self {
            job: info.id,
            label: info.label.clone(),
            kind: info.kind,
            critical: info.critical,
            takes: takes.collect(),
            requires: requires.collect(),
            inside: None,
            added_by: info.added_by,
        }
    }

    pub(super) fn of(info: &JobInfo) -> Self {
        let inside = |jobs: &Vec<Arc<JobInfo>>| jobs.iter().map(|job| Self::of(job)).collect();
        Self { inside: info.inside.as_ref().map(inside), ..Self::alone(info) }
    }
}

impl From<Info> for JobInfo {
    fn from(job: Info) -> Self {
        let requirements =
            job.requires.into_iter().map(|requires| (requires.job, requires.condition));
        let inside = |jobs: Vec<Info>| jobs.into_iter().map(|job| Arc::new(job.into())).collect();
        Self {
            id: job.job,
            label: job.label,
            kind: job.kind,
            critical: job.critical,
            takes: job.takes.into_iter().map(|takes| (takes.pool, takes.amount)).collect(),
            requirements: requirements.collect(),
            inside: job.inside.map(inside),
            added_by: job.added_by,
        }
    }
}

impl Serialize for JobInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Info::of(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JobInfo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Info::deserialize(deserializer).map(Into::into)
    }
}
