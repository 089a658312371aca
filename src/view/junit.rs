use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};

use super::as_history::AsHistory;
use super::history::History;
use super::job_history::{AttemptHistory, JobHistory};
use super::picture::state_text;
use crate::run::{one_line, short};
use crate::{Failure, JobId, JobKind, JobState, Outcome, Verdict};

/// A run as a `JUnit` file, which CI systems show: with feature `junit`. `name` is what they call it.
///
/// Each graph is a test suite, and each job a test case. One that failed is a failure, or an error if it
/// panicked or timed out; those that were retried count as flaky if they succeeded at last. What was skipped, or
/// cancelled, is skipped, but for forever jobs and services, which are there to be cancelled. The run is the first test
/// case: an error unless it was completed. Shutdown hooks, and what panicked on the side, are test cases too.
///
/// ```
/// use jobgraph::view::junit;
/// use jobgraph::{Job, JobGraph};
///
/// let mut graph = JobGraph::new();
/// let build = graph.add(Job::try_new(async { Err::<(), _>("no such file: main.c") }).label("build"));
/// graph.add(Job::new(async {}).label("test").requires(&build));
/// let report = jobgraph::smol::block_on(graph)?;
/// let xml = junit(&report, "nightly");
/// assert!(xml.contains(r#"<testsuites name="nightly" tests="3" skipped="1" failures="1""#));
/// # Ok::<(), jobgraph::RunError>(())
/// ```
#[must_use]
pub fn junit(run: &(impl AsHistory + ?Sized), name: &str) -> String {
    let history = run.as_history();
    let mut report = Report::new(name);
    report.set_time(history.elapsed());
    let suites = Suites { history: &history, name };
    suites.add(&[], &mut report);
    // What it writes to, a String, takes all.
    report.to_string().unwrap_or_default()
}

struct Suites<'a> {
    history: &'a History,
    name: &'a str,
}

impl Suites<'_> {
    /// That of a graph, and those of the graphs inside.
    fn add(&self, within: &[JobId], to: &mut Report) {
        let name = self.path(within);
        let mut suite = TestSuite::new(name.as_str());
        if within.is_empty() {
            suite.set_time(self.history.elapsed());
            suite.add_test_case(self.of_run());
        }
        for job in self.history.jobs_within(within) {
            for mut case in self.of_job(job) {
                case.set_classname(name.as_str());
                suite.add_test_case(case);
            }
        }
        to.add_test_suite(suite);
        for job in self.history.jobs_within(within).filter(|job| job.is_graph) {
            self.add(&[within, &[job.info.id]].concat(), to);
        }
    }

    /// `nightly / deploy`.
    fn path(&self, within: &[JobId]) -> String {
        let around = self.history.around(within, 0).map(|name| [" / ", &short(&name)].concat());
        self.name.to_string() + &around.collect::<String>()
    }

    fn of_run(&self) -> TestCase {
        let status = match self.history.verdict() {
            Some(Verdict::Completed) => TestCaseStatus::success(),
            Some(Verdict::CriticalFailure(id)) => {
                let name = self.history.job(&[], id).map(|job| job.name().to_string());
                error(&format!("critical failure of {}", name.unwrap_or_else(|| id.to_string())))
            }
            Some(verdict) => error(&verdict.to_string()),
            None => error("it is not over"),
        };
        let mut case = TestCase::new("the run", status);
        case.set_time(self.history.elapsed()).set_classname(self.name);
        case
    }

    /// Its own, then those of what else went wrong with it.
    fn of_job(&self, job: &JobHistory) -> Vec<TestCase> {
        let name = one_line(&job.name().to_string());
        let mut case = TestCase::new(name.as_str(), self.status(job));
        case.set_time(job.busy(self.history.now().at));
        let mut cases = Vec::from([case]);
        if let Some(hook) = &job.hook {
            let status = match (hook.ended, &hook.error) {
                (Some((_, Outcome::Succeeded)), _) => TestCaseStatus::success(),
                (_, Some(why)) => error(&why.to_string()),
                (Some((_, outcome)), None) => error(&outcome.to_string()),
                (None, None) => error("it has not ended"),
            };
            cases.push(TestCase::new(format!("{name}: its shutdown hook"), status));
        }
        for mishap in &job.mishaps {
            let status = error(&mishap.to_string());
            cases.push(TestCase::new(format!("{name}: a panic on the side"), status));
        }
        cases
    }

    fn status(&self, job: &JobHistory) -> TestCaseStatus {
        let mut status = match job.state {
            JobState::Ended(Outcome::Succeeded) => TestCaseStatus::success(),
            JobState::Ended(Outcome::Failed(failure)) => failed(job, failure),
            JobState::Ended(Outcome::Cancelled) if job.info.kind != JobKind::Finite => {
                return TestCaseStatus::success();
            }
            JobState::Ended(Outcome::Cancelled | Outcome::Skipped(_)) => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(state_text(self.history, job));
                return status;
            }
            state => return error(&format!("the run ended while it was {state}")),
        };
        let earlier = job.attempts.len().saturating_sub(1);
        let failed = job.attempts.iter().take(earlier).filter(|attempt| attempt.error.is_some());
        status.add_reruns(failed.map(rerun));
        status
    }
}

fn failed(job: &JobHistory, failure: Failure) -> TestCaseStatus {
    let (kind, name) = match failure {
        Failure::Error => (NonSuccessKind::Failure, "error"),
        Failure::Panic => (NonSuccessKind::Error, "panic"),
        Failure::TimedOut => (NonSuccessKind::Error, "timed out"),
        Failure::NeverReady => (NonSuccessKind::Failure, "never ready"),
    };
    let mut status = TestCaseStatus::non_success(kind);
    let why = job.error().map_or_else(|| failure.to_string(), ToString::to_string);
    status.set_type(name).set_message(why);
    status
}

/// An attempt that failed before another one.
fn rerun(attempt: &AttemptHistory) -> TestRerun {
    let mut rerun = TestRerun::new(NonSuccessKind::Failure);
    let ended = attempt.ended.unwrap_or(attempt.started).at;
    rerun.set_time(ended.saturating_since(attempt.started.at));
    rerun.set_message(attempt.error.as_ref().map_or("failed".into(), ToString::to_string));
    rerun
}

fn error(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(message);
    status
}
