use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;
use std::vec;
use std::vec::Vec;

use super::graph::Graph;
use crate::orchestrator::{
    Attempt, Change, Completion, JobId, JobKind, Orchestrator, RunOptions, Signal, Timestamp,
    Verdict,
};
use crate::run::facts::fact::{Fact, FactKind, JobInfo};
use crate::run::facts::record::Record;
use crate::run::facts::run_error::RunError;
use crate::run::job::payload::Payload;

impl<P: Payload> Graph<P> {
    /// What a run would be like in which each job succeeds, or each service is ready, after the time that
    /// is `estimated` for it: told as an [observer](Self::observe) would be told it. Nothing is run; window,
    /// priorities, conditions and timeouts are respected, shutdown hooks left out. A nested graph is one
    /// job with one estimate. O((jobs + requirements) log jobs).
    ///
    /// ```
    /// use std::time::Duration;
    /// use jobgraph::view::{CriticalPath, History};
    /// use jobgraph::{Job, JobGraph};
    ///
    /// let mut graph = JobGraph::new().window(1);
    /// for label in ["a", "bb", "ccc"] {
    ///     graph.add(Job::new(async {}).label(label));
    /// }
    /// let facts = graph.rehearse(|job| Duration::from_secs(job.label.as_ref().unwrap().len() as u64))?;
    /// let history: History = facts.into_iter().collect();
    /// assert_eq!(CriticalPath::of(&history).to_string(), "6 s\n  1 s  #1 a\n  2 s  #2 bb\n  3 s  #3 ccc");
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    ///
    /// # Errors
    /// What `run` would refuse the graph for.
    pub fn rehearse(
        &self,
        estimated: impl FnMut(&JobInfo) -> Duration,
    ) -> Result<Vec<Fact>, RunError> {
        if let Some(error) = self.refusal() {
            return Err(error);
        }
        let mut core = self.core.clone();
        core.set_options(RunOptions { record: true, ..self.options })?;
        core.start(Timestamp::ZERO)?;
        let without_inside =
            |job: Arc<JobInfo>| Arc::new(JobInfo { inside: None, ..(*job).clone() });
        let jobs: Vec<_> = self.outline().into_iter().map(without_inside).collect();
        let nowhere: Arc<[JobId]> = Arc::new([]);
        let fact = |at, what| Fact { at, within: Arc::clone(&nowhere), what };
        let mut facts = vec![fact(Timestamp::ZERO, FactKind::begun(&core))];
        facts
            .extend(jobs.iter().map(|job| fact(Timestamp::ZERO, FactKind::Added(Arc::clone(job)))));
        let ended = act(&mut core, &jobs, estimated);
        while let Some(told) = core.poll_transition() {
            let id = told.id;
            match told.change {
                Change::State { from, to } => {
                    facts.push(fact(told.at, FactKind::State { id, from, to, error: None }));
                }
                Change::Ready => facts.push(fact(told.at, FactKind::Ready(id))),
                Change::Added | Change::Removed => {}
            }
        }
        // A run of services alone goes on until it is stopped.
        facts.extend(ended.map(|verdict| fact(core.clock(), FactKind::Over(verdict))));
        Ok(facts)
    }
}

/// Lets each job take its time.
fn act(
    core: &mut Orchestrator<Record>,
    jobs: &[Arc<JobInfo>],
    mut estimated: impl FnMut(&JobInfo) -> Duration,
) -> Option<Verdict> {
    let mut infos = vec![None; jobs.iter().map(|job| job.id.index() + 1).max().unwrap_or(0)];
    for job in jobs {
        infos[job.id.index()] = Some(&**job);
    }
    let mut now = Timestamp::ZERO;
    let mut due = BinaryHeap::new();
    loop {
        while let Some(signal) = core.poll_signal() {
            if let Signal::Cancel(attempt) = signal {
                let _ = core.on_job_complete(attempt, Completion::Cancelled, now);
            }
        }
        if let Some(verdict) = core.verdict() {
            return Some(verdict);
        }
        for attempt in core.poll_ready_jobs(now) {
            if let Some(job) = infos[attempt.job.index()].filter(|job| job.kind != JobKind::Forever)
            {
                due.push(Reverse((now + estimated(job), attempt)));
            }
        }
        match (due.peek().map(|&Reverse((at, attempt))| (at, attempt)), core.next_deadline()) {
            (None, None) => return None,
            (Some((at, attempt)), deadline) if deadline.is_none_or(|deadline| at <= deadline) => {
                due.pop();
                now = at;
                end(core, attempt, now);
            }
            (_, deadline) => {
                now = deadline.unwrap_or(now);
                core.on_deadline(now);
            }
        }
    }
}

/// An attempt has taken its time. It may be over.
fn end(core: &mut Orchestrator<Record>, attempt: Attempt, now: Timestamp) {
    let _ = match core.kind(attempt.job) {
        Some(JobKind::Service) => core.on_job_ready(attempt, now),
        _ => core.on_job_complete(attempt, Completion::Success, now).map(drop),
    };
}
