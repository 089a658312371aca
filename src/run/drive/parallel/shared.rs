use std::boxed::Box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::said::Chores;
use super::state::State;
use crate::orchestrator::Attempt;
use crate::run::drive::act::drop_each;
use crate::run::drive::steady::Steady;
use crate::run::engine::engine::Engine;
use crate::run::facts::bell::Bell;
use crate::run::facts::lock::lock;
use crate::run::facts::observers::Observers;
use crate::run::facts::runtime::Spawn;
use crate::run::job::payload::Sendable;

/// What all tasks of a run share.
pub(super) struct Shared<S: Spawn> {
    /// Nobody has this lock but [`decide`](Self::decide), so no code of the user's runs under it.
    state: Mutex<State>,
    /// How many attempts were aborted; more if the run was dropped. It changes under the lock alone. Whoever
    /// took a body out when it was the same polls an attempt that is under way, or was an instant ago.
    aborts: AtomicUsize,
    pub(super) runtime: Steady<S>,
    /// Spawns a task, which runs code of the user's.
    spawn: fn(&Arc<Self>),
    pub(super) observers: Option<Arc<Observers>>,
}

/// What was decided, and acted upon.
pub(super) struct Decided<T> {
    pub(super) decision: T,
    /// How many attempts had been aborted by then.
    pub(super) aborts: usize,
    /// Whether anybody was woken.
    pub(super) woke: bool,
}

impl<S: Spawn> Shared<S> {
    pub(super) fn new(
        runtime: S,
        engine: Box<Engine<Sendable>>,
        spawn: fn(&Arc<Self>),
    ) -> Arc<Self> {
        let observers = engine.observers.clone();
        let (state, aborts) = (Mutex::new(State::new(engine)), AtomicUsize::new(0));
        Arc::new(Self { state, aborts, runtime: Steady::new(runtime), spawn, observers })
    }

    /// Decides under the lock, then acts without it. This is the only way to the state.
    #[expect(
        clippy::inline_always,
        reason = "one caller on the hot way: what is passed stays in registers"
    )]
    #[inline(always)]
    pub(super) fn decide<T>(self: &Arc<Self>, decide: impl FnOnce(&mut State) -> T) -> Decided<T> {
        let mut state = lock(&self.state);
        let decision = decide(&mut state);
        let chores = state.chores();
        if let Some(chores) = &chores {
            self.aborts.fetch_add(chores.aborted, Ordering::SeqCst);
        }
        let aborts = self.aborts.load(Ordering::SeqCst);
        drop(state);
        let woke = chores.is_some_and(|chores| self.act(chores));
        Decided { decision, aborts, woke }
    }

    /// Whether an attempt is under way whose body was taken out when so many had been aborted.
    #[inline]
    pub(super) fn is_under_way(self: &Arc<Self>, attempt: Attempt, aborts: usize) -> bool {
        self.aborts.load(Ordering::SeqCst) == aborts
            || self.decide(|state| state.owns(attempt)).decision
    }

    /// Whether anybody was woken.
    #[inline]
    fn act(self: &Arc<Self>, Chores { spawn, wake, drop, .. }: Chores) -> bool {
        for _ in 0..spawn {
            (self.spawn)(self);
        }
        let woke = !wake.is_empty();
        wake.into_iter().for_each(Bell::ring);
        drop_each(drop.1);
        woke
    }
}
