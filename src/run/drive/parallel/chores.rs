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
    pub(super) wake: Vec<Bell>,
    /// What nobody else drops.
    pub(super) bells: Vec<Bell>,
    pub(super) contexts: Vec<Context>,
    pub(super) spent: Vec<Sendable>,
    pub(super) unheard: Vec<Said>,
}

impl Chores {
    pub(super) fn append(&mut self, mut other: Self) {
        self.spawn += other.spawn;
        self.wake.append(&mut other.wake);
        self.bells.append(&mut other.bells);
        self.contexts.append(&mut other.contexts);
        self.spent.append(&mut other.spent);
        self.unheard.append(&mut other.unheard);
    }
}
