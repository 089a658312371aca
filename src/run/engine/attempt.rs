use std::any::Any;
use std::string::String;
use std::sync::Arc;
use std::task::{self, Poll};

use super::cells::Retired;
use super::engine::Engine;
use crate::orchestrator::{Attempt, Completion, JobId, JobState, Timestamp};
use crate::run::facts::error::{Cancelled, Error, JobError};
use crate::run::facts::handle::Key;
use crate::run::facts::quiet::caught;
#[cfg(feature = "tracing")]
use crate::run::job::body::MakeSpan;
use crate::run::job::body::Start;
use crate::run::job::context::Context;
use crate::run::job::payload::Payload;
#[cfg(feature = "tracing")]
use crate::run::job::spans;

/// How an attempt ended by itself.
pub(crate) type Finished = Result<(), JobError>;

/// An attempt in the engine, from its beginning to its end.
impl<P: Payload> Engine<P> {
    /// Takes out the body of an attempt, to be polled.
    #[inline]
    pub(crate) fn fetch(&mut self, attempt: Attempt) -> Option<P> {
        let index = self.index(attempt)?;
        self.cells.take(index)
    }

    /// Gathers what an attempt needs that begins, for its body.
    pub(crate) fn prepare(&mut self, attempt: Attempt, body: &mut P) {
        if self.hooks.is_some() {
            return;
        }
        body.body().prepare(&mut Beginning { engine: self, attempt: &attempt });
        // It may have been asked to stop while its body was away, for the attempt before.
        if let Some(context) = self.cells.context(attempt.job.index())
            && matches!(self.core.state(attempt.job), Some(JobState::Stopping { .. }))
        {
            context.cancel();
        }
    }

    /// Gathers what an attempt needs, and polls its body for the first time.
    #[inline]
    pub(crate) fn poll_first(
        &mut self,
        attempt: &Attempt,
        body: &mut P,
        cx: &mut task::Context<'_>,
    ) -> Poll<Finished> {
        if self.hooks.is_some() {
            return poll_body(body, true, cx);
        }
        let mut start = Beginning { engine: self, attempt };
        finished(caught(|| body.body().poll_first(&mut start, cx)))
    }

    /// Takes a body back that was polled. If its attempt has ended by itself, what is to become of the
    /// body is returned.
    #[inline]
    pub(crate) fn receive(
        &mut self,
        attempt: Attempt,
        mut body: P,
        polled: Poll<Finished>,
        now: Timestamp,
    ) -> Option<Retired<P>> {
        let index = self.index(attempt)?;
        let has_mail = self.has_mail();
        if has_mail || polled.is_pending() {
            self.cells.put_back(index, body);
            if has_mail {
                self.read_mail_but_stops(now);
            }
            if polled.is_pending() {
                return None;
            }
            body = self.cells.take(index)?;
        }
        match polled {
            Poll::Pending => None,
            Poll::Ready(finished) => Some(self.complete(attempt, index, body, finished, now)),
        }
    }

    /// An attempt has ended by itself.
    #[inline]
    fn complete(
        &mut self,
        attempt: Attempt,
        index: usize,
        mut body: P,
        finished: Finished,
        now: Timestamp,
    ) -> Retired<P> {
        self.cells.forget_context(index);
        let completion = match &finished {
            Ok(()) => Completion::Success,
            Err(JobError::Panic(_)) => Completion::Panic,
            Err(JobError::Error(error)) if error.is::<Cancelled>() => Completion::Cancelled,
            Err(_) => Completion::Error,
        };
        let Ok(after) = self.core.on_job_complete(attempt, completion, now) else {
            return self.retire_body(index, body, self.core.has_ended(attempt.job));
        };
        let delivers = finished.is_err() || after.succeeded;
        if let Some(record) = self.core.payload_of(attempt.job) {
            record.ended = now;
            record.set_error(finished.err());
        }
        self.tell_completed(attempt);
        if delivers && self.hooks.is_none() {
            self.deliver(attempt.job, &mut body);
        }
        self.retire_body(index, body, after.ended)
    }

    /// Moves the output of a job to its slot.
    #[inline]
    pub(super) fn deliver(&mut self, job: JobId, body: &mut P) {
        if let Some(record) = self.core.payload_of(job) {
            let (column, slot) = self.outputs.column(record.slot);
            body.body().deliver(column, slot);
        }
    }
}

/// Polls a body, or its hook. A panic is a failure.
pub(crate) fn poll_body<P: Payload>(
    body: &mut P,
    hook: bool,
    cx: &mut task::Context<'_>,
) -> Poll<Finished> {
    let poll = || if hook { body.body().poll_hook(cx) } else { body.body().poll(cx) };
    finished(caught(poll))
}

/// What a poll came to.
#[inline]
fn finished(polled: Result<Poll<Result<(), Error>>, String>) -> Poll<Finished> {
    match polled {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(result)) => Poll::Ready(result.map_err(JobError::Error)),
        Err(panic) => Poll::Ready(Err(JobError::Panic(panic))),
    }
}

/// An attempt that begins, and what it may take from its run.
struct Beginning<'a, P: Payload> {
    engine: &'a mut Engine<P>,
    attempt: &'a Attempt,
}

impl<P: Payload> Start for Beginning<'_, P> {
    fn output(&mut self, key: Key) -> Option<(&mut dyn Any, u32)> {
        let slot = self.engine.core.payload(key.id)?.slot;
        Some(self.engine.outputs.column(slot))
    }

    fn context(&mut self) -> Context {
        let Engine { mailbox, clock, observers, run, .. } = &*self.engine;
        let observers = observers.as_ref().map(Arc::downgrade);
        let context =
            Context::new(*self.attempt, *run, Arc::clone(mailbox), clock.clone(), observers);
        self.engine.cells.hold_context(self.attempt.job.index(), context.clone());
        context
    }

    #[cfg(feature = "tracing")]
    fn is_traced(&self) -> bool {
        !self.engine.span.is_disabled()
    }

    #[cfg(feature = "tracing")]
    fn span(&mut self) -> Option<tracing::Span> {
        let Engine { core, span, .. } = &*self.engine;
        spans::attempt(span, *self.attempt, core.label(self.attempt.job))
    }

    #[cfg(feature = "tracing")]
    fn hook_span(&mut self) -> MakeSpan {
        let (job, engine) = (self.attempt.job, &*self.engine);
        spans::hook(&engine.span, job, engine.core.label(job))
    }
}
