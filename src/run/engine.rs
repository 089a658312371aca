use std::any::Any;
use std::boxed::Box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::string::{String, ToString};
use std::task::{Context, Poll};
use std::vec::Vec;

use super::body::Lookup;
use super::error::{Error, JobError};
use super::graph::Payload;
use super::handle::Key;
use super::output::{OutputStore, Outputs, Place};
use super::report::Report;
use crate::{Attempt, Completion, Failure, JobState, Orchestrator, Outcome, Timestamp};

/// What a run keeps about a job beside its state; it outlives the body.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) place: Place,
    /// When its first attempt started, and its last one ended.
    pub(crate) started: Option<Timestamp>,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) error: Option<Box<JobError>>,
}

impl Record {
    pub(crate) const fn new(place: Place) -> Self {
        Self { place, started: None, ended: None, error: None }
    }
}

/// A graph that runs: the core, the bodies and their outputs, and all that happens between two polls.
/// Who polls, and where, is the driver's.
pub(crate) struct Engine<P: Payload> {
    graph: u64,
    pub(crate) core: Orchestrator<Record>,
    bodies: Vec<Option<P>>,
    outputs: Outputs<P::Outputs>,
    begun: Timestamp,
}

/// How a poll of an attempt that is over ended.
pub(crate) type Finished = Result<(), JobError>;

impl<P: Payload> Engine<P> {
    pub(crate) fn new(
        graph: u64,
        core: Orchestrator<Record>,
        bodies: Vec<Option<P>>,
        outputs: Outputs<P::Outputs>,
    ) -> Self {
        let begun = core.clock();
        Self { graph, core, bodies, outputs, begun }
    }

    /// Takes the next attempt, with its body ready to be polled. A panic in making it fails it.
    pub(crate) fn hand_out(&mut self, now: Timestamp) -> Option<(Attempt, Finished)> {
        let attempt = self.core.poll_ready_jobs(now).next()?;
        if let Some(record) = self.core.payload_mut(attempt.job) {
            record.started.get_or_insert(now);
        }
        let Some(Some(payload)) = self.bodies.get_mut(attempt.job.index()) else {
            return Some((attempt, Ok(())));
        };
        let mut inputs = OutputsById { core: &self.core, outputs: &mut self.outputs };
        let made = catch_unwind(AssertUnwindSafe(|| payload.body().prepare(&mut inputs)));
        Some((attempt, made.map_err(|panic| JobError::Panic(message(&*panic)))))
    }

    /// Polls an attempt. A panic is a failure.
    pub(crate) fn poll(&mut self, attempt: Attempt, cx: &mut Context<'_>) -> Poll<Finished> {
        let Some(Some(payload)) = self.bodies.get_mut(attempt.job.index()) else {
            return Poll::Pending;
        };
        match catch_unwind(AssertUnwindSafe(|| payload.body().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(result)) => Poll::Ready(result.map_err(JobError::Error)),
            Err(panic) => Poll::Ready(Err(JobError::Panic(message(&*panic)))),
        }
    }

    /// An attempt has ended by itself.
    pub(crate) fn complete(&mut self, attempt: Attempt, finished: Finished, now: Timestamp) {
        let completion = match &finished {
            Ok(()) => Completion::Success,
            Err(JobError::Panic(_)) => Completion::Panic,
            Err(_) => Completion::Error,
        };
        if self.core.on_job_complete(attempt, completion, now).is_err() {
            return;
        }
        let state = self.core.state(attempt.job);
        if let Some(record) = self.core.payload_mut(attempt.job) {
            record.ended = Some(now);
            record.error = finished.err().map(Box::new);
            if state == Some(JobState::Ended(Outcome::Succeeded))
                && let Some(Some(payload)) = self.bodies.get_mut(attempt.job.index())
            {
                let (column, slot) = self.outputs.column(record.place);
                payload.body().deliver(column, slot);
            }
        }
        self.drop_attempt(attempt);
    }

    /// An attempt was aborted: its body is gone when this returns.
    pub(crate) fn abort(&mut self, attempt: Attempt, now: Timestamp) {
        if let Some(record) = self.core.payload_mut(attempt.job) {
            record.ended = Some(now);
        }
        self.drop_attempt(attempt);
    }

    /// Drops the future of an attempt that is over, and the whole body once the job has ended. What
    /// its `Drop` panics with has nobody left to go to.
    fn drop_attempt(&mut self, attempt: Attempt) {
        let ended = self.core.state(attempt.job).is_none_or(JobState::is_ended);
        let Some(body) = self.bodies.get_mut(attempt.job.index()) else { return };
        let _ = catch_unwind(AssertUnwindSafe(|| match (ended, &mut *body) {
            (true, body) => drop(body.take()),
            (false, Some(payload)) => payload.body().clear(),
            (false, None) => {}
        }));
    }

    /// What is left of a run that is over.
    pub(crate) fn report(mut self) -> Report<P::Outputs> {
        // Bodies of jobs that were never handed out; whatever their `Drop` does, the report comes.
        for body in &mut self.bodies {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(body.take())));
        }
        if self.core.counts().failed > 0 {
            self.name_late_failures();
        }
        Report { graph: self.graph, begun: self.begun, core: self.core, outputs: self.outputs }
    }

    /// A timeout decides how a job failed, whatever the job reported.
    fn name_late_failures(&mut self) {
        let jobs: Vec<_> = self.core.jobs().collect();
        for job in jobs {
            let error = match self.core.state(job) {
                Some(JobState::Ended(Outcome::Failed(Failure::TimedOut))) => JobError::TimedOut,
                Some(JobState::Ended(Outcome::Failed(Failure::NeverReady))) => JobError::NeverReady,
                _ => continue,
            };
            if let Some(record) = self.core.payload_mut(job) {
                record.error = Some(Box::new(error));
            }
        }
    }
}

/// The outputs of jobs, by the jobs.
struct OutputsById<'a, C: ?Sized> {
    core: &'a Orchestrator<Record>,
    outputs: &'a mut Outputs<C>,
}

impl<C: OutputStore + ?Sized> Lookup for OutputsById<'_, C> {
    fn output(&mut self, key: Key) -> Option<(&mut dyn Any, u32)> {
        let place = self.core.payload(key.id)?.place;
        Some(self.outputs.column(place))
    }
}

/// What a panic says, if it says anything.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(no message)".to_string())
}

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
