use std::collections::{BTreeSet, HashMap};
use std::format;
use std::string::{String, ToString};
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use console::measure_text_width;

use super::pace::Pace;
use super::texts::{elapsed, fit, pad, roughly, round, wrap};
use crate::orchestrator::Seconds;
use crate::run::{mark, short, taken, why};
use crate::view::history::{History, ends_inside};
use crate::view::job_history::JobHistory;
use crate::{Condition, Fact, FactKind, JobId, JobKind, JobState, Timestamp};

/// A run as lines of text, as it stands: all jobs that can be shown in so much space.
///
/// Knows nothing of terminals: what [`Progress`](super::Progress) draws, and what other displays may.
#[derive(Clone, Debug, Default)]
pub struct Monitor {
    pub(super) name: String,
    pub(super) history: History,
    /// Jobs that run, in the order in which they started.
    running: BTreeSet<Entry>,
    /// Jobs that have not ended and do not run, in the order in which they are likely to.
    coming: BTreeSet<Entry>,
    /// Why the jobs failed that are to be retried: asked once, since that is code of the user's.
    retried: HashMap<(Arc<[JobId]>, JobId), String>,
    pace: Pace,
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

/// So many of the jobs around a job are named, so many of those that it waits for, and so many are looked at for that:
/// a line costs no more, however deep the graph is, or however many jobs one requires.
const AROUND: usize = 3;
const AWAITED: usize = 3;
const LOOKED_AT: usize = 64;

impl Monitor {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the run is called, where several are shown: it stands before the totals and before each event.
    #[must_use]
    pub fn named(self, name: impl AsRef<str>) -> Self {
        Self { name: short(name.as_ref()) + " ", ..self }
    }

    /// Takes note of what happened. O(log jobs), but for what begins or ends a nested graph: that costs O(jobs inside).
    pub fn apply(&mut self, fact: &Fact) {
        if matches!(fact.what, FactKind::Begun { .. }) && fact.within.is_empty() {
            *self = Self { name: std::mem::take(&mut self.name), ..Self::default() };
        }
        for (within, id) in self.concerned(fact) {
            let Some(job) = self.history.job(&within, id) else { continue };
            self.pace.remove(job);
            if let Some(entry) = self.entry(job) {
                self.running.remove(&entry);
                self.coming.remove(&entry);
            }
        }
        self.history.apply(fact);
        if let FactKind::State { id, to, error, .. } = &fact.what {
            let job = (Arc::clone(&fact.within), *id);
            match error {
                Some(error) if matches!(to, JobState::Backoff { .. }) => {
                    self.retried.insert(job, why(error));
                }
                _ if self.retried.is_empty() => {}
                _ => _ = self.retried.remove(&job),
            }
        }
        for (within, id) in self.concerned(fact) {
            let Some(job) = self.history.job(&within, id) else { continue };
            self.pace.add(job);
            match self.entry(job) {
                Some(entry) if entry.rank == 0 => _ = self.running.insert(entry),
                Some(entry) => _ = self.coming.insert(entry),
                None => {}
            }
        }
        self.pace.mark(self.history.begun(), fact.at);
    }

    /// The jobs of which something else may be shown after this than before.
    fn concerned(&self, fact: &Fact) -> Vec<(Arc<[JobId]>, JobId)> {
        let (job, with_those_inside) = match &fact.what {
            FactKind::Added(info) => (info.id, info.inside.is_some()),
            FactKind::State { id, from, to, .. } => {
                let is_graph = |job: &JobHistory| job.is_graph;
                let job = self.history.job(&fact.within, *id);
                (*id, ends_inside(*from, *to) && job.is_some_and(is_graph))
            }
            FactKind::Begun { .. } => match fact.within.split_last() {
                Some((&around, outside)) => {
                    let mut jobs = self.all_within(&fact.within);
                    jobs.push((outside.into(), around));
                    return jobs;
                }
                None => return Vec::new(),
            },
            _ => return Vec::new(),
        };
        let mut jobs = Vec::from([(Arc::clone(&fact.within), job)]);
        if with_those_inside {
            jobs.append(&mut self.all_within(&[&*fact.within, &[job]].concat()));
        }
        jobs
    }

    fn all_within(&self, within: &[JobId]) -> Vec<(Arc<[JobId]>, JobId)> {
        let mut all = Vec::new();
        for job in self.history.jobs_within(within) {
            if job.is_graph {
                all.append(&mut self.all_within(&[within, &[job.info.id]].concat()));
            }
            all.push((Arc::clone(&job.within), job.info.id));
        }
        all
    }

    /// Where a job is shown; those inside a graph that has not begun are not.
    fn entry(&self, job: &JobHistory) -> Option<Entry> {
        self.history.graph(&job.within)?.begun?;
        Entry::of(job)
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
        let name = fit(&self.path(job), name_room) + endless;
        let state = fit(&self.state(job, now, width >= 60), state_width);
        let line = format!(
            "{} {} {} {time:>8}",
            mark(job.state),
            pad(&name, name_width),
            pad(&state, state_width)
        );
        fit(&line, width)
    }

    /// The name of a job, after those of the nearest jobs inside which it is.
    pub(super) fn path(&self, job: &JobHistory) -> String {
        let hidden = job.within.len().saturating_sub(AROUND);
        let mut path = String::from(if hidden > 0 { "… / " } else { "" });
        path.extend(self.history.around(&job.within, hidden).map(|name| short(&name) + " / "));
        path + &short(&job.name().to_string())
    }

    fn state(&self, job: &JobHistory, now: Timestamp, wide: bool) -> String {
        match job.state {
            JobState::Running { .. } if job.note_now().is_some() => {
                short(job.note_now().unwrap_or_default())
            }
            JobState::Running { .. } if job.ready.is_some() => "ready".into(),
            JobState::Running { attempt: 1 } => "running".into(),
            JobState::Running { attempt } => format!("attempt {attempt}"),
            JobState::Stopping { .. } => "stopping".into(),
            JobState::Queued if wide => format!("queued{}", taken(job.info.takes())),
            JobState::Queued => "queued".into(),
            JobState::Backoff { until } if wide => {
                let pause = format!("retry in {}", Seconds(round(until.saturating_since(now))));
                let error = self.retried.get(&(Arc::clone(&job.within), job.info.id));
                error.map_or(pause.clone(), |error| format!("{pause}: {error}"))
            }
            JobState::Backoff { .. } => "retries".into(),
            JobState::Waiting if wide => self.waits_for(job),
            JobState::Waiting => "waiting".into(),
            JobState::Ended(outcome) => outcome.to_string(),
        }
    }

    fn waits_for(&self, job: &JobHistory) -> String {
        let requirements = &job.info.requirements;
        let unresolved = requirements.iter().take(LOOKED_AT).filter_map(|&(id, condition)| {
            let required = self.history.job(&job.within, id)?;
            let what = match (condition, required.info.kind) {
                (Condition::Succeeded, JobKind::Service) => " to be ready",
                (Condition::Succeeded, _) => "",
                (Condition::Settled, JobKind::Service) => " to be ready, or to end",
                (Condition::Finished | Condition::Settled, _) => " to end",
                (Condition::Failed, _) => " to fail",
                (Condition::Any, _) => " or another",
            };
            required.resolved().is_none().then(|| short(&required.short_name()) + what)
        });
        let mut names: Vec<String> = unresolved.take(AWAITED + 1).collect();
        if names.len() > AWAITED {
            names[AWAITED] = "…".into();
        }
        match (names.is_empty(), requirements.len() > LOOKED_AT) {
            (false, _) => format!("waits for {}", names.join(", ")),
            (true, true) => format!("waits for some of {} jobs", requirements.len()),
            (true, false) => "waiting".into(),
        }
    }

    /// `[12/40] 30 % · 5 running, 23 waiting, 1 failed · 12.3 s, 1.2/s, about 24 s left`: how many jobs are done, of
    /// how many; what failed, was skipped or cancelled is among those. Jobs inside graphs count for the rest: how many
    /// hundredths of the finite jobs are done, how many a time had run to their end in the latter half of the run so
    /// far, and how long the rest takes if it goes on so.
    pub(super) fn totals(&self, width: usize, now: Timestamp) -> Vec<String> {
        wrap(&self.items(now), width)
    }

    fn items(&self, now: Timestamp) -> Vec<(&'static str, String)> {
        let (counts, begun) = (self.history.counts(), self.history.begun());
        let verdict = self.history.verdict();
        let mut head = format!("{}[{}/{}]", self.name, counts.ended(), counts.present());
        let percent = self.pace.percent().filter(|_| verdict.is_none());
        if let Some(percent) = percent {
            head = format!("{head} {percent} %");
        }
        let running = format!("{} running", counts.running + counts.stopping);
        let waiting = format!("{} waiting", counts.waiting + counts.queued + counts.backoff);
        let after_head = if percent.is_some() { " · " } else { " " };
        let mut items = Vec::from([("", head), (after_head, running), (", ", waiting)]);
        for (count, name) in [
            (counts.failed, "failed"),
            (counts.skipped, "skipped"),
            (counts.cancelled, "cancelled"),
        ] {
            if count > 0 {
                items.push((", ", format!("{count} {name}")));
            }
        }
        if let Some(verdict) = verdict {
            items.push((" · ", format!("{verdict} in {}", elapsed(self.history.elapsed()))));
            return items;
        }
        items.push((" · ", elapsed(now.saturating_since(begun))));
        items.extend(self.pace.rate(begun, now).map(|rate| (", ", rate)));
        let left = self.pace.left(begun, now);
        items.extend(left.map(|left| {
            (", ", format!("about {} left", roughly(left.max(Duration::from_secs(1)))))
        }));
        items
    }

    /// That the run goes on, and how far it is, in one line: the totals, and the finite job that has run for
    /// longest, if that is a second or more.
    #[must_use]
    pub fn sign_of_life(&self, now: Timestamp) -> String {
        let running = self.running.iter().take(LOOKED_AT);
        let mut jobs = running.filter_map(|entry| self.history.job(&entry.within, entry.id));
        let longest = jobs.find(|job| job.info.kind == JobKind::Finite && !job.is_graph);
        let longest = longest.map(|job| (job, time_in_state(job, now)));
        let mut items = self.items(now);
        if let Some((job, time)) = longest.filter(|(_, time)| *time >= WORTH_TELLING) {
            items.push((" · ", format!("longest {}, {}", self.path(job), elapsed(time))));
        }
        wrap(&items, usize::MAX).concat()
    }
}

/// A job that has run for less time is not said to run for long.
const WORTH_TELLING: Duration = Duration::from_secs(1);

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
