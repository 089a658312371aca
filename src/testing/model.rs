//! The core and the [`Oracle`] side by side: every call goes to both, and every answer is compared.
//!
//! [`check`] does so with whatever some bytes decode to. Property tests feed it [`random_bytes`], a
//! fuzzer its own.
//!
//! ```
//! use jobgraph::testing::model::{check, random_bytes};
//!
//! let stats = check(&random_bytes(42, 500)).unwrap();
//! assert!(stats.calls > 0);
//! ```
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::oracle::Oracle;
use crate::{
    Attempt, Condition, Counts, JobId, JobOptions, JobState, Orchestrator, Outcome, RunOptions,
    Signal, Timestamp, Verdict,
};

mod call;
mod check;
mod decode;
mod finish;

pub use self::call::Call;
use self::check::{differ, ensure};
pub use self::decode::{Focus, check, check_focused, random_bytes};

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
            digest: mix(self.digest, other.digest),
        }
    }
}

fn mix(digest: u64, word: u64) -> u64 {
    (digest.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// What is told about one attempt.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    cancelled: bool,
    aborted: bool,
}

/// All that the getters of the core say.
#[derive(Clone, Debug, Default, PartialEq)]
struct Snapshot {
    clock: Timestamp,
    next_deadline: Option<Timestamp>,
    ending: Option<Verdict>,
    verdict: Option<Verdict>,
    counts: Counts,
    requirement_count: usize,
    started: bool,
    jobs: Vec<Seen>,
}

/// All that the getters say about one job.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    id: JobId,
    state: JobState,
    attempts: u32,
    was_ready: bool,
    requirements: Vec<(JobId, Condition)>,
    dependents: Vec<(JobId, Condition)>,
}

/// The core and the oracle, side by side.
///
/// After every call it compares their answers and all that can be asked of them, and checks what must
/// hold always (the invariants of the design) without the oracle's help.
#[derive(Debug)]
pub struct Model {
    core: Orchestrator<u64>,
    oracle: Oracle,
    options: RunOptions,
    /// All jobs ever added.
    ids: Vec<JobId>,
    /// The outcomes of all that ever ended.
    outcomes: BTreeMap<JobId, Outcome>,
    /// What was signalled about each attempt.
    told: BTreeMap<Attempt, Told>,
    /// Which jobs required which when the run began to end: (dependent, required).
    at_cause: Option<Vec<(JobId, JobId)>>,
    /// The states that the recorded transitions lead to.
    folded: BTreeMap<JobId, JobState>,
    folded_clock: Timestamp,
    seen: Snapshot,
    handed_out: Vec<Attempt>,
    trace: Vec<Call>,
    stats: Stats,
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
        let result = self.both(&call).and_then(|accepted| {
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
        let attempt = |seen: &Seen| match seen.state {
            JobState::Running { attempt } | JobState::Stopping { attempt, .. } => {
                Some(Attempt { job: seen.id, number: attempt })
            }
            _ => None,
        };
        self.seen.jobs.iter().filter_map(attempt).collect()
    }

    /// What was done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    fn explain(&self, message: &str) -> String {
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

/// One call, on both sides.
impl Model {
    fn both(&mut self, call: &Call) -> Result<bool, String> {
        let (core, oracle) = match *call {
            Call::SetOptions(options) => {
                let result = self.core.set_options(options).is_ok();
                if result {
                    self.options = options;
                }
                (result, self.oracle.set_options(options))
            }
            Call::Add(ref options, ref requirements) => {
                let accepts = self.oracle.accepts(requirements);
                let payload = self.oracle.next_number();
                let result = self.core.add(payload, options.clone(), requirements);
                if let (true, &Ok(id)) = (accepts, &result) {
                    differ("the creation number", &id.number(), &payload)?;
                    self.oracle.add(id, options.clone(), requirements);
                    self.ids.push(id);
                }
                (result.is_ok(), accepts)
            }
            Call::Require(job, required, condition) => (
                self.core.require(job, required, condition).is_ok(),
                self.oracle.require(job, required, condition),
            ),
            Call::RemoveRequirement(job, required) => (
                self.core.remove_requirement(job, required).is_ok(),
                self.oracle.remove_requirement(job, required),
            ),
            Call::Remove(job) => {
                let result = self.core.remove(job);
                if let Ok(payload) = result {
                    differ("the payload", &payload, &job.number())?;
                }
                (result.is_ok(), self.oracle.remove(job))
            }
            Call::Bypass(job) => {
                let result = self.core.bypass(job);
                if let Ok(payload) = result {
                    differ("the payload", &payload, &job.number())?;
                }
                (result.is_ok(), self.oracle.bypass(job))
            }
            Call::KeepBetween(ref starts, ref ends) => {
                let core = self.core.keep_between(starts, ends).ok();
                let oracle = self.oracle.keep_between(starts, ends);
                let listed = |gone: Vec<JobId>| gone.iter().map(|id| (*id, id.number())).collect();
                let oracle: Option<Vec<_>> = oracle.map(listed);
                differ("what is not kept", &core, &oracle)?;
                (core.is_some(), oracle.is_some())
            }
            Call::Map => {
                let empty = Orchestrator::new(RunOptions::default());
                self.core = core::mem::replace(&mut self.core, empty).map(|payload| payload);
                (true, true)
            }
            Call::Start(now) => (self.core.start(now).is_ok(), self.oracle.start(now)),
            Call::Complete(attempt, completion, now) => (
                self.core.on_job_complete(attempt, completion, now).is_ok(),
                self.oracle.on_job_complete(attempt, completion, now),
            ),
            Call::Ready(attempt, now) => (
                self.core.on_job_ready(attempt, now).is_ok(),
                self.oracle.on_job_ready(attempt, now),
            ),
            Call::Deadline(now) => {
                self.core.on_deadline(now);
                self.oracle.on_deadline(now);
                (true, true)
            }
            Call::Cancel(job, now) => {
                (self.core.cancel(job, now).is_ok(), self.oracle.cancel(job, now))
            }
            Call::Stop(now) => {
                self.core.stop(now);
                self.oracle.stop(now);
                (true, true)
            }
            Call::Poll(at_most, now) => {
                self.poll_both(at_most, now)?;
                (true, true)
            }
            Call::Signals(at_most) => {
                self.signal_both(at_most)?;
                (true, true)
            }
        };
        differ("the answer (true: accepted)", &core, &oracle)?;
        Ok(core)
    }

    fn poll_both(&mut self, at_most: usize, now: Timestamp) -> Result<(), String> {
        let mut core = Vec::new();
        let mut ready = self.core.poll_ready_jobs(now);
        while core.len() < at_most
            && let Some(attempt) = ready.next()
        {
            let payload = ready.payload_mut(attempt).map(|payload| *payload);
            differ("the payload", &payload, &Some(attempt.job.number()))?;
            core.push(attempt);
        }
        let oracle = self.oracle.poll_ready_jobs(at_most, now);
        differ("what is handed out", &core, &oracle)?;
        for &attempt in &core {
            self.check_handed_out(attempt)?;
            let word = (attempt.job.number() << 32) | u64::from(attempt.number);
            self.stats.digest = mix(self.stats.digest, word);
        }
        self.stats.attempts += core.len() as u64;
        self.handed_out = core;
        Ok(())
    }

    fn signal_both(&mut self, at_most: usize) -> Result<(), String> {
        for _ in 0..at_most {
            let signal = self.core.poll_signal();
            differ("the signal", &signal, &self.oracle.poll_signal())?;
            let Some(signal) = signal else { break };
            self.stats.signals += 1;
            let (Signal::Cancel(attempt) | Signal::Abort(attempt)) = signal else { continue };
            let abort = matches!(signal, Signal::Abort(_));
            let told = self.told.entry(attempt).or_default();
            ensure(!told.aborted && (abort || !told.cancelled), || {
                format!("{signal} comes too late or twice")
            })?;
            told.aborted |= abort;
            told.cancelled |= !abort;
            let word = (attempt.job.number() << 8) | (u64::from(attempt.number) << 1);
            self.stats.digest = mix(self.stats.digest, word | u64::from(abort));
        }
        Ok(())
    }
}
