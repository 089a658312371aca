use std::any::Any;
use std::boxed::Box;
use std::future::Future;
use std::pin::Pin;
use std::string::ToString as _;
use std::sync::Arc;
use std::task::{self, Poll};

use super::body::{Execute, Occasion, Start};
use super::context::ServiceContext;
use crate::run::facts::error::Error;
use crate::run::facts::kept::Kept;

/// The body of a service that nobody needs: ready at once, with nothing, until it is asked to end.
#[derive(Default)]
pub(crate) struct Idle(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Execute for Idle {
    fn prepare(mut self: Pin<&mut Self>, start: &mut dyn Start) {
        let _ = start.kept(Kept::NotNeeded);
        let context = start.context();
        context.note(Kept::NotNeeded.to_string());
        self.0 = Some(Box::pin(context.cancelled()));
        ServiceContext::<()>::new(context, Arc::default()).ready(());
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        match &mut self.0 {
            Some(cancelled) => cancelled.as_mut().poll(cx).map(Ok),
            None => Poll::Pending,
        }
    }

    fn deliver(self: Pin<&mut Self>, _: Occasion, _: &mut dyn Any, _: u32) -> bool {
        false
    }

    fn clear(mut self: Pin<&mut Self>) {
        self.0 = None;
    }

    fn can_repeat(&self) -> bool {
        false
    }

    fn is_spent(&self) -> bool {
        self.0.is_none()
    }
}
