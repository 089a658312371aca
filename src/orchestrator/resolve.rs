use core::ops::Range;

use super::edge::{Condition, Edge};
#[cfg(feature = "std")]
use super::job::JobId;
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
    /// Whether a job has succeeded, or has been ready, if it is a service.
    #[cfg(feature = "std")]
    pub(crate) fn has_succeeded(&self, job: JobId) -> bool {
        let is_satisfied =
            |index| self.fate(index).resolution(Condition::Succeeded) == Resolution::Satisfied;
        self.jobs.index(job).is_some_and(is_satisfied)
    }

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
            if sorted.len() > MANY {
                self.queue.reserve(sorted.len());
            }
            let may_be_others = self.jobs.nodes.has_removed();
            for at in sorted {
                let dependent = self.edges.dependents.sorted(at);
                let job = dependent.index();
                if !may_be_others || self.edges.was_sorted(&self.jobs.nodes, job) {
                    self.resolve(dependent, required, resolutions);
                }
            }
            let mut late = self.edges.dependents.first_late(required);
            while let Some(at) = late {
                let (dependent, next) = self.edges.dependents.late(at);
                if let Some(dependent) = dependent {
                    self.resolve(dependent, required, resolutions);
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
    fn resolve(&mut self, dependent: Edge, required: u32, resolutions: Resolutions) {
        let job = dependent.index();
        if resolutions.satisfied.has(dependent) {
            self.jobs.held_by[job as usize] -= 1;
            self.satisfy_if_free(job);
        } else if resolutions.impossible.has(dependent) {
            self.skip(job, required);
        } else if dependent.is_any() {
            self.resolve_member(job, required);
        }
    }

    #[cold]
    pub(super) fn skip(&mut self, job: u32, required: u32) {
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

/// So many dependents may well be queued at once: the queue had better grow once.
const MANY: usize = 64;

/// Some of the conditions, as a set.
#[derive(Clone, Copy, Debug)]
struct Conditions(u32);

impl Conditions {
    const fn of(all: &[Condition]) -> Self {
        let (mut set, mut next) = (0, 0);
        while next < all.len() {
            set |= 1 << all[next] as u32;
            next += 1;
        }
        Self(set)
    }

    /// Whether what is asked by this edge is one of them.
    #[inline]
    const fn has(self, edge: Edge) -> bool {
        self.0 >> edge.tag() & 1 == 1
    }
}

/// What becomes of the requirements on a job, by their conditions.
#[derive(Clone, Copy, Debug)]
struct Resolutions {
    satisfied: Conditions,
    impossible: Conditions,
}

impl Resolutions {
    const AFTER_SUCCESS: Self = Self {
        satisfied: Conditions::of(&[Condition::Succeeded, Condition::Finished, Condition::Settled]),
        impossible: Conditions::of(&[Condition::Failed]),
    };
}

impl Fate {
    #[inline]
    fn resolutions(self) -> Resolutions {
        if self.stage == Stage::Succeeded {
            Resolutions::AFTER_SUCCESS
        } else {
            self.other_resolutions()
        }
    }

    #[cold]
    fn other_resolutions(self) -> Resolutions {
        let mut all = Resolutions { satisfied: Conditions(0), impossible: Conditions(0) };
        for condition in
            [Condition::Succeeded, Condition::Finished, Condition::Failed, Condition::Settled]
        {
            match self.resolution(condition) {
                Resolution::Pending => {}
                Resolution::Satisfied => all.satisfied.0 |= Conditions::of(&[condition]).0,
                Resolution::Impossible => all.impossible.0 |= Conditions::of(&[condition]).0,
            }
        }
        all
    }

    /// What has become of a requirement.
    #[inline]
    pub(super) fn resolution(self, condition: Condition) -> Resolution {
        match (condition, self.stage) {
            (Condition::Succeeded | Condition::Settled, _) if self.was_ready => {
                Resolution::Satisfied
            }
            (_, stage) if !stage.is_ended() => Resolution::Pending,
            (Condition::Finished | Condition::Settled, _)
            | (Condition::Succeeded, Stage::Succeeded)
            | (Condition::Failed, Stage::Failed(_)) => Resolution::Satisfied,
            (Condition::Succeeded | Condition::Failed | Condition::Any, _) => {
                Resolution::Impossible
            }
        }
    }
}
