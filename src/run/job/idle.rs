use std::any::Any;
use std::pin::Pin;
use std::string::ToString as _;
use std::sync::Arc;
use std::task::{self, Poll};

use super::body::{Execute, Occasion, Start};
use super::context::ServiceContext;
use crate::run::facts::error::Error;
use crate::run::facts::kept::Kept;

/// The body of a service that nobody needs: ready at once, with nothing.
#[derive(Debug)]
pub(crate) struct Idle;

impl Execute for Idle {
    fn prepare(self: Pin<&mut Self>, start: &mut dyn Start) {
        let _ = start.kept(Kept::NotNeeded);
        let context = start.context();
        context.note(Kept::NotNeeded.to_string());
        ServiceContext::<()>::new(context, Arc::default()).ready(());
    }

    fn poll(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Pending
    }

    fn deliver(self: Pin<&mut Self>, _: Occasion, _: &mut dyn Any, _: u32) -> bool {
        false
    }

    fn clear(self: Pin<&mut Self>) {}

    fn can_repeat(&self) -> bool {
        false
    }

    fn is_spent(&self) -> bool {
        true
    }
}
