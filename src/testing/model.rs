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
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use super::oracle::Oracle;
use crate::{
    Attempt, Change, Completion, Condition, Counts, JobId, JobKind, JobOptions, JobState,
    Orchestrator, Outcome, RunOptions, Signal, SkipReason, StopReason, Timestamp, Verdict,
};

mod decode;

pub use self::decode::{Focus, check, check_focused, random_bytes};

/// A call of the core's interface, as it stands in the trace of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// [`Orchestrator::set_options`].
    SetOptions(RunOptions),
    /// [`Orchestrator::add`].
    Add(JobOptions, Vec<(JobId, Condition)>),
    /// [`Orchestrator::require`].
    Require(JobId, JobId, Condition),
    /// [`Orchestrator::remove_requirement`].
    RemoveRequirement(JobId, JobId),
    /// [`Orchestrator::remove`].
    Remove(JobId),
    /// [`Orchestrator::bypass`].
    Bypass(JobId),
    /// [`Orchestrator::keep_between`].
    KeepBetween(Vec<JobId>, Vec<JobId>),
    /// [`Orchestrator::map`], to the same payloads.
    Map,
    /// [`Orchestrator::start`].
    Start(Timestamp),
    /// [`Orchestrator::on_job_complete`].
    Complete(Attempt, Completion, Timestamp),
    /// [`Orchestrator::on_job_ready`].
    Ready(Attempt, Timestamp),
    /// [`Orchestrator::on_deadline`].
    Deadline(Timestamp),
    /// [`Orchestrator::cancel`].
    Cancel(JobId, Timestamp),
    /// [`Orchestrator::stop`].
    Stop(Timestamp),
    /// [`Orchestrator::poll_ready_jobs`], of which so many are taken at most.
    Poll(usize, Timestamp),
    /// [`Orchestrator::poll_signal`], so often at most.
    Signals(usize),
}

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

    /// Drives the run to its end: outputs drained, every attempt of a finite job completes, forever
    /// jobs complete when asked to stop, and deadlines fire when nothing completes unasked. `choose`
    /// picks a number below its argument: which attempt, and how it ends.
    ///
    /// A run that waits for forever jobs alone, or for a deadline that is too far away, is stopped,
    /// and a service is ready when nothing else goes on.
    ///
    /// # Errors
    /// As [`call`](Self::call), and if the run takes longer than the design allows.
    pub fn finish(&mut self, mut choose: impl FnMut(usize) -> usize) -> Result<(), String> {
        /// After so many a forever job that is attempted again and again is what fires them.
        const MANY: u64 = 500;
        const ENDS: [Completion; 5] = [
            Completion::Success,
            Completion::Success,
            Completion::Error,
            Completion::Panic,
            Completion::Cancelled,
        ];
        let mut deadlines = 0;
        loop {
            if deadlines == MANY && self.core.ending().is_none() {
                self.call(Call::Stop(self.core.clock()))?;
            }
            self.call(Call::Signals(usize::MAX))?;
            if self.core.verdict().is_some() {
                return Ok(());
            }
            let now = self.core.clock();
            self.poll(now)?;
            let under_way = self.under_way();
            let kind = |attempt: &Attempt| self.core.kind(attempt.job);
            let running = |attempt: &Attempt| {
                matches!(self.core.state(attempt.job), Some(JobState::Running { .. }))
            };
            let unasked: Vec<Attempt> = under_way
                .iter()
                .copied()
                .filter(|attempt| kind(attempt) == Some(JobKind::Finite) || !running(attempt))
                .collect();
            let unready = under_way.iter().copied().find(|attempt| {
                kind(attempt) == Some(JobKind::Service)
                    && running(attempt)
                    && !self.oracle.is_ready(attempt.job)
            });
            let next_deadline = self.core.next_deadline();
            let all_forever =
                self.seen.jobs.iter().all(|job| self.core.kind(job.id) != Some(JobKind::Finite));
            if !unasked.is_empty() {
                let attempt = unasked[choose(unasked.len())];
                let completion = ENDS[choose(ENDS.len())];
                self.call(Call::Complete(attempt, completion, now))?;
            } else if all_forever && self.core.ending().is_none() && choose(4) == 0 {
                self.call(Call::Stop(now))?;
            } else if let Some(attempt) = unready.filter(|_| choose(2) == 0) {
                self.call(Call::Ready(attempt, now))?;
            } else if let Some(deadline) = next_deadline {
                deadlines += 1;
                self.call(Call::Deadline(deadline))?;
            } else if let Some(attempt) = unready {
                self.call(Call::Ready(attempt, now))?;
            } else if all_forever && self.core.ending().is_none() {
                self.call(Call::Stop(now))?;
            } else {
                return Err(self.explain("the run stalls"));
            }
            if deadlines > 3 * self.stats.attempts + 2 {
                return Err(self.explain("the run needs too many deadlines"));
            }
        }
    }

    /// Ends the run by two stops, which nothing survives.
    ///
    /// # Errors
    /// As [`call`](Self::call), and if something does.
    pub fn stop_twice(&mut self, now: Timestamp) -> Result<(), String> {
        self.call(Call::Stop(now))?;
        self.call(Call::Stop(now))?;
        self.call(Call::Signals(usize::MAX))?;
        if self.core.verdict().is_none() {
            return Err(self.explain("the run outlives two stops"));
        }
        Ok(())
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
            let (Signal::Cancel(attempt) | Signal::Abort(attempt)) = signal;
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

/// What must hold after every call.
impl Model {
    fn check_step(&mut self, call: &Call, accepted: bool) -> Result<(), String> {
        let core = self.core_snapshot();
        if !accepted {
            differ("after a refused call, now and before:", &core, &self.seen)?;
        }
        let oracle = self.oracle_snapshot();
        if core != oracle {
            compare(&core, &oracle)?;
        }
        let due = self.seen.next_deadline;
        if let Call::Deadline(now) = *call
            && due.is_some_and(|due| due <= now)
        {
            ensure(core != Snapshot { clock: core.clock, ..self.seen.clone() }, || {
                String::from("a deadline changes nothing")
            })?;
        }
        if let Call::Deadline(_) = call {
            ensure(core.next_deadline.is_none_or(|at| at > core.clock || !core.started), || {
                String::from("a deadline is due after all have fired")
            })?;
        }
        if let Call::Poll(usize::MAX, _) = call {
            self.check_places(&core)?;
        }
        ensure(core.verdict.is_none() || core.next_deadline.is_none(), || {
            String::from("a deadline is armed after the verdict")
        })?;
        self.seen = core;
        self.check_jobs()?;
        self.check_turns()?;
        self.fold_transitions()?;
        for word in [self.seen.clock.as_nanos(), self.seen.counts.present() as u64] {
            self.stats.digest = mix(self.stats.digest, word);
        }
        Ok(())
    }

    fn core_snapshot(&self) -> Snapshot {
        let core = &self.core;
        let seen = |id| Seen {
            id,
            state: core.state(id).unwrap_or(JobState::Waiting),
            attempts: core.attempts(id),
            was_ready: core.was_ready(id),
            requirements: core.requirements(id).collect(),
            dependents: core.dependents(id).collect(),
        };
        Snapshot {
            clock: core.clock(),
            next_deadline: core.next_deadline(),
            ending: core.ending(),
            verdict: core.verdict(),
            counts: core.counts(),
            requirement_count: core.requirement_count(),
            started: core.has_started(),
            jobs: core.jobs().map(seen).collect(),
        }
    }

    fn oracle_snapshot(&self) -> Snapshot {
        let oracle = &self.oracle;
        let seen = |id| Seen {
            id,
            state: oracle.state(id).unwrap_or(JobState::Waiting),
            attempts: oracle.attempts(id),
            was_ready: oracle.was_ready(id),
            requirements: oracle.requirements(id).collect(),
            dependents: oracle.dependents(id).collect(),
        };
        Snapshot {
            clock: oracle.clock(),
            next_deadline: oracle.next_deadline(),
            ending: oracle.ending(),
            verdict: oracle.verdict(),
            counts: oracle.counts(),
            requirement_count: oracle.requirement_count(),
            started: oracle.has_started(),
            jobs: oracle.jobs().map(seen).collect(),
        }
    }

    /// Handed out only when each requirement is satisfied, once per attempt, and not too often.
    fn check_handed_out(&self, attempt: Attempt) -> Result<(), String> {
        ensure(self.core.ending().is_none(), || format!("{attempt} begins in an ending run"))?;
        let before = self.seen.jobs.iter().find(|job| job.id == attempt.job);
        let limit = self.oracle.options(attempt.job).map_or(0, |options| options.retries.limit);
        ensure(
            before.is_some_and(|before| before.attempts + 1 == attempt.number)
                && attempt.number <= limit.saturating_add(1),
            || format!("{attempt} is one too many"),
        )?;
        for (required, condition) in self.core.requirements(attempt.job) {
            ensure(self.satisfied(required, condition) == Some(true), || {
                format!("{attempt} begins, but requires {required} {condition}")
            })?;
        }
        Ok(())
    }

    /// What the core itself says about a requirement; a removed job keeps its outcome.
    fn satisfied(&self, required: JobId, condition: Condition) -> Option<bool> {
        if condition == Condition::Succeeded && self.core.was_ready(required) {
            return Some(true);
        }
        self.outcomes.get(&required).map(|outcome| match condition {
            Condition::Succeeded => *outcome == Outcome::Succeeded,
            Condition::Finished => true,
            Condition::Failed => matches!(outcome, Outcome::Failed(_)),
        })
    }

    /// All that may be handed out has been.
    fn check_places(&self, core: &Snapshot) -> Result<(), String> {
        let finite = |job: &&Seen| self.core.kind(job.id) == Some(JobKind::Finite);
        let under_way = core.jobs.iter().filter(finite).filter(|job| is_under_way(job)).count();
        let full = self.options.window.is_some_and(|window| under_way >= window.get());
        for job in core.jobs.iter().filter(|job| job.state == JobState::Queued) {
            ensure(full && finite(&job), || format!("{} is left in the queue", job.id))?;
        }
        Ok(())
    }

    fn check_jobs(&mut self) -> Result<(), String> {
        let present: BTreeSet<JobId> = self.seen.jobs.iter().map(|job| job.id).collect();
        for &id in &self.ids {
            let state = self.core.state(id);
            ensure(state.is_some() == present.contains(&id), || {
                format!("{id} is listed or not, but {state:?}")
            })?;
            differ("the payload", &self.core.payload(id).copied(), &state.map(|_| id.number()))?;
        }
        for job in &self.seen.jobs {
            let known = self.outcomes.get(&job.id).copied();
            if let JobState::Ended(outcome) = job.state {
                ensure(known.is_none_or(|known| known == outcome), || {
                    format!("{} ends twice: {known:?}, then {outcome:?}", job.id)
                })?;
                self.outcomes.insert(job.id, outcome);
            } else {
                ensure(known.is_none(), || format!("{} lives on after {known:?}", job.id))?;
            }
        }
        let finite = |job: &&Seen| self.core.kind(job.id) == Some(JobKind::Finite);
        let under_way =
            self.seen.jobs.iter().filter(finite).filter(|job| is_under_way(job)).count();
        ensure(self.options.window.is_none_or(|window| under_way <= window.get()), || {
            format!("{under_way} finite jobs are under way")
        })?;
        self.seen.jobs.iter().try_for_each(|job| self.check_job(job))
    }

    fn check_job(&self, job: &Seen) -> Result<(), String> {
        let id = job.id;
        let ending = self.seen.ending.is_some();
        ensure(self.core.explain(id).is_some(), || format!("{id} is present, but not explained"))?;
        match job.state {
            // With no cycle, one unresolved requirement of each waiting job is enough for all of
            // them to reach a job that is under way or will be.
            JobState::Waiting if self.seen.started => {
                let unresolved = |&(required, condition): &(JobId, Condition)| {
                    self.satisfied(required, condition).is_none()
                };
                ensure(!ending && job.requirements.iter().any(unresolved), || {
                    format!("{id} waits for nothing")
                })
            }
            JobState::Queued | JobState::Backoff { .. } => {
                ensure(!ending, || format!("{id} would start in an ending run"))
            }
            JobState::Ended(Outcome::Skipped(reason)) => {
                ensure(job.attempts == 0, || format!("{id} was handed out, then skipped"))?;
                let SkipReason::Requirement(required) = reason else {
                    return ensure(ending, || format!("{id} is skipped before the end"));
                };
                // The requirement on a removed job is not listed any more.
                let listed = job.requirements.iter().find(|&&(listed, _)| listed == required);
                let impossible = match listed {
                    Some(&(_, condition)) => self.satisfied(required, condition) == Some(false),
                    None => !self.seen.jobs.iter().any(|job| job.id == required),
                };
                ensure(impossible, || format!("{id} is skipped because of {required}"))
            }
            _ => Ok(()),
        }
    }

    /// In an ending run nobody is asked to stop before its dependents have ended.
    fn check_turns(&mut self) -> Result<(), String> {
        if self.seen.ending.is_none() {
            return Ok(());
        }
        let edges = self.at_cause.get_or_insert_with(|| {
            let edges = |job: &Seen| job.requirements.iter().map(|edge| (job.id, edge.0)).collect();
            self.seen.jobs.iter().flat_map::<Vec<_>, _>(edges).collect()
        });
        for job in &self.seen.jobs {
            let reason = StopReason::RunEnding;
            if !matches!(job.state, JobState::Stopping { reason: now, .. } if now == reason) {
                continue;
            }
            let mut behind = BTreeSet::from([job.id]);
            loop {
                let size = behind.len();
                for &(dependent, required) in edges.iter() {
                    if behind.contains(&required) {
                        behind.insert(dependent);
                    }
                }
                if behind.len() == size {
                    break;
                }
            }
            behind.remove(&job.id);
            let left = behind.iter().find(|id| !self.outcomes.contains_key(id));
            ensure(left.is_none(), || format!("{} is asked to stop before {left:?}", job.id))?;
        }
        Ok(())
    }

    /// The recorded transitions lead to the states that there are.
    fn fold_transitions(&mut self) -> Result<(), String> {
        let mut last = None;
        while let Some(transition) = self.core.poll_transition() {
            let id = transition.id;
            ensure(self.options.record, || String::from("a transition is told unasked"))?;
            ensure(transition.at >= self.folded_clock, || format!("{id}: recorded out of order"))?;
            self.folded_clock = transition.at;
            last = Some(transition.at);
            match transition.change {
                Change::Added => {
                    let before = self.folded.insert(id, JobState::Waiting);
                    differ("the state before it was added", &before, &None)?;
                }
                Change::State { from, to } => {
                    let before = self.folded.insert(id, to);
                    differ("the recorded state before", &Some(from), &before)?;
                    ensure(from != to, || format!("{id}: {from:?} is left for itself"))?;
                }
                Change::Ready => {
                    let running = matches!(self.folded.get(&id), Some(JobState::Running { .. }));
                    ensure(running, || format!("{id} is recorded as ready, but not as running"))?;
                }
                Change::Removed => {
                    ensure(self.folded.remove(&id).is_some(), || format!("{id}: never added"))?;
                }
            }
        }
        ensure(last.is_none_or(|at| at == self.seen.clock), || {
            String::from("a transition is not recorded at the clock")
        })?;
        if self.options.record && self.seen.started {
            let states = self.seen.jobs.iter().map(|job| (job.id, job.state)).collect();
            differ("the states, as recorded", &self.folded, &states)?;
        }
        Ok(())
    }
}

fn is_under_way(job: &Seen) -> bool {
    matches!(job.state, JobState::Running { .. } | JobState::Stopping { .. })
}

fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message()) }
}

/// An error if the two differ.
fn differ<T: PartialEq + fmt::Debug>(what: &str, core: &T, oracle: &T) -> Result<(), String> {
    ensure(core == oracle, || format!("{what}: {core:?}, but should be {oracle:?}"))
}

/// The first field in which the two differ.
fn compare(core: &Snapshot, oracle: &Snapshot) -> Result<(), String> {
    for (core, oracle) in core.jobs.iter().zip(&oracle.jobs) {
        differ("a job", core, oracle)?;
    }
    differ("the ending", &core.ending, &oracle.ending)?;
    differ("the verdict", &core.verdict, &oracle.verdict)?;
    differ("the clock", &core.clock, &oracle.clock)?;
    differ("the next deadline", &core.next_deadline, &oracle.next_deadline)?;
    differ("the counts", &core.counts, &oracle.counts)?;
    differ("the requirements", &core.requirement_count, &oracle.requirement_count)?;
    differ("the whole", core, oracle)
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Add(options, requirements) = self else { return write!(f, "{self:?}") };
        write!(f, "Add({:?}", options.kind)?;
        if options.critical {
            f.write_str(" critical")?;
        }
        if let Some(timeout) = options.timeout {
            write!(f, " timeout={timeout:?}")?;
        }
        if options.grace != Some(core::time::Duration::ZERO) {
            write!(f, " grace={:?}", options.grace)?;
        }
        if options.retries.limit > 0 {
            write!(f, " {:?}", options.retries)?;
        }
        if options.priority != 0 {
            write!(f, " priority={}", options.priority)?;
        }
        write!(f, ", {requirements:?})")
    }
}
