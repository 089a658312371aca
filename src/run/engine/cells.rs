use std::vec::Vec;

use crate::run::facts::quiet::{caught, drop_quietly};
use crate::run::job::context::Context;
use crate::run::job::payload::Payload;

/// The bodies of the jobs, and what their running attempts see of the run, by the index of the job in
/// the core. Whatever the bodies' `Drop` does, all of them are dropped.
pub(crate) struct Cells<P> {
    bodies: Vec<Option<P>>,
    /// As long as the last job needs whose attempt asked for its context.
    contexts: Vec<Option<Context>>,
}

impl<P> Cells<P> {
    pub(crate) const fn new() -> Self {
        Self { bodies: Vec::new(), contexts: Vec::new() }
    }

    /// How many cells there are.
    pub(crate) fn len(&self) -> usize {
        self.bodies.len()
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.bodies.truncate(len);
    }

    /// Puts a body where its job is in the core: at the end, or where a job was removed.
    #[inline]
    pub(crate) fn add(&mut self, index: usize, body: P) {
        match self.bodies.get_mut(index) {
            Some(vacant) => *vacant = Some(body),
            None => self.bodies.push(Some(body)),
        }
    }

    pub(crate) fn body(&self, index: usize) -> Option<&P> {
        self.bodies.get(index)?.as_ref()
    }

    /// Takes a body out of its cell.
    #[inline]
    pub(crate) fn take(&mut self, index: usize) -> Option<P> {
        self.bodies.get_mut(index)?.take()
    }

    /// Puts a body that was taken back into its cell.
    #[inline]
    pub(crate) fn put_back(&mut self, index: usize, body: P) {
        self.bodies[index] = Some(body);
    }

    pub(crate) fn context(&self, index: usize) -> Option<&Context> {
        self.contexts.get(index)?.as_ref()
    }

    /// Keeps what an attempt sees of the run.
    pub(crate) fn hold_context(&mut self, index: usize, context: Context) {
        if index >= self.contexts.len() {
            self.contexts.resize(index + 1, None);
        }
        self.contexts[index] = Some(context);
    }

    #[inline]
    pub(crate) fn forget_context(&mut self, index: usize) {
        if let Some(context) = self.contexts.get_mut(index) {
            *context = None;
        }
    }
}

impl<P> Drop for Cells<P> {
    fn drop(&mut self) {
        self.bodies.drain(..).flatten().for_each(drop_quietly);
    }
}

/// A body whose attempt is over.
pub(crate) struct Retired<P> {
    pub(crate) index: usize,
    pub(crate) body: P,
    /// Whether it goes back to its cell, without what is left of the attempt.
    pub(crate) keep: bool,
}

impl<P: Payload> Retired<P> {
    /// Drops the body, or what is left of the attempt in it. Runs code of the user's.
    #[inline]
    pub(crate) fn dispose(self) -> Option<(usize, P)> {
        if self.keep {
            return Some(self.clear());
        }
        drop_quietly(self.body);
        None
    }

    fn clear(mut self) -> (usize, P) {
        let _ = caught(|| self.body.body().clear());
        (self.index, self.body)
    }
}
