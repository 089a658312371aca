use super::context::CallContext;
use super::engine::{Answer, Call, Engine, Transport};
use super::handlers::Handlers;
use crate::Context;

impl Engine {
    /// One that handles them in this process, in the task of the job that makes the call. What is given and answered goes through
    /// JSON all the same, so that what works with it, works elsewhere.
    #[must_use]
    pub fn embedded(handlers: Handlers) -> Self {
        Self::new(Embedded(handlers))
    }
}

/// In this process.
#[derive(Debug)]
struct Embedded(Handlers);

impl Transport for Embedded {
    fn call<'a>(&'a self, cx: &'a Context, call: Call) -> Answer<'a> {
        let context = CallContext::of_job(cx, call.key.as_deref());
        self.0.handle(call.task, context, &call.input)
    }
}
