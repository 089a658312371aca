use std::boxed::Box;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::vec::Vec;

use crate::orchestrator::{Attempt, Signal, Timestamp};
use crate::run::engine::attempt::Finished;
use crate::run::engine::cells::Retired;
use crate::run::engine::engine::Engine;
use crate::run::job::payload::Sendable;

/// What the lock of a parallel run protects.
pub(super) struct State {
    /// `None` once the run is over or was dropped.
    pub(super) engine: Option<Box<Engine<Sendable>>>,
    /// By index of the job, as far as there are any.
    pub(super) shells: Vec<Shell>,
    /// How many bodies are being polled, or dropped in order to come back.
    pub(super) out: usize,
    pub(super) leaving: Arc<Leaving>,
    /// Whether a task obeys signals: the others leave that to it, and start nothing.
    pub(super) obeying: bool,
    /// How many tasks there are that will take whatever starts next: spawned and not polled yet, or
    /// waiting for their next turn.
    pub(super) spares: usize,
    /// Attempts that were handed out while their body was away for the one before.
    returned: VecDeque<Ticket>,
    pub(super) caller: Caller,
}

/// The bodies of completed jobs that are being dropped, which needs no lock.
#[derive(Default)]
pub(super) struct Leaving {
    bodies: AtomicUsize,
    /// Whether the run waits for nothing else.
    awaited: AtomicBool,
}

impl Leaving {
    pub(super) fn begin(&self) {
        self.bodies.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether the end of the run waited for this.
    pub(super) fn end(&self) -> bool {
        self.bodies.fetch_sub(1, Ordering::SeqCst) == 1 && self.awaited.load(Ordering::SeqCst)
    }

    fn are_none(&self) -> bool {
        // Whoever ends the last one after this load sees that it is awaited.
        self.awaited.store(true, Ordering::SeqCst);
        self.bodies.load(Ordering::SeqCst) == 0
    }
}

/// Who waits for the job with an index.
#[derive(Default)]
pub(super) struct Shell {
    /// The task of its attempt. It fetches the body each time that it is polled.
    pub(super) waker: Option<Waker>,
    /// The next attempt, while the body is away for the one before.
    next: Option<Attempt>,
}

impl Shell {
    fn keep(&mut self, waker: &Waker) {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.waker = Some(waker.clone());
        }
    }
}

/// Whoever awaits the run.
#[derive(Default)]
pub(super) struct Caller {
    pub(super) waker: Option<Waker>,
    pub(super) sleeps_until: Option<Timestamp>,
    pub(super) knocked: bool,
}

/// What is left to do once the lock is released.
#[derive(Default)]
pub(super) struct Chores {
    /// How many tasks.
    pub(super) spawn: usize,
    pub(super) wake: Vec<Waker>,
    pub(super) drop: Vec<Sendable>,
}

/// An attempt, of a job or of its hook.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) attempt: Attempt,
    pub(super) hook: bool,
}

/// A body that was taken out to be polled, and how many attempts had been aborted then.
pub(super) struct Taken {
    pub(super) ticket: Ticket,
    pub(super) body: Sendable,
    pub(super) aborts: usize,
}

impl State {
    pub(super) fn new(engine: Box<Engine<Sendable>>) -> Self {
        Self {
            engine: Some(engine),
            shells: Vec::new(),
            out: 0,
            leaving: Arc::default(),
            obeying: false,
            spares: 0,
            returned: VecDeque::new(),
            caller: Caller::default(),
        }
    }

    /// Whether the run has a verdict, and every body is back.
    pub(super) fn is_over(&self) -> bool {
        self.engine.as_ref().is_some_and(|engine| self.is_over_in(engine))
    }

    pub(super) fn is_over_in(&self, engine: &Engine<Sendable>) -> bool {
        let over = self.out == 0 && !self.obeying && engine.core.verdict().is_some();
        over && self.leaving.are_none()
    }

    pub(super) fn begin_hooks(&mut self, now: Timestamp) -> bool {
        let begun = self.engine.as_mut().is_some_and(|engine| engine.begin_hooks(now));
        if begun {
            self.shells.iter_mut().for_each(|shell| shell.next = None);
        }
        begun
    }

    pub(super) fn read_mail(&mut self, now: Timestamp) {
        if let Some(engine) = &mut self.engine {
            engine.read_mail(now);
            engine.pass_time(now);
        }
    }

    pub(super) fn next_signal(&mut self, now: Timestamp) -> Option<Signal> {
        self.engine.as_mut()?.next_signal(now)
    }

    pub(super) fn shell_of(&mut self, attempt: Attempt) -> Option<&mut Shell> {
        let index = self.engine.as_ref()?.index(attempt)?;
        self.shells.get_mut(index)
    }

    fn shell_mut(&mut self, index: usize) -> &mut Shell {
        if index >= self.shells.len() {
            self.shells.resize_with(index + 1, Shell::default);
        }
        &mut self.shells[index]
    }

    /// Hands out the next attempt that may start, and takes its body out to be polled.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<(Ticket, Sendable)> {
        if self.obeying {
            return None;
        }
        while let Some(ticket) = self.returned.pop_front() {
            if let Some(mut body) = self.fetch(ticket) {
                self.engine.as_mut()?.prepare(ticket.attempt, &mut body);
                return Some((ticket, body));
            }
        }
        loop {
            let engine = self.engine.as_mut()?;
            let attempt = engine.hand_out(now)?;
            let Some(index) = engine.index(attempt) else { continue };
            if let Some(mut body) = engine.cells.take(index) {
                engine.prepare(attempt, &mut body);
                self.out += 1;
                return Some((Ticket { attempt, hook: engine.hooks.is_some() }, body));
            }
            // A body that is away for the attempt before starts when it is back.
            self.shell_mut(index).next = Some(attempt);
        }
    }

    /// Whether a task that asks now would find something to start.
    pub(super) fn has_ready_jobs(&self) -> bool {
        let ready = |engine: &Engine<_>| !self.returned.is_empty() || engine.core.has_ready_jobs();
        !self.obeying && self.engine.as_deref().is_some_and(ready)
    }

    /// How many more tasks have to be spawned to take what may start: one more than there are bodies
    /// that are being polled or dropped. For a runtime may keep the last task that was spawned on a thread
    /// from the others until that thread is done with what it does.
    pub(super) fn missing_spares(&mut self) -> usize {
        if !self.has_ready_jobs() {
            return 0;
        }
        let busy = self.out + self.leaving.bodies.load(Ordering::SeqCst);
        let missing = (busy + 1).saturating_sub(self.spares);
        self.spares += missing;
        missing
    }

    /// What is to be done once the lock is released, after something has happened. Whoever is woken is not
    /// to wait for what this thread goes on with: one more task is spawned after it, which the thread keeps
    /// to itself instead.
    pub(super) fn leave_chores(&mut self, chores: &mut Chores, goes_on: bool) {
        self.tell();
        chores.spawn = self.missing_spares();
        chores.wake.extend(self.knock());
        if goes_on && !chores.wake.is_empty() && chores.spawn == 0 {
            chores.spawn = 1;
            self.spares += 1;
        }
    }

    /// Whether there is anything to dispose of, to read, to fire, to obey or to tell.
    #[inline]
    pub(super) fn has_news(&self, now: Timestamp) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.has_news(now))
    }

    pub(super) fn tell(&mut self) {
        if let Some(engine) = &mut self.engine {
            engine.tell();
        }
    }

    /// Bodies that are away until they are disposed of.
    pub(super) fn lend_retired(&mut self) -> Vec<Retired<Sendable>> {
        let Some(engine) = &mut self.engine else { return Vec::new() };
        let retired = std::mem::take(&mut engine.retired);
        self.out += retired.len();
        retired
    }

    /// A body is back; the next attempt of its job may be waiting for it.
    pub(super) fn restore(&mut self, index: usize, body: Sendable, chores: &mut Chores) {
        let Some(engine) = &mut self.engine else {
            chores.drop.push(body);
            return;
        };
        engine.cells.put_back(index, body);
        let Some(attempt) = self.shells.get_mut(index).and_then(|shell| shell.next.take()) else {
            return;
        };
        if engine.core.is_under_way(attempt) {
            self.returned.push_back(Ticket { attempt, hook: engine.hooks.is_some() });
        } else {
            // It was aborted while its body was away.
            let retired = engine.retire(attempt);
            engine.retired.extend(retired);
        }
    }

    /// Takes a body out to be polled, unless the attempt is over.
    pub(super) fn fetch(&mut self, ticket: Ticket) -> Option<Sendable> {
        if !self.owns(ticket) {
            return None;
        }
        let body = self.engine.as_mut()?.fetch(ticket.attempt)?;
        self.out += 1;
        Some(body)
    }

    /// Whether an attempt is under way.
    pub(super) fn owns(&self, Ticket { attempt, hook }: Ticket) -> bool {
        let Some(engine) = &self.engine else { return false };
        hook == engine.hooks.is_some() && engine.core.is_under_way(attempt)
    }

    /// Takes a body back, with how its poll ended. Returns it if it is to be dropped without the lock.
    pub(super) fn receive(
        &mut self,
        Ticket { attempt, hook }: Ticket,
        body: Sendable,
        polled: Poll<Finished>,
        now: Timestamp,
        waker: &Waker,
    ) -> Option<Sendable> {
        self.out -= 1;
        let pending = polled.is_pending();
        let under_way = pending && self.owns(Ticket { attempt, hook });
        let index = self.engine.as_ref().and_then(|engine| engine.index(attempt));
        let (Some(engine), Some(index)) = (&mut self.engine, index) else {
            return Some(body);
        };
        let mut retired = engine.receive(attempt, body, polled, now);
        if under_way {
            self.shell_mut(index).keep(waker);
            return None;
        }
        if pending {
            retired = engine.retire(attempt);
        }
        let retired = retired?;
        if retired.keep {
            engine.retired.push(retired);
            return None;
        }
        Some(retired.body)
    }

    /// The caller's waker, if there is something for it to do.
    pub(super) fn knock(&mut self) -> Option<Waker> {
        let deadline = self.engine.as_ref().and_then(|engine| engine.core.next_deadline());
        let earlier = match (deadline, self.caller.sleeps_until) {
            (Some(deadline), Some(sleeps_until)) => deadline < sleeps_until,
            (deadline, None) => deadline.is_some(),
            (None, Some(_)) => false,
        };
        if !earlier && !self.is_over() {
            return None;
        }
        self.caller.knocked = true;
        self.caller.waker.take()
    }
}
