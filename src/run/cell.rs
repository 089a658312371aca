use super::context::Context;
use super::payload::Payload;
use super::quiet::{Quiet, caught, drop_quietly};
use crate::Attempt;

/// The body of a job, and what its running attempt sees of the run, if it asked.
pub(crate) struct Cell<P> {
    pub(crate) body: Option<P>,
    pub(super) context: Option<Context>,
}

impl<P> Cell<P> {
    pub(crate) const fn new(body: Option<P>) -> Self {
        Self { body, context: None }
    }
}

/// The cells of a graph. Whatever the bodies' `Drop` does, all of them are dropped.
pub(crate) type Cells<P> = Quiet<Cell<P>>;

/// A body whose attempt is over.
pub(crate) struct Retired<P> {
    pub(crate) attempt: Attempt,
    pub(crate) cell: usize,
    pub(crate) body: P,
    /// Whether it goes back to its cell, without what is left of the attempt.
    pub(crate) keep: bool,
}

impl<P: Payload> Retired<P> {
    /// Drops the body, or what is left of the attempt in it. Runs code of the user's.
    pub(crate) fn dispose(mut self) -> Option<(Attempt, usize, P)> {
        if !self.keep {
            drop_quietly(self.body);
            return None;
        }
        let _ = caught(|| self.body.body().clear());
        Some((self.attempt, self.cell, self.body))
    }
}
