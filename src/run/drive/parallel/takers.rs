use std::boxed::Box;
use std::sync::Arc;

use super::reply::Reply;
use super::said::{Answer, Heard, Report, Said, Taker, Then, Turn};
use super::state::State;
use crate::orchestrator::Attempt;
use crate::run::facts::bell::Bell;
use crate::run::job::payload::Sendable;

/// What others have reported while somebody was inside.
impl State {
    /// Hears all of it, in order. Time does not pass.
    #[cold]
    pub(super) fn hear_reports(&mut self) {
        let mut reports = std::mem::take(&mut self.reports);
        for Report { said, now, mail, taker } in reports.drain(..) {
            let heard = self.hear_one(said, now, mail);
            if let Some(engine) = &mut self.engine {
                engine.obey();
            }
            self.takers.push(Taker { heard, reply: taker });
        }
        self.reports = reports;
    }

    /// Gives each of them something to do that it will do next, and to nobody else.
    #[cold]
    pub(super) fn answer_takers(&mut self) {
        let mut takers = std::mem::take(&mut self.takers);
        for Taker { heard, reply } in takers.drain(..) {
            match heard {
                Ok(Heard::Waits { attempt, bell }) => self.let_wait(attempt, bell),
                Ok(Heard::GoesOn { spent }) => self.let_go_on(spent, reply),
                Err(said) => self.let_drop(said, reply),
            }
        }
        self.takers = takers;
    }

    /// It has gone away, to come back when its job is woken.
    fn let_wait(&mut self, attempt: Attempt, bell: Option<Bell>) {
        if self.owns(attempt) {
            self.keep_shell(attempt, bell);
        } else {
            // The attempt is over, so nobody else wakes it.
            let shell = bell.or_else(|| self.take_shell(attempt));
            self.chores().wake.extend(shell);
        }
    }

    fn let_go_on(
        &mut self,
        mut spent: Option<Sendable>,
        reply: Option<(Arc<Reply<Answer>>, Turn)>,
    ) {
        if let Some((reply, turn)) = reply {
            reply.give(|| {
                let aborts = self.aborts;
                Answer { then: self.next(turn), spent: spent.take(), aborts }
            });
        }
        if spent.is_some() {
            self.chores().spent.extend(spent);
        }
    }

    /// The run is over, or was dropped.
    fn let_drop(&mut self, said: Box<Said>, reply: Option<(Arc<Reply<Answer>>, Turn)>) {
        let mut unheard = Some(said);
        if let Some((reply, _)) = reply {
            reply.give(|| {
                let then = unheard.take().map_or(Then::End, Then::Unheard);
                Answer { then, spent: None, aborts: self.aborts }
            });
        }
        let Some(mut said) = unheard else { return };
        let chores = self.chores();
        if let Said::Polled { bell, .. } = &mut *said {
            // Its task has gone away, to be woken.
            chores.wake.extend(bell.take());
        }
        chores.unheard.push(*said);
    }
}
