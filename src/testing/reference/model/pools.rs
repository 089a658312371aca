use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::check::{differ, ensure};
use super::pair::{Body, Model, Seen, Snapshot, Stage};
use crate::{JobId, JobState, PoolId};

/// What is taken from pools, and who could go for all that.
impl Model {
    /// What a job takes from pools.
    pub(super) fn needs(&self, job: JobId) -> Vec<(PoolId, u32)> {
        self.oracle.options(job).map_or(Vec::new(), |options| options.pools.to_vec())
    }

    /// How much these bodies and all attempts under way take of each pool.
    fn taken(&self, core: &Snapshot, counts: impl Fn(&Body) -> bool) -> Vec<u32> {
        let mut taken: Vec<u32> = self.pools().map(|_| 0).collect();
        let under_way = core.jobs.iter().filter(|job| job.under_way().is_some());
        let bodies = self.bodies.values().filter(|body| counts(body));
        let of_jobs = under_way.flat_map(|job| self.needs(job.id));
        for (pool, amount) in of_jobs.chain(bodies.flat_map(|body| body.pools.clone())) {
            taken[pool.index()] += amount;
        }
        taken
    }

    /// Nobody takes more than there is, and all that is not taken is free.
    pub(super) fn check_pools(&self) -> Result<(), String> {
        let taken = self.taken(&self.seen, |_| true);
        for (taken, pool) in taken.iter().zip(self.pools()) {
            ensure(*taken <= pool.capacity, || format!("{taken} are taken of {pool:?}"))?;
            differ("what is free of a pool", &pool.free, &(pool.capacity - taken))?;
        }
        Ok(())
    }

    /// Whether the pools allow that one of these goes, if that does not depend on who is first.
    pub(super) fn pools_allow(&self, core: &Snapshot, queued: &[&Seen]) -> Option<bool> {
        let taken = self.taken(core, |body| body.stage != Stage::JustPolled);
        let free: Vec<u32> =
            self.pools().zip(taken).map(|(pool, taken)| pool.capacity - taken).collect();
        let needs: Vec<Vec<u32>> = queued.iter().map(|job| self.amounts(job)).collect();
        let fits = |needs: &&Vec<u32>| needs.iter().zip(&free).all(|(need, free)| need <= free);
        if needs.iter().all(|needs| !fits(&needs)) {
            return Some(false);
        }
        // The front-runner is one of those that do not fit: who shares no pool with any of them goes.
        let others: Vec<&Vec<u32>> = needs.iter().filter(|needs| !fits(needs)).collect();
        let shares = |one: &Vec<u32>, other: &&Vec<u32>| {
            one.iter().zip(*other).any(|(one, other)| *one > 0 && *other > 0)
        };
        let alone = |needs: &&Vec<u32>| others.iter().all(|other| !shares(needs, other));
        needs.iter().filter(fits).any(|needs| alone(&needs)).then_some(true)
    }

    fn amounts(&self, job: &Seen) -> Vec<u32> {
        debug_assert_eq!(job.state, JobState::Queued, "only these are asked for");
        let mut amounts: Vec<u32> = self.pools().map(|_| 0).collect();
        for (pool, amount) in self.needs(job.id) {
            amounts[pool.index()] += amount;
        }
        amounts
    }
}
