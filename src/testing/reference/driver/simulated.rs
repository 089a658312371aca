use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use std::vec::Vec;

use super::plan::Path;
use crate::{Attempt, JobId, Outcome, Timestamp, Verdict};

/// What the oracle says of a plan.
#[derive(Clone, Debug, Default)]
pub(crate) struct Simulated {
    pub(crate) begun: Timestamp,
    pub(crate) ended: Timestamp,
    /// `None`: it was dropped before it had one.
    pub(crate) verdict: Option<Verdict>,
    /// Whether it was dropped before its end, hooks included.
    pub(crate) cut: bool,
    pub(crate) fates: BTreeMap<JobId, Fate>,
    /// How many `Drop`s of jobs panic that could not be added.
    pub(crate) strange_mishaps: usize,
    /// When hooks begin, and when those end that do.
    pub(crate) hooks: Vec<(Path, Timestamp)>,
    pub(crate) hooks_ended: Vec<(Path, Timestamp)>,
    /// The values that attempts are fed.
    pub(crate) fed: Vec<(Path, u32, u64)>,
    /// The attempts that are ready.
    pub(crate) ready: BTreeSet<Attempt>,
    /// Graphs that were dropped while they ran, or never began: what is dropped with them, and which hooks
    /// that loses, is not simulated.
    pub(crate) dropped_inside: BTreeSet<JobId>,
    /// By position, the graphs that begin.
    pub(crate) inside: BTreeMap<usize, Simulated>,
}

impl Fate {
    /// Makes light of mishaps that are more than expected. Whether there are any.
    pub(crate) fn leave_out_what_is_inside(&mut self, expected: &Self) -> bool {
        let more = self.mishaps > expected.mishaps;
        self.mishaps = self.mishaps.min(expected.mishaps);
        more
    }
}

/// What became of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) outcome: Option<Outcome>,
    pub(crate) attempts: u32,
    pub(crate) started: Option<Duration>,
    pub(crate) ended: Option<Duration>,
    pub(crate) hook: Option<Outcome>,
    /// How many of its `Drop`s panicked.
    pub(crate) mishaps: usize,
}
