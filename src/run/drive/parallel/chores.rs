use std::boxed::Box;
use std::vec::Vec;

use super::said::Said;
use crate::run::facts::bell::Bell;
use crate::run::job::context::Context;
use crate::run::job::payload::Sendable;

/// What is to be done once the lock is released, in this order.
#[derive(Default)]
pub(super) struct Chores {
    /// How many tasks are to be spawned.
    pub(super) spawn: usize,
    /// What whoever has a job in hand leaves to others: it may take long.
    pub(super) rest: Option<Box<Rest>>,
    /// Whether whoever does it has nothing else to do afterwards.
    pub(super) goes_away: bool,
}

#[derive(Default)]
pub(super) struct Rest {
    /// Tasks of the run, and the one that awaits it.
    pub(super) ours: Vec<Bell>,
    /// Who waits for something that the run has answered.
    pub(super) theirs: Vec<Bell>,
    /// What nobody else drops.
    pub(super) bells: Vec<Bell>,
    pub(super) contexts: Vec<Context>,
    pub(super) spent: Vec<Sendable>,
    pub(super) unheard: Vec<Said>,
}

impl Chores {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.spawn == 0 && self.rest.is_none()
    }

    #[cold]
    pub(super) fn rest(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }

    #[cold]
    pub(super) fn append(&mut self, other: Self) {
        self.spawn += other.spawn;
        if let Some(mut other) = other.rest {
            let rest = self.rest();
            rest.ours.append(&mut other.ours);
            rest.theirs.append(&mut other.theirs);
            rest.bells.append(&mut other.bells);
            rest.contexts.append(&mut other.contexts);
            rest.spent.append(&mut other.spent);
            rest.unheard.append(&mut other.unheard);
        }
    }
}
