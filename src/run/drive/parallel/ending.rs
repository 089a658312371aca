use std::boxed::Box;
use std::vec::Vec;

use super::said::{Decider, Look, Said};
use super::state::State;
use crate::orchestrator::{Attempt, Timestamp};
use crate::run::engine::engine::Engine;
use crate::run::engine::leftovers::Trash;
use crate::run::facts::bell::Bell;
use crate::run::facts::quiet::Panic;
use crate::run::job::payload::Sendable;

/// How a run ends: it is over, its future is dropped, or its runtime goes.
impl State {
    /// What the caller finds when it looks.
    pub(super) fn look(
        &mut self,
        said: Said,
        (now, lost): (Option<Timestamp>, Option<Panic>),
        mail: usize,
    ) -> Look {
        if let Some(panic) = lost {
            self.hear_reports();
            self.lose_time(panic);
        }
        if let Err(said) = self.hear(said, now, mail, false) {
            return Look::Unheard(said);
        }
        self.answer_takers();
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
            self.ask_for_spare();
            let deadline = self.caller.sleep(self.engine.as_deref());
            if deadline.is_none() {
                self.decider = Decider::GoesAway;
            }
            return Look::Wait(deadline);
        }
        // The tasks are ended when the caller closes the run.
        self.engine.take().map_or(Look::Wait(None), Look::Over)
    }

    /// The clock panicked in a task: whoever waits for the run would not look before it is over.
    pub(super) fn lose_time_in_task(&mut self, panic: Panic) {
        self.catch_up();
        self.lose_time(panic);
    }

    fn lose_time(&mut self, panic: Panic) {
        if let Some(engine) = &mut self.engine {
            engine.lose_time(panic);
        }
    }

    /// Lets go of the engine. The tasks that wait for their jobs are to be woken after it was dropped, so
    /// that they end.
    pub(super) fn close(&mut self) -> (Option<Box<Engine<Sendable>>>, Vec<Bell>) {
        self.aborts += 1;
        (self.engine.take(), self.shells.drain(..).flatten().collect())
    }

    /// The runtime dropped a task, and takes no more: what is left of the run is aborted.
    pub(super) fn abandon(
        &mut self,
        held: Option<Attempt>,
        mail: usize,
    ) -> Result<Option<Trash<Sendable>>, Box<Said>> {
        self.hear_reports();
        self.abandoned = true;
        if held.is_none() {
            self.arrive();
        }
        if let Some(engine) = &mut self.engine {
            engine.stop_at_once();
        }
        self.disposed_of_abandoned(Said::Nothing, mail)
    }

    /// What a run leaves to be dropped whose runtime is gone.
    pub(super) fn disposed_of_abandoned(
        &mut self,
        said: Said,
        mail: usize,
    ) -> Result<Option<Trash<Sendable>>, Box<Said>> {
        self.hear(said, None, mail, false)?;
        let trash = self.engine.as_mut().and_then(|engine| engine.left.trash.pop_front());
        self.out += usize::from(trash.is_some());
        Ok(trash)
    }
}
