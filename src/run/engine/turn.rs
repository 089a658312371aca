use std::format;
use std::sync::Arc;
use std::vec::Vec;

use super::engine::{Engine, Role};
use super::leftovers::{Disposed, Value};
use crate::orchestrator::{Attempt, JobId, JobState, Signal, Timestamp};
use crate::run::facts::mailbox::Message;
use crate::run::facts::mishap::{Mishap, MishapKind};
use crate::run::facts::quiet::Panic;
use crate::run::job::context::Context;
use crate::run::job::payload::Payload;

/// What is said of a job that was dropped though it had a grace period: that was over, or the run was aborted.
const CUT_OFF: &str = "dropped before it had ended";

/// What an engine does in a turn: it hears what was said, lets time pass, and obeys what the core decides.
impl<P: Payload> Engine<P> {
    /// The time that holds from now on. Older ones are the core's to correct.
    #[inline]
    pub(crate) fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Reads the mail with numbers below that one, fires what is due, obeys, and puts down what observers are
    /// to be told.
    #[expect(clippy::inline_always, reason = "there are no news most of the time")]
    #[inline(always)]
    pub(crate) fn hear(&mut self, mail: usize) {
        if self.has_news(mail) {
            self.take_news(mail);
        }
    }

    #[inline]
    fn has_news(&self, mail: usize) -> bool {
        self.observers.is_some()
            || self.has_mail(mail)
            || self.is_due()
            || self.core.has_signals()
            || self.removals.are_open()
    }

    #[cold]
    fn take_news(&mut self, mail: usize) {
        self.read_mail(mail, |_| true);
        if self.is_due() {
            self.core.on_deadline(self.now);
        }
        self.obey();
        if self.removals.are_open() {
            self.remove_open();
        }
        self.tell();
    }

    #[inline]
    fn is_due(&self) -> bool {
        self.core.next_deadline().is_some_and(|deadline| deadline <= self.now)
    }

    #[inline]
    pub(super) fn has_mail(&self, below: usize) -> bool {
        !self.unread.is_empty() || self.mailbox.has_any(below)
    }

    /// Reads what came from jobs and from outside, as far as that number; what is not wanted now is kept.
    #[cold]
    pub(super) fn read_mail(&mut self, below: usize, wanted: impl Fn(Message) -> bool) {
        if !self.has_mail(below) {
            return;
        }
        let mut messages = self.mailbox.take(below);
        messages.splice(..0, std::mem::take(&mut self.unread));
        for message in messages {
            if wanted(message) {
                self.read(message);
            } else {
                self.unread.push(message);
            }
        }
    }

    /// What a message asks for.
    pub(crate) fn read(&mut self, message: Message) {
        match message {
            Message::Ready { attempt, run } if run == self.scope.run => {
                self.ready(attempt, message);
            }
            Message::Ready { .. } => {}
            Message::Note { attempt, run } => self.note(attempt, run),
            Message::Add => self.admit(),
            Message::Remove(job) => self.let_leave(job),
            // Shutdown hooks go on.
            Message::StopInOrder => {
                self.stops = self.stops.max(1);
                if matches!(self.role, Role::Jobs) && self.core.ending().is_none() {
                    self.core.stop(self.now);
                }
            }
            Message::Abort => {
                self.stops = self.stops.max(2);
                self.core.stop(self.now);
                self.core.stop(self.now);
            }
            Message::Cancel(job) => {
                if matches!(self.role, Role::Jobs) && self.scope.owns(job) {
                    // One that has ended is not to be asked.
                    let _ = self.core.cancel(job.id, self.now);
                }
            }
            Message::Stop => {
                self.stops = self.stops.saturating_add(1);
                if matches!(self.role, Role::Jobs) || self.stops > 2 {
                    self.core.stop(self.now);
                }
            }
        }
    }

    /// An attempt that is under way has said something of itself.
    #[cold]
    fn note(&mut self, attempt: Attempt, run: u64) {
        let Some(text) = self.mailbox.take_note(attempt, run) else { return };
        let state = self.core.state(attempt.job).and_then(JobState::attempt);
        if run != self.scope.run || state != Some(attempt.number) {
            return;
        }
        let text: Arc<str> = text.into();
        self.tell_note(attempt.job, &text);
        if let Some(record) = self.core.payload_mut(attempt.job) {
            record.put_note(text);
        }
    }

    /// Obeys all that the core has decided.
    pub(crate) fn obey(&mut self) {
        while let Some(signal) = self.core.poll_signal() {
            match signal {
                Signal::Cancel(attempt) => {
                    let waiting = self.cells.context(attempt.job.index()).map(Context::cancel);
                    self.left.wake.extend(waiting.into_iter().flatten());
                }
                Signal::Abort(attempt) => self.abort(attempt),
                Signal::Discard(job) => self.discard(job),
            }
        }
    }

    /// An attempt is over. Its body is dropped under no lock, so it is away until then.
    fn abort(&mut self, attempt: Attempt) {
        let index = attempt.job.index();
        let (ended, clock) = (self.core.is_ended(attempt.job), self.core.clock());
        if let Some(record) = self.core.payload_mut(attempt.job) {
            record.ended = clock;
        }
        if self.core.is_cut_off(attempt.job) {
            self.note_cut_off(attempt.job);
        }
        self.forget_context(index);
        let away = self.core.on_body_away(attempt);
        debug_assert!(away.is_ok(), "{away:?}");
        self.left.aborted.push(attempt);
        if let Some(body) = self.cells.take(index) {
            let keep = !ended || self.keep_bodies;
            let value = Value::Aborted { attempt, body, keep };
            self.left.discard(Some(attempt.job), value);
        }
    }

    /// It had time to end in order, and has not: that is said behind what it has said of itself.
    #[cold]
    fn note_cut_off(&mut self, job: JobId) {
        let said = self.core.payload(job).and_then(|record| record.note());
        let text: Arc<str> = match said {
            Some(said) => format!("{said}; {CUT_OFF}").into(),
            None => CUT_OFF.into(),
        };
        self.tell_note(job, &text);
        if let Some(record) = self.core.payload_mut(job) {
            record.put_note(text);
        }
    }

    /// A job will not be polled any more.
    fn discard(&mut self, job: JobId) {
        self.removals.look_at(job, true);
        if self.keep_bodies {
            return;
        }
        let never_ran = self.core.attempts(job) == 0;
        let hook = if never_ran { self.cells.take_hook(job.index()) } else { None };
        for value in self.cells.take(job.index()).into_iter().chain(hook) {
            self.left.discard(Some(job), Value::Body(value));
        }
    }

    #[inline]
    pub(super) fn forget_context(&mut self, index: usize) {
        if let Some(context) = self.cells.take_context(index) {
            self.left.contexts.push(context);
        }
    }

    /// Trash was disposed of.
    pub(crate) fn disposed(&mut self, Disposed { job, gone, body, heard }: Disposed<P>) {
        for panic in heard.panics {
            self.put_mishap(job, MishapKind::Drop, panic);
        }
        if heard.lost_hooks > 0
            && let Some(record) = job.and_then(|job| self.core.payload_mut(job))
        {
            record.put_lost_hooks(heard.lost_hooks);
        }
        if let (Some(body), Some(job)) = (body, job) {
            if self.core.is_ended(job) && !self.keep_bodies {
                self.left.discard(Some(job), Value::Body(body));
            } else {
                self.cells.put_back(job.index(), body);
            }
        }
        if let Some(attempt) = gone {
            let heard = self.core.on_body_gone(attempt, self.now);
            debug_assert!(heard.is_ok(), "{heard:?}");
            self.removals.look_at(attempt.job, self.core.is_ended(attempt.job));
        }
    }

    /// Code of the user's panicked where that changes no outcome.
    #[cold]
    fn put_mishap(&mut self, job: Option<JobId>, what: MishapKind, panic: Panic) {
        let (id, job) = match (&self.role, job) {
            (Role::Hooks(subjects), Some(job)) => (Some(job), subjects[job.index()]),
            _ => (job, job),
        };
        let mishap = Mishap { job, what, panic };
        if let Some(observers) = &self.observers {
            observers
                .put(self.core.clock(), crate::run::facts::fact::FactKind::Mishap(mishap.clone()));
        }
        match id.and_then(|id| self.core.payload_mut(id)) {
            Some(record) => record.put_panicked_drop(mishap.panic),
            None => self.mishaps.push(mishap),
        }
    }

    /// The clock panicked: nobody knows the time any more, so all is aborted.
    #[cold]
    pub(crate) fn lose_time(&mut self, panic: Panic) {
        self.put_mishap(None, MishapKind::Clock, panic);
        self.stop_at_once();
    }

    /// Nothing of the run can go on: all is aborted, its shutdown hooks are, too.
    #[cold]
    pub(crate) fn stop_at_once(&mut self) {
        self.stops = self.stops.saturating_add(3);
        self.core.stop(self.now);
        self.core.stop(self.now);
    }

    #[inline]
    pub(crate) fn is_under_way(&self, attempt: Attempt) -> bool {
        self.core.is_under_way(attempt)
    }

    /// Whether there are facts to tell.
    #[inline]
    pub(crate) fn has_facts(&self) -> bool {
        self.observers.as_ref().is_some_and(|observers| observers.has_any())
    }

    /// Whether the run has a verdict, and nothing is left to be dropped.
    pub(crate) fn is_over(&self) -> bool {
        self.core.verdict().is_some()
            && self.core.bodies_leaving() == 0
            && self.left.trash.is_empty()
            && !self.core.has_signals()
    }

    /// The jobs of the graph, in the order of their creation.
    pub(super) fn job_ids(&self) -> Vec<JobId> {
        self.core.jobs().collect()
    }
}
