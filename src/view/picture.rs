use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::history::History;
use super::job_history::JobHistory;
use crate::orchestrator::Seconds;
use crate::run::{mark, short, unstarted, why};
use crate::{Condition, EndOfRun, JobId, JobKind, JobName, JobState, Outcome, SkipReason, Verdict};

/// A graph as pictures show it, whatever their language.
pub(crate) trait Language {
    /// Draws a job that is not a graph.
    fn job(&mut self, node: &Node<'_>);
    /// Draws a job that is a graph, and opens it: what is drawn until it is closed is inside.
    fn open(&mut self, node: &Node<'_>);
    fn close(&mut self);
    fn requirement(&mut self, required: &str, job: &str, kind: Edge);
    /// Ties a job that requires nothing to the graph inside which it is.
    fn entry(&mut self, graph: &str, job: &str);
}

/// A job with its text.
pub(crate) struct Node<'a> {
    pub(crate) id: String,
    pub(crate) job: &'a JobHistory,
    pub(crate) lines: Vec<String>,
    /// `None` if the run has not begun.
    pub(crate) state: Option<JobState>,
}

/// What a requirement asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    Success,
    Readiness,
    End,
    Failure,
}

/// Draws all jobs, then their requirements, graph by graph, in the order in which they were added.
pub(crate) fn draw(history: &History, within: &[JobId], language: &mut impl Language) {
    for job in history.jobs_within(within) {
        let node = Node::new(history, job);
        if !job.is_graph {
            language.job(&node);
            continue;
        }
        language.open(&node);
        let inside = [within, &[job.info.id]].concat();
        draw(history, &inside, language);
        for entry in history.jobs_within(&inside).filter(|job| job.info.requirements.is_empty()) {
            language.entry(&node.id, &node_id(entry));
        }
        language.close();
    }
    for job in history.jobs_within(within) {
        for &(id, condition) in &job.info.requirements {
            let Some(required) = history.job(within, id) else { continue };
            let edge = match (condition, required.info.kind) {
                (Condition::Succeeded, JobKind::Service) => Edge::Readiness,
                (Condition::Succeeded | Condition::Any, _) => Edge::Success,
                (Condition::Finished | Condition::Settled, _) => Edge::End,
                (Condition::Failed, _) => Edge::Failure,
            };
            language.requirement(&node_id(required), &node_id(job), edge);
        }
    }
}

/// `job_2_1` for #1 in #2.
fn node_id(job: &JobHistory) -> String {
    let path = job.within.iter().chain([&job.info.id]);
    path.fold("job".to_string(), |id, job| format!("{id}_{}", job.number()))
}

impl<'a> Node<'a> {
    fn new(history: &History, job: &'a JobHistory) -> Self {
        let begun = history.graph(&[]).is_some_and(|graph| graph.begun.is_some());
        let name = job.name().to_string();
        let mut lines: Vec<String> =
            name.split('\n').take(NAME_LINES).map(|line| short(line.trim_end())).collect();
        if name.split('\n').nth(NAME_LINES).is_some() {
            lines.push("…".into());
        }
        let kind = match job.info.kind {
            JobKind::Finite => None,
            JobKind::Forever => Some("∞ forever"),
            JobKind::Service => Some("∞ service"),
        };
        let critical = job.info.critical.then_some("critical");
        let tags: Vec<&str> = kind.into_iter().chain(critical).collect();
        if !tags.is_empty() {
            lines.push(tags.join(", "));
        }
        if begun {
            lines.push(state_line(history, job));
        }
        Self { id: node_id(job), job, lines, state: begun.then_some(job.state) }
    }
}

/// A name has no more lines than that.
const NAME_LINES: usize = 4;

/// `✓ succeeded · 1.2 s · 2 attempts`.
fn state_line(history: &History, job: &JobHistory) -> String {
    let took = match job.attempts[..] {
        [] => String::new(),
        _ => format!(" · {}", Seconds(job.busy(history.now().at))),
    };
    let attempts = match job.attempts.last() {
        Some(last) if last.number > 1 => format!(" · {} attempts", last.number),
        _ => String::new(),
    };
    format!("{} {}{took}{attempts}", mark(job.state), state_text(history, job))
}

/// The state, with what is known about a failure, and what the job said of itself.
pub(crate) fn state_text(history: &History, job: &JobHistory) -> String {
    let note = job.note.as_ref().map_or_else(String::new, |note| format!(" ({})", short(note)));
    plain_state_text(history, job) + &note
}

fn plain_state_text(history: &History, job: &JobHistory) -> String {
    match (job.state, job.error()) {
        (JobState::Ended(Outcome::Failed(_)), Some(error)) => format!("failed: {}", why(error)),
        (JobState::Ended(Outcome::Skipped(SkipReason::Requirement(id))), _) => {
            let required = history.job(&job.within, id);
            let name = required.map_or_else(|| id.to_string(), JobHistory::short_name);
            format!("skipped because of {}", short(&name))
        }
        (JobState::Ended(Outcome::Skipped(SkipReason::RunStopped)), _) => {
            unstarted(job.info.kind, end_of_run(history, &job.within).as_ref())
        }
        (JobState::Backoff { .. }, _) => "waits to be retried".to_string(),
        (state, _) => state.to_string(),
    }
}

/// Why the run of a graph ended, once that is known.
fn end_of_run<'a>(history: &'a History, within: &[JobId]) -> Option<EndOfRun<'a>> {
    let verdict = history.graph(within)?.over.map(|(_, verdict)| verdict)?;
    let culprit = match verdict {
        Verdict::CriticalFailure(id) => Some(JobName {
            id: Some(id),
            label: history.job(within, id).and_then(|job| job.info.label.as_deref()),
        }),
        Verdict::Completed | Verdict::TimedOut | Verdict::Stopped => None,
    };
    Some(EndOfRun { verdict, culprit })
}

/// The colour of a state, for backgrounds with dark text; never the only sign of it.
pub(crate) fn colour(state: JobState) -> &'static str {
    match state {
        JobState::Waiting | JobState::Queued => "#eeeeee",
        JobState::Backoff { .. } => "#fff0c2",
        JobState::Running { .. } => "#cfe3ff",
        JobState::Stopping { .. } => "#e3d7f7",
        JobState::Ended(Outcome::Succeeded) => "#d2f0d2",
        JobState::Ended(Outcome::Failed(_)) => "#ffd0cc",
        JobState::Ended(Outcome::Cancelled) => "#e0d8d0",
        JobState::Ended(Outcome::Skipped(_)) => "#ffffff",
    }
}
