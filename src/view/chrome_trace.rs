use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::format;
use std::string::{String, ToString};
use std::time::Duration;
use std::vec::Vec;

use super::as_history::AsHistory;
use super::history::History;
use super::job_history::{AttemptHistory, JobHistory, Moment};
use super::picture::state_text;
use super::trace_events::{Events, Track};
use crate::run::{short, why};
use crate::{JobId, JobKind};

/// A run in the trace format of Chrome, as JSON: for Perfetto (ui.perfetto.dev) or `chrome://tracing`.
///
/// Each graph is a process, each place in its window a thread, and each attempt a slice on it; forever jobs
/// and services, which take no place, follow, each on a thread of its own, then the shutdown hooks. Within an attempt,
/// the time after it was asked to stop is a slice again. An arrow leads from each job to those that required it; what
/// was queued before it started is shown beside, and a curve of how many ran and were queued. Times count from the
/// start of the run. O(n log n + requirements).
///
/// ```
/// use jobgraph::{Job, JobGraph};
///
/// let mut graph = JobGraph::new();
/// graph.add(Job::new(async {}).label("fetch"));
/// let report = jobgraph::smol::block_on(graph)?;
/// assert!(jobgraph::view::chrome_trace(&report).contains(r##""name":"#1 fetch""##));
/// # Ok::<(), jobgraph::RunError>(())
/// ```
#[must_use]
pub fn chrome_trace(run: &impl AsHistory) -> String {
    let history = run.as_history();
    let mut trace = Trace { history: &history, events: Events::default(), graphs: 0 };
    trace.graph(&[], "jobs");
    trace.events.into_json()
}

struct Trace<'a> {
    history: &'a History,
    events: Events,
    graphs: usize,
}

/// An attempt, and the thread that it is shown on.
struct Slice<'a> {
    job: &'a JobHistory,
    attempt: &'a AttemptHistory,
    thread: usize,
}

impl Trace<'_> {
    fn graph(&mut self, within: &[JobId], name: &str) {
        self.graphs += 1;
        let process = self.graphs;
        let slices = slices(self.history, within);
        self.events.name("process_name", Track { process, thread: 0 }, name);
        let threads = slices.iter().map(|slice| slice.thread).max().unwrap_or(0);
        let mut endless: HashMap<usize, String> = HashMap::new();
        for slice in slices.iter().filter(|slice| !is_finite(slice.job)) {
            endless.entry(slice.thread).or_insert_with(|| name_of(slice.job));
        }
        for thread in 1..=threads {
            let name = endless.remove(&thread).unwrap_or_else(|| format!("place {thread}"));
            self.events.name("thread_name", Track { process, thread }, &name);
        }
        for slice in &slices {
            self.slice(process, slice);
        }
        self.hooks(within, process, threads);
        self.arrows(within, process, &slices);
        self.curve(process, &slices);
        for job in self.history.jobs_within(within).filter(|job| job.is_graph) {
            let inside = [within, &[job.info.id]].concat();
            self.graph(&inside, &self.history.path(job));
        }
    }

    fn slice(&mut self, process: usize, &Slice { job, attempt, thread }: &Slice<'_>) {
        let (track, name) = (Track { process, thread }, name_of(job));
        let end = self.end(attempt);
        let (number, state) = (attempt.number.to_string(), state_text(self.history, job));
        let error = attempt.error.as_ref().map(|error| why(error));
        let mut known = Vec::from([("attempt", &*number), ("job", &*state)]);
        known.extend(error.as_deref().map(|error| ("error", error)));
        let span = (self.time(attempt.started), self.time(end));
        self.events.slice(("attempt", &name), track, span, &known);
        if let Some(asked) = attempt.asked {
            let span = (self.time(asked), self.time(end));
            self.events.slice(("stop", "stopping"), track, span, &[]);
        }
        if let Some(ready) = job.ready.filter(|&ready| attempt.started <= ready && ready <= end) {
            self.events.instant("ready", track, self.time(ready));
        }
        if let Some(queued) = attempt.queued.filter(|queued| queued.at < attempt.started.at) {
            let span = (self.time(queued), self.time(attempt.started));
            self.events.wait("queued", track, span, &[("job", &*name)]);
        }
    }

    /// Each on a thread of its own: as many as there are run at once.
    fn hooks(&mut self, within: &[JobId], process: usize, mut thread: usize) {
        for job in self.history.jobs_within(within) {
            let Some(hook) = &job.hook else { continue };
            thread += 1;
            let (track, name) = (Track { process, thread }, name_of(job));
            self.events.name("thread_name", track, &format!("hook of {name}"));
            let (end, outcome) = match hook.ended {
                Some((end, outcome)) => (end, outcome.to_string()),
                None => (self.history.now(), "not ended".into()),
            };
            let error = hook.error.as_ref().map(|error| why(error));
            let mut known = Vec::from([("outcome", &*outcome)]);
            known.extend(error.as_deref().map(|error| ("error", error)));
            let span = (self.time(hook.started), self.time(end));
            self.events.slice(("hook", &format!("hook of {name}")), track, span, &known);
        }
    }

    /// From the end of a job, or where it was ready, to the beginning of each that required that.
    fn arrows(&mut self, within: &[JobId], process: usize, slices: &[Slice<'_>]) {
        let (mut first, mut last) = (HashMap::new(), HashMap::new());
        for slice in slices {
            first.entry(slice.job.info.id).or_insert(slice);
            last.insert(slice.job.info.id, slice);
        }
        for job in self.history.jobs_within(within) {
            let Some(to) = first.get(&job.info.id) else { continue };
            let started = to.attempt.started;
            for (required, _) in &job.info.requirements {
                let resolved = self.history.job(within, *required).and_then(JobHistory::resolved);
                let Some(resolved) = resolved.filter(|&resolved| resolved <= started) else {
                    continue;
                };
                let ready = self.history.job(within, *required).is_some_and(|job| !is_finite(job));
                let from = if ready { &first } else { &last };
                let Some(from) = from.get(required) else { continue };
                // Where it ends, its slice is not there any more.
                let inside =
                    self.time(resolved).saturating_sub(Duration::from_nanos(u64::from(!ready)));
                let inside = inside.max(self.time(from.attempt.started));
                let track = |slice: &Slice<'_>| Track { process, thread: slice.thread };
                self.events.arrow(
                    "requires",
                    (track(from), inside),
                    (track(to), self.time(started)),
                );
            }
        }
    }

    /// How many attempts of finite jobs were under way, and how many were queued.
    fn curve(&mut self, process: usize, slices: &[Slice<'_>]) {
        let mut changes: Vec<(Duration, i64, i64)> = Vec::new();
        for slice in slices.iter().filter(|slice| is_finite(slice.job)) {
            let (started, end) =
                (self.time(slice.attempt.started), self.time(self.end(slice.attempt)));
            changes.extend([(started, 1, 0), (end, -1, 0)]);
            if let Some(queued) = slice.attempt.queued {
                changes.extend([(self.time(queued), 0, 1), (started, 0, -1)]);
            }
        }
        changes.sort_unstable();
        let (mut running, mut queued) = (0, 0);
        for now in changes.chunk_by(|a, b| a.0 == b.0) {
            running += now.iter().map(|change| change.1).sum::<i64>();
            queued += now.iter().map(|change| change.2).sum::<i64>();
            let values = [("running", running), ("queued", queued)];
            self.events.curve("jobs", process, now[0].0, &values);
        }
    }

    fn end(&self, attempt: &AttemptHistory) -> Moment {
        attempt.ended.unwrap_or(self.history.now())
    }

    fn time(&self, moment: Moment) -> Duration {
        moment.at.saturating_since(self.history.begun())
    }
}

fn name_of(job: &JobHistory) -> String {
    short(&job.name().to_string())
}

fn is_finite(job: &JobHistory) -> bool {
    job.info.kind == JobKind::Finite
}

/// The attempts of a graph in the order in which they started, each on the first thread that is free.
fn slices<'a>(history: &'a History, within: &[JobId]) -> Vec<Slice<'a>> {
    let attempts = history.jobs_within(within).filter(|job| is_finite(job));
    let attempts = attempts.flat_map(|job| job.attempts.iter().map(move |attempt| (job, attempt)));
    let mut attempts: Vec<_> = attempts.collect();
    attempts.sort_by_key(|(_, attempt)| attempt.started);
    let (mut busy, mut free, mut threads) = (BinaryHeap::new(), BinaryHeap::new(), 0);
    let mut slices = Vec::with_capacity(attempts.len());
    for (job, attempt) in attempts {
        while let Some(&Reverse((end, thread))) = busy.peek()
            && end < attempt.started
        {
            busy.pop();
            free.push(Reverse(thread));
        }
        let thread = free.pop().map_or_else(
            || {
                threads += 1;
                threads
            },
            |Reverse(thread)| thread,
        );
        // One that goes on keeps its thread.
        if let Some(end) = attempt.ended {
            busy.push(Reverse((end, thread)));
        }
        slices.push(Slice { job, attempt, thread });
    }
    let endless = history.jobs_within(within).filter(|job| !is_finite(job));
    for job in endless.filter(|job| !job.attempts.is_empty()) {
        threads += 1;
        slices.extend(job.attempts.iter().map(|attempt| Slice { job, attempt, thread: threads }));
    }
    slices
}
