use std::boxed::Box;
use std::vec::Vec;

use super::said::{Chores, Look, Said, Then, Turn};
use crate::orchestrator::{Attempt, Timestamp};
use crate::run::engine::engine::Engine;
use crate::run::engine::leftovers::Trash;
use crate::run::facts::bell::Bell;
use crate::run::facts::quiet::Panic;
use crate::run::job::payload::{Payload, Sendable};

/// What the lock of a parallel run protects. Nothing here runs code of the user's: it decides, and what is
/// to be done is returned, or taken as [`Chores`] by whoever lets the lock go.
pub(super) struct State {
    /// `None` once the run is over or was dropped.
    pub(super) engine: Option<Box<Engine<Sendable>>>,
    /// By index of the job in the core, as far as there are any: the task of its attempt, which fetches the
    /// body each time that it is polled.
    shells: Vec<Option<Bell>>,
    /// How many tasks are busy under no lock: with a body, with trash, or with telling.
    out: usize,
    /// Whether a task tells the observers.
    telling: bool,
    /// How many tasks there are that will take whatever is to be done next: spawned and not polled yet, or
    /// waiting for their next turn.
    spares: usize,
    /// How many tasks are to be spawned.
    spawn: usize,
    /// Bells that others replaced.
    old_bells: Vec<Bell>,
    /// The runtime has dropped a task of a run that goes on: it takes no more.
    abandoned: bool,
    /// How many attempts were aborted that were not counted yet; the end of the run is one.
    aborted: usize,
    /// The task that decides just now goes on with something.
    claimed: bool,
    caller: Caller,
}

/// Whoever awaits the run.
#[derive(Default)]
struct Caller {
    bell: Option<Bell>,
    sleeps_until: Option<Timestamp>,
    knocked: bool,
}

impl State {
    pub(super) fn new(engine: Box<Engine<Sendable>>) -> Self {
        Self {
            engine: Some(engine),
            shells: Vec::new(),
            out: 0,
            telling: false,
            spares: 0,
            spawn: 0,
            old_bells: Vec::new(),
            abandoned: false,
            aborted: 0,
            claimed: false,
            caller: Caller::default(),
        }
    }

    /// Takes what the engine left beside trash.
    #[inline]
    pub(super) fn chores(&mut self) -> Option<Chores> {
        let left = |engine: &Engine<_>| engine.left.has_chores();
        let none = self.spawn == 0
            && self.old_bells.is_empty()
            && self.aborted == 0
            && !self.engine.as_deref().is_some_and(left)
            && (self.claimed || !self.is_knocked_for());
        if none {
            self.claimed = false;
            return None;
        }
        Some(self.all_chores())
    }

    fn all_chores(&mut self) -> Chores {
        let mut chores = Chores {
            aborted: std::mem::take(&mut self.aborted),
            spawn: std::mem::take(&mut self.spawn),
            wake: Vec::new(),
            drop: (std::mem::take(&mut self.old_bells), Vec::new()),
        };
        if let Some(engine) = &mut self.engine
            && engine.left.has_chores()
        {
            chores.wake = std::mem::take(&mut engine.left.wake);
            chores.drop.1 = std::mem::take(&mut engine.left.contexts);
            let aborted = std::mem::take(&mut engine.left.aborted);
            chores.aborted += aborted.len();
            for attempt in aborted {
                let shell = self.shells.get_mut(attempt.job.index()).and_then(Option::take);
                chores.wake.extend(shell);
            }
        }
        // Whoever has something to do leaves it to another one to knock, which may take long.
        if !std::mem::take(&mut self.claimed) && self.is_knocked_for() {
            chores.wake.extend(self.knock());
        }
        chores
    }

    /// Hears what a task has to say, and tells it what to do next.
    #[expect(
        clippy::inline_always,
        reason = "one caller on the hot way: what is passed stays in registers"
    )]
    #[inline(always)]
    pub(super) fn step(
        &mut self,
        said: Said,
        now: Option<Timestamp>,
        turn: Turn,
    ) -> (Then, Option<Sendable>) {
        let (waits, spent) = match self.hear(said, now) {
            Ok(heard) => heard,
            Err(said) => return (Then::Unheard(said), None),
        };
        let then = match self.engine.as_deref_mut() {
            _ if waits => Then::Wait,
            None => Then::End,
            Some(engine) if engine.left.has_chores() || self.caller.wants(engine) => Then::Again,
            Some(_) => self.next(turn),
        };
        self.claimed = matches!(then, Then::Poll(..) | Then::Dispose(_) | Then::Tell);
        self.ask_for_spares();
        if turn.woke && self.spawn == 0 && self.claimed {
            // A thread may keep the task that was woken last to itself until it is done; so that it does not
            // keep one of others, it gets one of ours.
            (self.spawn, self.spares) = (1, self.spares + 1);
        }
        (then, spent)
    }

    /// Whether the task waits for its job, and a body to be dropped in which nothing of the user's is left.
    /// What cannot be heard any more is returned, to be dropped without the lock.
    #[expect(
        clippy::inline_always,
        reason = "one caller on the hot way: what is passed stays in registers"
    )]
    #[inline(always)]
    fn hear(
        &mut self,
        said: Said,
        now: Option<Timestamp>,
    ) -> Result<(bool, Option<Sendable>), Box<Said>> {
        match &said {
            Said::Nothing => {}
            Said::Polled { .. } | Said::Disposed(_) => self.out -= 1,
            Said::Told => (self.out, self.telling) = (self.out - 1, false),
        }
        let Some(engine) = &mut self.engine else { return Err(Box::new(said)) };
        if let Some(now) = now {
            engine.set_now(now);
        }
        let (mut waiting, mut spent) = (None, None);
        match said {
            Said::Nothing | Said::Told => {}
            Said::Disposed(disposed) => engine.disposed(disposed),
            Said::Polled { attempt, body, polled, bell } => {
                waiting = polled.is_pending().then_some((attempt, bell));
                spent = engine.receive(attempt, body, polled);
            }
        }
        engine.hear();
        let Some((attempt, bell)) = waiting else { return Ok((false, spent)) };
        let waits = engine.is_under_way(attempt);
        match bell {
            Some(bell) if waits => self.keep_shell(attempt.job.index(), bell),
            bell => self.old_bells.extend(bell),
        }
        Ok((waits, spent))
    }

    fn keep_shell(&mut self, index: usize, bell: Bell) {
        if index >= self.shells.len() {
            self.shells.resize_with(index + 1, || None);
        }
        self.old_bells.extend(self.shells[index].replace(bell));
    }

    /// What is to be done next.
    #[expect(
        clippy::inline_always,
        reason = "one caller on the hot way: what is passed stays in registers"
    )]
    #[inline(always)]
    fn next(&mut self, turn: Turn) -> Then {
        if !turn.at_once && self.has_work() {
            self.spares += 1;
            return Then::Yield;
        }
        let Some(engine) = &mut self.engine else { return Then::End };
        let then = if let Some(trash) = engine.left.trash.pop_front() {
            Then::Dispose(trash)
        } else if turn.may_tell > 0 && !self.telling && engine.has_facts() {
            self.telling = true;
            Then::Tell
        } else if let Some((attempt, mut body)) = first(engine) {
            body.parts().0.prepare(&mut engine.beginning(&attempt));
            engine.tell();
            Then::Poll(attempt, body)
        } else if turn.may_tell == 0 && self.has_work() {
            // One who has told some lets others have their turn before the rest.
            self.spares += 1;
            return Then::Yield;
        } else {
            return Then::End;
        };
        self.out += 1;
        then
    }

    /// Whether there is something that the caller does where the runtime takes no tasks.
    fn leaves_work_to_caller(&self) -> bool {
        self.engine.as_deref().is_some_and(|engine| {
            !engine.left.trash.is_empty() || !self.telling && engine.has_facts()
        })
    }

    /// Whether a task that asks now would find something to do.
    fn has_work(&self) -> bool {
        self.engine
            .as_deref()
            .is_some_and(|engine| engine.core.has_ready_jobs() || self.caller.wants(engine))
            || self.leaves_work_to_caller()
    }

    /// Tasks are spawned while there is something to do, one more than there are busy ones. For a runtime
    /// may keep the last task that was spawned on a thread from the others until that thread is done with
    /// what it does.
    fn ask_for_spares(&mut self) {
        if !self.abandoned && self.has_work() {
            let missing = (self.out + 1).saturating_sub(self.spares);
            self.spawn += missing;
            self.spares += missing;
        }
    }

    /// A spare task is there. It is not counted on any more: it may take long before it asks for work.
    pub(super) fn arrive(&mut self) {
        self.spares -= 1;
    }

    /// Takes the body of an attempt out to be polled again, unless that is over.
    pub(super) fn fetch(&mut self, attempt: Attempt) -> Option<Sendable> {
        let body = self.engine.as_mut()?.fetch(attempt)?;
        self.out += 1;
        Some(body)
    }

    /// Whether an attempt is under way.
    pub(super) fn owns(&self, attempt: Attempt) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.is_under_way(attempt))
    }

    /// What the caller finds when it looks.
    pub(super) fn look(&mut self, said: Said, now: Option<Timestamp>, lost: Option<Panic>) -> Look {
        if let (Some(engine), Some(panic)) = (&mut self.engine, lost) {
            engine.lose_time(panic);
        }
        if let Err(said) = self.hear(said, now) {
            return Look::Unheard(said);
        }
        let Some(engine) = &mut self.engine else { return Look::Wait(None) };
        if self.abandoned
            && let Some(trash) = engine.left.trash.pop_front()
        {
            self.out += 1;
            return Look::Dispose(trash);
        }
        if self.abandoned && !self.telling && engine.has_facts() {
            (self.out, self.telling) = (self.out + 1, true);
            return Look::Tell;
        }
        if !self.is_over() {
            self.ask_for_spares();
            let deadline = self.engine.as_ref().and_then(|engine| engine.core.next_deadline());
            self.caller.sleeps_until = deadline;
            return Look::Wait(deadline);
        }
        // The tasks are ended when the caller closes the run.
        self.engine.take().map_or(Look::Wait(None), Look::Over)
    }

    /// Lets go of the engine. The tasks that wait for their jobs are to be woken after it was dropped, so
    /// that they end.
    pub(super) fn close(&mut self) -> (Option<Box<Engine<Sendable>>>, Vec<Bell>) {
        self.aborted += 1;
        (self.engine.take(), self.shells.drain(..).flatten().collect())
    }

    /// The runtime dropped a task, and takes no more: what is left of the run is aborted.
    pub(super) fn abandon(
        &mut self,
        held: Option<Attempt>,
    ) -> Result<Option<Trash<Sendable>>, Box<Said>> {
        if held.is_none() {
            self.spares -= 1;
        }
        self.abandoned = true;
        if let Some(engine) = &mut self.engine {
            engine.stop_at_once();
        }
        self.disposed_of_abandoned(Said::Nothing)
    }

    /// What a run leaves to be dropped whose runtime is gone.
    pub(super) fn disposed_of_abandoned(
        &mut self,
        said: Said,
    ) -> Result<Option<Trash<Sendable>>, Box<Said>> {
        self.hear(said, None)?;
        let trash = self.engine.as_mut().and_then(|engine| engine.left.trash.pop_front());
        self.out += usize::from(trash.is_some());
        Ok(trash)
    }

    /// Keeps the caller's bell. Whether there is something for it to do.
    pub(super) fn watch(&mut self, bell: Bell) -> bool {
        self.old_bells.extend(self.caller.bell.replace(bell));
        std::mem::take(&mut self.caller.knocked)
    }

    /// Whether the run has a verdict, and nobody is busy with it.
    fn is_over(&self) -> bool {
        self.out == 0
            && self.engine.as_ref().is_some_and(|engine| engine.is_over() && !engine.has_facts())
    }

    /// Whether there is something for the caller to do.
    fn is_knocked_for(&self) -> bool {
        self.engine.as_ref().is_some_and(|engine| self.caller.wants(engine))
            || self.is_over()
            || self.abandoned && self.leaves_work_to_caller()
    }

    /// The caller's bell.
    fn knock(&mut self) -> Option<Bell> {
        self.caller.knocked = true;
        self.caller.sleeps_until = self.engine.as_ref()?.core.next_deadline();
        self.caller.bell.take()
    }
}

/// The first attempt that starts and has a body.
#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
fn first(engine: &mut Engine<Sendable>) -> Option<(Attempt, Sendable)> {
    loop {
        let attempt = engine.hand_out()?;
        if let Some(body) = engine.take_body(&attempt) {
            return Some((attempt, body));
        }
    }
}

impl Caller {
    /// Whether a deadline comes earlier than the one that it sleeps until.
    fn wants(&self, engine: &Engine<Sendable>) -> bool {
        match (engine.core.next_deadline(), self.sleeps_until) {
            (Some(deadline), Some(sleeps_until)) => deadline < sleeps_until,
            (deadline, None) => deadline.is_some(),
            (None, Some(_)) => false,
        }
    }
}
