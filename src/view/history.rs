use std::boxed::Box;
use std::collections::HashMap;
use std::num::NonZero;
use std::string::{String, ToString};
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use super::job_history::{HookHistory, JobHistory, Moment};
use crate::{
    Counts, Fact, FactKind, JobError, JobId, JobInfo, JobState, Mishap, Outcome, SkipReason,
    Timestamp, Verdict,
};

/// What is known of a run and of each of its jobs, nested ones included: all [facts](Fact) so far, folded.
///
/// Made from a [`Report`](crate::Report), from a [`Graph`](crate::Graph) that has not run, or fact by fact
/// while a run goes on; one made from a report is as coarse as [`Report::retell`](crate::Report::retell).
///
/// ```
/// use jobgraph::view::History;
/// use jobgraph::{Job, JobGraph};
///
/// let mut graph = JobGraph::new();
/// let fetch = graph.add(Job::new(async {}).label("fetch"));
/// graph.add(Job::new(async {}).label("parse").requires(&fetch));
/// let mut facts = graph.facts();
/// assert!(jobgraph::smol::block_on(graph)?.check().is_ok());
/// let history: History = std::iter::from_fn(|| facts.try_next()).collect();
/// assert_eq!(history.counts().succeeded, 2);
/// # Ok::<(), jobgraph::RunError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct History {
    jobs: Vec<JobHistory>,
    /// By the jobs inside which they are.
    graphs: HashMap<Arc<[JobId]>, GraphHistory>,
    mishaps: Vec<Mishap>,
    now: Moment,
}

/// What is known of a graph: the observed one, or one inside it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct GraphHistory {
    /// When its run began.
    pub begun: Option<Moment>,
    /// When it was over, and how it ended.
    pub over: Option<(Moment, Verdict)>,
    /// How many finite jobs could run at once.
    pub window: Option<NonZero<usize>>,
    /// How many of its jobs are in which state.
    pub counts: Counts,
    /// Its jobs, in the order in which they were added.
    jobs: Vec<usize>,
    /// Where each of them stands among all jobs.
    indices: HashMap<JobId, usize>,
    /// Where jobs stand of an earlier run of a graph in the same place.
    gone: Vec<usize>,
}

impl History {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of what happened. A run that begins anew is a new history. O(1), but for the end of a
    /// nested graph that was cut short: O(jobs inside).
    pub fn apply(&mut self, fact: &Fact) {
        if matches!(fact.what, FactKind::Begun { .. }) && fact.within.is_empty() {
            *self = Self::new();
        }
        self.now = Moment { at: fact.at, order: self.now.order + 1 };
        let now = self.now;
        match &fact.what {
            FactKind::Begun { window, .. } => {
                self.forget_earlier(&fact.within);
                let graph = self.open(&fact.within);
                (graph.begun, graph.window) = (Some(now), *window);
            }
            FactKind::Added(info) => self.add(&fact.within, info),
            FactKind::State { id, from, to, error } => {
                self.change(&fact.within, *id, (*from, *to), error.as_ref());
            }
            FactKind::Ready(id) => {
                if let Some(job) = self.job_mut(&fact.within, *id) {
                    job.ready.get_or_insert(now);
                }
            }
            FactKind::Note { id, text } => {
                if let Some(job) = self.job_mut(&fact.within, *id) {
                    job.note = Some(Arc::clone(text));
                    job.noted_in = job.attempts.len();
                }
            }
            FactKind::HookBegun(id) => {
                if let Some(job) = self.job_mut(&fact.within, *id) {
                    let hook = HookHistory { started: now, ended: None, error: None };
                    job.hook = Some(Box::new(hook));
                }
            }
            FactKind::HookEnded { id, outcome, error } => {
                if let Some(job) = self.job_mut(&fact.within, *id) {
                    // One that never ran has not begun either.
                    let never = || Box::new(HookHistory { started: now, ended: None, error: None });
                    let hook = job.hook.get_or_insert_with(never);
                    hook.ended = Some((now, *outcome));
                    hook.error.clone_from(error);
                }
            }
            FactKind::Mishap(mishap) => {
                let told = mishap.without_job();
                match mishap.job.and_then(|id| self.job_mut(&fact.within, id)) {
                    Some(job) => job.mishaps.push(told),
                    None => self.mishaps.push(told),
                }
            }
            FactKind::Over(verdict) => {
                if let Some(graph) = self.graphs.get_mut(&fact.within) {
                    graph.over = Some((now, *verdict));
                }
            }
        }
    }

    pub(super) fn add(&mut self, within: &Arc<[JobId]>, info: &Arc<JobInfo>) {
        if let Some(index) = self.index(within, info.id) {
            // It was known from the outline of the graph that it is in.
            let job = &mut self.jobs[index];
            (job.info, job.added) = (Arc::clone(info), self.now);
            return;
        }
        let job = JobHistory::new(Arc::clone(info), Arc::clone(within), self.now);
        let next = self.jobs.len();
        let graph = self.open(within);
        let index = graph.gone.pop().unwrap_or(next);
        graph.indices.insert(info.id, index);
        graph.jobs.push(index);
        graph.counts.waiting += 1;
        match self.jobs.get_mut(index) {
            Some(gone) => *gone = job,
            None => self.jobs.push(job),
        }
        if let Some(inside) = &info.inside {
            let within = [&**within, &[info.id]].concat().into();
            for info in inside {
                self.add(&within, info);
            }
        }
    }

    fn change(
        &mut self,
        within: &[JobId],
        id: JobId,
        (from, to): (JobState, JobState),
        error: Option<&Arc<JobError>>,
    ) {
        let now = self.now;
        let Some(index) = self.index(within, id) else { return };
        if let Some(graph) = self.graphs.get_mut(within) {
            let before = self.jobs[index].state;
            *graph.counts.of_state(before) -= 1;
            *graph.counts.of_state(to) += 1;
        }
        let job = &mut self.jobs[index];
        if from.attempt().is_some()
            && to.attempt().is_none()
            && let Some(attempt) = job.attempts.last_mut()
        {
            attempt.ended = Some(now);
            attempt.error = error.cloned();
        }
        job.enter(to, now);
        if job.is_graph && ends_inside(from, to) {
            self.cut_short([within, &[id]].concat());
        }
    }

    /// A graph, which the job that it is in has from now on.
    fn open(&mut self, within: &Arc<[JobId]>) -> &mut GraphHistory {
        if let Some((&id, outside)) = within.split_last()
            && let Some(job) = self.job_mut(outside, id)
        {
            job.is_graph = true;
        }
        self.graphs.entry(Arc::clone(within)).or_default()
    }

    /// What was known of the graph that ran before where one begins now.
    fn forget_earlier(&mut self, within: &[JobId]) {
        if self.graph(within).is_none_or(|graph| graph.begun.is_none()) {
            return;
        }
        let mut paths = Vec::from([within.to_vec()]);
        while let Some(path) = paths.pop() {
            paths.extend(self.graphs_within(&path));
            let Some(graph) = self.graphs.get_mut(&path[..]) else { continue };
            let mut gone = std::mem::take(&mut graph.gone);
            gone.append(&mut graph.jobs);
            for &index in &gone {
                self.jobs[index].is_gone = true;
            }
            *graph = GraphHistory { gone, ..GraphHistory::default() };
        }
    }

    /// What was going on inside a job whose attempt is over is over as well, told or not.
    fn cut_short(&mut self, path: Vec<JobId>) {
        let mut paths = Vec::from([path]);
        while let Some(path) = paths.pop() {
            let inside: Vec<_> = self.graphs_within(&path).collect();
            let Some(graph) = self.graphs.get_mut(&path[..]) else { continue };
            if graph.over.is_some() {
                continue;
            }
            for &index in &graph.jobs {
                let job = &mut self.jobs[index];
                if job.state.is_ended() {
                    continue;
                }
                let to = JobState::Ended(match job.attempts[..] {
                    [] => Outcome::Skipped(SkipReason::RunStopped),
                    _ => Outcome::Cancelled,
                });
                *graph.counts.of_state(job.state) -= 1;
                *graph.counts.of_state(to) += 1;
                if let Some(attempt) = job.attempts.last_mut() {
                    attempt.ended.get_or_insert(self.now);
                }
                job.enter(to, self.now);
            }
            graph.over = Some((self.now, Verdict::Stopped));
            paths.extend(inside);
        }
    }

    /// The paths of the graphs that are jobs of this one.
    fn graphs_within(&self, within: &[JobId]) -> impl Iterator<Item = Vec<JobId>> {
        let graphs = self.jobs_within(within).filter(|job| job.is_graph);
        graphs.map(move |job| [within, &[job.info.id]].concat())
    }

    fn index(&self, within: &[JobId], id: JobId) -> Option<usize> {
        self.graphs.get(within)?.indices.get(&id).copied()
    }

    fn job_mut(&mut self, within: &[JobId], id: JobId) -> Option<&mut JobHistory> {
        self.index(within, id).map(|index| &mut self.jobs[index])
    }

    /// A job; `within` names the jobs inside which it is, outermost first.
    #[must_use]
    pub fn job(&self, within: &[JobId], id: JobId) -> Option<&JobHistory> {
        self.index(within, id).map(|index| &self.jobs[index])
    }

    /// All jobs, nested ones included, in the order in which they were added. Where a job runs one graph after
    /// another, those of the latest.
    pub fn jobs(&self) -> impl Iterator<Item = &JobHistory> {
        self.jobs.iter().filter(|job| !job.is_gone)
    }

    /// The jobs of a graph: of the observed one, or of one inside it.
    pub fn jobs_within(&self, within: &[JobId]) -> impl Iterator<Item = &JobHistory> {
        let graph = self.graphs.get(within);
        graph.into_iter().flat_map(|graph| &graph.jobs).map(|&index| &self.jobs[index])
    }

    /// A graph: the observed one, or one inside it.
    #[must_use]
    pub fn graph(&self, within: &[JobId]) -> Option<&GraphHistory> {
        self.graphs.get(within)
    }

    /// How many jobs are in which state: of the observed graph, without those inside its jobs.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.graph(&[]).map(|graph| graph.counts).unwrap_or_default()
    }

    /// When the run began; [`Timestamp::ZERO`] if it has not.
    #[must_use]
    pub fn begun(&self) -> Timestamp {
        self.graph(&[]).and_then(|graph| graph.begun).unwrap_or_default().at
    }

    /// How the run ended, once it has.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        self.graph(&[])?.over.map(|(_, verdict)| verdict)
    }

    /// What panicked and changed no outcome, as far as it is no job's.
    #[must_use]
    pub fn mishaps(&self) -> &[Mishap] {
        &self.mishaps
    }

    /// The latest of which something is known.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.now
    }

    /// How long the run has taken.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now.at.saturating_since(self.begun())
    }

    /// The name of a job, after those of the jobs inside which it is: `deploy / #2 copy`.
    #[must_use]
    pub fn path(&self, job: &JobHistory) -> String {
        let around: String = self.around(&job.within, 0).map(|name| name + " / ").collect();
        around + &job.name().to_string()
    }

    /// The short names of jobs, each inside the one before, from so deep on.
    pub(super) fn around(&self, within: &[JobId], from: usize) -> impl Iterator<Item = String> {
        (from..within.len()).map(move |depth| {
            let job = self.job(&within[..depth], within[depth]);
            job.map_or_else(|| within[depth].to_string(), JobHistory::short_name)
        })
    }
}

/// Whether nothing that is inside a job goes on after such a change.
pub(super) fn ends_inside(from: JobState, to: JobState) -> bool {
    to.is_ended() || from.attempt().is_some() && to.attempt().is_none()
}
