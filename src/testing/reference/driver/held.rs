use std::boxed::Box;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::plan::Path;
use super::stage::Stage;
use crate::PoolId;

/// Panics when it is dropped: silently, as the hook for panics would print.
pub(crate) struct Explosive;

impl Explosive {
    pub(crate) fn when(wanted: bool) -> Option<Self> {
        wanted.then(|| Self)
    }
}

impl Drop for Explosive {
    fn drop(&mut self) {
        resume_unwind(Box::new("a drop, as planned"));
    }
}

/// A value that may panic when it is dropped.
pub(crate) struct Output {
    pub(crate) value: u64,
    _explosive: Option<Explosive>,
}

impl Output {
    pub(crate) fn new(value: u64, explodes: bool) -> Self {
        Self { value, _explosive: Explosive::when(explodes) }
    }
}

/// A future that is counted from its first poll until it is dropped, which may panic. Its parts are dropped in
/// this order.
pub(crate) struct Held<F> {
    future: Pin<Box<F>>,
    counted: Option<Counted>,
    begun: bool,
    _explosive: Option<Explosive>,
}

/// A body in the count.
pub(crate) struct Counted {
    stage: Stage,
    path: Path,
    finite: bool,
    needs: Box<[(PoolId, u32)]>,
    begun: bool,
}

impl Counted {
    pub(crate) fn new(stage: Stage, path: Path, finite: bool, needs: Box<[(PoolId, u32)]>) -> Self {
        Self { stage, path, finite, needs, begun: false }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.begun {
            self.stage.body_is_gone(self.finite, &self.needs);
        }
    }
}

impl<F: Future> Held<F> {
    pub(crate) fn new(future: F, counted: Option<Counted>, explosive: Option<Explosive>) -> Self {
        Self { future: Box::pin(future), counted, begun: false, _explosive: explosive }
    }
}

impl<F: Future> Future for Held<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if !std::mem::replace(&mut self.begun, true)
            && let Some(counted) = &mut self.counted
        {
            counted.begun = true;
            counted.stage.body_begins(counted.path, counted.finite, &counted.needs);
        }
        self.future.as_mut().poll(cx)
    }
}
