use std::collections::{HashMap, HashSet};
use std::fmt;
use std::format;
use std::string::{String, ToString};
use std::time::Duration;
use std::vec::Vec;

use super::history::History;
use super::job_history::{JobHistory, Moment};
use crate::orchestrator::Seconds;
use crate::run::short;
use crate::{Condition, JobId, JobKind, JobState, Outcome, SkipReason};

/// What bounds the time that a run takes: the chain of jobs, each started by the one before it, that
/// ended last, and how much later any other could have ended without making the run longer.
///
#[cfg_attr(feature = "testing", doc = "```")]
#[cfg_attr(not(feature = "testing"), doc = "```ignore")]
/// use std::time::Duration;
/// use jobgraph::testing::VirtualClock;
/// use jobgraph::view::{CriticalPath, History};
/// use jobgraph::{Clock, Job, JobGraph};
///
/// async fn work(clock: &VirtualClock, time: Duration) {
///     clock.sleep(time).await;
/// }
///
/// let clock = VirtualClock::new();
/// let mut graph = JobGraph::new();
/// let slow = graph.add(Job::new(work(&clock, Duration::from_secs(3))).label("slow"));
/// let quick = graph.add(Job::new(work(&clock, Duration::from_secs(1))).label("quick"));
/// graph.add(Job::new(work(&clock, Duration::from_secs(2))).label("both").requires((&slow, &quick)));
/// let history = History::from(&clock.block_on(jobgraph::run(&clock, graph))?);
///
/// let path = CriticalPath::of(&history);
/// assert_eq!(path.to_string(), "5 s\n  3 s  #1 slow\n  2 s  #3 both");
/// assert_eq!(path.slack(quick.id()), Some(Duration::from_secs(2)));
/// # Ok::<(), jobgraph::RunError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CriticalPath<'a> {
    /// The jobs of the path, in the order in which they started.
    pub steps: Vec<Step<'a>>,
    slack: HashMap<JobId, Duration>,
    on: HashSet<JobId>,
}

/// A job on a [`CriticalPath`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step<'a> {
    /// The job.
    pub job: &'a JobHistory,
    /// What let it start when it did.
    pub cause: Cause<'a>,
    /// How long it took from then on until it had ended, or a service was ready.
    pub took: Duration,
}

/// What let a job start when it did.
#[derive(Clone, Copy, Debug)]
pub enum Cause<'a> {
    /// The beginning of the run; of a job that was added during the run, by nobody who is known, that it was.
    Added,
    /// This job, which added it during the run.
    Addition(&'a JobHistory),
    /// The last of its requirements to be satisfied.
    Requirement(&'a JobHistory, Condition),
    /// A place in the window, or what it needed of a pool, that this job left.
    Place(&'a JobHistory),
}

impl<'a> Cause<'a> {
    /// The job that it is about, if any.
    #[must_use]
    pub fn job(self) -> Option<&'a JobHistory> {
        match self {
            Self::Added => None,
            Self::Addition(job) | Self::Requirement(job, _) | Self::Place(job) => Some(job),
        }
    }
}

/// How the jobs of one graph started one another.
pub(crate) struct Causes<'a> {
    history: &'a History,
    within: &'a [JobId],
    /// When finite jobs left their places in the window, if there is one, in order.
    window: Vec<(Moment, &'a JobHistory)>,
    /// When jobs left what they had of pools, in order.
    pools: HashMap<&'a str, Vec<(Moment, &'a JobHistory)>>,
}

impl<'a> Causes<'a> {
    /// O(n log n).
    pub(crate) fn new(history: &'a History, within: &'a [JobId]) -> Self {
        let windowed = history.graph(within).is_some_and(|graph| graph.window.is_some());
        let (mut window, mut pools) = (Vec::new(), HashMap::<_, Vec<_>>::new());
        for job in history.jobs_within(within).filter(|job| is_finite(job)) {
            let left = || job.attempts.iter().filter_map(|attempt| Some((attempt.ended?, job)));
            if windowed {
                window.extend(left());
            }
            for (pool, _) in &job.info.takes {
                pools.entry(&**pool).or_default().extend(left());
            }
        }
        for left in pools.values_mut().chain([&mut window]) {
            left.sort_unstable_by_key(|&(ended, _)| ended);
        }
        Self { history, within, window, pools }
    }

    /// What let a job start when it did, and since when it could. O(its requirements + its pools * log n).
    pub(crate) fn of(&self, job: &'a JobHistory) -> (Moment, Cause<'a>) {
        let Some(started) = job.started() else { return self.of_skipped(job) };
        let by = job.info.added_by.and_then(|by| self.history.job(self.within, by));
        let mut cause = (job.added, by.map_or(Cause::Added, Cause::Addition));
        for &(id, condition) in &job.info.requirements {
            let Some(required) = self.history.job(self.within, id) else { continue };
            match required.resolved() {
                Some(resolved) if resolved > cause.0 && resolved < started => {
                    cause = (resolved, Cause::Requirement(required, condition));
                }
                _ => {}
            }
        }
        // Without a wait in the queue it has not waited for a place.
        if is_finite(job) && cause.0.at < started.at {
            let pools = job.info.takes.iter().filter_map(|(pool, _)| self.pools.get(&**pool));
            for places in pools.chain([&self.window]) {
                let before = places.partition_point(|&(left, _)| left < started);
                if let Some(&(left, by)) =
                    places[..before].last().filter(|(left, _)| *left > cause.0)
                {
                    cause = (left, Cause::Place(by));
                }
            }
        }
        cause
    }

    /// What let a job be skipped, which may let others start.
    fn of_skipped(&self, job: &'a JobHistory) -> (Moment, Cause<'a>) {
        let JobState::Ended(Outcome::Skipped(SkipReason::Requirement(id))) = job.state else {
            return (job.added, Cause::Added);
        };
        let required = self.history.job(self.within, id);
        let condition = job.info.requirements.iter().find(|(required, _)| *required == id);
        match required.and_then(|required| Some((required.ended?, required, condition?.1))) {
            Some((ended, required, how)) if ended > job.added => {
                (ended, Cause::Requirement(required, how))
            }
            _ => (job.added, Cause::Added),
        }
    }
}

impl<'a> CriticalPath<'a> {
    /// That of the observed graph. O(n log n + requirements).
    #[must_use]
    pub fn of(history: &'a History) -> Self {
        Self::inside(history, &[])
    }

    /// That of a graph inside it: `within` names the jobs around, outermost first.
    #[must_use]
    pub fn inside(history: &'a History, within: &'a [JobId]) -> Self {
        let causes = Causes::new(history, within);
        let jobs = history.jobs_within(within);
        let mut done: Vec<_> =
            jobs.filter_map(|job| Some((job.resolved().or(job.ended)?, job))).collect();
        done.sort_unstable_by_key(|&(resolved, _)| resolved);
        let last = done.iter().rev().copied().find(|(_, job)| has_run(job));
        let steps = steps(&causes, last);
        let on = steps.iter().map(|step| step.job.info.id).collect();
        Self { steps, slack: slack(&causes, &done, last), on }
    }

    /// How much later the job could have ended, or have been ready, had all else taken as long as it did,
    /// without making the run longer; `None` if that bounds nothing: it did not run, or is a service that
    /// nobody waited for.
    #[must_use]
    pub fn slack(&self, job: JobId) -> Option<Duration> {
        self.slack.get(&job).copied()
    }

    /// Whether a job is on the path.
    #[must_use]
    pub fn contains(&self, job: JobId) -> bool {
        self.on.contains(&job)
    }
}

fn is_finite(job: &JobHistory) -> bool {
    job.info.kind == JobKind::Finite
}

/// Whether the end of the run waited for it.
fn has_run(job: &JobHistory) -> bool {
    is_finite(job) && !job.attempts.is_empty()
}

/// From the job that ended last back to one that nothing held up.
fn steps<'a>(causes: &Causes<'a>, last: Option<(Moment, &'a JobHistory)>) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    let mut next = last;
    while let Some((end, job)) = next {
        let (since, cause) = causes.of(job);
        steps.push(Step { job, cause, took: end.at.saturating_since(since.at) });
        // What a job waits for came before it, unless what is known is wrong: this ends.
        next = cause.job().filter(|_| since < end).map(|before| (since, before));
    }
    steps.reverse();
    steps
}

/// From the end of the run back: how late each job could have been.
fn slack<'a>(
    causes: &Causes<'a>,
    done: &[(Moment, &'a JobHistory)],
    last: Option<(Moment, &'a JobHistory)>,
) -> HashMap<JobId, Duration> {
    let end = last.map(|(end, _)| end.at);
    let mut slack = HashMap::new();
    // How late the jobs may be that let others start.
    let mut spare: HashMap<JobId, Duration> = HashMap::new();
    // Whatever waits for a job to resolve, or to add it, could start after that one could.
    let mut jobs: Vec<_> =
        done.iter().map(|&(resolved, job)| (causes.of(job), resolved, job)).collect();
    jobs.sort_by_key(|((since, _), ..)| std::cmp::Reverse(*since));
    for ((since, cause), resolved, job) in jobs {
        let until_end = end.filter(|_| has_run(job)).map(|end| end.saturating_since(resolved.at));
        let until_needed = spare.get(&job.info.id).copied();
        let Some(own) = until_end.into_iter().chain(until_needed).min() else { continue };
        slack.insert(job.info.id, own);
        let place = cause.job().map(|job| (job, since));
        let required = job.info.requirements.iter().filter_map(|&(id, _)| {
            let required = causes.history.job(causes.within, id)?;
            Some((required, required.resolved().filter(|&resolved| resolved <= since)?))
        });
        for (before, resolved) in required.chain(place) {
            let late = own + since.at.saturating_since(resolved.at);
            let known = spare.entry(before.info.id).or_insert(late);
            *known = late.min(*known);
        }
    }
    slack
}

/// So many steps are shown.
const SHOWN: usize = 10;

impl CriticalPath<'_> {
    fn total(&self) -> Duration {
        self.steps.iter().map(|step| step.took).sum()
    }

    /// The longest steps, in their order on the path.
    fn longest(&self) -> Vec<&Step<'_>> {
        let mut longest: Vec<usize> = (0..self.steps.len()).collect();
        longest.sort_by_key(|&step| std::cmp::Reverse(self.steps[step].took));
        longest.truncate(SHOWN);
        longest.sort_unstable();
        longest.into_iter().map(|step| &self.steps[step]).collect()
    }

    /// `5 s: #1 slow (3 s), #3 both (2 s)`.
    pub(crate) fn in_a_line(&self) -> String {
        let longest = self.longest();
        let steps = longest.iter().map(|step| {
            format!("{} ({})", short(&step.job.name().to_string()), Seconds(step.took))
        });
        let (steps, more) = (steps.collect::<Vec<_>>().join(", "), self.more(&longest));
        let more = more.map_or_else(String::new, |more| format!(", {more}"));
        let colon = if steps.is_empty() { "" } else { ": " };
        format!("{}{colon}{steps}{more}", Seconds(self.total()))
    }

    /// What is said of the steps that are not among the longest.
    fn more(&self, longest: &[&Step<'_>]) -> Option<String> {
        let others = Some(self.steps.len() - longest.len()).filter(|&others| others > 0)?;
        let longest: Duration = longest.iter().map(|step| step.took).sum();
        Some(format!(
            "and {others} shorter ones ({})",
            Seconds(self.total().saturating_sub(longest))
        ))
    }
}

impl fmt::Display for CriticalPath<'_> {
    /// The time that it took, and below that its ten longest steps, one a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Seconds(self.total()))?;
        let longest = self.longest();
        let times: Vec<String> =
            longest.iter().map(|step| Seconds(step.took).to_string()).collect();
        let width = times.iter().map(|time| time.chars().count()).max().unwrap_or(0);
        for (step, time) in longest.iter().zip(times) {
            write!(f, "\n  {time:>width$}  {}", short(&step.job.name().to_string()))?;
        }
        self.more(&longest).map_or(Ok(()), |more| write!(f, "\n  {more}"))
    }
}
