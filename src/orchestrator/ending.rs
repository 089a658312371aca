use alloc::vec;
use alloc::vec::Vec;

use super::machine::Orchestrator;
use super::phase::{Phase, StopOrder, Verdict};
use super::state::{Event, StopReason};

impl<J> Orchestrator<J> {
    /// Ends the run if there is a cause to: a critical failure before "all have ended".
    pub(super) fn conclude(&mut self) {
        match self.phase {
            Phase::Building => return,
            Phase::Running => {}
            Phase::Ending { .. } => return self.take_turns(),
        }
        if let Some(job) = self.critical_failure {
            self.end_run(Verdict::CriticalFailure(job));
        } else if self.awaited == 0 {
            self.end_run(Verdict::Completed);
        }
    }

    /// From here on nothing resolves, nothing is handed out, and what runs is stopped in order.
    pub(super) fn end_run(&mut self, cause: Verdict) {
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
        let ended = self.free_indices().filter(|&index| self.jobs.is_gone(index)).collect();
        let alive = self.free_indices().filter(|&index| !self.jobs.has_ended(index)).collect();
        self.stop_in_order(ended, alive);
    }

    fn make_stop_order(&mut self) {
        // From here on the edges stay as they are, those of jobs that are removed too.
        if self.counts.removed > 0 {
            self.sweep();
        }
        let mut made = StopOrder { holding: vec![0; self.jobs.nodes.len()] };
        self.edges.for_each_required(|required| made.holding[required as usize] += 1);
        if let Phase::Ending { order, .. } = &mut self.phase {
            *order = made;
        }
        let jobs = &self.jobs;
        if let Some(bodies) = self.bodies.existing_mut() {
            bodies.put_in_stop_order(|job| jobs.index(job).is_some());
        }
    }

    /// The indices in the slab that no dependent holds back.
    #[expect(clippy::cast_possible_truncation, reason = "indices in the slab")]
    fn free_indices(&self) -> impl Iterator<Item = u32> + '_ {
        let holding = self.stop_order().map_or(&[][..], |order| &order.holding);
        holding.iter().enumerate().filter(|&(_, &held)| held == 0).map(|(index, _)| index as u32)
    }

    pub(super) fn stop_order(&self) -> Option<&StopOrder> {
        match &self.phase {
            Phase::Ending { order, .. } => Some(order),
            Phase::Building | Phase::Running => None,
        }
    }

    /// In an ending run: asks those to stop whom nobody holds back any more.
    #[inline]
    pub(super) fn take_turns(&mut self) {
        if self.bodies.existing().is_some_and(|bodies| !bodies.gone.is_empty()) {
            self.stop_those_freed();
        }
    }

    #[cold]
    fn stop_those_freed(&mut self) {
        let ended = self.take_gone();
        self.stop_in_order(ended, Vec::new());
    }

    /// Those who ended, lost their bodies, and are held back by nobody.
    fn take_gone(&mut self) -> Vec<u32> {
        let gone = self.bodies.existing_mut().map(|bodies| core::mem::take(&mut bodies.gone));
        let mut gone = gone.unwrap_or_default();
        gone.retain(|&index| self.stop_order().is_some_and(|order| !order.holds_back(index)));
        gone
    }

    /// Aborts all that is left, dependents before what they require.
    pub(super) fn abort_all(&mut self) {
        if let Phase::Ending { aborting, .. } = &mut self.phase {
            *aborting = true;
        }
        let alive = self.free_indices().filter(|&index| !self.jobs.has_ended(index)).collect();
        let ended = self.take_gone();
        self.stop_in_order(ended, alive);
    }

    /// Lets go of what the ended jobs held back, through further ended ones, then tells those that run and
    /// are free now, in the order of their ids. Nobody is freed by that: whoever is aborted leaves a body.
    fn stop_in_order(&mut self, mut ended: Vec<u32>, mut alive: Vec<u32>) {
        while let Some(index) = ended.pop() {
            self.let_go(index, &mut ended, &mut alive);
        }
        alive.sort_unstable_by_key(|&index| self.jobs.nodes.number(index));
        let event = match self.phase {
            Phase::Ending { aborting: true, .. } => Event::Abort,
            _ => Event::Stop(StopReason::RunEnding),
        };
        for index in alive {
            self.apply(index, event);
        }
    }

    /// A job that has ended holds nobody back any more.
    fn let_go(&mut self, index: u32, ended: &mut Vec<u32>, alive: &mut Vec<u32>) {
        let Phase::Ending { order: StopOrder { holding }, .. } = &mut self.phase else {
            return;
        };
        for required in self.edges.all_requirements(index) {
            holding[required as usize] -= 1;
            if holding[required as usize] == 0 {
                if self.jobs.is_gone(required) {
                    ended.push(required);
                } else if !self.jobs.has_ended(required) {
                    alive.push(required);
                }
            }
        }
    }
}
