use std::vec::Vec;

use crate::run::facts::quiet::{caught, drop_quietly};
use crate::run::job::context::Context;
use crate::run::job::payload::Payload;

/// The bodies of the jobs, and what their running attempts see of the run, by the place of the job in
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

    /// How many places there are.
    pub(crate) fn len(&self) -> usize {
        self.bodies.len()
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.bodies.truncate(len);
    }

    /// Puts a body where its job is in the core: at the end, or where a job was removed.
    #[inline]
    pub(crate) fn add(&mut self, cell: usize, body: P) {
        match self.bodies.get_mut(cell) {
            Some(vacant) => *vacant = Some(body),
            None => self.bodies.push(Some(body)),
        }
    }

    pub(crate) fn body(&self, cell: usize) -> Option<&P> {
        self.bodies.get(cell)?.as_ref()
    }

    /// Takes a body out of its place.
    #[inline]
    pub(crate) fn take(&mut self, cell: usize) -> Option<P> {
        self.bodies.get_mut(cell)?.take()
    }

    /// Puts a body that was taken back into its place.
    #[inline]
    pub(crate) fn put_back(&mut self, cell: usize, body: P) {
        self.bodies[cell] = Some(body);
    }

    pub(crate) fn context(&self, cell: usize) -> Option<&Context> {
        self.contexts.get(cell)?.as_ref()
    }

    /// Keeps what an attempt sees of the run.
    pub(crate) fn hold_context(&mut self, cell: usize, context: Context) {
        if cell >= self.contexts.len() {
            self.contexts.resize(cell + 1, None);
        }
        self.contexts[cell] = Some(context);
    }

    #[inline]
    pub(crate) fn forget_context(&mut self, cell: usize) {
        if let Some(context) = self.contexts.get_mut(cell) {
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
    pub(crate) cell: usize,
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
        (self.cell, self.body)
    }
}
