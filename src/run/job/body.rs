use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
#[cfg(feature = "journal")]
use std::sync::Mutex;
use std::task::{self, Poll};
use std::vec::Vec;

use super::context::Context;
#[cfg(feature = "journal")]
use super::keep::{Keep, Recorded};
#[cfg(feature = "journal")]
use crate::orchestrator::JobName;
use crate::run::facts::error::Error;
use crate::run::facts::fact::JobInfo;
use crate::run::facts::handle::Key;
#[cfg(feature = "journal")]
use crate::run::facts::kept::Kept;
use crate::run::facts::missing::Missing;
use crate::run::facts::run_error::RunError;

/// What a job does, before it is added to a graph. Made by the constructors of [`Job`](crate::Job).
///
/// Name it in signatures as `Job<impl Body<Output = u32>>`, with `+ Send` where it has to be.
pub trait Body: Execute {
    /// What the job leaves behind: what it returns when it succeeds, what a service is ready with, the
    /// report of a nested graph.
    type Output: 'static;

    /// The constructor to use in place of the one that was, if the output is a `Result` whose `Err` would pass
    /// for a success.
    #[doc(hidden)]
    #[must_use]
    fn mistaken() -> Option<&'static str> {
        None
    }
}

/// A body that can be executed any number of times, so that its job can be retried.
#[diagnostic::on_unimplemented(
    message = "this job can be attempted only once",
    note = "make it with `Job::repeat` or one of its kin, which call a closure for each attempt"
)]
pub trait Repeat: Body {}

/// A body as the drivers see it: any attempt of it, without its types.
///
/// `prepare` and `deliver` run none of the user's code, so they may be called under a lock; `poll` and
/// `clear` do, and so does the `Drop` of a body that is not spent.
pub trait Execute {
    /// Gathers what the next attempt needs.
    #[doc(hidden)]
    fn prepare(self: Pin<&mut Self>, start: &mut dyn Start);

    /// Gathers, and polls for the first time.
    #[doc(hidden)]
    fn poll_first(
        mut self: Pin<&mut Self>,
        start: &mut dyn Start,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(), Error>> {
        self.as_mut().prepare(start);
        self.poll(cx)
    }

    /// Goes on with the attempt. When that ends, all of it is dropped in here but its output, which stays
    /// inside until it is delivered.
    #[doc(hidden)]
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>>;

    /// Moves the output, if there is one for this occasion, to its slot in the column of its type. Whether
    /// it replaced another one there.
    #[doc(hidden)]
    fn deliver(self: Pin<&mut Self>, occasion: Occasion, column: &mut dyn Any, slot: u32) -> bool;

    /// Drops what is left of the attempt.
    #[doc(hidden)]
    fn clear(self: Pin<&mut Self>);

    /// Whether another attempt can be made at any time.
    #[doc(hidden)]
    fn can_repeat(&self) -> bool;

    /// The jobs whose outputs it is fed.
    #[doc(hidden)]
    fn feeders(&self, _: &mut dyn FnMut(Key)) {}

    /// Whether nothing of the user's is left in it.
    #[doc(hidden)]
    fn is_spent(&self) -> bool;

    /// Takes what is recorded for its output, if it can be read. Runs code of the user's.
    #[cfg(feature = "journal")]
    #[doc(hidden)]
    fn restore(self: Pin<&mut Self>, _: &Recorded) -> bool {
        false
    }

    /// The graph that it is, if that has not begun.
    #[doc(hidden)]
    fn inside(&self) -> Option<&dyn Inside> {
        None
    }
}

/// A graph that is a job, and has not begun. Displays as its listing.
pub trait Inside: fmt::Display {
    #[doc(hidden)]
    fn is_blank(&self) -> bool;
    #[doc(hidden)]
    fn outline(&self) -> Vec<Arc<JobInfo>>;
    #[doc(hidden)]
    fn problems(&self) -> Vec<RunError>;

    /// The keys of the durable jobs in it, and in graphs inside, that are to be kept by whoever keeps those around; of one
    /// to which there is no path, the name.
    #[cfg(feature = "journal")]
    #[doc(hidden)]
    fn durables(&self, path: &str, take: &mut TakeKey<'_>);
}

/// Takes a durable job and its key; or a job inside which there are such, and to which there is no path.
#[cfg(feature = "journal")]
pub(crate) type TakeKey<'a> = dyn FnMut(Result<(JobName, std::string::String), JobName>) + 'a;

/// Why an output is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// A service is ready.
    Ready,
    /// The attempt has succeeded.
    Succeeded,
    /// It has ended otherwise.
    Failed,
}

/// Where a body finds what its next attempt needs.
pub trait Start {
    /// The column and slot of the output of a job that it requires.
    #[doc(hidden)]
    fn output(&mut self, key: Key) -> Option<(&mut dyn Any, u32)>;

    /// Why a job that has been settled left nothing behind, if so.
    #[doc(hidden)]
    fn missing(&self, key: Key) -> Option<Missing>;

    /// What the attempt sees of its run.
    #[doc(hidden)]
    fn context(&mut self) -> Context;

    /// How its output is kept for another run, if it is.
    #[cfg(feature = "journal")]
    #[doc(hidden)]
    fn keep(&mut self) -> Option<Arc<Keep>>;

    /// Says what that has come to.
    #[cfg(feature = "journal")]
    #[doc(hidden)]
    fn kept(&mut self, kept: Kept) -> Arc<Mutex<Kept>>;
}
