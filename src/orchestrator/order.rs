use alloc::vec;
use alloc::vec::Vec;

use super::graph::{Condition, Lists, Side};
use super::job::JobId;
use super::{GraphError, Orchestrator};

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
        self.without(Side::Requirements)
    }

    /// The jobs that nothing requires, in the order of creation. O(jobs).
    #[must_use]
    pub fn exit_jobs(&self) -> Vec<JobId> {
        self.without(Side::Dependents)
    }

    fn without(&self, side: Side) -> Vec<JobId> {
        self.jobs().filter(|&job| self.neighbours(side, job).next().is_none()).collect()
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
        let direct: Vec<JobId> = self.neighbours(side, job).map(|(other, _)| other).collect();
        let Ok(reached) = self.reached(side, &direct) else { return Vec::new() };
        self.jobs().filter(|other| reached[other.index()]).collect()
    }

    /// By place in the slab: whether a walk from these jobs, them included, comes there.
    pub(super) fn reached(&self, side: Side, from: &[JobId]) -> Result<Vec<bool>, GraphError> {
        let mut reached = vec![false; self.places];
        let mut open = Vec::new();
        for &job in from {
            open.push(self.known(job)?);
        }
        while let Some(index) = open.pop() {
            if !core::mem::replace(&mut reached[index as usize], true) {
                open.extend(self.targets(side, index).map(|(other, _)| other));
            }
        }
        Ok(reached)
    }

    pub(super) fn targets(
        &self,
        side: Side,
        index: u32,
    ) -> impl Iterator<Item = (u32, Condition)> + '_ {
        self.present(side, self.node(index).lists)
    }

    /// Those of a list's jobs that are present: in an ending run others may have been removed.
    pub(super) fn present(
        &self,
        side: Side,
        lists: Lists,
    ) -> impl Iterator<Item = (u32, Condition)> + '_ {
        let targets = self.edges.targets(side, lists);
        targets.filter(|&(other, _)| self.jobs.contains(other as usize))
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
        let mut missing = vec![0_u32; self.places];
        for index in self.jobs.iter().map(|(index, _)| index) {
            #[expect(clippy::cast_possible_truncation, reason = "edges are numbered in 32 bits")]
            let count = self.targets(Side::Requirements, index as u32).count() as u32;
            missing[index] = count;
        }
        let mut order = self.in_creation_order();
        order.retain(|&index| missing[index as usize] == 0);
        let mut next = 0;
        while let Some(&index) = order.get(next) {
            next += 1;
            for (job, _) in self.targets(Side::Dependents, index) {
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
        let mut unsorted = vec![true; self.places];
        for &index in sorted {
            unsorted[index as usize] = false;
        }
        let mut step = vec![usize::MAX; self.places];
        let mut path = Vec::new();
        let mut at = self.in_creation_order().into_iter().find(|&index| unsorted[index as usize]);
        while let Some(index) = at {
            if step[index as usize] != usize::MAX {
                path.drain(..step[index as usize]);
                break;
            }
            step[index as usize] = path.len();
            path.push(index);
            at = self
                .targets(Side::Requirements, index)
                .map(|(job, _)| job)
                .find(|&job| unsorted[job as usize]);
        }
        let first = (0..path.len()).min_by_key(|&position| self.node(path[position]).number());
        path.rotate_left(first.unwrap_or(0));
        GraphError::Cycle { jobs: path.into_iter().map(|index| self.name(index)).collect() }
    }
}
