use crate::orchestrator::Timestamp;
use crate::run::engine::engine::Engine;
use crate::run::facts::bell::Bell;
use crate::run::job::payload::Sendable;

/// Whoever awaits the run, as the run knows it: it lets time pass, and takes what is over.
#[derive(Default)]
pub(super) struct Caller {
    bell: Option<Bell>,
    sleeps_until: Option<Timestamp>,
    knocked: bool,
}

impl Caller {
    /// Whether a deadline comes earlier than the one that it sleeps until.
    #[inline]
    pub(super) fn wants(&self, engine: &Engine<Sendable>) -> bool {
        match (engine.core.next_deadline(), self.sleeps_until) {
            (Some(deadline), Some(sleeps_until)) => deadline < sleeps_until,
            (deadline, None) => deadline.is_some(),
            (None, Some(_)) => false,
        }
    }

    /// It sleeps until the next deadline, which is returned.
    pub(super) fn sleep(&mut self, engine: Option<&Engine<Sendable>>) -> Option<Timestamp> {
        self.sleeps_until = engine?.core.next_deadline();
        self.sleeps_until
    }

    /// Keeps its bell, and returns the one before. Whether there is something for it to do.
    pub(super) fn watch(&mut self, bell: Bell) -> (Option<Bell>, bool) {
        (self.bell.replace(bell), std::mem::take(&mut self.knocked))
    }

    /// There is something for it to do. Returns its bell, to be rung.
    pub(super) fn knock(&mut self, engine: Option<&Engine<Sendable>>) -> Option<Bell> {
        self.knocked = true;
        self.sleep(engine);
        self.bell.take()
    }
}
