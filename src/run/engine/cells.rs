use std::vec::Vec;

use crate::orchestrator::Blocks;
use crate::run::facts::quiet::{drop_noted, drop_quietly, note_lost_hooks};
use crate::run::job::context::Context;

/// The bodies of the jobs, their shutdown hooks, and what their running attempts see of the run, by the
/// index of the job in the core. Whatever the bodies' `Drop` does, all of them are dropped.
pub(crate) struct Cells<P> {
    bodies: Blocks<Option<P>>,
    /// As long as the last job needs that has one.
    hooks: Vec<Option<P>>,
    /// As long as the last job needs whose attempt asked for its context.
    contexts: Vec<Option<Context>>,
    /// How many hooks are to run after the run.
    hooks_due: usize,
}

impl<P> Cells<P> {
    pub(crate) const fn new() -> Self {
        Self { bodies: Blocks::new(), hooks: Vec::new(), contexts: Vec::new(), hooks_due: 0 }
    }

    /// The same, with room for a few jobs.
    pub(super) fn with_room() -> Self {
        let mut cells = Self::new();
        cells.bodies.begin();
        cells
    }

    /// How many indices there are.
    pub(crate) fn len(&self) -> usize {
        self.bodies.len()
    }

    /// Takes out all whose index is beyond.
    pub(crate) fn split_off(&mut self, len: usize) -> Self {
        let hooks = self.hooks.split_off(len.min(self.hooks.len()));
        let bodies = self.bodies.split_off(len).collect();
        Self { bodies, hooks, contexts: Vec::new(), hooks_due: 0 }
    }

    /// Puts a body where its job is in the core: at the end, or where a job was removed.
    #[expect(clippy::inline_always, reason = "short, once for each job")]
    #[inline(always)]
    pub(crate) fn add(&mut self, index: usize, body: P, hook: Option<P>) {
        if index == self.bodies.len() {
            self.bodies.push(Some(body));
        } else {
            self.bodies[index] = Some(body);
        }
        if let Some(hook) = hook {
            self.put_hook(index, hook);
        }
    }

    /// There is no body to execute.
    pub(crate) fn add_nothing(&mut self) {
        self.bodies.push(None);
    }

    #[cold]
    pub(crate) fn put_hook(&mut self, index: usize, hook: P) {
        if index >= self.hooks.len() {
            self.hooks.resize_with(index + 1, || None);
        }
        self.hooks[index] = Some(hook);
    }

    #[inline]
    pub(crate) fn body(&self, index: usize) -> Option<&P> {
        self.bodies.get(index)?.as_ref()
    }

    #[cfg(any(feature = "tracing", feature = "journal"))]
    pub(crate) fn body_mut(&mut self, index: usize) -> Option<&mut P> {
        self.bodies.get_mut(index)?.as_mut()
    }

    pub(crate) fn hook(&self, index: usize) -> Option<&P> {
        self.hooks.get(index)?.as_ref()
    }

    pub(crate) fn has_hooks(&self) -> bool {
        !self.hooks.is_empty()
    }

    /// The job has been handed out for the first time: its hook, if it has one, is to run.
    #[inline]
    pub(crate) fn begin(&mut self, index: usize) {
        if self.has_hooks() {
            self.hooks_due += usize::from(self.hook(index).is_some());
        }
    }

    /// All hooks that are to run do so now.
    pub(crate) fn hooks_begin(&mut self) {
        self.hooks_due = 0;
    }

    /// Drops the body and the hook of a job. Runs code of the user's.
    pub(crate) fn drop_job(&mut self, index: usize) {
        drop_quietly(self.take(index));
        drop_quietly(self.take_hook(index));
    }

    pub(crate) fn take_hook(&mut self, index: usize) -> Option<P> {
        self.hooks.get_mut(index)?.take()
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
    pub(crate) fn take_context(&mut self, index: usize) -> Option<Context> {
        self.contexts.get_mut(index)?.take()
    }
}

impl<P> Drop for Cells<P> {
    fn drop(&mut self) {
        if self.hooks_due > 0 {
            note_lost_hooks(self.hooks_due);
        }
        let drop_if_any = |body: Option<P>| {
            if let Some(body) = body {
                drop_noted(body);
            }
        };
        self.bodies.drain(drop_if_any);
        self.hooks.drain(..).for_each(drop_if_any);
    }
}
