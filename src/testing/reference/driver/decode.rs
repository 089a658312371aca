use std::boxed::Box;
use std::collections::BTreeMap;
use std::time::Duration;
use std::vec::Vec;

use super::plan::{Act, Bomb, HookPlan, JobPlan, Plan};
use crate::testing::random::Random;
use crate::{Completion, Condition, JobKind, JobOptions, Order, PoolId, Retries};

/// What a plan may contain beside plain jobs and services. Each is there or not, for the whole of it: so rare
/// mixes come up.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct Features {
    hooks: bool,
    nested: bool,
    fed: bool,
    observed: bool,
    bombs: bool,
    again: bool,
    dropped: bool,
    servers: bool,
    pools: bool,
    depth: bool,
    groups: bool,
}

impl Features {
    pub(crate) const NONE: Self = Self::of(0);

    pub(crate) const fn of(mask: u16) -> Self {
        Self {
            hooks: mask & 1 != 0,
            nested: mask & 2 != 0,
            fed: mask & 4 != 0,
            observed: mask & 8 != 0,
            bombs: mask & 16 != 0,
            again: mask & 32 != 0,
            dropped: mask & 64 != 0,
            servers: mask & 128 != 0,
            pools: mask & 256 != 0,
            depth: mask & 512 != 0,
            groups: mask & 1024 != 0,
        }
    }
}

impl Plan {
    /// The first two bytes say which features there are.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let (mask, rest) = bytes.split_first_chunk().unwrap_or((&[0; 2], &[]));
        Self::decode_with(Features::of(u16::from_le_bytes(*mask)), rest)
    }

    pub(crate) fn decode_with(features: Features, bytes: &[u8]) -> Self {
        let mut bytes = Bytes { left: bytes, durations: 0, features, pools: Vec::new() };
        let mut plan = bytes.plan(12, true);
        let stops = if features.hooks { 4 } else { 2 };
        while plan.stops.len() < stops && bytes.one_in(if plan.stops.is_empty() { 6 } else { 3 }) {
            let class = 1 + u32::from(bytes.below(3));
            plan.stops.push(bytes.duration(class));
        }
        plan.observed = features.observed;
        plan.dropped = features.dropped.then(|| bytes.duration(3));
        // Something has to end a run that may hang.
        if plan.stops.len() < 2 {
            plan.timeout.get_or_insert(Duration::from_secs(60_000));
        }
        plan
    }
}

/// Bytes as decisions; when they are spent, each is the first choice.
struct Bytes<'a> {
    left: &'a [u8],
    durations: u64,
    features: Features,
    /// Those of the plan that is decoded.
    pools: Vec<u32>,
}

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        let Some((&first, rest)) = self.left.split_first() else { return u8::MAX };
        self.left = rest;
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

    fn plan(&mut self, most: usize, outermost: bool) -> Plan {
        let mut plan = Plan {
            window: self.one_in(3).then(|| 1 + usize::from(self.below(3))),
            timeout: self.one_in(4).then(|| self.duration(4)),
            seed: self.next().into(),
            ..Plan::default()
        };
        if self.features.pools {
            plan.pools = (0..=self.below(3)).map(|_| 1 + u32::from(self.below(3))).collect();
        }
        if self.features.depth && self.one_in(2) {
            plan.order = Order::DepthFirst;
        }
        self.pools.clone_from(&plan.pools);
        plan.until_stopped = self.features.servers && self.one_in(3);
        if self.features.hooks {
            plan.hook_timeout = self.one_in(2).then(|| self.duration(1));
        }
        // What is read at the end of the outermost plan.
        let kept = if outermost { 12 } else { 0 };
        while plan.jobs.len() < most && (plan.jobs.is_empty() || self.left.len() > kept) {
            let job = if outermost && self.features.nested && self.one_in(4) {
                self.nested(&plan.jobs)
            } else {
                let mut job = self.job(&plan.jobs);
                if outermost && job.options.kind != JobKind::Service {
                    self.additions(&mut job);
                }
                job
            };
            plan.jobs.push(job);
        }
        plan
    }

    fn additions(&mut self, job: &mut JobPlan) {
        while job.adds.len() < 3 && self.one_in(8) {
            let mut added = self.job(&[]);
            if added.options.kind == JobKind::Service {
                added.options.kind = JobKind::Forever;
            }
            job.adds.push((self.duration(2), added));
        }
    }

    /// A graph as a job. It can be attempted once only.
    fn nested(&mut self, before: &[JobPlan]) -> JobPlan {
        let kind = if self.one_in(6) { JobKind::Forever } else { JobKind::Finite };
        let mut options = self.options(kind, 0);
        if self.one_in(2) {
            options.grace = None;
        }
        let requirements = self.requirements(before);
        let most = 1 + usize::from(self.below(5));
        let around = std::mem::take(&mut self.pools);
        let inside = Some(Box::new(self.plan(most, false)));
        self.pools = around;
        JobPlan { options, requirements, inside, hook: self.hook(), ..JobPlan::default() }
    }

    fn job(&mut self, before: &[JobPlan]) -> JobPlan {
        let kind = match self.below(8) {
            0 => JobKind::Forever,
            1 => JobKind::Service,
            _ => JobKind::Finite,
        };
        let limit = if self.one_in(3) { self.below(4).into() } else { 0 };
        let options = self.options(kind, limit);
        let mut requirements = self.requirements(before);
        let feeds = |&(required, condition): &(usize, _)| {
            condition == Condition::Succeeded && before[required].inside.is_none()
        };
        let feeding = requirements.iter().position(feeds).filter(|_| self.features.fed);
        // The requirement that feeds it is made first.
        requirements[..feeding.map_or(0, |position| position + 1)]
            .rotate_right(1.min(feeding.unwrap_or(0)));
        let acts = (0..=limit.min(2)).map(|_| self.act(&options)).collect();
        let (fed, hook) = (feeding.is_some(), self.hook());
        let bomb = self.bomb(&options, fed);
        let groups = self.groups(before, &requirements);
        JobPlan { options, requirements, groups, fed, acts, hook, bomb, ..JobPlan::default() }
    }

    fn options(&mut self, kind: JobKind, limit: u32) -> JobOptions {
        let grace = match self.below(5) {
            0 => Some(self.duration(1)),
            1 => None,
            _ => Some(Duration::ZERO),
        };
        let retries = self.retries(kind, limit);
        JobOptions {
            label: None,
            kind,
            awaited: self.features.servers && kind != JobKind::Finite && self.one_in(2),
            critical: self.one_in(9),
            timeout: self.one_in(4).then(|| self.duration(2)),
            grace,
            retries,
            priority: if self.one_in(4) { i32::from(self.below(3)) - 1 } else { 0 },
            pools: self.needs(kind),
            any_of: Box::default(),
        }
    }

    fn retries(&mut self, kind: JobKind, limit: u32) -> Retries {
        let mut retries = Retries::new(limit);
        if limit > 0 && self.one_in(2) {
            let (base, cap) = (self.duration(1), self.duration(3));
            retries = retries.backoff(base.min(cap), cap);
            retries.jitter = self.one_in(3);
        }
        if limit > 0 && kind != JobKind::Finite && self.one_in(2) {
            retries.reset_after = Some(self.duration(1));
        }
        retries
    }

    fn needs(&mut self, kind: JobKind) -> Box<[(PoolId, u32)]> {
        let mut needs = Vec::new();
        for (pool, capacity) in (0..).zip(self.pools.clone()) {
            if kind == JobKind::Finite && self.one_in(3) {
                needs.push((PoolId::new(pool), 1 + u32::from(self.below(3)) % capacity));
            }
        }
        needs.into()
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
                (_, 2) => Condition::Settled,
                (JobKind::Finite, 1) if !options.critical => Condition::Failed,
                _ => Condition::Succeeded,
            };
            requirements.entry(required).or_insert(condition);
        }
        requirements.into_iter().collect()
    }

    /// One group, of jobs that are not required by themselves.
    fn groups(
        &mut self,
        before: &[JobPlan],
        requirements: &[(usize, Condition)],
    ) -> Vec<(Condition, Vec<usize>)> {
        if !self.features.groups || self.one_in(2) {
            return Vec::new();
        }
        let condition = if self.one_in(3) { Condition::Finished } else { Condition::Succeeded };
        let may_be = |position: &usize| match (before[*position].options.kind, condition) {
            (JobKind::Finite, _) | (JobKind::Service, Condition::Succeeded) => {
                before[*position].inside.is_none()
                    && requirements.iter().all(|&(required, _)| required != *position)
            }
            _ => false,
        };
        let mut members: Vec<_> = (0..before.len()).filter(may_be).collect();
        members.retain(|_| !self.one_in(2));
        if members.is_empty() { Vec::new() } else { Vec::from([(condition, members)]) }
    }

    fn hook(&mut self) -> Option<HookPlan> {
        if !self.features.hooks || self.one_in(2) {
            return None;
        }
        let hangs = self.one_in(8);
        let ends = (!hangs).then(|| (self.duration(0), self.completion()));
        Some(HookPlan { ends, bomb: self.features.bombs && self.one_in(4) })
    }

    /// One kind of bomb in a job at most: what panics while another panic is caught is nobody's to count.
    fn bomb(&mut self, options: &JobOptions, fed: bool) -> Option<Bomb> {
        if !self.features.bombs {
            return None;
        }
        match self.below(6) {
            0 => Some(Bomb::Attempt),
            // The closure of a job that is fed is cloned for each attempt.
            1 if !fed => Some(Bomb::Factory),
            // What a service is ready with while it stops is refused, and goes with whoever holds it last.
            2 if options.kind == JobKind::Service && options.grace != Some(Duration::ZERO) => None,
            2 => Some(Bomb::Output),
            _ => None,
        }
    }

    fn act(&mut self, options: &JobOptions) -> Act {
        let endless = options.kind != JobKind::Finite && !self.one_in(4);
        // A finite job that hangs in silence is ended by its timeout, or by that of the run.
        let hangs = endless || self.one_in(12);
        Act {
            ready: (options.kind == JobKind::Service && !self.one_in(5)).then(|| self.duration(1)),
            again: self.features.again && self.one_in(2),
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
            3 => Completion::Permanent,
            _ => Completion::Success,
        }
    }
}
