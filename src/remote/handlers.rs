use std::boxed::Box;
use std::collections::BTreeMap;
use std::fmt;
use std::format;
use std::future::Future;
use std::pin::Pin;
use std::string::ToString as _;
use std::sync::Arc;
use std::task::{self, Poll};
use std::vec::Vec;

use pin_project_lite::pin_project;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::CallContext;
use super::engine::Answer;
use super::error::CallError;
use super::task::Remote;
use crate::run::caught;
use crate::{Error, Panic};

/// What handles tasks, by their names. Clones are the same.
#[derive(Clone, Default)]
pub struct Handlers(BTreeMap<&'static str, Arc<Handler>>);

type Handler = dyn Fn(CallContext, &[u8]) -> Answer<'static> + Send + Sync;

impl Handlers {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Handles a task so. Of two for the same one the later counts.
    #[must_use]
    pub fn on<I, O, E, F>(
        mut self,
        task: Remote<I, O>,
        handle: impl Fn(CallContext, I) -> F + Send + Sync + 'static,
    ) -> Self
    where
        I: DeserializeOwned,
        O: Serialize,
        E: Into<Error>,
        F: Future<Output = Result<O, E>> + Send + 'static,
    {
        let name = task.name();
        let handler = move |cx: CallContext, input: &[u8]| -> Answer<'static> {
            let begun = caught(|| serde_json::from_slice(input).map(|input| handle(cx, input)));
            let handling = match begun {
                Ok(Ok(handling)) => handling,
                Ok(Err(error)) => return answer(Err(unreadable(name, "input", &error))),
                Err(panic) => return answer(Err(panicked(&panic))),
            };
            Box::pin(Handling::new(async move {
                let output = handling.await.map_err(|error| CallError::of(error.into()))?;
                serde_json::to_vec(&output).map_err(|error| unreadable(name, "answer", &error))
            }))
        };
        self.0.insert(name, Arc::new(handler));
        self
    }

    /// The names of the tasks that are handled, in their order.
    pub fn tasks(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// Handles a call; a panic is an error. Nothing of the handler is left when it is answered.
    #[must_use]
    pub fn handle(&self, task: &str, cx: CallContext, input: &[u8]) -> Answer<'static> {
        match self.0.get(task) {
            Some(handler) => handler(cx, input),
            None => answer(Err(CallError::Unknown { task: task.to_string() })),
        }
    }
}

fn answer(answer: Result<Vec<u8>, CallError>) -> Answer<'static> {
    Box::pin(std::future::ready(answer))
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handlers").field(&self.0.keys()).finish()
    }
}

fn unreadable(task: &str, what: &str, error: &serde_json::Error) -> CallError {
    CallError::Unreadable { text: format!("{task}: its {what} is of another type: {error}") }
}

fn panicked(panic: &Panic) -> CallError {
    CallError::Failed { text: format!("panicked: {panic}"), is_permanent: false }
}

pin_project! {
    /// A call that is handled, whatever the handler panics with.
    struct Handling<F> {
        #[pin]
        future: Option<F>,
    }
}

impl<F> Handling<F> {
    fn new(future: F) -> Self {
        Self { future: Some(future) }
    }
}

impl<F: Future<Output = Result<Vec<u8>, CallError>>> Future for Handling<F> {
    type Output = Result<Vec<u8>, CallError>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let mut future = self.project().future;
        let polled = caught(|| match future.as_mut().as_pin_mut() {
            Some(future) => future.poll(cx),
            None => Poll::Pending,
        });
        if matches!(polled, Ok(Poll::Pending)) {
            return Poll::Pending;
        }
        // What its `Drop` panics with has nobody left to go to.
        drop(caught(|| future.set(None)));
        polled.unwrap_or_else(|panic| Poll::Ready(Err(panicked(&panic))))
    }
}
