use std::collections::BTreeSet;
use std::format;
use std::string::{String, ToString};
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use console::{measure_text_width, truncate_str};

use crate::orchestrator::Seconds;
use crate::run::{mark, one_line, taken};
use crate::view::history::History;
use crate::view::job_history::JobHistory;
use crate::{
    Condition, Fact, JobId, JobKind, JobState, Outcome, SkipReason, Timestamp, Verdict, What,
};

/// A run as lines of text, as it stands: all jobs that can be shown in so much space.
///
/// Knows nothing of terminals: what [`Progress`](super::Progress) draws, and what other displays may.
#[derive(Clone, Debug, Default)]
pub struct Monitor {
    history: History,
    /// Jobs that run, in the order in which they started.
    running: BTreeSet<Entry>,
    /// Jobs that have not ended and do not run, in the order in which they are likely to.
    coming: BTreeSet<Entry>,
}

/// A job, by what decides where it is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    rank: u8,
    since: u64,
    id: JobId,
    within: Arc<[JobId]>,
}

impl Entry {
    /// `None` once the job has ended.
    fn of(job: &JobHistory) -> Option<Self> {
        let (rank, since) = match job.state {
            JobState::Running { .. } | JobState::Stopping { .. } => {
                (0, job.attempts.last().map_or(0, |attempt| attempt.started.order))
            }
            JobState::Queued => (1, job.queued.map_or(0, |queued| queued.order)),
            JobState::Backoff { until } => (2, until.as_nanos()),
            JobState::Waiting => (3, job.added.order),
            JobState::Ended(_) => return None,
        };
        Some(Self { rank, since, id: job.info.id, within: Arc::clone(&job.within) })
    }
}

impl Monitor {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of what happened. O(log jobs), but for what begins or ends a nested graph.
    pub fn note(&mut self, fact: &Fact) {
        let concerned = self.concerned(fact);
        for (within, id) in &concerned {
            if let Some(entry) = self.entry(within, *id) {
                self.running.remove(&entry);
                self.coming.remove(&entry);
            }
        }
        if matches!(fact.what, What::Begun { .. }) && fact.within.is_empty() {
            *self = Self::new();
        }
        self.history.note(fact);
        for (within, id) in concerned {
            self.entry(&within, id).into_iter().for_each(|entry| self.put(entry));
        }
    }

    /// The jobs that may have to be shown elsewhere than before.
    fn concerned(&self, fact: &Fact) -> Vec<(Arc<[JobId]>, JobId)> {
        let job = match &fact.what {
            What::Added(info) => info.id,
            What::State { id, .. } => *id,
            What::Begun { .. } => return self.all_within(&fact.within),
            _ => return Vec::new(),
        };
        let ends_graph = matches!(&fact.what, What::State { to, .. } if to.is_ended())
            && self.history.job(&fact.within, job).is_some_and(|job| job.info.inside.is_some());
        let mut jobs = Vec::new();
        if ends_graph {
            jobs = self.all_within(&[&*fact.within, &[job]].concat());
        }
        jobs.push((Arc::clone(&fact.within), job));
        jobs
    }

    fn all_within(&self, within: &[JobId]) -> Vec<(Arc<[JobId]>, JobId)> {
        let mut all = Vec::new();
        for job in self.history.jobs_within(within) {
            if job.info.inside.is_some() {
                all.append(&mut self.all_within(&[within, &[job.info.id]].concat()));
            }
            all.push((Arc::clone(&job.within), job.info.id));
        }
        all
    }

    /// Where a job is shown; those inside a graph that has not begun are not.
    fn entry(&self, within: &[JobId], id: JobId) -> Option<Entry> {
        self.history.graph(within)?.begun?;
        Entry::of(self.history.job(within, id)?)
    }

    fn put(&mut self, entry: Entry) {
        if entry.rank == 0 {
            self.running.insert(entry);
        } else {
            self.coming.insert(entry);
        }
    }

    /// All that is known of the run.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Lines of at most `width` columns, `height` of them or fewer: one for each job that runs, then for
    /// those that come next, as many as fit; how many more there are; and the totals, which may take
    /// more than one line of a narrow frame and are always there. O(height log jobs).
    #[must_use]
    pub fn frame(&self, width: usize, height: usize, now: Timestamp) -> Vec<String> {
        let totals = self.totals(width, now);
        let room = height.saturating_sub(totals.len());
        let all = self.running.len() + self.coming.len();
        let shown = if all <= room { all } else { room.saturating_sub(1) };
        let entries = self.running.iter().chain(&self.coming).take(shown);
        let jobs = entries.filter_map(|entry| self.history.job(&entry.within, entry.id));
        let mut lines: Vec<String> = jobs.map(|job| self.job_line(job, width, now)).collect();
        if shown < all && room > 0 {
            let running = self.running.len().saturating_sub(shown);
            let coming = all - shown - running;
            let more = match (running, coming) {
                (0, coming) => format!("  … and {coming} more waiting"),
                (running, 0) => format!("  … and {running} more running"),
                (running, coming) => format!("  … and {running} more running, {coming} waiting"),
            };
            lines.push(fit(&more, width));
        }
        lines.extend(totals);
        lines
    }

    /// `▶ #3 fetch          running   1.2 s`.
    fn job_line(&self, job: &JobHistory, width: usize, now: Timestamp) -> String {
        let state_width = if width < 60 { 10 } else { (width / 3).min(60) };
        let time = elapsed(time_in_state(job, now));
        let name_width = width.saturating_sub(state_width + 12);
        let endless = if job.info.kind == JobKind::Finite { "" } else { " ∞" };
        let name_room = name_width.saturating_sub(measure_text_width(endless));
        let name = fit(&one_line(&self.history.path(job)), name_room) + endless;
        let state = fit(&self.state(job, now, width >= 60), state_width);
        let line = format!(
            "{} {} {} {time:>8}",
            mark(job.state),
            pad(&name, name_width),
            pad(&state, state_width)
        );
        fit(&line, width)
    }

    fn state(&self, job: &JobHistory, now: Timestamp, wide: bool) -> String {
        match job.state {
            JobState::Running { .. } if job.ready.is_some() => "ready".into(),
            JobState::Running { attempt: 1 } => "running".into(),
            JobState::Running { attempt } => format!("attempt {attempt}"),
            JobState::Stopping { .. } => "stopping".into(),
            JobState::Queued if wide => format!("queued{}", taken(job.info.takes())),
            JobState::Queued => "queued".into(),
            JobState::Backoff { until } if wide => {
                let pause = format!("retry in {}", Seconds(round(until.saturating_since(now))));
                let error = job.attempts.last().and_then(|attempt| attempt.error.as_ref());
                error.map_or(pause.clone(), |error| {
                    format!("{pause}: {}", one_line(&error.to_string()))
                })
            }
            JobState::Backoff { .. } => "retries".into(),
            JobState::Waiting if wide => self.waits_for(job),
            JobState::Waiting => "waiting".into(),
            JobState::Ended(outcome) => outcome.to_string(),
        }
    }

    fn waits_for(&self, job: &JobHistory) -> String {
        let unresolved = job.info.requirements.iter().filter_map(|&(id, condition)| {
            let required = self.history.job(&job.within, id)?;
            let what = match (condition, required.info.kind) {
                (Condition::Succeeded, JobKind::Service) => " to be ready",
                (Condition::Succeeded, _) => "",
                (Condition::Settled, JobKind::Service) => " to be ready, or to end",
                (Condition::Finished | Condition::Settled, _) => " to end",
                (Condition::Failed, _) => " to fail",
                (Condition::Any, _) => " or another",
            };
            required.resolved().is_none().then(|| one_line(&required.short_name()) + what)
        });
        let names: Vec<String> = unresolved.collect();
        if names.is_empty() { "waiting".into() } else { format!("waits for {}", names.join(", ")) }
    }

    /// `[12/40] 5 running, 23 waiting, 1 failed, 2 skipped · 12.3 s`: the first three numbers of jobs make
    /// up the fourth; what failed, was skipped or cancelled is among those that are done.
    fn totals(&self, width: usize, now: Timestamp) -> Vec<String> {
        let counts = self.history.counts();
        let (done, total) = (counts.ended(), counts.present());
        let running = counts.running + counts.stopping;
        let waiting = counts.waiting + counts.queued + counts.backoff;
        let mut items = Vec::from([
            format!("[{done}/{total}] {running} running"),
            format!("{waiting} waiting"),
        ]);
        let ended = [
            (counts.failed, "failed"),
            (counts.skipped, "skipped"),
            (counts.cancelled, "cancelled"),
        ];
        let ended = ended.into_iter().filter(|&(count, _)| count > 0);
        items.extend(ended.map(|(count, name)| format!("{count} {name}")));
        let since = self.history.verdict().map_or(now, |_| self.history.now().at);
        let time = elapsed(since.saturating_since(self.history.begun()));
        let end =
            self.history.verdict().map_or(time.clone(), |verdict| format!("{verdict} in {time}"));
        items.push(end);
        wrap(&items, width)
    }

    /// What failed, one line each, in the order in which the jobs were added.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let failed = self
            .history
            .jobs()
            .filter(|job| matches!(job.state, JobState::Ended(Outcome::Failed(_))));
        let jobs = failed.map(|job| {
            (job, job.error().map_or_else(|| job.state.to_string(), ToString::to_string))
        });
        let jobs = jobs.map(|(job, error)| format!("✗ {}: {}", self.path(job), one_line(&error)));
        let hooks = self.history.jobs().filter_map(|job| {
            let hook = job.hook.as_ref()?;
            let (_, outcome) = hook.ended.filter(|&(_, outcome)| outcome != Outcome::Succeeded)?;
            let why = hook.error.as_ref().map_or(outcome.to_string(), ToString::to_string);
            Some(format!("✗ {}: its shutdown hook: {}", self.path(job), one_line(&why)))
        });
        let mishaps = self.history.jobs().flat_map(|job| {
            job.mishaps
                .iter()
                .map(|mishap| format!("✗ {}: {}", self.path(job), one_line(&mishap.to_string())))
        });
        let of_run = self.history.mishaps().iter();
        let of_run = of_run.map(|mishap| format!("✗ {}", one_line(&mishap.to_string())));
        jobs.chain(hooks).chain(mishaps).chain(of_run).collect()
    }

    fn path(&self, job: &JobHistory) -> String {
        one_line(&self.history.path(job))
    }

    /// What happened as a line of its own, for where nothing can be redrawn; `None` for what is of little
    /// interest there. After [`note`](Self::note).
    #[must_use]
    pub fn event(&self, fact: &Fact) -> Option<String> {
        let (id, what) = match &fact.what {
            What::State { id, to, error, .. } => match (to, error) {
                (JobState::Waiting, _) | (JobState::Queued, None) => return None,
                (JobState::Ended(_), Some(error)) => (id, format!("failed: {error}")),
                (JobState::Backoff { until }, error) => {
                    let pause = Seconds(until.saturating_since(fact.at));
                    let why = error.as_ref().map_or("failed".into(), ToString::to_string);
                    (id, format!("{why}; retry in {pause}"))
                }
                (JobState::Queued, Some(error)) => (id, format!("{error}; retry")),
                (to, _) => (id, to.to_string()),
            },
            What::Ready(id) => (id, "ready".into()),
            What::HookBegun(id) => (id, "its shutdown hook runs".into()),
            What::HookEnded { id, outcome, error } => {
                let why = error.as_ref().map_or(outcome.to_string(), ToString::to_string);
                (id, format!("its shutdown hook: {why}"))
            }
            What::Mishap(mishap) => match &mishap.job {
                Some(id) => (id, mishap.without_job().to_string()),
                None => return Some(format!("✗ {mishap}")),
            },
            What::Begun { .. } | What::Added(_) | What::Over(_) => return None,
        };
        let job = self.history.job(&fact.within, *id)?;
        let counts = self.history.counts();
        let since = elapsed(fact.at.saturating_since(self.history.begun()));
        let state = if let What::State { to, .. } = fact.what { to } else { job.state };
        let progress = format!("[{}/{}]", counts.ended(), counts.present());
        Some(format!(
            "{progress} {since:>8} {} {}: {}",
            mark(state),
            self.path(job),
            one_line(&what)
        ))
    }

    /// The forever jobs and services that were not started before the run completed: not what whoever added
    /// them had in mind. One line each.
    fn never_started(&self) -> impl Iterator<Item = String> {
        let completed = self.history.verdict() == Some(Verdict::Completed);
        let unstarted = JobState::Ended(Outcome::Skipped(SkipReason::RunStopped));
        let jobs = self.history.jobs().filter(move |job| {
            completed && job.state == unstarted && job.info.kind != JobKind::Finite
        });
        jobs.map(|job| format!("○ {}: never started, the run completed first", self.path(job)))
    }

    /// The last word on a run: what failed, what never started, and the totals.
    #[must_use]
    pub fn summary(&self) -> Vec<String> {
        let mut lines = self.failures();
        lines.extend(self.never_started());
        lines.extend(self.totals(usize::MAX, self.history.now().at));
        lines
    }
}

/// How long a job runs, or has been waiting for what it waits for.
fn time_in_state(job: &JobHistory, now: Timestamp) -> Duration {
    let since = match job.state {
        JobState::Running { .. } | JobState::Stopping { .. } => {
            job.attempts.last().map(|attempt| attempt.started)
        }
        JobState::Backoff { .. } => job.attempts.last().and_then(|attempt| attempt.ended),
        JobState::Queued => job.queued,
        JobState::Waiting | JobState::Ended(_) => None,
    };
    now.saturating_since(since.unwrap_or(job.added).at)
}

/// `12.3 s`, `3:05`, `1:02:03`.
fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds}.{} s", time.subsec_millis() / 100),
        60..3_600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60),
    }
}

/// To tenths of a second.
fn round(time: Duration) -> Duration {
    Duration::from_millis(time.as_secs() * 1_000 + u64::from(time.subsec_millis()) / 100 * 100)
}

fn fit(text: &str, width: usize) -> String {
    truncate_str(text, width, "…").into_owned()
}

fn pad(text: &str, width: usize) -> String {
    let spaces = width.saturating_sub(measure_text_width(text));
    text.to_string() + &" ".repeat(spaces)
}

/// Items on as many lines as they need.
fn wrap(items: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (position, item) in items.iter().enumerate() {
        let separator = if position + 1 == items.len() { " · " } else { ", " };
        match lines.last_mut() {
            Some(line) if measure_text_width(line) + separator.len() + item.len() <= width => {
                line.push_str(separator);
                line.push_str(item);
            }
            _ => lines.push(fit(item, width)),
        }
    }
    lines
}
