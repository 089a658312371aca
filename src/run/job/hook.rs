use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::vec::Vec;

use pin_project_lite::pin_project;

use super::body::{Body, Execute, Repeat, Start};
use super::make::poll_made;
use crate::run::facts::error::Error;
use crate::run::facts::fact::JobInfo;

pin_project! {
    /// A body with a shutdown hook beside it.
    pub struct Hooked<B, G, F> {
        #[pin]
        body: B,
        hook: G,
        #[pin]
        future: Option<F>,
    }
}

impl<B, G, F> Hooked<B, G, F> {
    pub(crate) const fn new(body: B, hook: G) -> Self {
        Self { body, hook, future: None }
    }
}

/// What a shutdown hook may return: nothing, or a `Result`.
pub trait HookResult {
    #[doc(hidden)]
    fn into_result(self) -> Result<(), Error>;
}

impl HookResult for () {
    fn into_result(self) -> Result<(), Error> {
        Ok(())
    }
}

impl<E: Into<Error>> HookResult for Result<(), E> {
    fn into_result(self) -> Result<(), Error> {
        self.map_err(Into::into)
    }
}

impl<B: Body, G: FnMut() -> F, F: Future<Output: HookResult>> Body for Hooked<B, G, F> {
    type Output = B::Output;
}

impl<B: Repeat, G: FnMut() -> F, F: Future<Output: HookResult>> Repeat for Hooked<B, G, F> {}

impl<B: Body, G: FnMut() -> F, F: Future<Output: HookResult>> Execute for Hooked<B, G, F> {
    fn prepare(self: Pin<&mut Self>, start: &mut dyn Start) {
        self.project().body.prepare(start);
    }

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        self.project().body.poll(cx)
    }

    fn deliver(self: Pin<&mut Self>, column: &mut dyn Any, slot: u32) {
        self.project().body.deliver(column, slot);
    }

    fn clear(self: Pin<&mut Self>) {
        let mut this = self.project();
        this.body.clear();
        this.future.set(None);
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
        true
    }

    fn poll_hook(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.project();
        poll_made(this.future, || Some((this.hook)()), cx)?.map(HookResult::into_result)
    }
}
