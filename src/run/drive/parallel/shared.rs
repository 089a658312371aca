use std::boxed::Box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};

use super::chores::{Chores, Rest};
use super::combine::{Combine, Waited};
use super::reply::Reply;
use super::said::{Answer, Decided, Decider, Report, Said, Then, Turn};
use super::state::State;
use crate::orchestrator::{Attempt, Timestamp};
use crate::run::drive::act::drop_each;
use crate::run::drive::steady::Steady;
use crate::run::engine::engine::Engine;
use crate::run::facts::bell::Bell;
use crate::run::facts::mailbox::Mailbox;
use crate::run::facts::observers::Observers;
use crate::run::facts::quiet::caught;
use crate::run::facts::runtime::Spawn;
use crate::run::job::payload::Sendable;

/// What all tasks of a run share.
pub(super) struct Shared<S: Spawn> {
    /// Nobody gets at the state but this file, so no code of the user's runs under its lock.
    combine: Combine<State, Report>,
    /// [`State::aborts`], for those who have not the lock. It changes under the lock alone. Whoever took a
    /// body out when it was the same polls an attempt that is under way, or was an instant ago.
    aborts: AtomicUsize,
    pub(super) runtime: Steady<S>,
    /// Spawns a task, which runs code of the user's.
    spawn: fn(&Arc<Self>),
    pub(super) observers: Option<Arc<Observers>>,
    pub(super) knows_who_adds: bool,
    pub(super) mailbox: Arc<Mailbox>,
}

impl<S: Spawn> Shared<S> {
    pub(super) fn new(
        runtime: S,
        engine: Box<Engine<Sendable>>,
        spawn: fn(&Arc<Self>),
    ) -> Arc<Self> {
        Arc::new(Self {
            aborts: AtomicUsize::new(0),
            runtime: Steady::new(runtime),
            spawn,
            observers: engine.observers.clone(),
            knows_who_adds: engine.knows_who_adds,
            mailbox: Arc::clone(&engine.mailbox),
            combine: Combine::new(State::new(engine)),
        })
    }

    /// Decides under the lock, after all that was reported, then acts without it.
    pub(super) fn decide<T>(self: &Arc<Self>, decide: impl FnOnce(&mut State) -> T) -> Decided<T> {
        self.decide_inside(self.combine.enter(), |state, _| {
            state.catch_up();
            decide(state)
        })
    }

    /// Decides under the lock, with what is said itself: it is told the number below which all messages were
    /// posted before.
    pub(super) fn hear<T>(self: &Arc<Self>, decide: impl FnOnce(&mut State, usize) -> T) -> T {
        self.decide_inside(self.combine.enter(), decide).decision
    }

    /// The clock panicked in a task.
    #[cold]
    pub(super) fn lose_time(self: &Arc<Self>) {
        if let Some(panic) = self.runtime.take_panic() {
            // Where the run is gone, what it panicked with is dropped here, under no lock.
            self.decide(|state| state.lose_time_in_task(panic.clone()));
        }
    }

    /// Says something, and returns what to do next. Does not wait for the lock: somebody else decides then.
    #[expect(
        clippy::inline_always,
        reason = "one caller on the hot way: what is passed stays in registers"
    )]
    #[inline(always)]
    pub(super) fn say(
        self: &Arc<Self>,
        said: Said,
        now: Option<Timestamp>,
        turn: Turn,
    ) -> Decided<Answer> {
        match self.combine.try_enter() {
            Some(inside) => {
                self.decide_inside(inside, |state, mail| state.step(said, now, mail, turn))
            }
            None => self.report(said, now, turn),
        }
    }

    #[cold]
    fn report(self: &Arc<Self>, said: Said, now: Option<Timestamp>, turn: Turn) -> Decided<Answer> {
        let (mail, held) = (self.mailbox.posted(), self.mailbox.take_held());
        let go_away = |then| Decided { decision: (then, None), aborts: 0 };
        if said.is_of_who_waits() {
            self.combine.push(Report { said, now, mail, held, taker: None });
            if let Some(inside) = self.combine.leave_behind() {
                self.decide_inside(inside, |state, _| state.catch_up());
            }
            return go_away(Then::Wait);
        }
        let reply = Arc::new(Reply::new());
        let taker = Some((Arc::clone(&reply), turn));
        self.combine.push(Report { said, now, mail, held, taker });
        match self.combine.wait(&reply) {
            Waited::Answered(answer) => answer,
            Waited::Left => go_away(Then::End),
            Waited::Entered(inside) => match reply.withdraw() {
                None => self.decide_inside(inside, |state, mail| {
                    state.step(Said::Nothing, now, mail, turn)
                }),
                Some(answer) => {
                    self.decide_inside(inside, |state, _| {
                        state.catch_up();
                        state.hold();
                    });
                    answer
                }
            },
        }
    }

    /// Whether an attempt is under way whose body was taken out when so many had been aborted.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    pub(super) fn is_under_way(self: &Arc<Self>, attempt: Attempt, aborts: usize) -> bool {
        self.aborts.load(Ordering::SeqCst) == aborts || self.owns(attempt)
    }

    #[cold]
    fn owns(self: &Arc<Self>, attempt: Attempt) -> bool {
        let owns = |state: &mut State| {
            state.hold();
            state.owns(attempt)
        };
        self.decide(owns).decision
    }

    /// The only way to the state.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn decide_inside<T>(
        self: &Arc<Self>,
        mut inside: MutexGuard<'_, State>,
        decide: impl FnOnce(&mut State, usize) -> T,
    ) -> Decided<T> {
        // What was posted after a report that is not taken now has no number below this one.
        let mail = self.mailbox.posted();
        self.combine.take(&mut inside.reports);
        let decision = decide(&mut inside, mail);
        let aborts = inside.aborts;
        let chores = self.leave(inside);
        if !chores.is_empty() {
            self.act(chores);
        }
        Decided { decision, aborts }
    }

    /// Lets the lock go, and looks whether that leaves somebody behind.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn leave(self: &Arc<Self>, mut inside: MutexGuard<'_, State>) -> Chores {
        let (is_alone, decider) = (inside.is_alone(), inside.decider);
        let chores = self.take_chores(&mut inside);
        if !is_alone && self.combine.leave(inside) {
            return self.look_again(chores, decider);
        }
        chores
    }

    #[cold]
    fn look_again(self: &Arc<Self>, mut chores: Chores, decider: Decider) -> Chores {
        while let Some(mut inside) = self.combine.enter_if_free() {
            self.combine.take(&mut inside.reports);
            inside.catch_up();
            inside.decider = decider;
            inside.ask_for_spare();
            chores.append(self.take_chores(&mut inside));
            if !self.combine.leave(inside) {
                break;
            }
        }
        chores
    }

    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn take_chores(&self, inside: &mut State) -> Chores {
        let chores = inside.take_chores();
        if self.aborts.load(Ordering::Relaxed) != inside.aborts {
            self.aborts.store(inside.aborts, Ordering::SeqCst);
        }
        chores
    }

    /// What is spawned or woken is not to wait for what may take long: code of the user's, or a poll.
    #[cold]
    fn act(self: &Arc<Self>, Chores { spawn, rest, goes_away }: Chores) {
        let mut stirred = spawn > 0;
        for _ in 0..spawn {
            (self.spawn)(self);
        }
        if let Some(rest) = rest {
            let Rest { ours, theirs, bells, contexts, spent, unheard } = *rest;
            stirred |= !ours.is_empty();
            ours.into_iter().for_each(Bell::ring);
            if stirred {
                self.publish();
            }
            stirred = !theirs.is_empty();
            theirs.into_iter().for_each(Bell::ring);
            drop(bells);
            drop_each(contexts);
            drop_each(spent);
            drop_each(unheard);
        }
        if stirred && !goes_away {
            self.publish();
        }
    }

    /// Lets other threads have what this one has spawned or woken.
    fn publish(&self) {
        drop(caught(|| self.runtime.clock.publish()));
    }
}
