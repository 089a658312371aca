use std::boxed::Box;
use std::fmt;
use std::pin::Pin;

use super::body::Execute;
#[cfg(feature = "tracing")]
use super::spans::Traced;
use crate::run::facts::output::{LocalOutputs, OutputStore, SendOutputs};

/// A body on the heap: [`Local`] or [`Sendable`].
pub trait Payload: sealed::Sealed {
    /// What its outputs are.
    type Outputs: OutputStore + ?Sized;

    #[doc(hidden)]
    fn body(&mut self) -> Pin<&mut (dyn Execute + '_)>;
    #[doc(hidden)]
    fn peek(&self) -> &(dyn Execute + '_);
}

/// A body that stays on one thread, and may borrow for `'a`.
pub struct Local<'a>(Pin<Box<dyn Execute + 'a>>);

/// A body that may move between threads.
pub struct Sendable(Pin<Box<dyn Execute + Send>>);

impl<'a> Local<'a> {
    pub(crate) fn new(body: impl Execute + 'a) -> Self {
        #[cfg(feature = "tracing")]
        let body = Traced::new(body);
        Self(Box::pin(body))
    }
}

impl Sendable {
    pub(crate) fn new(body: impl Execute + Send + 'static) -> Self {
        #[cfg(feature = "tracing")]
        let body = Traced::new(body);
        Self(Box::pin(body))
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

    fn body(&mut self) -> Pin<&mut (dyn Execute + '_)> {
        self.0.as_mut()
    }

    fn peek(&self) -> &(dyn Execute + '_) {
        &*self.0
    }
}

impl Payload for Sendable {
    type Outputs = SendOutputs;

    fn body(&mut self) -> Pin<&mut (dyn Execute + '_)> {
        self.0.as_mut()
    }

    fn peek(&self) -> &(dyn Execute + '_) {
        &*self.0
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
