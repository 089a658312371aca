use std::any::Any;
use std::sync::Arc;
#[cfg(feature = "journal")]
use std::sync::Mutex;
use std::task::Poll;

use super::engine::{Engine, Role};
use super::leftovers::Value;
use crate::orchestrator::{Attempt, Completion, JobId};
use crate::run::facts::error::JobError;
use crate::run::facts::handle::Key;
#[cfg(feature = "journal")]
use crate::run::facts::kept::Kept;
use crate::run::facts::mailbox::Message;
use crate::run::facts::missing::Missing;
use crate::run::facts::output::{OutputStore as _, Slot};
use crate::run::job::body::{Occasion, Start};
use crate::run::job::context::Context;
#[cfg(feature = "journal")]
use crate::run::job::keep::Keep;
use crate::run::job::payload::Payload;

/// How an attempt ended by itself.
pub(crate) type Finished = Result<(), Unsuccessful>;

/// An attempt that did not succeed: how, and with what.
pub(crate) struct Unsuccessful {
    pub(crate) completion: Completion,
    pub(crate) error: JobError,
}

/// An attempt in the engine, from its beginning to its end.
impl<P: Payload> Engine<P> {
    /// The next attempt that starts, if there is one. Its body is to be taken, prepared, and polled.
    #[inline]
    pub(crate) fn hand_out(&mut self) -> Option<Attempt> {
        let attempt = self.core.poll_ready_jobs(self.now).next()?;
        if attempt.number == 1 {
            let clock = self.core.clock();
            if let Some(record) = self.core.payload_at(attempt.job.index()) {
                record.started = clock;
            }
            self.cells.begin(attempt.job.index());
        }
        Some(attempt)
    }

    /// Takes the body of an attempt out of its cell that was handed out just now. There is none if the job
    /// only keeps two hooks in order; then the attempt has ended already.
    #[inline]
    pub(crate) fn take_body(&mut self, attempt: &Attempt) -> Option<P> {
        #[cfg(feature = "tracing")]
        self.trace_attempt(*attempt);
        let body = self.cells.take(attempt.job.index());
        if body.is_none() {
            self.pass(*attempt);
        }
        body
    }

    #[cold]
    fn pass(&mut self, attempt: Attempt) {
        let completed = self.core.on_job_complete(attempt, Completion::Success, self.now);
        debug_assert!(completed.is_ok(), "{completed:?}");
    }

    #[cfg(feature = "tracing")]
    fn trace_attempt(&mut self, attempt: Attempt) {
        if self.span.is_disabled() {
            return;
        }
        if let Some(body) = self.cells.body_mut(attempt.job.index()) {
            let hook_of = match &self.role {
                Role::Jobs => None,
                Role::Hooks(subjects) => subjects[attempt.job.index()],
            };
            let label = self.core.label(attempt.job).map(Into::into);
            let run = self.span.clone();
            body.parts().1.begin(crate::run::job::spans::SpanSeed { run, attempt, label, hook_of });
        }
    }

    /// What an attempt may take from its run that begins.
    #[inline]
    pub(crate) fn beginning<'a>(&'a mut self, attempt: &'a Attempt) -> Beginning<'a, P> {
        Beginning {
            engine: self,
            attempt,
            #[cfg(feature = "journal")]
            keep: None,
        }
    }

    /// Takes the body of an attempt out of its cell, to be polled again; `None` if the attempt is over.
    #[inline]
    pub(crate) fn fetch(&mut self, attempt: Attempt) -> Option<P> {
        if self.core.is_under_way(attempt) { self.cells.take(attempt.job.index()) } else { None }
    }

    /// Takes a body back that was polled, after the mail with numbers below that one; of that a stop is heard
    /// later if the poll may have asked for it. Returns the body if nothing of the user's is left in it.
    #[inline]
    pub(crate) fn receive(
        &mut self,
        attempt: Attempt,
        mut body: P,
        polled: Poll<Finished>,
        mail: usize,
        may_hold_stops: bool,
    ) -> Option<P> {
        let index = attempt.job.index();
        let has_mail = self.has_mail(mail);
        if has_mail || polled.is_pending() {
            self.cells.put_back(index, body);
            if has_mail {
                self.read_mail(mail, |message| !(may_hold_stops && message.is_stop()));
            }
            body = self.cells.take(index)?;
        }
        match polled {
            Poll::Pending if self.core.is_under_way(attempt) => self.cells.put_back(index, body),
            Poll::Pending => self.receive_late(attempt, body),
            Poll::Ready(finished) => return self.complete(attempt, body, finished),
        }
        None
    }

    /// Takes a body back whose attempt was aborted while it was polled.
    #[cold]
    fn receive_late(&mut self, attempt: Attempt, body: P) {
        if self.core.is_away(attempt) {
            let keep = !self.core.is_ended(attempt.job) || self.keep_bodies;
            self.left.discard(Some(attempt.job), Value::Aborted { attempt, body, keep });
        } else {
            // The abort has yet to be obeyed.
            self.cells.put_back(attempt.job.index(), body);
        }
    }

    /// An attempt has ended by itself.
    #[inline]
    fn complete(&mut self, attempt: Attempt, mut body: P, finished: Finished) -> Option<P> {
        let job = attempt.job;
        let (completion, error) = match finished {
            Ok(()) => (Completion::Success, None),
            Err(Unsuccessful { completion, error }) => (completion, Some(error)),
        };
        let Ok(after) = self.core.on_job_complete(attempt, completion, self.now) else {
            self.discard_error(job, error.map(Arc::new));
            self.receive_late(attempt, body);
            return None;
        };
        self.forget_context(job.index());
        let clock = self.core.clock();
        let Some(record) = self.core.payload_at(job.index()) else { return Some(body) };
        record.ended = clock;
        let slot = record.slot;
        let before = record.set_error(error);
        self.discard_error(job, before);
        self.tell_completed(attempt);
        if completion == Completion::Success && !after.succeeded {
            self.discard_late_output(job, slot, &mut body);
        } else if completion != Completion::Panic {
            let occasion = if after.succeeded { Occasion::Succeeded } else { Occasion::Failed };
            self.deliver(job, slot, &mut body, occasion);
        }
        if after.ended {
            self.removals.look_at(job, true);
        }
        if !after.ended || self.keep_bodies {
            self.cells.put_back(job.index(), body);
            return None;
        }
        if body.peek().is_spent() {
            Some(body)
        } else {
            self.left.discard(Some(job), Value::Body(body));
            None
        }
    }

    #[inline]
    pub(super) fn discard_error(&mut self, job: JobId, error: Option<Arc<JobError>>) {
        if let Some(error) = error {
            self.left.discard(Some(job), Value::Error(error));
        }
    }

    /// Moves the output of a job to its slot.
    #[inline]
    fn deliver(&mut self, job: JobId, slot: Slot, body: &mut P, occasion: Occasion) {
        if let Role::Jobs = &self.role {
            let (column, in_column) = self.outputs.column(slot);
            if body.parts().0.deliver(occasion, column, in_column) {
                let replaced = self.outputs.take_replaced(slot);
                self.left.discard(Some(job), Value::Outputs(replaced));
            }
        }
    }

    /// An attempt was late: what it returned is no output, and not to stay in the body for the next one. That
    /// of a nested graph is its report, however it ended.
    #[cold]
    fn discard_late_output(&mut self, job: JobId, slot: Slot, body: &mut P) {
        self.deliver(job, slot, body, Occasion::Failed);
        if let Role::Jobs = &self.role {
            let mut apart = self.outputs.column_apart(slot);
            body.parts().0.deliver(Occasion::Succeeded, apart.any_mut(), 0);
            self.left.discard(Some(job), Value::Outputs(apart));
        }
    }

    /// A service says that it is ready. If its body is being polled, this is heard when that is back.
    pub(super) fn ready(&mut self, attempt: Attempt, message: Message) {
        let index = attempt.job.index();
        let Some(mut body) = self.cells.take(index) else {
            if self.core.is_under_way(attempt) {
                self.unread.push(message);
            }
            return;
        };
        let is_ready = self.core.on_job_ready(attempt, self.now).is_ok();
        if let Some(slot) =
            self.core.payload(attempt.job).map(|record| record.slot).filter(|_| is_ready)
        {
            self.deliver(attempt.job, slot, &mut body, Occasion::Ready);
        }
        self.cells.put_back(index, body);
    }
}

/// An attempt that begins, and what it may take from its run.
pub(crate) struct Beginning<'a, P: Payload> {
    engine: &'a mut Engine<P>,
    attempt: &'a Attempt,
    #[cfg(feature = "journal")]
    keep: Option<Arc<Keep>>,
}

impl<P: Payload> Start for Beginning<'_, P> {
    fn output(&mut self, key: Key) -> Option<(&mut dyn Any, u32)> {
        let slot = self.engine.core.payload(key.id)?.slot;
        Some(self.engine.outputs.column(slot))
    }

    #[cold]
    fn missing(&self, key: Key) -> Option<Missing> {
        let core = &self.engine.core;
        (!core.has_succeeded(key.id)).then(|| Missing::of(core, key.id))
    }

    fn context(&mut self) -> Context {
        // A durable job asks for one itself, and what it does may as well.
        #[cfg(feature = "journal")]
        if let Some(held) = self.engine.cells.context(self.attempt.job.index())
            && held.attempt() == *self.attempt
        {
            return held.clone();
        }
        #[cfg(feature = "journal")]
        let keep = self.keep();
        #[cfg(feature = "journal")]
        let inside = self.engine.durables.inside(&self.engine.core, *self.attempt, keep.as_deref());
        let Engine { mailbox, outermost, clock, observers, scope, .. } = &*self.engine;
        let observers = observers.as_ref().map(Arc::downgrade);
        let is_last = self.engine.core.is_last(*self.attempt);
        let context = Context::new(
            *self.attempt,
            scope.run,
            Arc::clone(mailbox),
            outermost.clone(),
            clock.clone(),
            is_last,
            observers,
        );
        #[cfg(feature = "journal")]
        let context = context.kept_by(inside, keep.map(|keep| keep.effect()));
        self.engine.cells.hold_context(self.attempt.job.index(), context.clone());
        context
    }

    #[cfg(feature = "journal")]
    fn keep(&mut self) -> Option<Arc<Keep>> {
        if self.keep.is_none() {
            let keep = self.engine.durables.keep_now(&self.engine.core, self.attempt.job);
            self.keep = keep.map(Arc::new);
        }
        self.keep.clone()
    }

    #[cfg(feature = "journal")]
    fn kept(&mut self, kept: Kept) -> Arc<Mutex<Kept>> {
        let kept = Arc::new(Mutex::new(kept));
        if let Some(record) = self.engine.core.payload_mut(self.attempt.job) {
            record.put_kept(Arc::clone(&kept));
        }
        kept
    }
}
