use alloc::vec;
use alloc::vec::Vec;

use super::edge::{Condition, Lists};
use super::error::GraphError;
use super::job::JobId;
use super::machine::Orchestrator;

/// Along which edges a walk goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    /// From a job to those that it requires.
    Requirements,
    /// From a job to those that require it.
    Dependents,
}

impl<J> Orchestrator<J> {
    /// All jobs, each after those that it requires; among equals in the order of creation.
    /// O(jobs + requirements).
    ///
    /// # Errors
    /// [`GraphError::Cycle`] if there is no such order; this may be before `start` only.
    pub fn topological_order(&self) -> Result<Vec<JobId>, GraphError> {
        let order = self.sorted();
        if order.len() < self.len() {
            return Err(self.cycle_beside(&order));
        }
        Ok(order.into_iter().map(|index| self.id(index)).collect())
    }

    /// The jobs that require nothing, in the order of creation. O(jobs).
    #[must_use]
    pub fn entry_jobs(&self) -> Vec<JobId> {
        self.jobs().filter(|&job| self.requirements(job).next().is_none()).collect()
    }

    /// The jobs that nothing requires, in the order of creation. O(jobs).
    #[must_use]
    pub fn exit_jobs(&self) -> Vec<JobId> {
        self.jobs().filter(|&job| self.dependents(job).next().is_none()).collect()
    }

    /// All that a job requires, directly or through others, in the order of creation; empty if the job
    /// is not present. O(jobs + requirements).
    #[must_use]
    pub fn all_requirements(&self, job: JobId) -> Vec<JobId> {
        self.beyond(Side::Requirements, job)
    }

    /// All that requires a job, directly or through others, in the order of creation; empty if the
    /// job is not present. O(jobs + requirements).
    #[must_use]
    pub fn all_dependents(&self, job: JobId) -> Vec<JobId> {
        self.beyond(Side::Dependents, job)
    }

    fn beyond(&self, side: Side, job: JobId) -> Vec<JobId> {
        let Some(index) = self.jobs.index(job) else { return Vec::new() };
        let mut direct = Vec::new();
        self.collect_neighbours(side, index, &mut direct);
        let reached = self.reached_from(side, direct);
        self.jobs().filter(|other| reached[other.index()]).collect()
    }

    /// By index in the slab: whether a walk from these jobs, them included, comes there.
    pub(super) fn reached(&self, side: Side, from: &[JobId]) -> Result<Vec<bool>, GraphError> {
        let from: Result<Vec<u32>, _> = from.iter().map(|&job| self.known(job)).collect();
        Ok(self.reached_from(side, from?))
    }

    fn reached_from(&self, side: Side, mut open: Vec<u32>) -> Vec<bool> {
        let mut reached = vec![false; self.jobs.indices_used()];
        while let Some(index) = open.pop() {
            if !core::mem::replace(&mut reached[index as usize], true) {
                self.collect_neighbours(side, index, &mut open);
            }
        }
        reached
    }

    fn collect_neighbours(&self, side: Side, index: u32, to: &mut Vec<u32>) {
        let lists = self.node(index).lists;
        match side {
            Side::Requirements => to.extend(self.required_by(lists).map(|(job, _)| job)),
            Side::Dependents => to.extend(self.dependents_in(lists).map(|(job, _)| job)),
        }
    }

    /// What a job requires, the last requirement first.
    pub(super) fn required_by(&self, lists: Lists) -> impl Iterator<Item = (u32, Condition)> + '_ {
        // In an ending run the edges of jobs that were removed stay.
        self.edges.requirements(lists).filter(|&(job, _)| self.jobs.contains(job))
    }

    /// What a job requires, in the order in which the requirements were made.
    pub(super) fn required_in_order(&self, lists: Lists) -> Vec<(u32, Condition)> {
        let mut required: Vec<_> = self.required_by(lists).collect();
        required.reverse();
        required
    }

    /// What requires a job, in the order in which the requirements were made.
    pub(super) fn dependents_in(
        &self,
        lists: Lists,
    ) -> impl Iterator<Item = (u32, Condition)> + '_ {
        self.edges.dependents(lists).filter(|&(job, _)| self.jobs.contains(job))
    }

    /// Requirements that all point back in the order of creation cannot form a cycle.
    pub(super) fn refuse_cycle(&self) -> Result<(), GraphError> {
        if !self.points_forward {
            return Ok(());
        }
        self.topological_order().map(drop)
    }

    /// The jobs that are on no cycle and behind none (Kahn's algorithm), in topological order.
    fn sorted(&self) -> Vec<u32> {
        let mut missing = vec![0_u32; self.jobs.indices_used()];
        for index in self.jobs.indices() {
            #[expect(clippy::cast_possible_truncation, reason = "edges are numbered in 30 bits")]
            let count = self.required_by(self.node(index).lists).count() as u32;
            missing[index as usize] = count;
        }
        let mut order = self.jobs.in_creation_order();
        order.retain(|&index| missing[index as usize] == 0);
        let mut next = 0;
        while let Some(&index) = order.get(next) {
            next += 1;
            for (job, _) in self.dependents_in(self.node(index).lists) {
                missing[job as usize] -= 1;
                if missing[job as usize] == 0 {
                    order.push(job);
                }
            }
        }
        order
    }

    /// Walks from the first job that was not sorted along unsorted requirements, until it comes back.
    fn cycle_beside(&self, sorted: &[u32]) -> GraphError {
        let mut unsorted = vec![true; self.jobs.indices_used()];
        for &index in sorted {
            unsorted[index as usize] = false;
        }
        let mut step = vec![usize::MAX; self.jobs.indices_used()];
        let mut path = Vec::new();
        let mut at =
            self.jobs.in_creation_order().into_iter().find(|&index| unsorted[index as usize]);
        while let Some(index) = at {
            if step[index as usize] != usize::MAX {
                path.drain(..step[index as usize]);
                break;
            }
            step[index as usize] = path.len();
            path.push(index);
            let required = self.required_in_order(self.node(index).lists);
            at = required.into_iter().map(|(job, _)| job).find(|&job| unsorted[job as usize]);
        }
        let first = (0..path.len()).min_by_key(|&position| self.node(path[position]).number());
        path.rotate_left(first.unwrap_or(0));
        GraphError::Cycle { jobs: path.into_iter().map(|index| self.name(index)).collect() }
    }
}
