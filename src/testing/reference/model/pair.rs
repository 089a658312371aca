use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::call::Call;
use crate::testing::reference::oracle::Oracle;
use crate::{
    Attempt, Condition, Counts, JobId, JobOptions, JobState, Orchestrator, Outcome, PoolId,
    PoolUse, RunOptions, Signal, Timestamp, Verdict,
};

/// What a driver did, in figures. Equal input gives equal figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Runs that were started.
    pub runs: u64,
    /// Calls, the refused ones included.
    pub calls: u64,
    /// Calls that were refused.
    pub refused: u64,
    /// Attempts that were handed out.
    pub attempts: u64,
    /// Signals that were told.
    pub signals: u64,
    /// Bodies that were said to be away.
    pub away: u64,
    /// A digest of all that came out.
    pub digest: u64,
}

impl Stats {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            runs: self.runs + other.runs,
            calls: self.calls + other.calls,
            refused: self.refused + other.refused,
            attempts: self.attempts + other.attempts,
            signals: self.signals + other.signals,
            away: self.away + other.away,
            digest: mix(self.digest, other.digest),
        }
    }
}

pub(super) fn mix(digest: u64, word: u64) -> u64 {
    (digest.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// What is told about one attempt.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    pub(super) cancelled: bool,
    pub(super) aborted: bool,
}

/// All that the getters of the core say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Snapshot {
    pub(super) clock: Timestamp,
    pub(super) next_deadline: Option<Timestamp>,
    pub(super) ending: Option<Verdict>,
    pub(super) verdict: Option<Verdict>,
    pub(super) counts: Counts,
    pub(super) requirement_count: usize,
    pub(super) started: bool,
    pub(super) bodies_leaving: usize,
    pub(super) has_ready_jobs: bool,
    /// How much of each pool is free.
    pub(super) pools: Vec<u32>,
    pub(super) jobs: Vec<Seen>,
}

/// All that the getters say about one job.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) id: JobId,
    pub(super) state: JobState,
    pub(super) attempts: u32,
    pub(super) was_ready: bool,
    pub(super) requirements: Vec<(JobId, Condition)>,
    pub(super) dependents: Vec<(JobId, Condition)>,
}

impl Seen {
    pub(super) fn under_way(&self) -> Option<Attempt> {
        match self.state {
            JobState::Running { attempt } | JobState::Stopping { attempt, .. } => {
                Some(Attempt { job: self.id, number: attempt })
            }
            _ => None,
        }
    }
}

/// The body of an aborted attempt that is not gone.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) finite: bool,
    /// What it takes from pools.
    pub(super) pools: Vec<(PoolId, u32)>,
    /// Whether it was the run's end that aborted it.
    pub(super) of_the_end: bool,
    pub(super) stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Leaving,
    JustPolled,
    Away,
}

/// The core and the oracle, side by side.
///
/// After every call it compares their answers and all that can be asked of them, and checks what must
/// hold always (the invariants of the design) without the oracle's help.
#[derive(Debug)]
pub struct Model {
    pub(super) core: Orchestrator<u64>,
    pub(super) oracle: Oracle,
    pub(super) options: RunOptions,
    /// All jobs ever added.
    pub(super) ids: Vec<JobId>,
    /// The outcomes of all that ever ended.
    pub(super) outcomes: BTreeMap<JobId, Outcome>,
    /// What was signalled about each attempt.
    pub(super) told: BTreeMap<Attempt, Told>,
    pub(super) last_told: Option<Signal>,
    /// The bodies of aborted attempts that are not gone.
    pub(super) bodies: BTreeMap<Attempt, Body>,
    /// The jobs that ended with no attempt under way, and whether that was told.
    pub(super) discards: BTreeMap<JobId, bool>,
    /// The jobs whose end is no reason to discard them.
    pub(super) kept: BTreeSet<JobId>,
    /// Which jobs required which when the run began to end: (dependent, required).
    pub(super) at_cause: Option<Vec<(JobId, JobId)>>,
    /// The states that the recorded transitions lead to.
    pub(super) folded: BTreeMap<JobId, JobState>,
    pub(super) folded_clock: Timestamp,
    pub(super) seen: Snapshot,
    pub(super) handed_out: Vec<Attempt>,
    pub(super) trace: Vec<Call>,
    pub(super) stats: Stats,
}

impl Model {
    /// An empty graph on both sides.
    #[must_use]
    pub fn new(options: RunOptions) -> Self {
        Self {
            core: Orchestrator::new(options),
            oracle: Oracle::new(options),
            options,
            ids: Vec::new(),
            outcomes: BTreeMap::new(),
            told: BTreeMap::new(),
            last_told: None,
            bodies: BTreeMap::new(),
            discards: BTreeMap::new(),
            kept: BTreeSet::new(),
            at_cause: None,
            folded: BTreeMap::new(),
            folded_clock: Timestamp::ZERO,
            seen: Snapshot::default(),
            handed_out: Vec::new(),
            trace: Vec::new(),
            stats: Stats::default(),
        }
    }

    /// Makes a call on both sides; tells whether it was accepted.
    ///
    /// # Errors
    /// A message with the trace of all calls, if the two differ or an invariant does not hold.
    pub fn call(&mut self, call: Call) -> Result<bool, String> {
        self.stats.calls += 1;
        let makes_sense = self.makes_sense(&call);
        let result = self.both(&call).and_then(|accepted| {
            self.follow_bodies(&call, accepted, makes_sense)?;
            self.check_step(&call, accepted)?;
            Ok(accepted)
        });
        self.trace.push(call);
        if result == Ok(false) {
            self.stats.refused += 1;
        }
        result.map_err(|message| self.explain(&message))
    }

    /// Adds a job; `None` if that was refused.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn add(
        &mut self,
        options: JobOptions,
        requirements: &[(JobId, Condition)],
    ) -> Result<Option<JobId>, String> {
        let accepted = self.call(Call::Add(options, requirements.to_vec()))?;
        Ok(self.ids.last().copied().filter(|_| accepted))
    }

    /// Hands out what may start, all of it.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn poll(&mut self, now: Timestamp) -> Result<&[Attempt], String> {
        self.call(Call::Poll(usize::MAX, now))?;
        Ok(&self.handed_out)
    }

    /// The pools that were made.
    pub(super) fn pools(&self) -> impl Iterator<Item = PoolUse<'_>> {
        self.core.pools()
    }

    /// The oracle, to ask what could be called next.
    #[must_use]
    pub fn oracle(&self) -> &Oracle {
        &self.oracle
    }

    /// All jobs that were ever added, removed ones included.
    #[must_use]
    pub fn ids(&self) -> &[JobId] {
        &self.ids
    }

    /// The attempts that are running or stopping, in the order of their jobs.
    #[must_use]
    pub fn under_way(&self) -> Vec<Attempt> {
        self.seen.jobs.iter().filter_map(Seen::under_way).collect()
    }

    /// The last signal, if the last call for signals did not find that there are no more.
    #[must_use]
    pub fn last_told(&self) -> Option<Signal> {
        self.last_told
    }

    /// What was done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    pub(super) fn explain(&self, message: &str) -> String {
        let mut text = format!("{message}\n{:?}\n", self.options);
        for (number, call) in self.trace.iter().enumerate() {
            let _ = writeln!(text, "{number:4}  {call}");
        }
        for job in &self.seen.jobs {
            let _ = writeln!(text, "before the last call: {} {:?}", job.id, job.state);
        }
        text
    }
}
