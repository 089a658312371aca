use std::boxed::Box;
use std::sync::Arc;
use std::task::Poll;
use std::vec::Vec;

use super::reply::Reply;
use crate::orchestrator::{Attempt, Timestamp};
use crate::run::engine::attempt::Finished;
use crate::run::engine::engine::Engine;
use crate::run::engine::leftovers::{Disposed, Trash};
use crate::run::facts::bell::Bell;
use crate::run::facts::mailbox::Message;
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

impl Said {
    /// Whether its task has nothing to do until its job is woken.
    pub(super) fn is_of_who_waits(&self) -> bool {
        matches!(self, Self::Polled { polled: Poll::Pending, .. })
    }
}

/// What a task says whom others keep from saying it at once.
pub(super) struct Report {
    pub(super) said: Said,
    pub(super) now: Option<Timestamp>,
    /// All messages with lower numbers were posted before.
    pub(super) mail: usize,
    /// The stops that a job has asked for that was polled: they are to be heard after that.
    pub(super) held: Vec<Message>,
    /// Who waits for an answer.
    pub(super) taker: Option<(Arc<Reply<Decided<Answer>>>, Turn)>,
}

/// What follows for the one who has said something: whether it goes away, to come back when its job is woken,
/// and a body to be dropped in which nothing of the user's is left.
pub(super) type Heard = (bool, Option<Sendable>);

/// Somebody whose report was heard, and who waits for something to do.
pub(super) struct Taker {
    pub(super) reply: Arc<Reply<Decided<Answer>>>,
    pub(super) turn: Turn,
    /// A body to be dropped in which nothing of the user's is left.
    pub(super) spent: Option<Sendable>,
}

/// What a task has done in this turn of its.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    /// Where: the same for one thread at a time.
    pub(super) thread: usize,
    /// Whether it may go on at once; not if it has been busy for long.
    pub(super) at_once: bool,
    /// How many more facts it may tell observers.
    pub(super) may_tell: usize,
}

/// What a task is told: what to do next, and a body to be dropped in which nothing of the user's is left.
pub(super) type Answer = (Then, Option<Sendable>);

/// What was decided, and acted upon.
pub(super) struct Decided<T> {
    pub(super) decision: T,
    /// How many attempts had been aborted by then.
    pub(super) aborts: usize,
}

/// What somebody who decides does next.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Decider {
    /// Something else; it may look at the clock, or come back.
    #[default]
    GoesOn,
    /// It has a job in hand, trash, or facts. It does nothing before that may take long.
    Holds,
    /// Nothing: others have the thread.
    GoesAway,
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

impl Then {
    #[inline]
    pub(super) fn decider(&self) -> Decider {
        match self {
            Self::Poll(..) | Self::Dispose(_) | Self::Tell => Decider::Holds,
            Self::Again | Self::Unheard(_) => Decider::GoesOn,
            Self::Wait | Self::Yield | Self::End => Decider::GoesAway,
        }
    }
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
