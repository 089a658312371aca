//! Scripts in virtual time: jobs by label, times in seconds, lists of labels as one string.
//!
//! Whatever a script does, after each step the record of transitions, folded, must be the states,
//! and the counts a recount.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::time::Duration;

use jobgraph::{
    AnyOf, Attempt, Change, Completion, Condition, GraphError, InputError, JobId, JobOptions,
    JobState, Orchestrator, Order, Outcome, PoolId, Retries, RunOptions, Signal, SkipReason,
    Timestamp, Verdict,
};

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn time(seconds: u64) -> Timestamp {
    Timestamp::ZERO + secs(seconds)
}

/// A job as a script describes it.
#[derive(Clone)]
pub(crate) struct JobSpec {
    pub(crate) options: JobOptions,
    requirements: Vec<(&'static str, Condition)>,
}

/// A finite job.
pub(crate) fn job(label: &str) -> JobSpec {
    JobSpec { options: JobOptions::labelled(label), requirements: Vec::new() }
}

pub(crate) fn forever(label: &str) -> JobSpec {
    let options = JobOptions { label: Some(label.into()), ..JobOptions::forever() };
    JobSpec { options, requirements: Vec::new() }
}

pub(crate) fn service(label: &str) -> JobSpec {
    let options = JobOptions { label: Some(label.into()), ..JobOptions::service() };
    JobSpec { options, requirements: Vec::new() }
}

impl JobSpec {
    fn require(mut self, labels: &'static str, condition: Condition) -> Self {
        self.requirements.extend(labels.split_whitespace().map(|label| (label, condition)));
        self
    }

    pub(crate) fn requires(self, labels: &'static str) -> Self {
        self.require(labels, Condition::Succeeded)
    }

    pub(crate) fn after(self, labels: &'static str) -> Self {
        self.require(labels, Condition::Finished)
    }

    pub(crate) fn once_settled(self, labels: &'static str) -> Self {
        self.require(labels, Condition::Settled)
    }

    pub(crate) fn on_failure_of(self, labels: &'static str) -> Self {
        self.require(labels, Condition::Failed)
    }

    pub(crate) fn awaited(mut self) -> Self {
        self.options.awaited = true;
        self
    }

    pub(crate) fn critical(mut self) -> Self {
        self.options.critical = true;
        self
    }

    pub(crate) fn timeout(mut self, seconds: u64) -> Self {
        self.options.timeout = Some(secs(seconds));
        self
    }

    pub(crate) fn grace(mut self, seconds: u64) -> Self {
        self.options.grace = Some(secs(seconds));
        self
    }

    pub(crate) fn unlimited_grace(mut self) -> Self {
        self.options.grace = None;
        self
    }

    pub(crate) fn retries(mut self, limit: u32) -> Self {
        self.options.retries.limit = limit;
        self
    }

    pub(crate) fn backoff(mut self, base: u64, cap: u64) -> Self {
        self.options.retries =
            Retries::new(self.options.retries.limit).backoff(secs(base), secs(cap));
        self
    }

    pub(crate) fn jittered(mut self) -> Self {
        self.options.retries = self.options.retries.jittered();
        self
    }

    pub(crate) fn reset_after(mut self, seconds: u64) -> Self {
        self.options.retries = self.options.retries.reset_after(secs(seconds));
        self
    }

    /// So much of a pool that was made before: its number.
    pub(crate) fn takes(mut self, amount: u32, pool: PoolId) -> Self {
        self.options.pools = [&self.options.pools[..], &[(pool, amount)]].concat().into();
        self
    }

    pub(crate) fn priority(mut self, priority: i32) -> Self {
        self.options.priority = priority;
        self
    }
}

/// A run, told as inputs and what they lead to.
pub(crate) struct Timeline {
    pub(crate) graph: Orchestrator<()>,
    now: Timestamp,
    ids: BTreeMap<String, JobId>,
    /// What the record of transitions says.
    folded: BTreeMap<JobId, JobState>,
    removed: usize,
    cancelled: BTreeSet<Attempt>,
    aborted: BTreeSet<Attempt>,
    discarded: Vec<String>,
    /// Signals that were polled, and not looked at yet.
    polled: Vec<Signal>,
    /// The record of transitions as text, since the last look at it.
    told: Vec<String>,
}

impl Timeline {
    pub(crate) fn new() -> Self {
        Self {
            graph: Orchestrator::new(RunOptions { record: true, ..RunOptions::default() }),
            now: Timestamp::ZERO,
            ids: BTreeMap::new(),
            folded: BTreeMap::new(),
            removed: 0,
            cancelled: BTreeSet::new(),
            aborted: BTreeSet::new(),
            discarded: Vec::new(),
            polled: Vec::new(),
            told: Vec::new(),
        }
    }

    /// At most so many finite jobs at once.
    pub(crate) fn window(mut self, places: usize) -> Self {
        let options = RunOptions { window: NonZero::new(places), ..self.graph.options() };
        self.graph.set_options(options).unwrap();
        self
    }

    /// The global timeout.
    pub(crate) fn timeout(mut self, seconds: u64) -> Self {
        let options = RunOptions { timeout: Some(secs(seconds)), ..self.graph.options() };
        self.graph.set_options(options).unwrap();
        self
    }

    pub(crate) fn depth_first(mut self) -> Self {
        let options = RunOptions { order: Order::DepthFirst, ..self.graph.options() };
        self.graph.set_options(options).unwrap();
        self
    }

    pub(crate) fn pool(&mut self, name: &str, capacity: u32) -> PoolId {
        self.graph.add_pool(name, capacity).unwrap()
    }

    pub(crate) fn until_stopped(mut self) -> Self {
        let options = RunOptions { until_stopped: true, ..self.graph.options() };
        self.graph.set_options(options).unwrap();
        self
    }

    #[track_caller]
    pub(crate) fn id(&self, label: &str) -> JobId {
        *self.ids.get(label).unwrap_or_else(|| panic!("no job {label} in the script"))
    }

    /// The latest attempt of a job.
    #[track_caller]
    pub(crate) fn attempt(&self, label: &str) -> Attempt {
        let job = self.id(label);
        Attempt { job, number: self.graph.attempts(job) }
    }

    fn label(&self, job: JobId) -> String {
        let found = self.ids.iter().find(|&(_, &id)| id == job);
        found.map_or_else(|| job.to_string(), |(label, _)| label.clone())
    }

    #[track_caller]
    pub(crate) fn try_add(&mut self, spec: JobSpec) -> Result<JobId, GraphError> {
        let requirements: Vec<_> = spec
            .requirements
            .iter()
            .map(|&(label, condition)| (self.id(label), condition))
            .collect();
        let label = spec.options.label.clone().unwrap();
        let id = self.graph.add((), spec.options, &requirements)?;
        self.ids.insert(label.into(), id); // a label that is used again names the newest job
        self.check();
        Ok(id)
    }

    #[track_caller]
    pub(crate) fn add(&mut self, spec: JobSpec) -> &mut Self {
        if let Err(error) = self.try_add(spec) {
            panic!("failed to {error}");
        }
        self
    }

    #[track_caller]
    pub(crate) fn try_any(
        &mut self,
        mut spec: JobSpec,
        condition: Condition,
        members: &str,
    ) -> Result<JobId, GraphError> {
        let jobs = members.split_whitespace().map(|label| self.id(label)).collect();
        spec.options.any_of = [AnyOf { jobs, condition }].into();
        self.try_add(spec)
    }

    /// A job that requires any of a group.
    #[track_caller]
    pub(crate) fn any(&mut self, spec: JobSpec, condition: Condition, members: &str) -> &mut Self {
        if let Err(error) = self.try_any(spec, condition, members) {
            panic!("failed to {error}");
        }
        self
    }

    /// A further requirement, before `start`.
    #[track_caller]
    pub(crate) fn require(&mut self, label: &str, required: &str) -> &mut Self {
        let (job, required) = (self.id(label), self.id(required));
        self.graph.require(job, required, Condition::Succeeded).unwrap();
        self
    }

    #[track_caller]
    pub(crate) fn start(&mut self, seconds: u64) -> &mut Self {
        self.at(seconds).graph.start(time(seconds)).unwrap();
        self.checked()
    }

    /// When the next inputs happen.
    pub(crate) fn at(&mut self, seconds: u64) -> &mut Self {
        self.at_time(time(seconds))
    }

    pub(crate) fn at_time(&mut self, now: Timestamp) -> &mut Self {
        self.now = now;
        self
    }

    #[track_caller]
    pub(crate) fn try_complete(
        &mut self,
        label: &str,
        completion: Completion,
    ) -> Result<(), InputError> {
        let attempt = self.attempt(label);
        self.graph.on_job_complete(attempt, completion, self.now).map(drop)
    }

    #[track_caller]
    pub(crate) fn complete(&mut self, labels: &str, completion: Completion) -> &mut Self {
        for label in labels.split_whitespace() {
            if let Err(error) = self.try_complete(label, completion) {
                panic!("failed to {error}");
            }
            self.check();
        }
        self
    }

    #[track_caller]
    pub(crate) fn succeed(&mut self, labels: &str) -> &mut Self {
        self.complete(labels, Completion::Success)
    }

    #[track_caller]
    pub(crate) fn fail(&mut self, labels: &str) -> &mut Self {
        self.complete(labels, Completion::Error)
    }

    #[track_caller]
    pub(crate) fn panic(&mut self, labels: &str) -> &mut Self {
        self.complete(labels, Completion::Panic)
    }

    /// The attempt reports that it was cancelled.
    #[track_caller]
    pub(crate) fn give_up(&mut self, labels: &str) -> &mut Self {
        self.complete(labels, Completion::Cancelled)
    }

    #[track_caller]
    pub(crate) fn try_ready(&mut self, label: &str) -> Result<(), InputError> {
        let attempt = self.attempt(label);
        self.graph.on_job_ready(attempt, self.now)
    }

    #[track_caller]
    pub(crate) fn ready(&mut self, labels: &str) -> &mut Self {
        for label in labels.split_whitespace() {
            if let Err(error) = self.try_ready(label) {
                panic!("failed to {error}");
            }
            self.check();
        }
        self
    }

    #[track_caller]
    pub(crate) fn try_cancel(&mut self, label: &str) -> Result<(), InputError> {
        let job = self.id(label);
        self.graph.cancel(job, self.now)
    }

    #[track_caller]
    pub(crate) fn cancel(&mut self, labels: &str) -> &mut Self {
        for label in labels.split_whitespace() {
            if let Err(error) = self.try_cancel(label) {
                panic!("failed to {error}");
            }
            self.check();
        }
        self
    }

    #[track_caller]
    pub(crate) fn stop(&mut self) -> &mut Self {
        self.graph.stop(self.now);
        self.checked()
    }

    /// The driver's timer.
    #[track_caller]
    pub(crate) fn due(&mut self) -> &mut Self {
        self.graph.on_deadline(self.now);
        self.check();
        if let Some(next) = self.graph.next_deadline() {
            assert!(next > self.graph.clock(), "{next} is still due");
        }
        self
    }

    #[track_caller]
    pub(crate) fn remove(&mut self, labels: &str) -> &mut Self {
        for label in labels.split_whitespace() {
            let job = self.id(label);
            if let Err(error) = self.graph.remove(job) {
                panic!("failed to {error}");
            }
            self.check();
        }
        self
    }

    /// Polls all signals, as a driver does before it looks at anything else. Each body is gone at once.
    #[track_caller]
    fn obey(&mut self) -> &mut Self {
        self.polled.extend(std::iter::from_fn(|| self.graph.poll_signal()));
        self.checked()
    }

    /// All that is handed out, in that order.
    #[track_caller]
    pub(crate) fn starts(&mut self, labels: &str) -> &mut Self {
        self.obey();
        let attempts: Vec<_> = self.graph.poll_ready_jobs(self.now).collect();
        let started: Vec<_> = attempts.iter().map(|attempt| self.label(attempt.job)).collect();
        assert_eq!(started.join(" "), labels, "handed out");
        self.checked()
    }

    /// All signals, in that order: `cancel a, abort b`.
    #[track_caller]
    pub(crate) fn signals(&mut self, expected: &str) -> &mut Self {
        let mut texts = Vec::new();
        for signal in std::mem::take(&mut self.obey().polled) {
            let (text, attempt) = match signal {
                Signal::Cancel(attempt) => {
                    assert!(!self.aborted.contains(&attempt), "{attempt}: cancelled after abort");
                    assert!(self.cancelled.insert(attempt), "{attempt} cancelled twice");
                    ("cancel", attempt)
                }
                Signal::Abort(attempt) => {
                    assert!(self.aborted.insert(attempt), "{attempt} aborted twice");
                    ("abort", attempt)
                }
                Signal::Discard(job) => {
                    let text = self.label(job);
                    self.discarded.push(text);
                    continue;
                }
            };
            texts.push(format!("{text} {}", self.label(attempt.job)));
        }
        assert_eq!(texts.join(", "), expected, "signals");
        self
    }

    /// Polls one signal; the body of an attempt that is aborted by it is away.
    #[track_caller]
    pub(crate) fn abort_is_answered_with_away(&mut self, label: &str) -> &mut Self {
        let attempt = self.attempt(label);
        assert_eq!(self.graph.poll_signal(), Some(Signal::Abort(attempt)));
        self.graph.on_body_away(attempt).unwrap();
        self.checked()
    }

    /// The bodies of the latest attempts are gone.
    #[track_caller]
    pub(crate) fn gone(&mut self, labels: &str) -> &mut Self {
        for label in labels.split_whitespace() {
            let attempt = self.attempt(label);
            self.graph.on_body_gone(attempt, self.now).unwrap();
        }
        self.checked()
    }

    /// Polls all signals, and lists the jobs that were to be discarded since this was last asked.
    #[track_caller]
    pub(crate) fn discards(&mut self, expected: &str) -> &mut Self {
        for signal in std::mem::take(&mut self.obey().polled) {
            let Signal::Discard(job) = signal else { panic!("{signal} comes before") };
            let text = self.label(job);
            self.discarded.push(text);
        }
        assert_eq!(std::mem::take(&mut self.discarded).join(" "), expected, "discarded jobs");
        self
    }

    #[track_caller]
    pub(crate) fn deadline(&mut self, seconds: u64) -> &mut Self {
        self.obey();
        assert_eq!(self.graph.next_deadline(), Some(time(seconds)), "next deadline");
        self
    }

    #[track_caller]
    pub(crate) fn no_deadline(&mut self) -> &mut Self {
        self.obey();
        assert_eq!(self.graph.next_deadline(), None, "next deadline");
        self
    }

    /// Where jobs are: `a: queued, b: skipped by a`.
    #[track_caller]
    pub(crate) fn states(&mut self, expected: &str) -> &mut Self {
        self.obey();
        let labels = expected.split(", ").map(|entry| entry.split_once(": ").unwrap().0);
        let actual: Vec<_> = labels
            .map(|label| {
                let state = self.graph.state(self.id(label));
                let text = state.map_or("gone".into(), |state| self.text(state));
                format!("{label}: {text}")
            })
            .collect();
        assert_eq!(actual.join(", "), expected, "states");
        self
    }

    fn text(&self, state: JobState) -> String {
        match state {
            JobState::Ended(Outcome::Skipped(SkipReason::Requirement(id))) => {
                format!("skipped by {}", self.label(id))
            }
            _ => state.to_string(),
        }
    }

    fn cause(&self, cause: Option<Verdict>) -> String {
        match cause {
            None => "none".into(),
            Some(Verdict::CriticalFailure(job)) => {
                format!("critical failure of {}", self.label(job))
            }
            Some(verdict) => verdict.to_string(),
        }
    }

    /// The run has not begun to end.
    #[track_caller]
    pub(crate) fn goes_on(&mut self) -> &mut Self {
        self.obey();
        assert_eq!(self.cause(self.graph.ending()), "none", "cause");
        self
    }

    /// There is a cause, but not all has ended.
    #[track_caller]
    pub(crate) fn ending(&mut self, expected: &str) -> &mut Self {
        self.obey();
        assert_eq!(self.cause(self.graph.ending()), expected, "cause");
        assert_eq!(self.graph.verdict(), None, "the run is over");
        self
    }

    /// The run is over.
    #[track_caller]
    pub(crate) fn verdict(&mut self, expected: &str) -> &mut Self {
        self.obey();
        assert_eq!(self.cause(self.graph.verdict()), expected, "verdict");
        assert_eq!(self.graph.ending(), self.graph.verdict());
        self.no_deadline()
    }

    /// `explain` of a job.
    #[track_caller]
    pub(crate) fn explains(&mut self, label: &str, expected: &str) -> &mut Self {
        self.obey();
        assert_eq!(self.graph.explain(self.id(label)).unwrap().to_string(), expected);
        self
    }

    /// What the record of transitions tells since the last look at it.
    pub(crate) fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    #[track_caller]
    fn checked(&mut self) -> &mut Self {
        self.check();
        self
    }

    #[track_caller]
    fn check(&mut self) {
        self.fold();
        let mut counts = jobgraph::Counts::default();
        counts.removed = self.removed;
        let mut present = Vec::new();
        for job in self.graph.jobs() {
            let state = self.graph.state(job).unwrap();
            present.push((job, state));
            *match state {
                JobState::Waiting => &mut counts.waiting,
                JobState::Queued => &mut counts.queued,
                JobState::Running { .. } => &mut counts.running,
                JobState::Backoff { .. } => &mut counts.backoff,
                JobState::Stopping { .. } => &mut counts.stopping,
                JobState::Ended(Outcome::Succeeded) => &mut counts.succeeded,
                JobState::Ended(Outcome::Failed(_)) => &mut counts.failed,
                JobState::Ended(Outcome::Cancelled) => &mut counts.cancelled,
                JobState::Ended(Outcome::Skipped(_)) => &mut counts.skipped,
            } += 1;
        }
        assert_eq!(self.graph.counts(), counts, "counts against a recount");
        assert_eq!(self.folded.clone().into_iter().collect::<Vec<_>>(), present, "folded record");
        assert_eq!(self.graph.len(), present.len());
    }

    #[track_caller]
    fn fold(&mut self) {
        while let Some(fact) = self.graph.poll_transition() {
            let told = match fact.change {
                Change::Added => {
                    let before = self.folded.insert(fact.id, JobState::Waiting);
                    assert_eq!(before, None, "{} added twice", fact.id);
                    "added".into()
                }
                Change::State { from, to } => {
                    let before = self.folded.insert(fact.id, to);
                    assert_eq!(before, Some(from), "{} was elsewhere", fact.id);
                    assert!(!from.is_ended(), "{} left {from}", fact.id);
                    self.text(to)
                }
                Change::Ready => "ready".into(),
                Change::Removed => {
                    assert!(self.folded.remove(&fact.id).is_some(), "{} was not there", fact.id);
                    self.removed += 1;
                    "removed".into()
                }
            };
            self.told.push(format!("{}: {} {told}", fact.at, self.label(fact.id)));
        }
    }
}
