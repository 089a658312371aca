//! Spans of the `tracing` crate.

use std::any::Any;
use std::boxed::Box;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::vec::Vec;

use pin_project_lite::pin_project;
use tracing::{Span, field, info_span};

use super::body::{Execute, MakeSpan, Start};
use crate::orchestrator::{Attempt, JobId, RunOptions, Verdict};
use crate::run::facts::error::Error;
use crate::run::facts::fact::JobInfo;

/// The span of a run, inside the current one.
pub(crate) fn run(jobs: usize, options: RunOptions) -> Span {
    let window = options.window.map(std::num::NonZero::get);
    info_span!("run", jobs, window, verdict = field::Empty)
}

pub(crate) fn end_run(span: &Span, verdict: Verdict) {
    span.record("verdict", field::display(verdict));
}

/// The span of an attempt, if anybody wants to know of that.
pub(crate) fn attempt(run: &Span, attempt: Attempt, label: Option<&str>) -> Option<Span> {
    let span =
        info_span!(parent: run, "attempt", job = %attempt.job, label, attempt = attempt.number);
    Some(span).filter(|span| !span.is_disabled())
}

/// What makes the span of a shutdown hook.
pub(crate) fn hook(run: &Span, job: JobId, label: Option<&str>) -> MakeSpan {
    let (run, label) = (run.clone(), label.map(Box::<str>::from));
    Box::new(move || info_span!(parent: &run, "hook", job = %job, label))
}

pin_project! {
    /// A body inside the span of its attempt, so that its events are, too.
    pub(crate) struct Traced<B> {
        #[pin]
        body: B,
        // `None` while nobody wants to know.
        spans: Option<Box<Spans>>,
    }
}

struct Spans {
    attempt: Span,
    make_hook: Option<MakeSpan>,
    hook: Span,
}

impl<B> Traced<B> {
    pub(crate) const fn new(body: B) -> Self {
        Self { body, spans: None }
    }
}

impl<B: Execute> Execute for Traced<B> {
    fn prepare(self: Pin<&mut Self>, start: &mut dyn Start) {
        let this = self.project();
        if start.is_traced() {
            *this.spans = start.span().map(|attempt| {
                let make_hook = this.body.has_hook().then(|| start.hook_span());
                Box::new(Spans { attempt, make_hook, hook: Span::none() })
            });
        } else if this.spans.is_some() {
            *this.spans = None;
        }
        this.body.prepare(start);
    }

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.project();
        match this.spans {
            None => this.body.poll(cx),
            Some(spans) => spans.attempt.in_scope(|| this.body.poll(cx)),
        }
    }

    fn deliver(self: Pin<&mut Self>, column: &mut dyn Any, slot: u32) {
        self.project().body.deliver(column, slot);
    }

    fn clear(self: Pin<&mut Self>) {
        let this = self.project();
        let attempt = this.spans.as_mut().map(|spans| &mut spans.attempt);
        let attempt = attempt.map(|span| std::mem::replace(span, Span::none()));
        let _entered = attempt.as_ref().map(Span::enter);
        this.body.clear();
    }

    fn can_repeat(&self) -> bool {
        self.body.can_repeat()
    }

    fn inside(&self) -> Option<Vec<Arc<JobInfo>>> {
        self.body.inside()
    }

    fn list(&self, to: &mut dyn fmt::Write) -> fmt::Result {
        self.body.list(to)
    }

    fn has_hook(&self) -> bool {
        self.body.has_hook()
    }

    fn poll_hook(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.project();
        let Some(spans) = this.spans else { return this.body.poll_hook(cx) };
        if let Some(make) = spans.make_hook.take() {
            spans.hook = make();
        }
        spans.hook.in_scope(|| this.body.poll_hook(cx))
    }
}
