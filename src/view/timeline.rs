use std::collections::HashMap;
use std::format;
use std::string::{String, ToString};
use std::sync::Arc;
use std::vec::Vec;

use super::as_history::AsHistory;
use super::critical_path::{Cause, Causes, CriticalPath};
use super::history::History;
use super::job_history::{JobHistory, Moment};
use super::json::{Micros, Text};
use super::picture::state_text;
use crate::orchestrator::Seconds;
use crate::run::{mark, taken, why};
use crate::{Condition, JobId, JobKind, JobState, Outcome, Timestamp};

/// The page, but for its title and its data.
const PAGE: &str = include_str!("timeline.html");

/// A run as a page that shows when each job waited, ran and was retried: one HTML file, which needs nothing
/// else, for light and dark browsers.
///
/// Each job has a row, those inside a graph below that graph's. Graphs can be folded, and so can many jobs whose names
/// differ in numbers alone; a curve shows how many ran and were queued; names and states can be searched, and keys lead
/// to the next failure. Of 20,000 jobs it takes 7 MB, and half a second to load. It shows what let the job start, its slack,
/// and whether it is on the [critical path](CriticalPath). Made from a [`Report`](crate::Report) it knows neither
/// the attempts but the last nor what waited for a place. O(n log n + requirements).
///
/// ```
/// use jobgraph::{Job, JobGraph};
///
/// let mut graph = JobGraph::new();
/// graph.add(Job::new(async {}).label("fetch"));
/// let report = jobgraph::smol::block_on(graph)?;
/// let page = jobgraph::view::timeline(&report);
/// assert!(page.starts_with("<!doctype html>"));
/// # Ok::<(), jobgraph::RunError>(())
/// ```
#[must_use]
pub fn timeline(run: &impl AsHistory) -> String {
    let history = run.as_history();
    let verdict = history.verdict().map_or("going on".to_string(), |verdict| verdict.to_string());
    let title = format!("jobgraph: {verdict}, {}", Seconds(history.elapsed()));
    let mut page = String::with_capacity(PAGE.len() + 512 * history.jobs().count());
    for (position, part) in PAGE.split("{{DATA}}").enumerate() {
        if position > 0 {
            page.push_str(&data(&history, &title));
        }
        page.push_str(part);
    }
    page
}

/// All that the page shows, as JSON.
fn data(history: &History, title: &str) -> String {
    let mut rows = Rows { history, jobs: Vec::new(), index: HashMap::new() };
    rows.collect(&[]);
    let mut jobs = Vec::with_capacity(rows.jobs.len());
    rows.write(&[], true, &mut jobs);
    jobs.sort_by_key(|&(row, _)| row);
    let jobs: Vec<String> = jobs.into_iter().map(|(_, json)| json).collect();
    format!(
        "{{\"title\":{},\"counts\":{},\"path\":{},\"total\":{},\"jobs\":[\n{}\n]}}",
        Text(title),
        Text(&history.counts().to_string()),
        Text(&CriticalPath::of(history).in_a_line()),
        Micros(history.elapsed()),
        jobs.join(",\n")
    )
}

/// The jobs in the order of the rows.
struct Rows<'a> {
    history: &'a History,
    jobs: Vec<&'a JobHistory>,
    index: HashMap<(Arc<[JobId]>, JobId), usize>,
}

impl Rows<'_> {
    /// Jobs in the order in which they started, those inside a graph after it.
    fn collect(&mut self, within: &[JobId]) {
        let mut jobs: Vec<_> = self.history.jobs_within(within).collect();
        let order = |job: &JobHistory| {
            (job.started().or(job.ended).is_none(), job.started().or(job.ended), job.info.id)
        };
        jobs.sort_by_key(|job| order(job));
        for job in jobs {
            self.index.insert((Arc::clone(&job.within), job.info.id), self.jobs.len());
            self.jobs.push(job);
            if job.is_graph {
                self.collect(&[within, &[job.info.id]].concat());
            }
        }
    }

    fn row(&self, job: &JobHistory) -> usize {
        self.index.get(&(Arc::clone(&job.within), job.info.id)).copied().unwrap_or_default()
    }

    /// The jobs of a graph and of those inside, each with its row.
    fn write(&self, within: &[JobId], matters: bool, to: &mut Vec<(usize, String)>) {
        let causes = Causes::new(self.history, within);
        let path = CriticalPath::inside(self.history, within);
        for job in self.history.jobs_within(within) {
            let critical = matters && path.contains(job.info.id);
            let cause = causes.of(job).1;
            let slack = path.slack(job.info.id).map(|slack| Micros(slack).to_string());
            to.push((self.row(job), self.job(job, critical, cause, slack)));
            if job.is_graph {
                self.write(&[within, &[job.info.id]].concat(), critical, to);
            }
        }
    }

    fn job(
        &self,
        job: &JobHistory,
        critical: bool,
        cause: Cause<'_>,
        slack: Option<String>,
    ) -> String {
        let time = |moment: Moment| self.time(moment.at);
        let attempts: Vec<String> = job
            .attempts
            .iter()
            .map(|attempt| {
                let error = attempt.error.as_ref().map(|error| why(error));
                format!(
                    "[{},{},{},{},{}]",
                    or_null(attempt.queued.map(time)),
                    time(attempt.started),
                    or_null(attempt.asked.map(time)),
                    or_null(attempt.ended.map(time)),
                    or_null(error.as_deref().map(Text)),
                )
            })
            .collect();
        let hook = job.hook.as_ref().map(|hook| {
            let ended = hook.ended.map(|(moment, outcome)| (time(moment), outcome.to_string()));
            let (ended, outcome) = ended.unzip();
            let outcome = outcome.unwrap_or("running".into());
            format!("[{},{},{}]", time(hook.started), or_null(ended), Text(&outcome))
        });
        let (cause, by) = match cause {
            Cause::Added => ("", None),
            Cause::Addition(by) => ("added it", Some(by)),
            Cause::Requirement(by, condition) => (condition_text(condition, by), Some(by)),
            Cause::Place(by) => ("left its place", Some(by)),
        };
        format!(
            "{{\"name\":{},\"depth\":{},\"mark\":\"{}\",\"class\":\"{}\",\"state\":{},\"kind\":\"{}\",\"critical\":{},\
             \"path\":{critical},\"slack\":{},\"added\":{},\"queued\":{},\"ready\":{},\"ended\":{},\"attempts\":[{}],\
             \"hook\":{},\"by\":{},\"why\":{}}}",
            Text(&why(&job.name())),
            job.within.len(),
            mark(job.state),
            class(job.state),
            Text(&(state_text(self.history, job) + &taken(job.info.takes()))),
            kind(job.info.kind),
            job.info.critical,
            or_null(slack),
            time(job.added),
            or_null(job.queued.map(time)),
            or_null(job.ready.map(time)),
            or_null(job.ended.map(time)),
            attempts.join(","),
            or_null(hook),
            or_null(by.map(|by| self.row(by))),
            Text(cause),
        )
    }

    /// Since the beginning of the run.
    fn time(&self, at: Timestamp) -> Micros {
        Micros(at.saturating_since(self.history.begun()))
    }
}

fn or_null(value: Option<impl ToString>) -> String {
    value.map_or("null".to_string(), |value| value.to_string())
}

fn condition_text(condition: Condition, required: &JobHistory) -> &'static str {
    match (condition, required.info.kind) {
        (Condition::Succeeded | Condition::Settled, JobKind::Service)
            if required.ready.is_some() =>
        {
            "was ready"
        }
        (Condition::Succeeded, JobKind::Service) => "was ready",
        (Condition::Succeeded, _) => "succeeded",
        (Condition::Finished | Condition::Settled, _) => "ended",
        (Condition::Failed, _) => "failed",
        (Condition::Any, _) => "was enough of its group",
    }
}

fn kind(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Finite => "",
        JobKind::Forever => "forever",
        JobKind::Service => "service",
    }
}

fn class(state: JobState) -> &'static str {
    match state {
        JobState::Waiting | JobState::Queued | JobState::Backoff { .. } => "waiting",
        JobState::Running { .. } | JobState::Stopping { .. } => "running",
        JobState::Ended(Outcome::Succeeded) => "succeeded",
        JobState::Ended(Outcome::Failed(_)) => "failed",
        JobState::Ended(Outcome::Cancelled) => "cancelled",
        JobState::Ended(Outcome::Skipped(_)) => "skipped",
    }
}
