use std::boxed::Box;
use std::fmt;
use std::pin::Pin;

use pin_project_lite::pin_project;

use super::body::Execute;
#[cfg(feature = "journal")]
use super::idle::Idle;
use super::traced::Tracing;
use crate::run::facts::output::{LocalOutputs, OutputStore, SendOutputs};

/// A body on the heap: [`Local`] or [`Sendable`].
pub trait Payload: sealed::Sealed {
    /// What its outputs are.
    type Outputs: OutputStore + ?Sized;

    #[doc(hidden)]
    fn parts(&mut self) -> (Pin<&mut (dyn Execute + '_)>, &mut Tracing);
    #[doc(hidden)]
    fn peek(&self) -> &(dyn Execute + '_);
    /// The body of a service that is not needed.
    #[cfg(feature = "journal")]
    #[doc(hidden)]
    fn idle() -> Self;
}

pin_project! {
    /// A body, and the span that it runs in.
    pub(crate) struct Whole<B: ?Sized> {
        tracing: Tracing,
        #[pin]
        body: B,
    }
}

#[cfg(feature = "journal")]
impl<B> Whole<B> {
    pub(crate) fn body(&self) -> &B {
        &self.body
    }

    pub(crate) fn body_mut(self: Pin<&mut Self>) -> Pin<&mut B> {
        self.project().body
    }
}

/// A body of a known type on the heap, where it stays: a future may be large.
pub(crate) type Boxed<B> = Pin<Box<Whole<B>>>;

/// Moves a body to the heap.
#[inline]
pub(crate) fn to_heap<B>(body: B) -> Boxed<B> {
    Box::pin(Whole { tracing: Tracing::default(), body })
}

/// A body that stays on one thread, and may borrow for `'a`.
pub struct Local<'a>(Pin<Box<Whole<dyn Execute + 'a>>>);

/// A body that may move between threads.
pub struct Sendable(Pin<Box<Whole<dyn Execute + Send>>>);

impl<'a> Local<'a> {
    pub(crate) fn new(body: Boxed<impl Execute + 'a>) -> Self {
        Self(body)
    }
}

impl Sendable {
    pub(crate) fn new(body: Boxed<impl Execute + Send + 'static>) -> Self {
        Self(body)
    }
}

mod sealed {
    #[expect(unnameable_types, reason = "the point of it")]
    pub trait Sealed {}
    impl Sealed for super::Local<'_> {}
    impl Sealed for super::Sendable {}
}

impl Payload for Local<'_> {
    type Outputs = LocalOutputs;

    fn parts(&mut self) -> (Pin<&mut (dyn Execute + '_)>, &mut Tracing) {
        let whole = self.0.as_mut().project();
        (whole.body, whole.tracing)
    }

    fn peek(&self) -> &(dyn Execute + '_) {
        &self.0.body
    }

    #[cfg(feature = "journal")]
    fn idle() -> Self {
        Self(to_heap(Idle::default()))
    }
}

impl Payload for Sendable {
    type Outputs = SendOutputs;

    fn parts(&mut self) -> (Pin<&mut (dyn Execute + '_)>, &mut Tracing) {
        let whole = self.0.as_mut().project();
        (whole.body, whole.tracing)
    }

    fn peek(&self) -> &(dyn Execute + '_) {
        &self.0.body
    }

    #[cfg(feature = "journal")]
    fn idle() -> Self {
        Self(to_heap(Idle::default()))
    }
}

impl fmt::Debug for Local<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Local")
    }
}

impl fmt::Debug for Sendable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sendable")
    }
}
