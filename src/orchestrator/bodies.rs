use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::job::{Attempt, JobId};
use super::seldom::Empty;

/// The bodies of aborted attempts, until they are gone. At most one a job.
#[derive(Clone, Debug)]
pub(super) struct Bodies {
    pub(super) leaving: BTreeMap<JobId, Leaving>,
    /// Whose abort was polled last. Unless the answer is that this body is away, it is gone.
    pub(super) polled: Option<Attempt>,
    /// In an ending run: ended jobs without a body that still hold back what they require.
    pub(super) gone: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Leaving {
    pub(super) attempt: u32,
    pub(super) away: bool,
    pub(super) takes_seat: bool,
    /// What it takes from pools, if it does.
    pub(super) kind: Option<u32>,
    /// Whether its job is part of the order in which an ending run stops.
    pub(super) in_stop_order: bool,
}

impl Empty for Bodies {
    const EMPTY: Self = Self { leaving: BTreeMap::new(), polled: None, gone: Vec::new() };
    const NOTHING: &'static Self = &Self::EMPTY;
}

impl Bodies {
    pub(super) fn is_away(&self, attempt: Attempt) -> bool {
        let left = self.leaving.get(&attempt.job);
        left.is_some_and(|left| left.away && left.attempt == attempt.number)
    }

    /// The jobs whose order at the end of the run is made now.
    pub(super) fn put_in_stop_order(&mut self, is_present: impl Fn(JobId) -> bool) {
        for (&job, left) in &mut self.leaving {
            left.in_stop_order = is_present(job);
        }
    }

    pub(super) fn abort_was_polled(&mut self, attempt: Attempt) {
        self.polled = Some(attempt);
    }

    /// Whether polling for signals may make a difference, although there are none.
    #[inline]
    pub(super) fn are_unsettled(&self) -> bool {
        self.polled.is_some() || !self.gone.is_empty()
    }
}
