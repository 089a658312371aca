use super::edge::Condition;
use super::edges::Edges;
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
    pub(super) fn resolve_dependents(&mut self, index: u32) {
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        let mut told = Some(index);
        while let Some(required) = told {
            let resolutions = self.fate(required).resolutions();
            let mut cursor = Edges::first_dependent(self.node(required).lists);
            while let Some(edge) = cursor {
                let (next, job, condition) = self.edges.dependent(edge);
                if let Some(job) = job {
                    self.resolve(job, required, resolutions[condition]);
                }
                cursor = next;
            }
            told = self.skipped.pop_front();
        }
    }

    #[inline]
    fn resolve(&mut self, job: u32, required: u32, resolution: Resolution) {
        let node = self.jobs.node_mut(job);
        if node.stage != Stage::Waiting {
            return;
        }
        match resolution {
            Resolution::Pending => {}
            Resolution::Satisfied => {
                node.held_by -= 1;
                if node.held_by == 0 {
                    self.satisfy(job);
                }
            }
            Resolution::Impossible => {
                self.apply(job, Event::Impossible(self.id(required)));
                self.skipped.push_back(job);
            }
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

impl Fate {
    /// What becomes of a requirement, by its condition; the last entry belongs to none.
    #[inline]
    fn resolutions(self) -> [Resolution; 4] {
        let of = |condition| self.resolution(condition);
        let (succeeded, failed) = (of(Condition::Succeeded), of(Condition::Failed));
        [succeeded, of(Condition::Finished), failed, Resolution::Pending]
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
