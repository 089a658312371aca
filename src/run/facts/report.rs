use std::boxed::Box;
use std::fmt;
use std::time::Duration;
use std::vec::Vec;

use super::error::JobError;
use super::handle::{Handle, JobHandle, Scope};
#[cfg(all(feature = "journal", unix))]
use super::kept::Kept;
use super::listing::Listing;
use super::mishap::{Mishap, MishapKind};
use super::missing::Missing;
use super::output::{LocalOutputs, OutputStore, Outputs, SendOutputs};
use super::record::{HookReport, Record};
use super::words::why;
use crate::orchestrator::{
    Condition, Counts, Explanation, JobId, JobKind, JobName, JobState, Orchestrator, Outcome,
    SkipReason, Timestamp, Verdict,
};

/// What became of a run and of each of its jobs. Displays as a listing, one line a job, each after those
/// that it requires.
///
/// Jobs may have failed in a run that completed: see [`check`](Self::check).
#[must_use = "jobs may have failed: ask `check()`"]
pub struct Report<C: OutputStore + ?Sized = LocalOutputs> {
    pub(crate) scope: Scope,
    pub(crate) verdict: Verdict,
    pub(crate) begun: Timestamp,
    pub(crate) ended: Timestamp,
    pub(crate) core: Box<Orchestrator<Record>>,
    pub(crate) outputs: Outputs<C>,
    /// Those that are no job's.
    pub(crate) mishaps: Vec<Mishap>,
}

/// The report of a [`SendJobGraph`](crate::SendJobGraph): it may be sent to other threads.
pub type SendReport = Report<SendOutputs>;

impl<C: OutputStore + ?Sized> Report<C> {
    /// How the run ended.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Whether the run was not cut short: the verdict is [`Verdict::Completed`]. Jobs that are not
    /// critical may have failed all the same: see [`check`](Self::check).
    #[must_use]
    pub fn is_completed(&self) -> bool {
        self.verdict() == Verdict::Completed
    }

    /// How long the run took, its shutdown hooks included.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.ended.saturating_since(self.begun)
    }

    /// The forever jobs and services that never started, since the run completed first, in the order of their
    /// creation: one that the run was to go on for is to be [`awaited`](crate::Job::awaited).
    /// [`check`](Self::check) takes no exception to them.
    pub fn never_started(&self) -> impl Iterator<Item = JobReport<'_>> {
        let completed = self.is_completed();
        let unstarted = Some(Outcome::Skipped(SkipReason::RunStopped));
        self.jobs().filter(move |job| {
            completed && job.kind() != JobKind::Finite && job.outcome() == unstarted
        })
    }

    /// How many jobs ended how.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.core.counts()
    }

    /// How a job ended; `None` if it is of another graph.
    #[must_use]
    pub fn outcome(&self, job: &impl JobHandle) -> Option<Outcome> {
        self.core.state(self.own(job)?).and_then(JobState::outcome)
    }

    /// Whether a job succeeded.
    #[must_use]
    pub fn succeeded(&self, job: &impl JobHandle) -> bool {
        self.outcome(job) == Some(Outcome::Succeeded)
    }

    /// Whether a job ran to its end, well or not: it succeeded or failed.
    #[must_use]
    pub fn is_done(&self, job: &impl JobHandle) -> bool {
        matches!(self.outcome(job), Some(Outcome::Succeeded | Outcome::Failed(_)))
    }

    /// What a job left behind: what it returned, if it succeeded; what a service was last ready with,
    /// and the report of a nested graph, however these ended.
    #[must_use]
    pub fn output<T: 'static>(&self, job: &Handle<T>) -> Option<&T> {
        self.outputs.get(self.core.payload(self.own(job)?)?.slot)
    }

    /// What a job left behind, or why there is nothing: for `?`.
    ///
    /// ```
    /// # use jobgraph::{Job, JobGraph};
    /// let mut graph = JobGraph::new();
    /// let port = graph.add(Job::try_new(async { "80x".parse::<u16>() }).label("port"));
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert_eq!(report.result(&port).unwrap_err().to_string(), "#1 port failed: invalid digit found in string");
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    ///
    /// # Errors
    /// [`Missing`] says how the job ended, or that its output [went](crate::Job::transient) or was taken, or that the
    /// job is of another graph.
    pub fn result<T: 'static>(&self, job: &Handle<T>) -> Result<&T, Missing> {
        let id = self.own(job).ok_or_else(|| Missing::foreign(job.id()))?;
        self.output(job).ok_or_else(|| Missing::of(&self.core, id))
    }

    /// Takes what a job left behind out of the report; `None` if it left nothing, it was taken already,
    /// or if somebody else holds it, as a dependent may that kept its `Arc`.
    pub fn take_output<T: 'static>(&mut self, job: &Handle<T>) -> Option<T> {
        let slot = self.core.payload(self.own(job)?)?.slot;
        self.outputs.take(slot)
    }

    /// Why a job failed, if it did.
    #[must_use]
    pub fn error(&self, job: &impl JobHandle) -> Option<&JobError> {
        self.job(job)?.error()
    }

    /// All about one job; `None` if it is of another graph.
    #[must_use]
    pub fn job(&self, job: &impl JobHandle) -> Option<JobReport<'_>> {
        Some(JobReport { core: &self.core, begun: self.begun, id: self.own(job)? })
    }

    /// All about all jobs, in the order of their creation.
    pub fn jobs(&self) -> impl Iterator<Item = JobReport<'_>> {
        self.core.jobs().map(|id| JobReport { core: &self.core, begun: self.begun, id })
    }

    /// The jobs that failed, or whose shutdown hook or `Drop` did, or inside which one did, in the order of their
    /// creation. One by one, with the way to them: [`troubles`](Self::troubles).
    pub fn failures(&self) -> impl Iterator<Item = JobReport<'_>> {
        self.jobs().filter(|job| !self.troubles_of(*job).is_empty())
    }

    /// What panicked without changing an outcome.
    pub fn mishaps(&self) -> impl Iterator<Item = Mishap> + '_ {
        let of_job = |job: JobReport<'_>| {
            let (id, what) = (job.id, MishapKind::Drop);
            let drops = job.record().map_or(&[][..], Record::panicked_drops).to_vec();
            drops.into_iter().map(move |panic| Mishap { job: Some(id), what, panic })
        };
        self.jobs().flat_map(of_job).chain(self.mishaps.iter().cloned())
    }

    fn own(&self, job: &impl JobHandle) -> Option<JobId> {
        self.scope.owns(job.key()).then_some(job.key().id)
    }
}

impl<C: OutputStore + ?Sized> fmt::Display for Report<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Listing { core: &self.core, outputs: &self.outputs, nested: &|_, _, _| Ok(()) }.fmt(f)?;
        let indent = f.width().unwrap_or(0);
        self.mishaps.iter().try_for_each(|mishap| write!(f, "\n{:indent$}{}", "", why(mishap)))
    }
}

impl<C: OutputStore + ?Sized> fmt::Debug for Report<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verdict, jobs) = (self.verdict(), self.counts());
        f.debug_struct("Report")
            .field("verdict", &verdict)
            .field("jobs", &jobs)
            .finish_non_exhaustive()
    }
}

/// What became of one job.
#[derive(Clone, Copy)]
pub struct JobReport<'a> {
    core: &'a Orchestrator<Record>,
    begun: Timestamp,
    id: JobId,
}

impl<'a> JobReport<'a> {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.id
    }

    /// Its id and label, as people name it: `#3 fetch`.
    #[must_use]
    pub fn name(&self) -> JobName<&'a str> {
        JobName { id: Some(self.id), label: self.label() }
    }

    /// Whether the job is a graph that was dropped with shutdown hooks that never ran.
    #[cfg(feature = "testing")]
    pub(crate) fn loses_hooks(&self) -> bool {
        self.record().is_some_and(|record| record.lost_hooks() > 0)
    }

    /// Its label, if it has one.
    #[must_use]
    pub fn label(&self) -> Option<&'a str> {
        self.core.label(self.id)
    }

    /// Whether it is finite, forever or a service.
    #[must_use]
    pub fn kind(&self) -> JobKind {
        self.core.kind(self.id).unwrap_or_default()
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.core.state(self.id).and_then(JobState::outcome)
    }

    /// What it said of itself at last, by [`Context::note`](crate::Context::note).
    #[must_use]
    pub fn note(&self) -> Option<&'a str> {
        self.record()?.note().map(|note| &**note)
    }

    /// What a [journal](crate::journal) had to do with it, if there was one: whether it was restored, or why not.
    #[cfg(all(feature = "journal", unix))]
    #[must_use]
    pub fn kept(&self) -> Option<Kept> {
        self.record()?.kept()
    }

    /// Why it failed, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&'a JobError> {
        let failed = matches!(self.outcome(), Some(Outcome::Failed(_)));
        self.record().and_then(Record::error).map(|error| &**error).filter(|_| failed)
    }

    /// How often it was started.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.core.attempts(self.id)
    }

    /// When its first attempt started, from the start of the run on; `None` if there was none.
    #[must_use]
    pub fn started(&self) -> Option<Duration> {
        Some(self.core.started(self.id)?.saturating_since(self.begun))
    }

    /// When its last attempt ended, from the start of the run on; `None` if there was none.
    #[must_use]
    pub fn ended(&self) -> Option<Duration> {
        Some(self.core.ended(self.id)?.saturating_since(self.begun))
    }

    /// The jobs that it requires.
    pub fn requirements(&self) -> impl Iterator<Item = (JobId, Condition)> + 'a {
        self.core.requirements(self.id)
    }

    /// The jobs that require it.
    pub fn dependents(&self) -> impl Iterator<Item = (JobId, Condition)> + 'a {
        self.core.dependents(self.id)
    }

    /// What became of its shutdown hook, if it has one and was ever started.
    #[must_use]
    pub fn hook(&self) -> Option<&'a HookReport> {
        self.record()?.hook()
    }

    /// Why it is where it is.
    #[must_use]
    pub fn explain(&self) -> Option<Explanation<'a>> {
        self.core.explain(self.id)
    }

    pub(super) fn record(&self) -> Option<&'a Record> {
        self.core.payload(self.id)
    }
}

impl fmt::Debug for JobReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobReport")
            .field("id", &self.id)
            .field("label", &self.label())
            .field("outcome", &self.outcome())
            .field("error", &self.error())
            .field("attempts", &self.attempts())
            .field("started", &self.started())
            .field("ended", &self.ended())
            .finish()
    }
}
