use std::string::String;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::vec::Vec;

use super::event::Detail;
use super::monitor::Monitor;
use super::outlet::{Outlet, Shown};
use crate::run::lock;
use crate::{Fact, FactKind, Timestamp};

/// A run that is shown.
#[derive(Debug)]
pub(super) struct Show {
    pub(super) outlet: Arc<Outlet>,
    /// Whether it is told in lines, rather than drawn.
    in_lines: bool,
    detail: Detail,
    /// At most so long nothing is told of it.
    every: Duration,
    state: Mutex<State>,
    /// When something was told of it, at last. No code of the user's runs while it is locked.
    told: Mutex<Instant>,
}

/// Errors are asked for their texts while this is locked, which may print something.
#[derive(Debug)]
struct State {
    monitor: Monitor,
    stage: Stage,
    /// The latest time of the run that was heard of, and when.
    heard: (Timestamp, Instant),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Idle,
    UnderWay,
}

impl Show {
    pub(super) fn new(
        outlet: Arc<Outlet>,
        monitor: Monitor,
        detail: Detail,
        every: Duration,
        in_lines: bool,
    ) -> Arc<Self> {
        let now = Instant::now();
        let state = State { monitor, stage: Stage::Idle, heard: (Timestamp::ZERO, now) };
        Arc::new(Self {
            outlet,
            in_lines,
            detail,
            every,
            state: Mutex::new(state),
            told: Mutex::new(now),
        })
    }

    pub(super) fn hear(self: &Arc<Self>, fact: &Fact) {
        let event = self.note(fact);
        match fact.what {
            FactKind::Begun { .. } if fact.within.is_empty() => {
                self.outlet.enter(Arc::clone(self) as Arc<dyn Shown>);
            }
            FactKind::Over(_) if fact.within.is_empty() => self.end(),
            _ => event.into_iter().for_each(|event| self.outlet.print(event)),
        }
    }

    /// Takes note of what happened, and returns what is to be told of it.
    fn note(&self, fact: &Fact) -> Option<String> {
        let mut state = lock(&self.state);
        let now = Instant::now();
        state.monitor.apply(fact);
        state.heard = (fact.at, now);
        if matches!(fact.what, FactKind::Begun { .. }) && fact.within.is_empty() {
            state.stage = Stage::UnderWay;
            *lock(&self.told) = now;
        }
        if !self.in_lines || !self.detail.tells(fact) {
            return None;
        }
        let event = state.monitor.event(fact)?;
        drop(state);
        *lock(&self.told) = now;
        Some(event)
    }

    /// Shows it no more: it is over, or was dropped.
    pub(super) fn end(&self) {
        let mut state = lock(&self.state);
        if std::mem::replace(&mut state.stage, Stage::Idle) == Stage::Idle {
            return;
        }
        let last = match state.monitor.history().verdict() {
            Some(_) => state.monitor.summary(),
            None => state.monitor.summary_of_dropped(state.now()),
        };
        drop(state);
        self.outlet.leave(self, last.join("\n"));
    }
}

impl Shown for Show {
    fn due(&self) -> Option<Instant> {
        if self.in_lines { lock(&self.told).checked_add(self.every) } else { None }
    }

    fn sign_of_life(&self, now: Instant) -> Option<String> {
        if self.due().is_none_or(|due| due > now) {
            return None;
        }
        *lock(&self.told) = now;
        let state = lock(&self.state);
        (state.stage == Stage::UnderWay).then(|| state.monitor.sign_of_life(state.now()))
    }

    fn frame(&self, columns: usize, rows: usize) -> Vec<String> {
        let state = lock(&self.state);
        let empty = state.monitor.history().jobs().next().is_none();
        if self.in_lines || state.stage == Stage::Idle || empty {
            return Vec::new();
        }
        state.monitor.frame(columns, rows, state.now())
    }
}

impl State {
    /// The time by the clock of the run, as far as it can be known here.
    fn now(&self) -> Timestamp {
        let (at, heard) = self.heard;
        at + heard.elapsed()
    }
}
