use std::boxed::Box;
use std::task::Poll;
use std::vec::Vec;

use crate::orchestrator::{Attempt, Timestamp};
use crate::run::engine::attempt::Finished;
use crate::run::engine::engine::Engine;
use crate::run::engine::leftovers::{Disposed, Trash};
use crate::run::facts::bell::Bell;
use crate::run::job::context::Context;
use crate::run::job::payload::Sendable;

/// What a task has to say.
pub(super) enum Said {
    Nothing,
    /// It polled the body of an attempt. The bell is there if it is another one than last time.
    Polled {
        attempt: Attempt,
        body: Sendable,
        polled: Poll<Finished>,
        bell: Option<Bell>,
    },
    Disposed(Disposed<Sendable>),
    Told,
}

/// What a task has done in this turn of its.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    /// Whether it may go on at once; not if it has been busy for long.
    pub(super) at_once: bool,
    /// Whether it has just woken others, whom what it does next may keep waiting.
    pub(super) woke: bool,
    /// How many more facts it may tell observers.
    pub(super) may_tell: usize,
}

/// What it does next.
pub(super) enum Then {
    Poll(Attempt, Sendable),
    Dispose(Trash<Sendable>),
    Tell,
    /// It comes back once the chores are done, which may take long.
    Again,
    /// Its job goes on when that is woken.
    Wait,
    /// It goes on when it gets its next turn.
    Yield,
    End,
    /// The run is over, or was dropped: nobody hears what it had to say, which may hold values of the user's.
    Unheard(Box<Said>),
}

/// What the caller finds.
pub(super) enum Look {
    Over(Box<Engine<Sendable>>),
    /// Nobody else drops it, since the runtime takes no tasks.
    Dispose(Trash<Sendable>),
    /// Nor tells the observers.
    Tell,
    Wait(Option<Timestamp>),
    Unheard(Box<Said>),
}

/// What is to be done once the lock is released, in this order.
pub(super) struct Chores {
    /// How many attempts were aborted; one more if the run was closed.
    pub(super) aborted: usize,
    /// How many tasks are to be spawned.
    pub(super) spawn: usize,
    pub(super) wake: Vec<Bell>,
    pub(super) drop: (Vec<Bell>, Vec<Context>),
}
