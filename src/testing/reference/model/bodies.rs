use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::call::Call;
use super::check::{differ, ensure};
use super::pair::{Body, Model, Seen, Snapshot, Stage};
use crate::{Attempt, Explanation, JobId, JobKind, JobState, Outcome, StopReason};

/// What a driver knows of them.
impl Model {
    /// The attempt whose body can be said to be away now.
    #[must_use]
    pub fn just_polled(&self) -> Option<Attempt> {
        self.bodies_that_are(Stage::JustPolled).next()
    }

    /// The attempts whose bodies are away, in the order of their jobs.
    #[must_use]
    pub fn away(&self) -> Vec<Attempt> {
        self.bodies_that_are(Stage::Away).collect()
    }

    /// The attempts that were ever told to be aborted.
    #[must_use]
    pub fn aborted(&self) -> Vec<Attempt> {
        self.told.iter().filter(|(_, told)| told.aborted).map(|(&attempt, _)| attempt).collect()
    }

    fn bodies_that_are(&self, stage: Stage) -> impl Iterator<Item = Attempt> + '_ {
        self.bodies.iter().filter(move |(_, body)| body.stage == stage).map(|(&attempt, _)| attempt)
    }

    pub(super) fn body_of(&self, job: JobId) -> Option<Attempt> {
        self.bodies.keys().copied().find(|attempt| attempt.job == job)
    }

    /// How many seats they take.
    pub(super) fn seats_of_bodies(&self) -> usize {
        self.bodies.values().filter(|body| body.finite).count()
    }

    /// How many of these are free by the time that anything is handed out.
    pub(super) fn seats_given_back(&self) -> usize {
        let polled = |body: &&Body| body.finite && body.stage == Stage::JustPolled;
        self.bodies.values().filter(polled).count()
    }

    /// Whether what a call says of a body can be true; `None` if it says nothing of any.
    pub(super) fn makes_sense(&self, call: &Call) -> Option<bool> {
        let stage = |attempt| self.bodies.get(attempt).map(|body| body.stage);
        match call {
            Call::Away(attempt) => Some(stage(attempt) == Some(Stage::JustPolled)),
            Call::Gone(attempt, _) => Some(stage(attempt) == Some(Stage::Away)),
            _ => None,
        }
    }

    /// What an accepted call tells of bodies; those for outputs do so themselves.
    pub(super) fn follow_bodies(
        &mut self,
        call: &Call,
        accepted: bool,
        makes_sense: Option<bool>,
    ) -> Result<(), String> {
        if let Some(makes_sense) = makes_sense {
            differ("whether that is taken of a body", &accepted, &makes_sense)?;
        }
        match *call {
            _ if !accepted => {}
            Call::Away(attempt) => {
                self.stats.away += 1;
                if let Some(body) = self.bodies.get_mut(&attempt) {
                    body.stage = Stage::Away;
                }
            }
            Call::Gone(attempt, _) => {
                self.find_gone();
                self.bodies.remove(&attempt);
            }
            Call::Complete(..)
            | Call::Ready(..)
            | Call::Deadline(_)
            | Call::Cancel(..)
            | Call::Stop(_)
            | Call::Add(..)
            | Call::Remove(_) => self.find_gone(),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn find_gone(&mut self) {
        self.bodies.retain(|_, body| body.stage != Stage::JustPolled);
    }

    /// Tells whether it was the run's end that aborted it.
    pub(super) fn note_polled(&mut self, attempt: Attempt) -> bool {
        // An `Abort` that is decided while signals are polled is of the run's end.
        let decided_now = self.body_left(attempt.job, true);
        let body = self.bodies.entry(attempt).or_insert(decided_now);
        body.stage = Stage::JustPolled;
        body.of_the_end
    }

    /// Finds the attempts that a call has aborted; tells which of them because the run ends.
    pub(super) fn note_aborted(&mut self, call: &Call, core: &Snapshot) -> Vec<JobId> {
        let mut by_the_end = Vec::new();
        for before in &self.seen.jobs {
            let Some(attempt) = before.under_way() else { continue };
            let Some(after) = core.jobs.iter().find(|job| job.id == before.id) else { continue };
            if after.under_way() == Some(attempt)
                || matches!(*call, Call::Complete(completed, ..) if completed == attempt)
            {
                continue;
            }
            let of_the_end = is_of_the_end(call, before, after);
            if of_the_end {
                by_the_end.push(before.id);
            }
            if !self.told.get(&attempt).is_some_and(|told| told.aborted) {
                let body = self.body_left(before.id, of_the_end);
                self.bodies.insert(attempt, body);
            }
        }
        by_the_end
    }

    fn body_left(&self, job: JobId, of_the_end: bool) -> Body {
        let finite = self.core.kind(job) == Some(JobKind::Finite);
        Body { finite, pools: self.needs(job), of_the_end, stage: Stage::Leaving }
    }

    /// In an ending run nobody is asked to stop before its dependents have ended and their bodies are
    /// gone. `aborted` are those that the last call has aborted for that reason.
    pub(super) fn check_turns(&mut self, aborted: &[JobId]) -> Result<(), String> {
        if self.seen.ending.is_none() {
            return Ok(());
        }
        self.at_cause.get_or_insert_with(|| {
            let edges = |job: &Seen| job.requirements.iter().map(|edge| (job.id, edge.0)).collect();
            self.seen.jobs.iter().flat_map::<Vec<_>, _>(edges).collect()
        });
        let reason = StopReason::RunEnding;
        let asked = self.seen.jobs.iter().filter(
            |job| matches!(job.state, JobState::Stopping { reason: now, .. } if now == reason),
        );
        for id in asked.map(|job| job.id).chain(aborted.iter().copied()) {
            let left = self.holds_back(id);
            ensure(left.is_none(), || format!("{id} is asked to stop before {left:?}"))?;
        }
        for job in &self.seen.jobs {
            let said = match self.core.explain(job.id) {
                Some(Explanation::Running { .. }) => false,
                Some(Explanation::HeldBack { .. }) => true,
                _ => continue,
            };
            let left = self.holds_back(job.id);
            ensure(said == left.is_some(), || format!("{} is held back by {left:?}", job.id))?;
        }
        Ok(())
    }

    /// One of those that have to stop before a job: that required it when the run began to end, at one
    /// or more removes, and has not ended, or whose body is not gone.
    fn holds_back(&self, job: JobId) -> Option<JobId> {
        let mut behind = BTreeSet::from([job]);
        loop {
            let size = behind.len();
            for &(dependent, required) in self.at_cause.iter().flatten() {
                if behind.contains(&required) {
                    behind.insert(dependent);
                }
            }
            if behind.len() == size {
                break;
            }
        }
        behind.remove(&job);
        let is_left = |id: &JobId| !self.outcomes.contains_key(id) || self.body_of(*id).is_some();
        behind.into_iter().find(is_left)
    }
}

/// Whether it is the run's end that has aborted an attempt: its own timeout, its grace and `cancel`
/// do so in their own calls only.
fn is_of_the_end(call: &Call, before: &Seen, after: &Seen) -> bool {
    match *call {
        Call::Cancel(id, _) => id != before.id,
        Call::Deadline(_) => {
            matches!(before.state, JobState::Running { .. })
                && after.state == JobState::Ended(Outcome::Cancelled)
        }
        _ => true,
    }
}
