use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use super::body::{Execute, Occasion, Start};
use super::make::Make;
use super::simple::{Settle, Simple};
use crate::run::facts::error::Error;

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

/// The shutdown hook of a job: a body of its own, which the run of the hooks executes. Made by
/// [`Job::on_shutdown`](crate::Job::on_shutdown).
pub trait Hook: Execute {
    /// Whether there is one.
    #[doc(hidden)]
    const IS_SOME: bool;
}

/// A job without a shutdown hook.
#[derive(Debug)]
pub struct NoHook;

impl Hook for NoHook {
    const IS_SOME: bool = false;
}

impl Execute for NoHook {
    fn prepare(self: Pin<&mut Self>, _: &mut dyn Start) {}

    fn poll(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn deliver(self: Pin<&mut Self>, _: Occasion, _: &mut dyn Any, _: u32) -> bool {
        false
    }

    fn clear(self: Pin<&mut Self>) {}

    fn can_repeat(&self) -> bool {
        true
    }

    fn is_spent(&self) -> bool {
        true
    }
}

/// The end of a hook leaves no output.
#[derive(Debug)]
pub struct CleanUp;

impl<R: HookResult> Settle<R> for CleanUp {
    type Output = ();

    fn settle(result: R) -> (Option<()>, Result<(), Error>) {
        (None, result.into_result())
    }
}

impl<M: Make<Future: Future<Output: HookResult>>> Hook for Simple<M, CleanUp> {
    const IS_SOME: bool = true;
}
