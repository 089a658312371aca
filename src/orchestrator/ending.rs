use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use super::Orchestrator;
use super::graph::Lists;
use super::job::JobId;
use super::state::{Event, StopReason};

/// Why a run ended. The first cause counts, whatever happens after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Every finite job ended, however; in a run of forever jobs alone, all of them did.
    Completed,
    /// The global timeout was reached first.
    TimedOut,
    /// This critical job failed.
    CriticalFailure(JobId),
    /// It was asked to stop.
    Stopped,
}

/// A [`Verdict`] that is certain already, while jobs are still ending.
pub type Ending = Verdict;

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed => f.write_str("completed"),
            Self::TimedOut => f.write_str("timed out"),
            Self::CriticalFailure(job) => write!(f, "critical failure of {job}"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

/// How far a run is.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    Building,
    Running,
    Ending { cause: Ending, aborting: bool, order: StopOrder },
}

/// Who has to end before whom: the graph as it was when the run began to end.
///
/// Indexed like the slab, whose places are not used again once a run is ending.
#[derive(Clone, Debug, Default)]
pub(super) struct StopOrder {
    /// How many dependents of a job hold it back: those that have not ended, or are held back.
    holding: Vec<u32>,
    lists: Vec<Lists>,
}

impl StopOrder {
    /// Whether a dependent has yet to end before this job is asked to.
    pub(super) fn holds_back(&self, index: u32) -> bool {
        self.holding.get(index as usize).is_some_and(|&held| held > 0)
    }

    pub(super) fn lists(&self, index: u32) -> Lists {
        self.lists[index as usize]
    }
}

impl<J> Orchestrator<J> {
    /// Ends the run if there is a cause to: a critical failure before "all have ended".
    pub(super) fn conclude(&mut self) {
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        let unfinished =
            if self.had_finite { self.unfinished_finite } else { self.counts.unfinished() };
        if let Some(job) = self.critical_failure {
            self.end_run(Ending::CriticalFailure(job));
        } else if unfinished == 0 {
            self.end_run(Ending::Completed);
        }
    }

    /// From here on nothing resolves, nothing is handed out, and what runs is stopped in order.
    pub(super) fn end_run(&mut self, cause: Ending) {
        self.phase = Phase::Ending { cause, aborting: false, order: StopOrder::default() };
        if self.counts.unfinished() == 0 {
            return;
        }
        for index in self.jobs.in_creation_order() {
            if !self.node(index).stage.is_under_way() {
                self.apply(index, Event::Stop(StopReason::RunEnding));
            }
        }
        self.make_stop_order();
        let (ended, alive) = self.free_places().partition(|&index| self.jobs.has_ended(index));
        self.stop_in_order(ended, alive);
    }

    fn make_stop_order(&mut self) {
        let places = self.jobs.places();
        let mut made = StopOrder { holding: vec![0; places], lists: vec![Lists::EMPTY; places] };
        for index in self.jobs.indices() {
            let node = self.node(index);
            made.lists[index as usize] = node.lists;
            for (required, _) in self.edges.requirements(node.lists) {
                made.holding[required as usize] += 1;
            }
        }
        if let Phase::Ending { order, .. } = &mut self.phase {
            *order = made;
        }
    }

    /// The places in the slab that no dependent holds back.
    #[expect(clippy::cast_possible_truncation, reason = "places in the slab")]
    fn free_places(&self) -> impl Iterator<Item = u32> + '_ {
        let holding = self.stop_order().map_or(&[][..], |order| &order.holding);
        holding.iter().enumerate().filter(|&(_, &held)| held == 0).map(|(index, _)| index as u32)
    }

    pub(super) fn stop_order(&self) -> Option<&StopOrder> {
        match &self.phase {
            Phase::Ending { order, .. } => Some(order),
            Phase::Building | Phase::Running => None,
        }
    }

    /// A job has ended in an ending run: those that it held back may be asked to stop.
    pub(super) fn release(&mut self, index: u32) {
        if self.stop_order().is_some_and(|order| !order.holds_back(index)) {
            self.stop_in_order(vec![index], Vec::new());
        }
    }

    /// Aborts all that is left, dependents before what they require.
    pub(super) fn abort_all(&mut self) {
        if let Phase::Ending { aborting, .. } = &mut self.phase {
            *aborting = true;
        }
        let alive = self.free_places().filter(|&index| !self.jobs.has_ended(index)).collect();
        self.stop_in_order(Vec::new(), alive);
    }

    /// Round by round: lets go of what the ended jobs held back, through further ended ones, then
    /// tells those that run and are free now, in the order of their ids.
    fn stop_in_order(&mut self, mut ended: Vec<u32>, mut alive: Vec<u32>) {
        loop {
            while let Some(index) = ended.pop() {
                self.let_go(index, &mut ended, &mut alive);
            }
            if alive.is_empty() {
                return;
            }
            alive.sort_unstable_by_key(|&index| self.node(index).number());
            let event = match self.phase {
                Phase::Ending { aborting: true, .. } => Event::Abort,
                _ => Event::Stop(StopReason::RunEnding),
            };
            for index in alive.drain(..) {
                self.apply(index, event);
                if self.jobs.has_ended(index) {
                    ended.push(index);
                }
            }
        }
    }

    /// A job that has ended holds nobody back any more.
    fn let_go(&mut self, index: u32, ended: &mut Vec<u32>, alive: &mut Vec<u32>) {
        let Phase::Ending { order: StopOrder { holding, lists }, .. } = &mut self.phase else {
            return;
        };
        for (required, _) in self.edges.requirements(lists[index as usize]) {
            holding[required as usize] -= 1;
            if holding[required as usize] == 0 {
                let free = if self.jobs.has_ended(required) { &mut *ended } else { &mut *alive };
                free.push(required);
            }
        }
    }
}
