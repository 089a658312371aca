use alloc::vec;
use alloc::vec::Vec;

use super::edge::Condition;
use super::edges::{BothSides, Edges};
use super::error::GraphError;
use super::job::JobId;
use super::machine::Orchestrator;
use super::nodes::Nodes;

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

    /// The jobs that nothing requires, in the order of creation. O(jobs + requirements).
    #[must_use]
    pub fn exit_jobs(&self) -> Vec<JobId> {
        let all = self.dependents_of_all();
        self.jobs().filter(|&job| all.of(job).next().is_none()).collect()
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
        let neighbours = self.neighbours(side);
        let mut direct = Vec::new();
        neighbours.collect(index, &mut direct);
        let reached = neighbours.reached_from(direct);
        self.jobs().filter(|other| reached[other.index()]).collect()
    }

    /// By index in the slab: whether a walk from these jobs, them included, comes there.
    pub(super) fn reached(&self, side: Side, from: &[JobId]) -> Result<Vec<bool>, GraphError> {
        let from: Result<Vec<u32>, _> = from.iter().map(|&job| self.known(job)).collect();
        Ok(self.neighbours(side).reached_from(from?))
    }

    fn neighbours(&self, side: Side) -> Neighbours<'_> {
        let (edges, nodes) = (&self.edges, &self.jobs.nodes);
        match side {
            Side::Requirements => Neighbours::Required(edges, nodes),
            Side::Dependents => Neighbours::Dependent(edges.both_sides(nodes)),
        }
    }

    /// The dependents of all jobs, for whoever asks for many: before `start` [`dependents`](Self::dependents)
    /// looks through all requirements each time, this does once. O(jobs + requirements) before `start`.
    #[must_use]
    pub fn dependents_of_all(&self) -> DependentsOfAll<'_, J> {
        DependentsOfAll { orchestrator: self, sides: self.edges.both_sides(&self.jobs.nodes) }
    }

    /// What a job requires, in the order in which the requirements were made.
    pub(super) fn required_in_order(&self, index: u32) -> Vec<(u32, Condition)> {
        self.edges.requirements_in_order(&self.jobs.nodes, index).collect()
    }

    /// Requirements that all point back in the order of creation cannot form a cycle.
    pub(super) fn refuse_cycle(&self) -> Result<(), GraphError> {
        if !self.points_forward {
            return Ok(());
        }
        self.topological_order().map(drop)
    }

    /// Cycles of requirements that share no job with one another, and leave no other when they are cut: each of
    /// these errors is a [`GraphError::Cycle`]. [`start`](Self::start) names the first that it finds.
    /// O(jobs + requirements).
    #[must_use]
    pub fn cycles(&self) -> Vec<GraphError> {
        let mut cycles = Vec::new();
        if !self.points_forward {
            return cycles;
        }
        let mut visits = vec![Visit::Outstanding; self.jobs.nodes.len()];
        for start in self.jobs.in_creation_order() {
            let mut path = Vec::new();
            let mut next = Some(start).filter(|&job| visits[job as usize] == Visit::Outstanding);
            loop {
                match next.map(|job| (job, visits[job as usize])) {
                    Some((job, Visit::Outstanding)) => {
                        visits[job as usize] = Visit::OnPath;
                        path.push((job, self.required_in_order(job).into_iter()));
                    }
                    Some((job, Visit::OnPath)) => {
                        let begins = path.iter().rposition(|&(on_path, _)| on_path == job);
                        let cycle: Vec<u32> = path
                            .drain(begins.unwrap_or(0)..)
                            .map(|(job, _)| job)
                            .inspect(|&job| visits[job as usize] = Visit::Done)
                            .collect();
                        cycles.push(self.cycle(cycle));
                    }
                    Some((_, Visit::Done)) => {}
                    None => match path.pop() {
                        Some((job, _)) => visits[job as usize] = Visit::Done,
                        None => break,
                    },
                }
                next =
                    path.last_mut().and_then(|(_, required)| required.next()).map(|(job, _)| job);
            }
        }
        cycles
    }

    /// The error of a cycle, named from the job on that was created first.
    fn cycle(&self, mut path: Vec<u32>) -> GraphError {
        let first = (0..path.len()).min_by_key(|&position| self.jobs.nodes.number(path[position]));
        path.rotate_left(first.unwrap_or(0));
        GraphError::Cycle { jobs: path.into_iter().map(|index| self.name(index)).collect() }
    }

    /// The jobs that are on no cycle and behind none (Kahn's algorithm), in topological order.
    fn sorted(&self) -> Vec<u32> {
        let mut missing = vec![0_u32; self.jobs.nodes.len()];
        for index in self.jobs.nodes.indices() {
            #[expect(clippy::cast_possible_truncation, reason = "edges are numbered in 29 bits")]
            let count = self.edges.requirements(&self.jobs.nodes, index).count() as u32;
            missing[index as usize] = count;
        }
        let mut order = self.jobs.in_creation_order();
        order.retain(|&index| missing[index as usize] == 0);
        let sides = self.edges.both_sides(&self.jobs.nodes);
        let mut next = 0;
        while let Some(&index) = order.get(next) {
            next += 1;
            for (job, _) in sides.dependents(index) {
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
        let mut unsorted = vec![true; self.jobs.nodes.len()];
        for &index in sorted {
            unsorted[index as usize] = false;
        }
        let mut step = vec![usize::MAX; self.jobs.nodes.len()];
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
            let required = self.required_in_order(index);
            at = required.into_iter().map(|(job, _)| job).find(|&job| unsorted[job as usize]);
        }
        self.cycle(path)
    }
}

/// How far a search for cycles is with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Visit {
    Outstanding,
    OnPath,
    Done,
}

/// The neighbours of jobs along one side of the requirements.
enum Neighbours<'a> {
    Required(&'a Edges, &'a Nodes),
    Dependent(BothSides<'a>),
}

impl Neighbours<'_> {
    fn collect(&self, index: u32, to: &mut Vec<u32>) {
        match self {
            Self::Required(edges, nodes) => {
                to.extend(edges.requirements(nodes, index));
            }
            Self::Dependent(sides) => to.extend(sides.dependents(index).map(|(job, _)| job)),
        }
    }

    fn reached_from(&self, mut open: Vec<u32>) -> Vec<bool> {
        let (Self::Required(_, nodes) | Self::Dependent(BothSides { nodes, .. })) = self;
        let mut reached = vec![false; nodes.len()];
        while let Some(index) = open.pop() {
            if !core::mem::replace(&mut reached[index as usize], true) {
                self.collect(index, &mut open);
            }
        }
        reached
    }
}

/// Who requires which job: the answer to [`Orchestrator::dependents_of_all`].
#[derive(Debug)]
pub struct DependentsOfAll<'a, J> {
    orchestrator: &'a Orchestrator<J>,
    sides: BothSides<'a>,
}

impl<J> DependentsOfAll<'_, J> {
    /// What requires a job, in the order in which the requirements were made; nothing if it is not present.
    pub fn of(&self, job: JobId) -> impl Iterator<Item = (JobId, Condition)> + '_ {
        let index = self.orchestrator.jobs.index(job);
        let dependents = index.into_iter().flat_map(|index| self.sides.dependents(index));
        dependents.map(|(index, condition)| (self.orchestrator.id(index), condition))
    }
}
