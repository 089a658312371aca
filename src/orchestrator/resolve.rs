use core::ops::Range;

use super::edge::{Condition, Edge};
use super::machine::Orchestrator;
use super::phase::Phase;
use super::state::{Event, Stage};

/// Whether a requirement is satisfied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolution {
    Pending,
    Satisfied,
    Impossible,
}

impl<J> Orchestrator<J> {
    /// Tells the dependents of a job, those of the ones that this skips, and so on: breadth first, in
    /// the order in which the requirements were made.
    #[expect(clippy::inline_always, reason = "short, once for each job")]
    #[inline(always)]
    pub(super) fn resolve_dependents(&mut self, index: u32) {
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        let sorted = self.edges.span(&self.jobs.nodes, index);
        if !sorted.is_empty() || self.edges.dependents.first_late(index).is_some() {
            self.resolve_all(index, sorted);
        }
    }

    #[inline(never)]
    fn resolve_all(&mut self, index: u32, sorted: Range<usize>) {
        let (mut required, mut sorted) = (index, sorted);
        loop {
            let resolutions = self.fate(required).resolutions();
            let may_be_others = self.jobs.nodes.has_reused();
            for at in sorted {
                let dependent = self.edges.dependents.sorted(at);
                let job = dependent.index();
                if !may_be_others || self.edges.was_sorted(&self.jobs.nodes, job) {
                    self.resolve(job, required, resolutions[dependent.tag() as usize]);
                }
            }
            let mut late = self.edges.dependents.first_late(required);
            while let Some(at) = late {
                let (dependent, next) = self.edges.dependents.late(at);
                if let Some(dependent) = dependent {
                    self.resolve(
                        dependent.index(),
                        required,
                        resolutions[dependent.tag() as usize],
                    );
                }
                late = next;
            }
            let Some(skipped) = self.skipped.pop_front() else { return };
            required = skipped;
            sorted = self.edges.span(&self.jobs.nodes, required);
        }
    }

    #[expect(clippy::inline_always, reason = "short, once for each requirement")]
    #[inline(always)]
    fn resolve(&mut self, job: u32, required: u32, resolution: Resolution) {
        match resolution {
            Resolution::Pending => {}
            Resolution::Satisfied => {
                self.jobs.held_by[job as usize] -= 1;
                self.satisfy_if_free(job);
            }
            Resolution::Impossible => self.skip(job, required),
        }
    }

    #[cold]
    fn skip(&mut self, job: u32, required: u32) {
        if self.node(job).stage == Stage::Waiting {
            self.apply(job, Event::Impossible(self.id(required)));
            self.skipped.push_back(job);
        }
    }

    /// What requirements on a job depend on.
    #[inline]
    pub(super) fn fate(&self, required: u32) -> Fate {
        Fate { was_ready: self.jobs.was_ready(required), stage: self.node(required).stage }
    }
}

/// What requirements on a job depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    was_ready: bool,
    stage: Stage,
}

/// By the tag of a condition: what becomes of it when the required job succeeds.
const AFTER_SUCCESS: [Resolution; Edge::TAGS] = {
    let mut all = [Resolution::Pending; Edge::TAGS];
    all[Condition::Succeeded as usize] = Resolution::Satisfied;
    all[Condition::Finished as usize] = Resolution::Satisfied;
    all[Condition::Failed as usize] = Resolution::Impossible;
    all
};

impl Fate {
    /// What becomes of a requirement, by the tag of its condition; the other tags belong to none.
    #[inline]
    fn resolutions(self) -> [Resolution; Edge::TAGS] {
        if self.stage == Stage::Succeeded { AFTER_SUCCESS } else { self.other_resolutions() }
    }

    #[cold]
    fn other_resolutions(self) -> [Resolution; Edge::TAGS] {
        let mut all = [Resolution::Pending; Edge::TAGS];
        for condition in [Condition::Succeeded, Condition::Finished, Condition::Failed] {
            all[condition as usize] = self.resolution(condition);
        }
        all
    }

    /// What has become of a requirement.
    #[inline]
    pub(super) fn resolution(self, condition: Condition) -> Resolution {
        match (condition, self.stage) {
            (Condition::Succeeded, _) if self.was_ready => Resolution::Satisfied,
            (_, stage) if !stage.is_ended() => Resolution::Pending,
            (Condition::Finished, _)
            | (Condition::Succeeded, Stage::Succeeded)
            | (Condition::Failed, Stage::Failed(_)) => Resolution::Satisfied,
            (Condition::Succeeded | Condition::Failed, _) => Resolution::Impossible,
        }
    }
}
