use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::as_history::AsHistory;
use super::history::History;
use super::job_history::{AttemptHistory, JobHistory, Moment};
use super::json::{Micros, Text};
use super::picture::state_text;
use crate::run::one_line;
use crate::{JobId, JobKind, Timestamp};

/// A run in the trace format of Chrome, as JSON: for Perfetto (ui.perfetto.dev) or `chrome://tracing`.
///
/// Each graph is a process, each place in its window a thread, and each attempt a slice on it; forever jobs
/// and services, which take no place, follow, each on a thread of its own. Within an attempt, the time after
/// it was asked to stop is a slice again. Times count from the start of the run. O(n log n).
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
    let mut trace = Trace { history: &history, events: Vec::new(), graphs: 0 };
    trace.graph(&[], "jobs");
    format!("{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n{}\n]}}\n", trace.events.join(",\n"))
}

struct Trace<'a> {
    history: &'a History,
    events: Vec<String>,
    graphs: usize,
}

/// An attempt, or a whole forever job, and the thread that it is shown on.
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
        self.name("process_name", process, 0, name);
        let threads = slices.iter().map(|slice| slice.thread).max().unwrap_or(0);
        for thread in 1..=threads {
            let endless =
                slices.iter().find(|slice| slice.thread == thread && !is_finite(slice.job));
            let name =
                endless.map_or(format!("place {thread}"), |slice| slice.job.name().to_string());
            self.name("thread_name", process, thread, &name);
        }
        for slice in slices {
            self.slice(process, &slice);
        }
        for job in self.history.jobs_within(within).filter(|job| job.is_graph) {
            let inside = [within, &[job.info.id]].concat();
            self.graph(&inside, &self.history.path(job));
        }
    }

    fn name(&mut self, what: &str, process: usize, thread: usize, name: &str) {
        let name = Text(&one_line(name)).to_string();
        self.events.push(format!(
            "{{\"ph\":\"M\",\"name\":\"{what}\",\"pid\":{process},\"tid\":{thread},\"args\":{{\"name\":{name}}}}}"
        ));
    }

    fn slice(&mut self, process: usize, Slice { job, attempt, thread }: &Slice<'_>) {
        let place = format!("\"pid\":{process},\"tid\":{thread}");
        let name = Text(&one_line(&job.name().to_string())).to_string();
        let error = attempt.error.as_ref().map(|error| one_line(&error.to_string()));
        let error = error.map(|error| format!(",\"error\":{}", Text(&error))).unwrap_or_default();
        let end = attempt.ended.unwrap_or(self.history.now());
        self.events.push(format!(
            "{{\"ph\":\"X\",\"cat\":\"attempt\",\"name\":{name},{place},{},\"args\":{{\"attempt\":{},\"job\":{}{error}}}}}",
            self.span(attempt.started, end),
            attempt.number,
            Text(&state_text(self.history, job)),
        ));
        if let Some(asked) = attempt.asked {
            self.events.push(format!(
                "{{\"ph\":\"X\",\"cat\":\"stop\",\"name\":\"stopping\",{place},{}}}",
                self.span(asked, end)
            ));
        }
        if let Some(ready) = job.ready.filter(|&ready| attempt.started <= ready && ready <= end) {
            self.events.push(format!(
                "{{\"ph\":\"i\",\"cat\":\"ready\",\"name\":\"ready\",{place},\"ts\":{},\"s\":\"t\"}}",
                self.time(ready.at)
            ));
        }
    }

    fn span(&self, from: Moment, to: Moment) -> String {
        let took = Micros(to.at.saturating_since(from.at));
        format!("\"ts\":{},\"dur\":{took}", self.time(from.at))
    }

    fn time(&self, at: Timestamp) -> Micros {
        Micros(at.saturating_since(self.history.begun()))
    }
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
    for job in history.jobs_within(within).filter(|job| !is_finite(job)) {
        threads += 1;
        slices.extend(job.attempts.iter().map(|attempt| Slice { job, attempt, thread: threads }));
    }
    slices
}
