//! Kahn's algorithm over arrays: what any orchestration by hand needs, and nothing else.

use std::hint::black_box;

use super::shapes::{Shape, index};

/// The dependents of each job, in one array (CSR).
pub(crate) struct Dependents {
    starts: Vec<u32>,
    dependents: Vec<u32>,
}

impl Dependents {
    pub(crate) fn of(shape: &Shape) -> Self {
        let jobs = shape.jobs();
        let mut starts = vec![0; jobs + 1];
        for job in 0..jobs {
            for &required in shape.requirements(job) {
                starts[required as usize] += 1;
            }
        }
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        // Filled from behind, each start ends up where the first dependent is.
        let mut dependents = vec![0; shape.requirement_count()];
        for job in (0..jobs).rev() {
            for &required in shape.requirements(job) {
                let start = &mut starts[required as usize];
                *start -= 1;
                dependents[*start as usize] = index(job);
            }
        }
        Self { starts, dependents }
    }

    pub(crate) fn of_job(&self, job: usize) -> &[u32] {
        &self.dependents[self.starts[job] as usize..self.starts[job + 1] as usize]
    }
}

/// Which jobs may start.
pub(crate) struct Kahn {
    dependents: Dependents,
    /// How many requirements of each job are open.
    open: Vec<u32>,
}

impl Kahn {
    pub(crate) fn new(shape: &Shape) -> Self {
        let open = (0..shape.jobs()).map(|job| index(shape.requirements(job).len())).collect();
        Self { dependents: Dependents::of(shape), open }
    }

    /// The jobs that require nothing.
    pub(crate) fn roots(&self) -> impl Iterator<Item = usize> + use<> {
        let roots: Vec<_> = (0..self.open.len()).filter(|&job| self.open[job] == 0).collect();
        roots.into_iter()
    }

    /// What may start now that this job is done.
    pub(crate) fn done(&mut self, job: usize, mut start: impl FnMut(usize)) {
        for &dependent in self.dependents.of_job(job) {
            let open = &mut self.open[dependent as usize];
            *open -= 1;
            if *open == 0 {
                start(dependent as usize);
            }
        }
    }
}

/// The floor of the core: all jobs in order, the arrays built first.
pub(crate) fn order(shape: &Shape) {
    let mut kahn = Kahn::new(shape);
    let mut queue = Vec::with_capacity(shape.jobs());
    queue.extend(kahn.roots().map(index));
    let mut next = 0;
    while let Some(&job) = queue.get(next) {
        next += 1;
        let job = black_box(job) as usize;
        kahn.done(job, |freed| queue.push(index(freed)));
    }
    assert_eq!(next, shape.jobs());
}
