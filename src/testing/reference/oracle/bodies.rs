use alloc::vec::Vec;
use core::cmp::Reverse;

use super::body::{Body, Stage};
use super::naive::{Job, Oracle, is_under_way};
use crate::{Attempt, JobId, JobKind, JobState, Order, PoolId, Timestamp};

/// Bodies that outlive their attempts.
impl Oracle {
    /// The body of an attempt whose `Abort` was just polled cannot be dropped yet.
    pub fn on_body_away(&mut self, attempt: Attempt) -> bool {
        let is_it = |body: &&mut Body| body.attempt == attempt && body.stage == Stage::JustPolled;
        let Some(body) = self.bodies.iter_mut().find(is_it) else { return false };
        body.stage = Stage::Away;
        self.take_turns();
        true
    }

    /// A body that was away is dropped.
    pub fn on_body_gone(&mut self, attempt: Attempt, now: Timestamp) -> bool {
        let is_it = |body: &Body| body.attempt == attempt && body.stage == Stage::Away;
        if !self.bodies.iter().any(is_it) {
            return false;
        }
        self.accept(now);
        self.bodies.retain(|body| body.attempt != attempt);
        self.take_turns();
        true
    }

    /// How many bodies of aborted attempts are not gone.
    #[must_use]
    pub fn bodies_leaving(&self) -> usize {
        self.bodies.len()
    }

    pub(super) fn has_body(&self, id: JobId) -> bool {
        self.bodies.iter().any(|body| body.attempt.job == id)
    }

    pub(super) fn note_aborted(&mut self, attempt: Attempt) {
        let options = &self.jobs[&attempt.job].options;
        let takes_a_seat = options.kind == JobKind::Finite;
        let pools = options.pools.clone();
        self.bodies.push(Body { attempt, takes_a_seat, pools, stage: Stage::Leaving });
    }

    pub(super) fn note_polled(&mut self, attempt: Attempt) {
        for body in self.bodies.iter_mut().filter(|body| body.attempt == attempt) {
            body.stage = Stage::JustPolled;
        }
    }

    /// A body of which the driver did not say that it is away is gone by the next call.
    pub(super) fn find_gone(&mut self) {
        self.bodies.retain(|body| body.stage != Stage::JustPolled);
    }

    /// A job whose earlier body is not gone stands in no line. One that was just polled will be gone by
    /// the time that anything is handed out.
    pub(super) fn next_in_line(&self) -> Option<JobId> {
        let finite = |job: &Job| job.options.kind == JobKind::Finite;
        let under_way = self.jobs.values().filter(|job| finite(job) && is_under_way(job)).count();
        let left = || self.bodies.iter().filter(|body| body.stage != Stage::JustPolled);
        let taken = under_way + left().filter(|body| body.takes_a_seat).count();
        let full = self.options.window.is_some_and(|window| taken >= window.get());
        let mut line = self.all(|job| job.state == JobState::Queued && !(full && finite(job)));
        line.retain(|&id| left().all(|body| body.attempt.job != id));
        line.sort_by_key(|id| {
            let job = &self.jobs[id];
            let (input, tick) = job.queued;
            let input = if self.options.order == Order::DepthFirst { input } else { 0 };
            (Reverse(job.options.priority), Reverse(input), tick)
        });
        let mut room = self.free_of_pools(|body| body.stage != Stage::JustPolled);
        let mut somebody_waits = false;
        line.into_iter().find(|id| {
            let needs = &self.jobs[id].options.pools;
            let fits = fits(needs, &room);
            if !fits && !somebody_waits {
                // The front-runner: what is free of its needs is not for the others.
                somebody_waits = true;
                for (pool, room) in room.iter_mut().enumerate() {
                    let need = amount(needs, pool);
                    *room = (*room).max(need) - need;
                }
            }
            fits
        })
    }

    /// How much of each pool nobody has taken.
    #[must_use]
    pub fn untaken_pools(&self) -> Vec<u32> {
        self.free_of_pools(|_| true)
    }

    /// The same, if these bodies are all that there are.
    fn free_of_pools(&self, counts: impl Fn(&Body) -> bool) -> Vec<u32> {
        let jobs = self.jobs.values().filter(|job| is_under_way(job));
        let jobs = jobs.map(|job| &job.options.pools);
        let bodies = self.bodies.iter().filter(|body| counts(body));
        let taken: Vec<_> = jobs.chain(bodies.map(|body| &body.pools)).flatten().collect();
        let free = |(pool, &capacity): (usize, &u32)| {
            let of_this = taken.iter().filter(|need| need.0.index() == pool);
            capacity - of_this.map(|need| need.1).sum::<u32>()
        };
        self.pools.iter().enumerate().map(free).collect()
    }
}

/// How much is asked of a pool.
fn amount(needs: &[(PoolId, u32)], pool: usize) -> u32 {
    needs.iter().filter(|need| need.0.index() == pool).map(|need| need.1).sum()
}

fn fits(needs: &[(PoolId, u32)], room: &[u32]) -> bool {
    needs.iter().all(|&(pool, _)| amount(needs, pool.index()) <= room[pool.index()])
}
