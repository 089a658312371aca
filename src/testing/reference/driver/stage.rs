use std::collections::BTreeMap;
use std::format;
use std::string::String;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use super::plan::{Path, Plan};
use crate::{JobId, PoolId, Timestamp};

/// What the bodies of a graph leave behind, for whoever checks the run. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Stage(Arc<Inner>);

#[derive(Default)]
struct Inner {
    window: Option<usize>,
    pools: Vec<u32>,
    notes: Mutex<Notes>,
    inside: BTreeMap<usize, Stage>,
}

#[derive(Clone, Default)]
pub(crate) struct Notes {
    /// The ids of all jobs that were added.
    pub(crate) ids: BTreeMap<Path, JobId>,
    /// When hooks began, and when those ended that did.
    pub(crate) hooks: Vec<(Path, Timestamp)>,
    pub(crate) hooks_ended: Vec<(Path, Timestamp)>,
    /// The values that attempts were fed.
    pub(crate) fed: Vec<(Path, u32, u64)>,
    /// How many bodies of finite jobs have begun and are not gone, and how many of all.
    finite: usize,
    begun: usize,
    /// How much they take of each pool.
    taken: BTreeMap<PoolId, u32>,
    faults: Vec<String>,
}

impl Stage {
    pub(crate) fn of(plan: &Plan) -> Self {
        let inside = |(position, job): (usize, &super::plan::JobPlan)| {
            Some((position, Self::of(job.inside.as_deref()?)))
        };
        let inside = plan.jobs.iter().enumerate().filter_map(inside).collect();
        Self(Arc::new(Inner {
            window: plan.window,
            pools: plan.pools.clone(),
            inside,
            ..Inner::default()
        }))
    }

    pub(crate) fn inside(&self, position: usize) -> Option<&Self> {
        self.0.inside.get(&position)
    }

    pub(crate) fn note(&self) -> MutexGuard<'_, Notes> {
        self.0.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn body_begins(&self, path: Path, finite: bool, needs: &[(PoolId, u32)]) {
        let mut notes = self.note();
        for &(pool, amount) in needs {
            let taken = notes.taken.entry(pool).or_default();
            *taken += amount;
            let (taken, capacity) = (*taken, self.0.pools[pool.index()]);
            if taken > capacity {
                let fault = format!("{path:?} makes {taken} taken of {pool:?}, of {capacity}");
                notes.faults.push(fault);
            }
        }
        notes.begun += 1;
        notes.finite += usize::from(finite);
        if finite && self.0.window.is_some_and(|window| notes.finite > window) {
            let fault = format!("{path:?} makes {} begun bodies, more than seats", notes.finite);
            notes.faults.push(fault);
        }
    }

    pub(crate) fn body_is_gone(&self, finite: bool, needs: &[(PoolId, u32)]) {
        let mut notes = self.note();
        for &(pool, amount) in needs {
            *notes.taken.entry(pool).or_default() -= amount;
        }
        notes.begun -= 1;
        notes.finite -= usize::from(finite);
    }

    /// The first time, at any depth, that more bodies had begun than there are seats.
    pub(crate) fn fault(&self) -> Option<String> {
        let own = self.note().faults.first().cloned();
        own.or_else(|| self.0.inside.values().find_map(Self::fault))
    }

    /// How many bodies have begun and are not gone, at any depth.
    pub(crate) fn begun(&self) -> usize {
        self.note().begun + self.0.inside.values().map(Self::begun).sum::<usize>()
    }
}
