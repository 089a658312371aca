use alloc::string::String;
use alloc::vec::Vec;

use super::Run;
use super::swarm::Swarm;
use crate::{AnyOf, Condition, JobId, JobKind, JobOptions, PoolId, Retries};

/// Jobs that are added.
impl Run<'_, '_> {
    /// What a job takes from pools: what can be given, mostly.
    fn needs(&mut self) -> Vec<(PoolId, u32)> {
        let pools: Vec<u32> = self.model.pools().map(|pool| pool.capacity).collect();
        let mut needs = Vec::new();
        for _ in 0..self.bytes.below(4) {
            let at = self.bytes.below(pools.len() + 1);
            let Some(&capacity) = pools.get(at) else { continue };
            let pool = PoolId::new(u32::try_from(at).unwrap_or(0));
            let amount = 1 + self.bytes.number(4);
            let is_rogue = self.swarm.has(Swarm::ROGUE) && self.bytes.once_in(8);
            let is_new = needs.iter().all(|&(other, _)| other != pool);
            if is_rogue || is_new {
                needs.push((pool, if is_rogue { amount } else { amount.min(capacity) }));
            }
        }
        needs
    }

    /// Groups that can be required, mostly.
    fn groups(&mut self, requirements: &[(JobId, Condition)]) -> Vec<AnyOf> {
        let mut taken: Vec<JobId> = requirements.iter().map(|&(id, _)| id).collect();
        let mut groups = Vec::new();
        for _ in 0..=self.bytes.below(2) {
            let condition = self.condition();
            let mut jobs = Vec::new();
            for _ in 0..=self.bytes.below(4) {
                let id = self.required();
                let kind = self.model.oracle().options(id).map(|options| options.kind);
                let can_be = match kind {
                    Some(JobKind::Finite) => condition != Condition::Failed,
                    Some(JobKind::Service) => condition == Condition::Succeeded,
                    _ => false,
                };
                if self.swarm.has(Swarm::ROGUE) && self.bytes.once_in(16) {
                    jobs.push(id);
                } else if can_be && !taken.contains(&id) {
                    taken.push(id);
                    jobs.push(id);
                }
            }
            if !jobs.is_empty() || self.swarm.has(Swarm::ROGUE) && self.bytes.once_in(16) {
                groups.push(AnyOf { jobs, condition });
            }
        }
        groups
    }

    pub(super) fn add(&mut self) -> Result<(), String> {
        let swarm = self.swarm;
        let mut options = JobOptions::default();
        let kinds = self.bytes.next() | if swarm.has(Swarm::LOADED) { 0xe0 } else { 0 };
        options.kind = match kinds & 7 {
            0 if swarm.has(Swarm::FOREVER) => JobKind::Forever,
            1 | 2 if swarm.has(Swarm::SERVICES) => JobKind::Service,
            _ => JobKind::Finite,
        };
        options.awaited = swarm.has(Swarm::AWAITED) && kinds & 1 == 1;
        options.critical = swarm.has(Swarm::CRITICAL) && kinds & 0x18 == 0x18;
        if swarm.has(Swarm::TIMEOUT) && kinds & 0x20 != 0 {
            options.timeout = Some(self.duration());
        }
        if swarm.has(Swarm::GRACE) && kinds & 0x40 != 0 {
            options.grace = if self.bytes.once_in(6) { None } else { Some(self.duration()) };
        }
        if swarm.has(Swarm::RETRIES) && kinds & 0x80 != 0 {
            let limit = if self.bytes.once_in(16) { u32::MAX } else { self.bytes.number(4) };
            options.retries = Retries::new(limit);
            if swarm.has(Swarm::BACKOFF) {
                let [base, cap] = [(); 2].map(|()| self.duration());
                let order = base <= cap || swarm.has(Swarm::ROGUE) && self.bytes.once_in(4);
                let (base, cap) = if order { (base, cap) } else { (cap, base) };
                options.retries = options.retries.backoff(base, cap);
            }
            options.retries.jitter = swarm.has(Swarm::JITTER) && self.bytes.once_in(2);
            if swarm.has(Swarm::RESET) && self.bytes.once_in(2) {
                options.retries.reset_after = Some(self.duration());
            }
            if !swarm.has(Swarm::ROGUE) {
                options.retries = sensible(&options);
            }
        }
        if swarm.has(Swarm::PRIORITY) {
            options.priority = [0, 0, 1, -1, 2, i32::MAX, i32::MIN, 0][self.bytes.below(8)];
        }
        if swarm.has(Swarm::POOLS) && (options.kind == JobKind::Finite || self.bytes.once_in(12)) {
            options.pools = self.needs().into();
        }
        let most = match swarm {
            _ if swarm.has(Swarm::LOOSE) && !self.bytes.once_in(6) => 1,
            _ if swarm.has(Swarm::DENSE) => 6,
            _ => 3,
        };
        let count = self.bytes.below(most);
        let mut requirements = Vec::with_capacity(count);
        for _ in 0..count {
            let id = self.required();
            requirements.push((id, self.condition()));
        }
        if swarm.has(Swarm::GROUPS) && self.bytes.once_in(3) {
            options.any_of = self.groups(&requirements).into();
        }
        if !swarm.has(Swarm::ROGUE) {
            // What would be refused goes, mostly.
            let oracle = self.model.oracle();
            let mut accepted = Vec::new();
            for (id, mut condition) in requirements {
                if oracle.options(id).is_some_and(|options| options.kind != JobKind::Finite) {
                    let settled = condition == Condition::Settled;
                    condition = if settled { condition } else { Condition::Succeeded };
                }
                accepted.push((id, condition));
                if !oracle.accepts(&options, &accepted) {
                    accepted.pop();
                }
            }
            requirements = accepted;
        }
        self.model.add(options, &requirements)?;
        Ok(())
    }
}

/// The retries of a job, without what would be refused.
fn sensible(options: &JobOptions) -> Retries {
    let mut retries = options.retries;
    if retries.limit == 0 {
        return Retries::default();
    }
    retries.jitter &= !retries.base.is_zero();
    retries.reset_after = retries.reset_after.filter(|_| options.kind != JobKind::Finite);
    retries
}
