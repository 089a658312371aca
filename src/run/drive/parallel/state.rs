use std::boxed::Box;
use std::vec::Vec;

use super::caller::Caller;
use super::chores::Chores;
use super::said::{Answer, Decider, Heard, Report, Said, Taker, Then, Turn};
use crate::orchestrator::{Attempt, Timestamp};
use crate::run::engine::engine::Engine;
use crate::run::facts::bell::Bell;
use crate::run::facts::mailbox::{Mailbox, Message};
use crate::run::job::payload::{Payload, Sendable};

/// So often in a row a thread decides for itself alone, if others wait meanwhile.
const ROW: u32 = 32;

/// What the lock of a parallel run protects. Nothing here runs code of the user's: it decides, and what is
/// to be done is returned, or taken as [`Chores`] by whoever lets the lock go.
pub(super) struct State {
    /// `None` once the run is over or was dropped.
    pub(super) engine: Option<Box<Engine<Sendable>>>,
    /// What was reported and is to be heard now.
    pub(super) reports: Vec<Report>,
    /// Who has reported something and is to be answered.
    pub(super) takers: Vec<Taker>,
    /// The thread that decided last, and how often in a row while others waited.
    last: (usize, u32),
    /// By index of the job in the core, as far as there are any: the task of its attempt, which fetches the
    /// body each time that it is polled.
    pub(super) shells: Vec<Option<Bell>>,
    /// How many tasks are busy under no lock: with a body, with trash, or with telling. One is until what it
    /// has to report of that is heard.
    pub(super) out: usize,
    /// Whether a task tells the observers.
    pub(super) telling: bool,
    /// How many tasks there are that will take whatever is to be done next: spawned and not heard of yet, or
    /// waiting for their next turn.
    spares: usize,
    /// How many attempts were aborted; one more if the run was closed.
    pub(super) aborts: usize,
    /// The runtime has dropped a task of a run that goes on: it takes no more.
    pub(super) abandoned: bool,
    /// What whoever decides just now does next.
    pub(super) decider: Decider,
    /// What is to be done once the lock is released.
    pub(super) chores: Chores,
    pub(super) caller: Caller,
}

impl State {
    pub(super) fn new(engine: Box<Engine<Sendable>>) -> Self {
        Self {
            engine: Some(engine),
            reports: Vec::new(),
            takers: Vec::new(),
            last: (0, 0),
            shells: Vec::new(),
            out: 0,
            telling: false,
            spares: 0,
            aborts: 0,
            abandoned: false,
            decider: Decider::default(),
            chores: Chores::default(),
            caller: Caller::default(),
        }
    }

    /// Takes what is to be done by whoever decides, but trash and facts.
    #[expect(
        clippy::inline_always,
        reason = "one caller on the hot way: what is passed stays in registers"
    )]
    #[inline(always)]
    pub(super) fn take_chores(&mut self) -> Chores {
        let decider = std::mem::take(&mut self.decider);
        if decider == Decider::Holds && self.has_others() {
            return Chores { spawn: std::mem::take(&mut self.chores.spawn), ..Chores::default() };
        }
        if self.is_knocked_for() {
            let bell = self.caller.knock(self.engine.as_deref());
            self.chores.rest().ours.extend(bell);
        }
        self.gather();
        let goes_away = decider == Decider::GoesAway;
        Chores { goes_away, ..std::mem::take(&mut self.chores) }
    }

    /// Whether nobody else has anything to report, nor will have without going inside before. All that has
    /// counts as busy, but who says nothing, and that may be left unheard.
    #[inline]
    pub(super) fn is_alone(&self) -> bool {
        self.out <= usize::from(self.decider == Decider::Holds)
    }

    /// What the engine has left, beside trash and facts.
    #[inline]
    pub(super) fn gather(&mut self) {
        if self.engine.as_deref().is_some_and(|engine| engine.left.has_chores()) {
            self.gather_all();
        }
    }

    #[cold]
    fn gather_all(&mut self) {
        let Some(engine) = &mut self.engine else { return };
        let (wake, contexts) = (&mut engine.left.wake, &mut engine.left.contexts);
        let rest = self.chores.rest();
        rest.theirs.append(wake);
        rest.contexts.append(contexts);
        let aborted = std::mem::take(&mut engine.left.aborted);
        self.aborts += aborted.len();
        for attempt in aborted {
            let shell = self.take_shell(attempt);
            self.chores.rest().ours.extend(shell);
        }
    }

    /// Hears what a task has to say, and tells it what to do next.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    pub(super) fn step(
        &mut self,
        said: Said,
        now: Option<Timestamp>,
        mail: usize,
        turn: Turn,
    ) -> Answer {
        let heard = self.hear(said, now, mail, true);
        if !self.takers.is_empty() && !self.makes_wait(turn) {
            self.answer_takers();
        }
        let (then, spent) = match heard {
            Ok((true, spent)) => (Then::Wait, spent),
            Ok((false, spent)) => (self.next_or_chores(turn), spent),
            Err(said) => (Then::Unheard(said), None),
        };
        self.decider = then.decider();
        self.ask_for_spare();
        (then, spent)
    }

    /// Whether this thread goes on by itself while others wait. It does for a while if it comes again and again,
    /// which it does if its jobs are short: to hand one to another thread takes longer than to do it.
    #[cold]
    fn makes_wait(&mut self, turn: Turn) -> bool {
        let (last, row) = self.last;
        let goes_on = last == turn.thread && row < ROW;
        self.last = (turn.thread, if goes_on { row + 1 } else { 0 });
        goes_on
    }

    /// Hears what was reported and what is said, in this order, and lets time pass. What is said may be of a job
    /// that this thread has polled, and that has asked for stops. What cannot be heard any more is
    /// returned, to be dropped without the lock.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    pub(super) fn hear(
        &mut self,
        said: Said,
        now: Option<Timestamp>,
        mail: usize,
        may_hold: bool,
    ) -> Result<Heard, Box<Said>> {
        if !self.reports.is_empty() {
            self.hear_reports();
        }
        let heard = self.hear_one(said, now, mail);
        if may_hold && Mailbox::may_hold() {
            self.read_held();
        }
        if let Some(engine) = &mut self.engine {
            engine.hear(mail);
        }
        heard
    }

    #[cold]
    fn read_held(&mut self) {
        let held = self.engine.as_ref().map(|engine| engine.mailbox.take_held());
        self.read(held.unwrap_or_default());
    }

    /// Reads the stops that a job has asked for whose poll was heard of.
    pub(super) fn read(&mut self, held: Vec<Message>) {
        for message in held {
            self.engine.as_deref_mut().into_iter().for_each(|engine| engine.read(message));
        }
    }

    /// Hears what somebody says; of a job that was polled, after all messages with numbers below that one.
    /// Time does not pass.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    pub(super) fn hear_one(
        &mut self,
        said: Said,
        now: Option<Timestamp>,
        mail: usize,
    ) -> Result<Heard, Box<Said>> {
        match &said {
            Said::Nothing => {}
            Said::Polled { .. } | Said::Disposed(_) => self.out -= 1,
            Said::Told => (self.out, self.telling) = (self.out - 1, false),
        }
        let Some(engine) = &mut self.engine else { return Err(Box::new(said)) };
        if let Some(now) = now {
            engine.set_now(now);
        }
        let mut spent = None;
        match said {
            Said::Nothing | Said::Told => {}
            Said::Disposed(disposed) => engine.disposed(disposed),
            Said::Polled { attempt, body, polled, bell } => {
                let waits = polled.is_pending();
                spent = engine.receive(attempt, body, polled, mail, false);
                if waits {
                    self.let_wait(attempt, bell);
                    return Ok((true, spent));
                }
            }
        }
        Ok((false, spent))
    }

    /// Its task goes away, to come back when the job is woken.
    fn let_wait(&mut self, attempt: Attempt, bell: Option<Bell>) {
        if self.owns(attempt) {
            self.keep_shell(attempt, bell);
        } else {
            // The attempt is over, so nobody else wakes it.
            let shell = bell.or_else(|| self.take_shell(attempt));
            self.chores.rest().ours.extend(shell);
        }
    }

    fn keep_shell(&mut self, attempt: Attempt, bell: Option<Bell>) {
        let index = attempt.job.index();
        let Some(bell) = bell else { return };
        if index >= self.shells.len() {
            self.shells.resize_with(index + 1, || None);
        }
        let before = self.shells[index].replace(bell);
        self.drop_bell(before);
    }

    fn take_shell(&mut self, attempt: Attempt) -> Option<Bell> {
        self.shells.get_mut(attempt.job.index())?.take()
    }

    fn drop_bell(&mut self, bell: Option<Bell>) {
        if bell.is_some() {
            self.chores.rest().bells.extend(bell);
        }
    }

    /// What the one who decides does next. What is left to be done, it does first.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn next_or_chores(&mut self, turn: Turn) -> Then {
        let Some(engine) = self.engine.as_deref() else { return Then::End };
        if engine.left.has_chores() || self.chores.rest.is_some() || self.caller.wants(engine) {
            return Then::Again;
        }
        self.next(turn)
    }

    /// What is to be done next.
    #[expect(
        clippy::inline_always,
        reason = "one caller on the hot way: what is passed stays in registers"
    )]
    #[inline(always)]
    pub(super) fn next(&mut self, turn: Turn) -> Then {
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
        let has_work = |engine: &Engine<_>| {
            engine.core.has_ready_jobs()
                || engine.left.has_chores()
                || self.chores.rest.is_some()
                || self.caller.wants(engine)
        };
        self.engine.as_deref().is_some_and(has_work) || self.leaves_work_to_caller()
    }

    /// Whether tasks can be sent for.
    #[inline]
    fn has_others(&self) -> bool {
        self.engine.is_some() && !self.abandoned
    }

    /// While there is something to do that nobody takes, a task is on its way that will; when that has taken
    /// something, it sends for the next one.
    #[inline]
    pub(super) fn ask_for_spare(&mut self) {
        if self.spares == 0 && self.has_others() && self.has_work() {
            self.spares += 1;
            self.chores.spawn += 1;
        }
    }

    /// Hears what was reported, where the time is not known: it passes as far as it was when that was said.
    pub(super) fn catch_up(&mut self) {
        let Some(last) = self.reports.last() else { return };
        let mail = last.mail;
        // Of nothing, nothing is unheard.
        drop(self.hear(Said::Nothing, None, mail, false));
        self.answer_takers();
        self.ask_for_spare();
    }

    /// A spare task is there. Nobody counts on it any more, and another one is sent for: it may take long
    /// before it asks for work, since it looks at the clock first.
    pub(super) fn arrive(&mut self) {
        self.spares -= 1;
        self.ask_for_spare();
    }

    /// Takes the body of an attempt out to be polled again, unless that is over.
    pub(super) fn fetch(&mut self, attempt: Attempt) -> Option<Sendable> {
        let body = self.engine.as_mut()?.fetch(attempt)?;
        self.out += 1;
        self.hold();
        Some(body)
    }

    /// Whoever decides has something in hand: another one does what may take long. That one was sent for when
    /// there came to be anything.
    pub(super) fn hold(&mut self) {
        self.decider = Decider::Holds;
    }

    /// Whether an attempt is under way.
    pub(super) fn owns(&self, attempt: Attempt) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.is_under_way(attempt))
    }

    /// Keeps the caller's bell. Whether there is something for it to do.
    pub(super) fn watch(&mut self, bell: Bell) -> bool {
        let (before, knocked) = self.caller.watch(bell);
        self.drop_bell(before);
        knocked
    }

    /// Whether the run has a verdict, and nobody is busy with it.
    pub(super) fn is_over(&self) -> bool {
        self.out == 0
            && self.engine.as_ref().is_some_and(|engine| engine.is_over() && !engine.has_facts())
    }

    /// Whether there is something for the caller to do.
    fn is_knocked_for(&self) -> bool {
        self.engine.as_ref().is_some_and(|engine| self.caller.wants(engine))
            || self.is_over()
            || self.abandoned && self.leaves_work_to_caller()
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
