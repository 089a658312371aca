use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{self, Poll};

use super::body::Start;
use super::context::Context;
use crate::run::facts::error::Error;

/// Where the future of an attempt comes from.
pub trait Make {
    type Future: Future;

    /// Takes what the next future needs.
    fn gather(&mut self, _: &mut dyn Start) {}

    /// The next future; `None` if what it was made of is used up.
    fn make(&mut self) -> Option<Self::Future>;

    /// Drops what was gathered, if no future was made of it.
    fn forget(&mut self) {}

    /// Whether any number of futures can be made.
    const REPEATS: bool = false;
}

/// Polls a future, which is made first if need be.
pub(crate) fn poll_made<F: Future>(
    mut future: Pin<&mut Option<F>>,
    make: impl FnOnce() -> Option<F>,
    cx: &mut task::Context<'_>,
) -> Result<Poll<F::Output>, Error> {
    if future.is_none() {
        future.set(make());
    }
    match future.as_pin_mut() {
        Some(future) => Ok(future.poll(cx)),
        None => Err(ran_before()),
    }
}

#[cold]
pub(crate) fn ran_before() -> Error {
    "a job that can run only once was started again".into()
}

/// A future that is there from the beginning.
#[derive(Debug)]
pub struct Given<F>(PhantomData<fn() -> F>);

impl<F> Given<F> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<F: Future> Make for Given<F> {
    type Future = F;

    fn make(&mut self) -> Option<F> {
        None
    }
}

/// A new future for each attempt.
#[derive(Debug)]
pub struct Factory<G>(pub(crate) G);

impl<G: FnMut() -> F, F: Future> Make for Factory<G> {
    type Future = F;

    fn make(&mut self) -> Option<F> {
        Some((self.0)())
    }

    const REPEATS: bool = true;
}

/// A future made with the context of its attempt.
#[derive(Debug)]
pub struct Contextual<G> {
    context: Option<Context>,
    make: Option<G>,
}

impl<G> Contextual<G> {
    pub(crate) const fn new(make: G) -> Self {
        Self { context: None, make: Some(make) }
    }
}

impl<G: FnOnce(Context) -> F, F: Future> Make for Contextual<G> {
    type Future = F;

    fn gather(&mut self, start: &mut dyn Start) {
        self.context = Some(start.context());
    }

    fn forget(&mut self) {
        self.context = None;
    }

    fn make(&mut self) -> Option<F> {
        Some(self.make.take()?(self.context.take()?))
    }
}

/// A new future for each attempt, made with its context.
#[derive(Debug)]
pub struct ContextFactory<G> {
    context: Option<Context>,
    make: G,
}

impl<G> ContextFactory<G> {
    pub(crate) const fn new(make: G) -> Self {
        Self { context: None, make }
    }
}

impl<G: FnMut(Context) -> F, F: Future> Make for ContextFactory<G> {
    type Future = F;

    fn gather(&mut self, start: &mut dyn Start) {
        self.context = Some(start.context());
    }

    fn forget(&mut self) {
        self.context = None;
    }

    fn make(&mut self) -> Option<F> {
        Some((self.make)(self.context.take()?))
    }

    const REPEATS: bool = true;
}
