use alloc::boxed::Box;

use crate::{Attempt, PoolId};

/// The body of an aborted attempt. One that is gone is not listed any more.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) attempt: Attempt,
    /// That of a finite job does, also when the job is removed.
    pub(super) takes_a_seat: bool,
    /// What it takes from pools.
    pub(super) pools: Box<[(PoolId, u32)]>,
    pub(super) stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its `Abort` is still among the signals.
    Leaving,
    /// Its `Abort` was the last signal, and nothing has been accepted since.
    JustPolled,
    /// The driver has said so.
    Away,
}
