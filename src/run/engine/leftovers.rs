use std::boxed::Box;
use std::collections::VecDeque;
use std::sync::Arc;
use std::vec::Vec;

use crate::orchestrator::{Attempt, JobId};
use crate::run::facts::bell::Bell;
use crate::run::facts::error::JobError;
use crate::run::facts::quiet::{Heard, drop_noted};
use crate::run::facts::record::Record;
use crate::run::job::context::Context;
use crate::run::job::payload::Payload;

/// What the engine has decided and somebody has to do, under no lock: all of it may run code of the user's.
pub(crate) struct Leftovers<P: Payload> {
    pub(crate) wake: Vec<Bell>,
    /// The ends of contexts, which hold wakers at most.
    pub(crate) contexts: Vec<Context>,
    /// Attempts that were aborted: nobody need poll them again. Their bodies are in the trash, or being
    /// polled elsewhere.
    pub(crate) aborted: Vec<Attempt>,
    /// Values of the user's, in the order in which they are to be dropped, each by itself: one whose `Drop`
    /// takes long is not to hold up anything that does not have to wait for it.
    pub(crate) trash: VecDeque<Trash<P>>,
}

impl<P: Payload> Leftovers<P> {
    pub(crate) const fn new() -> Self {
        Self { wake: Vec::new(), contexts: Vec::new(), aborted: Vec::new(), trash: VecDeque::new() }
    }

    /// Whether there is anything but trash.
    #[inline]
    pub(crate) fn has_chores(&self) -> bool {
        !(self.wake.is_empty() && self.contexts.is_empty() && self.aborted.is_empty())
    }

    pub(crate) fn discard(&mut self, job: Option<JobId>, value: Value<P>) {
        self.trash.push_back(Trash { job, value });
    }
}

impl<P: Payload> Drop for Leftovers<P> {
    /// Of a run that is dropped.
    fn drop(&mut self) {
        self.trash.drain(..).for_each(drop_noted);
    }
}

/// A value of the user's that is to be dropped.
pub(crate) struct Trash<P: Payload> {
    /// Whose it was, if that was ever a job.
    pub(crate) job: Option<JobId>,
    pub(crate) value: Value<P>,
}

pub(crate) enum Value<P: Payload> {
    /// What is left of an attempt that was aborted. If the body is to be kept, the attempt in it alone.
    Aborted { attempt: Attempt, body: P, keep: bool },
    /// The body, or the shutdown hook, of a job that will not be polled any more.
    Body(P),
    /// Outputs that others replaced.
    Outputs(Box<P::Outputs>),
    /// An error that another one replaced, or that came too late.
    Error(Arc<JobError>),
    /// What was known of a job that has left the run: its error, and what its Drops panicked with.
    Record(Record),
}

/// What became of trash.
pub(crate) struct Disposed<P> {
    pub(crate) job: Option<JobId>,
    /// The attempt whose body is gone.
    pub(crate) gone: Option<Attempt>,
    /// A body that is kept.
    pub(crate) body: Option<P>,
    /// What is to be known of that.
    pub(crate) heard: Heard,
}
