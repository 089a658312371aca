use core::cmp::Reverse;

use super::body::{Body, Stage};
use super::naive::{Job, Oracle, is_under_way};
use crate::{Attempt, JobId, JobKind, JobState, Timestamp};

/// Bodies that outlive their attempts.
impl Oracle {
    /// The body of an attempt whose `Abort` was just polled cannot be dropped yet.
    pub fn on_body_away(&mut self, attempt: Attempt) -> bool {
        let is_it = |body: &&mut Body| body.attempt == attempt && body.stage == Stage::JustPolled;
        let Some(body) = self.bodies.iter_mut().find(is_it) else { return false };
        body.stage = Stage::Away;
        self.take_turns();
        true
    }

    /// A body that was away is dropped.
    pub fn on_body_gone(&mut self, attempt: Attempt, now: Timestamp) -> bool {
        let is_it = |body: &Body| body.attempt == attempt && body.stage == Stage::Away;
        if !self.bodies.iter().any(is_it) {
            return false;
        }
        self.accept(now);
        self.bodies.retain(|body| body.attempt != attempt);
        self.take_turns();
        true
    }

    /// How many bodies of aborted attempts are not gone.
    #[must_use]
    pub fn bodies_leaving(&self) -> usize {
        self.bodies.len()
    }

    pub(super) fn has_body(&self, id: JobId) -> bool {
        self.bodies.iter().any(|body| body.attempt.job == id)
    }

    pub(super) fn note_aborted(&mut self, attempt: Attempt) {
        let takes_a_seat = self.jobs[&attempt.job].options.kind == JobKind::Finite;
        self.bodies.push(Body { attempt, takes_a_seat, stage: Stage::Leaving });
    }

    pub(super) fn note_polled(&mut self, attempt: Attempt) {
        for body in self.bodies.iter_mut().filter(|body| body.attempt == attempt) {
            body.stage = Stage::JustPolled;
        }
    }

    /// A body of which the driver did not say that it is away is gone by the next call.
    pub(super) fn find_gone(&mut self) {
        self.bodies.retain(|body| body.stage != Stage::JustPolled);
    }

    /// A job whose earlier body is not gone stands in no line. One that was just polled will be gone by
    /// the time that anything is handed out.
    pub(super) fn next_in_line(&self) -> Option<JobId> {
        let finite = |job: &Job| job.options.kind == JobKind::Finite;
        let under_way = self.jobs.values().filter(|job| finite(job) && is_under_way(job)).count();
        let left = || self.bodies.iter().filter(|body| body.stage != Stage::JustPolled);
        let taken = under_way + left().filter(|body| body.takes_a_seat).count();
        let full = self.options.window.is_some_and(|window| taken >= window.get());
        self.all(|job| job.state == JobState::Queued && !(full && finite(job)))
            .into_iter()
            .filter(|&id| left().all(|body| body.attempt.job != id))
            .min_by_key(|id| (Reverse(self.jobs[id].options.priority), self.jobs[id].queued))
    }
}
