use alloc::vec::Vec;
use core::fmt;

use super::job::JobId;

/// Why a run ended. The first cause counts, whatever happens after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Every finite and every [awaited](super::JobOptions::awaited) job ended, however; in a run of other
    /// forever jobs alone, all of them did.
    Completed,
    /// The global timeout was reached first.
    TimedOut,
    /// This critical job failed.
    CriticalFailure(JobId),
    /// It was asked to stop.
    Stopped,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed => f.write_str("completed"),
            Self::TimedOut => f.write_str("timed out"),
            Self::CriticalFailure(job) => write!(f, "critical failure of {job}"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

/// How far a run is.
#[derive(Clone, Debug)]
// Asked for each job: with a tag of its own that takes one look.
#[repr(u8)]
pub(super) enum Phase {
    Building,
    Running,
    Ending { cause: Verdict, aborting: bool, order: StopOrder },
}

/// Who has to end before whom: the graph as it was when the run began to end.
///
/// Indexed like the slab, whose indices are not used again once a run is ending.
#[derive(Clone, Debug, Default)]
pub(super) struct StopOrder {
    /// How many dependents of a job hold it back: those that have not ended, or are held back.
    pub(super) holding: Vec<u32>,
}

impl StopOrder {
    /// Whether a dependent has yet to end before this job is asked to.
    pub(super) fn holds_back(&self, index: u32) -> bool {
        self.holding.get(index as usize).is_some_and(|&held| held > 0)
    }
}
