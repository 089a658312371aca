use std::boxed::Box;
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use super::additions::OpenAdditions;
use super::cells::{Cells, Retired};
use super::hooks::Hooks;
use crate::orchestrator::{
    Attempt, Completion, Failure, JobId, JobState, Orchestrator, Outcome, Signal, Timestamp,
    Verdict,
};
use crate::run::facts::error::JobError;
use crate::run::facts::mailbox::{Mailbox, Message};
use crate::run::facts::observers::Observers;
use crate::run::facts::output::Outputs;
use crate::run::facts::record::Record;
use crate::run::facts::report::Report;
use crate::run::facts::runtime::AnyClock;
use crate::run::job::payload::Payload;
#[cfg(feature = "tracing")]
use crate::run::job::spans;

/// A graph that runs: the core, the bodies and their outputs, and all that happens between two polls.
/// Who polls, and where, is the driver's.
pub(crate) struct Engine<P: Payload> {
    pub(crate) graph: u64,
    /// Which run of the graph this is: contexts of another one have nothing to say.
    pub(crate) run: u32,
    pub(crate) core: Orchestrator<Record>,
    /// By index of the job in the core.
    pub(crate) cells: Cells<P>,
    pub(crate) outputs: Outputs<P::Outputs>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) additions: OpenAdditions<P>,
    pub(crate) clock: AnyClock,
    pub(crate) begun: Timestamp,
    pub(crate) shutdown_timeout: Duration,
    /// Whether any job has a shutdown hook.
    pub(crate) hooked: bool,
    /// Whether bodies are kept for another run.
    pub(crate) keep_bodies: bool,
    pub(crate) stops: u32,
    /// Messages about bodies that were being polled when they came.
    pub(crate) unread: Vec<Message>,
    /// Bodies whose attempts are over, for the driver to dispose of where that does no harm.
    pub(crate) retired: Vec<Retired<P>>,
    pub(crate) hooks: Option<Box<Hooks>>,
    /// Who hears of the run; `None` if nobody does.
    pub(crate) observers: Option<Arc<Observers>>,
    #[cfg(feature = "tracing")]
    pub(crate) span: tracing::Span,
}

impl<P: Payload> Engine<P> {
    /// The index of the job of an attempt, in the run of the jobs or of their hooks.
    #[inline]
    pub(crate) fn index(&self, attempt: Attempt) -> Option<usize> {
        match &self.hooks {
            None => Some(attempt.job.index()),
            Some(hooks) => hooks.subjects.get(attempt.job.index())?.map(JobId::index),
        }
    }

    /// The next attempt that starts, if there is one. It is to be prepared, and polled.
    pub(crate) fn hand_out(&mut self, now: Timestamp) -> Option<Attempt> {
        loop {
            let attempt = self.core.poll_ready_jobs(now).next()?;
            if attempt.number == 1
                && let Some(record) = self.core.payload_of(attempt.job)
            {
                record.started = now;
            }
            if self.index(attempt).is_some() {
                return Some(attempt);
            }
            // It only keeps two hooks in order.
            let _ = self.core.on_job_complete(attempt, Completion::Success, now);
        }
    }

    /// What the core decided since, with what follows from it for bodies done. An aborted body is gone,
    /// unless it is being polled elsewhere.
    pub(crate) fn next_signal(&mut self, now: Timestamp) -> Option<Signal> {
        let signal = self.core.poll_signal()?;
        match signal {
            Signal::Cancel(attempt) => {
                let context = self.index(attempt).and_then(|index| self.cells.context(index));
                if let (Some(context), None) = (context, &self.hooks) {
                    context.cancel();
                }
            }
            Signal::Discard(_) => {}
            Signal::Abort(attempt) => {
                if let Some(record) = self.core.payload_mut(attempt.job) {
                    record.ended = now;
                }
                let retired = self.retire(attempt);
                self.retired.extend(retired);
            }
        }
        Some(signal)
    }

    /// Takes out the body of an attempt that is over, unless it is being polled.
    pub(crate) fn retire(&mut self, attempt: Attempt) -> Option<Retired<P>> {
        let index = self.index(attempt)?;
        self.cells.forget_context(index);
        let body = self.cells.take(index)?;
        Some(self.retire_body(index, body, self.core.has_ended(attempt.job)))
    }

    /// What becomes of a body whose attempt is over.
    #[inline]
    pub(super) fn retire_body(&self, index: usize, body: P, ended: bool) -> Retired<P> {
        let has_hook = self.hooked && self.hooks.is_none() && body.peek().has_hook();
        let keep = !ended || has_hook || self.keep_bodies;
        Retired { index, body, keep }
    }

    /// Drops the bodies whose attempts are over, or what is left of these.
    pub(crate) fn dispose_of_retired(&mut self) {
        while let Some(retired) = self.retired.pop() {
            self.dispose(retired);
        }
    }

    /// Drops a body whose attempt is over, or what is left of that.
    #[inline]
    pub(crate) fn dispose(&mut self, retired: Retired<P>) {
        if let Some((index, body)) = retired.dispose() {
            self.cells.put_back(index, body);
        }
    }

    /// Reads what came from jobs and from outside.
    #[inline]
    pub(crate) fn read_mail(&mut self, now: Timestamp) {
        self.read_some(now, |_| true);
    }

    /// Reads what came before an attempt completed: a stop that the same poll asked for comes after it.
    #[inline]
    pub(crate) fn read_mail_but_stops(&mut self, now: Timestamp) {
        self.read_some(now, |message| !matches!(message, Message::Stop | Message::StopInOrder));
    }

    #[inline]
    fn read_some(&mut self, now: Timestamp, wanted: impl Fn(Message) -> bool) {
        if self.has_mail() {
            self.read_all(now, wanted);
        }
    }

    #[inline]
    pub(super) fn has_mail(&self) -> bool {
        !self.unread.is_empty() || self.mailbox.has_any()
    }

    #[cold]
    fn read_all(&mut self, now: Timestamp, wanted: impl Fn(Message) -> bool) {
        let mut messages = self.mailbox.take();
        messages.splice(..0, std::mem::take(&mut self.unread));
        for message in messages {
            if wanted(message) {
                self.read(message, now);
            } else {
                self.unread.push(message);
            }
        }
    }

    /// Whether there is anything to dispose of, to read, to fire, to obey or to tell.
    #[inline]
    pub(crate) fn has_news(&self, now: Timestamp) -> bool {
        self.observers.is_some()
            || !self.retired.is_empty()
            || self.has_mail()
            || self.core.next_deadline().is_some_and(|deadline| deadline <= now)
            || self.core.has_signals()
    }

    /// Fires what is due.
    pub(crate) fn pass_time(&mut self, now: Timestamp) {
        if self.core.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.core.on_deadline(now);
        }
    }

    fn read(&mut self, message: Message, now: Timestamp) {
        match message {
            Message::Ready { attempt, run } if run == self.run && self.hooks.is_none() => {
                let index = attempt.job.index();
                let Some(mut body) = self.cells.take(index) else {
                    return self.keep_unread(attempt, message);
                };
                if self.core.on_job_ready(attempt, now).is_ok() {
                    self.deliver(attempt.job, &mut body);
                }
                self.cells.put_back(index, body);
            }
            Message::Ready { .. } => {}
            Message::Add => {
                // What is added counts from the clock of the core: hand it the time.
                drop(self.core.poll_ready_jobs(now));
                self.admit();
            }
            Message::StopInOrder => {
                if self.core.ending().is_none() {
                    self.core.stop(now);
                }
            }
            Message::Stop => {
                self.stops = self.stops.saturating_add(1);
                if self.hooks.is_none() || self.stops > 2 {
                    self.core.stop(now);
                }
            }
        }
    }

    /// A body that is being polled comes back, and then it can deliver.
    fn keep_unread(&mut self, attempt: Attempt, message: Message) {
        if self.core.is_under_way(attempt) {
            self.unread.push(message);
        }
    }

    /// What is left of a run that is over, and the bodies, if they were to be kept.
    pub(crate) fn finish(mut self) -> (Report<P::Outputs>, Cells<P>) {
        let ended = self.core.clock();
        self.tell();
        if let Some(hooks) = self.hooks.take() {
            self.core = hooks.put_outcomes(&mut self.core);
        }
        let mut cells = std::mem::replace(&mut self.cells, Cells::new());
        if !self.keep_bodies {
            // Bodies of jobs that were never handed out.
            drop(std::mem::replace(&mut cells, Cells::new()));
        }
        if self.core.counts().failed > 0 {
            self.name_late_failures();
        }
        let verdict = self.core.verdict().unwrap_or(Verdict::Stopped);
        self.tell_over(ended, verdict);
        #[cfg(feature = "tracing")]
        spans::end_run(&self.span, verdict);
        let (graph, begun) = (self.graph, self.begun);
        let report =
            Report { graph, verdict, begun, ended, core: self.core, outputs: self.outputs };
        (report, cells)
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
                record.set_error(Some(error));
            }
        }
    }
}
