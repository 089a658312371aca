//! Spans of the `tracing` crate. A tracing layer is code of the user's: spans are made, entered, left and
//! dropped under no lock, and a layer that panics is not heard.

use std::boxed::Box;
use std::sync::Arc;

use tracing::{Span, field, info_span};

use crate::orchestrator::{Attempt, JobId, RunOptions, Verdict};
use crate::run::facts::quiet::{caught, drop_quietly};

/// The span of a run, inside the one that was current when it began.
#[derive(Clone, Debug)]
pub(crate) struct RunSpan(Arc<Span>);

impl RunSpan {
    pub(crate) fn new(jobs: usize, options: RunOptions) -> Self {
        let window = options.window.map(std::num::NonZero::get);
        let span = caught(|| info_span!("run", jobs, window, verdict = field::Empty));
        Self(Arc::new(span.unwrap_or_else(|_| Span::none())))
    }

    pub(crate) fn none() -> Self {
        Self(Arc::new(Span::none()))
    }

    pub(crate) fn is_disabled(&self) -> bool {
        self.0.is_disabled()
    }

    pub(crate) fn share(&self) -> Arc<Span> {
        Arc::clone(&self.0)
    }

    /// Runs code of the user's.
    pub(crate) fn end(&self, verdict: Verdict) {
        drop(caught(|| self.0.record("verdict", field::display(verdict)).is_disabled()));
    }
}

impl Drop for RunSpan {
    fn drop(&mut self) {
        if Arc::strong_count(&self.0) == 1 {
            drop_quietly(std::mem::replace(&mut self.0, Arc::new(Span::none())));
        }
    }
}

/// What the span of an attempt or of a hook is made of.
#[derive(Debug)]
pub(crate) struct SpanSeed {
    pub(crate) run: RunSpan,
    pub(crate) attempt: Attempt,
    pub(crate) label: Option<Box<str>>,
    /// Of whom this is the shutdown hook.
    pub(crate) hook_of: Option<JobId>,
}

impl SpanSeed {
    fn make(&self) -> Span {
        let (run, label) = (&*self.run.0, self.label.as_deref());
        let Attempt { job, number } = self.attempt;
        if let Some(job) = self.hook_of {
            info_span!(parent: run, "hook", job = %job, label)
        } else {
            info_span!(parent: run, "attempt", job = %job, label, attempt = number)
        }
    }
}

#[derive(Debug)]
pub(super) enum BodySpan {
    Seed(SpanSeed),
    Made(Span),
}

impl BodySpan {
    pub(super) fn within<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        if let Self::Seed(seed) = self {
            let span = caught(|| seed.make()).unwrap_or_else(|_| Span::none());
            drop_quietly(std::mem::replace(self, Self::Made(span)));
        }
        let Self::Made(span) = self else { return poll() };
        let entered = caught(|| span.enter());
        let polled = poll();
        drop_quietly(entered);
        polled
    }
}
