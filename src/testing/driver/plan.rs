use std::collections::BTreeMap;
use std::time::Duration;
use std::vec::Vec;

use crate::testing::random::Random;
use crate::{Completion, Condition, JobKind, JobOptions, Retries};

/// A graph, and what its bodies will do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) window: Option<usize>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) jobs: Vec<JobPlan>,
    /// The run is stopped so long after its start, and again so long after that.
    pub(crate) stops: Vec<Duration>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct JobPlan {
    pub(crate) options: JobOptions,
    /// On jobs that come before it.
    pub(crate) requirements: Vec<(usize, Condition)>,
    /// What each attempt does; the last one again and again.
    pub(crate) acts: Vec<Act>,
    /// Jobs that the first attempt adds, so long after the one before.
    pub(crate) adds: Vec<(Duration, JobPlan)>,
}

/// What an attempt does.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    /// A service is ready so long after its start.
    pub(crate) ready: Option<Duration>,
    /// It ends so long after that; `None`: it hangs.
    pub(crate) ends: Option<(Duration, Completion)>,
    /// Asked to stop, it ends like this; `None`: it does not heed that.
    pub(crate) heeds: Option<(Duration, Completion)>,
}

impl JobPlan {
    pub(crate) fn act(&self, attempt: u32) -> &Act {
        let last = self.acts.len() - 1;
        &self.acts[last.min(attempt as usize - 1)]
    }
}

impl Plan {
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let mut bytes = Bytes { bytes, durations: 0 };
        let window = bytes.one_in(3).then(|| 1 + usize::from(bytes.below(3)));
        let timeout = bytes.one_in(4).then(|| bytes.duration(4));
        let mut stops = Vec::new();
        while stops.len() < 2 && bytes.one_in(6) {
            stops.push(bytes.duration(3));
        }
        let mut plan = Self { window, timeout, jobs: Vec::new(), stops };
        while plan.jobs.len() < 12 && (plan.jobs.is_empty() || !bytes.bytes.is_empty()) {
            let mut job = bytes.job(&plan.jobs);
            if job.options.kind != JobKind::Service {
                while job.adds.len() < 3 && bytes.one_in(8) {
                    let mut added = bytes.job(&[]);
                    if added.options.kind == JobKind::Service {
                        added.options.kind = JobKind::Forever;
                    }
                    job.adds.push((bytes.duration(2), added));
                }
            }
            plan.jobs.push(job);
        }
        // Something has to end a run that may hang.
        if plan.stops.len() < 2 {
            plan.timeout.get_or_insert(Duration::from_secs(60_000));
        }
        plan
    }
}

/// Bytes as decisions; when they are spent, each is the first choice.
struct Bytes<'a> {
    bytes: &'a [u8],
    durations: u64,
}

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        let Some((&first, rest)) = self.bytes.split_first() else { return u8::MAX };
        self.bytes = rest;
        first
    }

    fn below(&mut self, limit: u8) -> u8 {
        self.next() % limit
    }

    fn one_in(&mut self, limit: u8) -> bool {
        self.next().is_multiple_of(limit)
    }

    /// A duration that no other, and no sum of others, equals: what happens at the same instant may
    /// happen in any order. The higher the class, the longer.
    fn duration(&mut self, class: u32) -> Duration {
        self.durations += 1;
        let mixed = Random(self.durations << 8 | u64::from(self.next())).next();
        Duration::from_nanos((mixed >> 28) << class)
    }

    fn job(&mut self, before: &[JobPlan]) -> JobPlan {
        let kind = match self.below(8) {
            0 => JobKind::Forever,
            1 => JobKind::Service,
            _ => JobKind::Finite,
        };
        let grace = match self.below(5) {
            0 => Some(self.duration(1)),
            1 => None,
            _ => Some(Duration::ZERO),
        };
        let limit = if self.one_in(3) { self.below(4).into() } else { 0 };
        let retries = match self.below(2) {
            0 => Retries::new(limit),
            _ => Retries::new(limit).backoff(self.duration(1), self.duration(3)),
        };
        let options = JobOptions {
            label: None,
            kind,
            critical: self.one_in(9),
            timeout: self.one_in(4).then(|| self.duration(2)),
            grace,
            retries,
            priority: if self.one_in(4) { i32::from(self.below(3)) - 1 } else { 0 },
        };
        let requirements = self.requirements(before);
        let acts = (0..=limit.min(2)).map(|_| self.act(&options)).collect();
        JobPlan { options, requirements, acts, adds: Vec::new() }
    }

    fn requirements(&mut self, before: &[JobPlan]) -> Vec<(usize, Condition)> {
        let mut requirements = BTreeMap::new();
        for _ in 0..3 {
            if before.is_empty() || self.one_in(2) {
                break;
            }
            let required = usize::from(self.next()) % before.len();
            let options = &before[required].options;
            let condition = match (options.kind, self.below(6)) {
                (JobKind::Forever, _) => break,
                (JobKind::Finite, 0) => Condition::Finished,
                (JobKind::Finite, 1) if !options.critical => Condition::Failed,
                _ => Condition::Succeeded,
            };
            requirements.entry(required).or_insert(condition);
        }
        requirements.into_iter().collect()
    }

    fn act(&mut self, options: &JobOptions) -> Act {
        let endless = options.kind != JobKind::Finite && !self.one_in(4);
        // A finite job that hangs in silence is ended by its timeout, or by that of the run.
        let hangs = endless || self.one_in(12);
        Act {
            ready: (options.kind == JobKind::Service && !self.one_in(5)).then(|| self.duration(1)),
            ends: (!hangs).then(|| (self.duration(1), self.completion())),
            // With unlimited grace it has to heed, or the run ends with its second stop or not at all.
            heeds: (options.grace.is_none() || !self.one_in(3))
                .then(|| (self.duration(0), self.completion())),
        }
    }

    fn completion(&mut self) -> Completion {
        match self.below(8) {
            0 => Completion::Error,
            1 => Completion::Panic,
            2 => Completion::Cancelled,
            _ => Completion::Success,
        }
    }
}
