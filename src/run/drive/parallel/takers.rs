use super::said::{Decided, Report, Said, Taker};
use super::state::State;

/// What others have reported while somebody was inside.
impl State {
    /// Hears all of it, in order. Time does not pass.
    #[cold]
    pub(super) fn hear_reports(&mut self) {
        let mut reports = std::mem::take(&mut self.reports);
        for Report { said, now, mail, held, taker } in reports.drain(..) {
            let heard = self.hear_one(said, now, mail);
            self.read(held);
            if let Some(engine) = &mut self.engine {
                engine.obey();
            }
            match (heard, taker) {
                (Ok((_, spent)), Some((reply, turn))) if reply.is_awaited() => {
                    self.takers.push(Taker { reply, turn, spent });
                }
                (Ok((_, None)), _) => {}
                (Ok((_, spent)), _) => self.chores.rest().spent.extend(spent),
                (Err(said), taker) => {
                    self.let_drop(*said);
                    // To be told that the run is over.
                    let over = taker.map(|(reply, turn)| Taker { reply, turn, spent: None });
                    self.takers.extend(over);
                }
            }
        }
        self.reports = reports;
    }

    /// The run is over, or was dropped.
    fn let_drop(&mut self, mut said: Said) {
        let chores = self.chores.rest();
        if let Said::Polled { bell, .. } = &mut said {
            // If its task has gone away, nobody else wakes it.
            chores.ours.extend(bell.take());
        }
        chores.unheard.push(said);
    }

    /// Gives each something to do that it will do next, and to nobody else.
    #[cold]
    pub(super) fn answer_takers(&mut self) {
        self.gather();
        let mut takers = std::mem::take(&mut self.takers);
        for Taker { reply, turn, mut spent } in takers.drain(..) {
            reply.give(|| {
                let aborts = self.aborts;
                Decided { decision: (self.next(turn), spent.take()), aborts }
            });
            if spent.is_some() {
                self.chores.rest().spent.extend(spent);
            }
        }
        self.takers = takers;
    }
}
