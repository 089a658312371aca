use super::bodies::Leaving;
use super::error::InputError;
use super::job::{Attempt, JobId};
use super::machine::Orchestrator;
use super::node::Needs;
use super::phase::Phase;
use super::state::Stage;
#[cfg(feature = "std")]
use super::state::{JobState, Outcome};
use super::time::Timestamp;

impl<J> Orchestrator<J> {
    /// The answer to the [`Abort`](super::Signal::Abort) that was polled last: this body cannot be dropped
    /// yet. Until it is gone it keeps its seat in the window, and holds up the job's next attempt and, in an
    /// ending run, what the job requires; nothing else waits for it.
    ///
    /// # Errors
    /// [`InputError::NotLeaving`] if anything else was polled or accepted since.
    pub fn on_body_away(&mut self, attempt: Attempt) -> Result<(), InputError> {
        if self.bodies.polled != Some(attempt) {
            return Err(self.not_leaving(attempt));
        }
        let bodies = self.bodies.make();
        bodies.polled = None;
        if let Some(left) = bodies.leaving.get_mut(&attempt.job) {
            left.away = true;
        }
        self.take_turns();
        Ok(())
    }

    /// A body that was [away](Self::on_body_away) is gone.
    ///
    /// # Errors
    /// [`InputError::NotLeaving`] if it was not away.
    pub fn on_body_gone(&mut self, attempt: Attempt, now: Timestamp) -> Result<(), InputError> {
        if !self.bodies.is_away(attempt) {
            return Err(self.not_leaving(attempt));
        }
        self.advance(now);
        self.let_body_go(attempt);
        self.take_turns();
        Ok(())
    }

    /// Whether the body of an attempt was said to be [away](Self::on_body_away), and not said to be gone.
    #[must_use]
    pub fn is_away(&self, attempt: Attempt) -> bool {
        self.bodies.is_away(attempt)
    }

    /// Whether a job whose attempt is aborted was cancelled, though it had time to end in order.
    #[cfg(feature = "std")]
    pub(crate) fn is_cut_off(&self, job: JobId) -> bool {
        self.jobs.extra(job.slab_index()).is_some_and(|extra| extra.facts().grace)
            && self.state(job) == Some(JobState::Ended(Outcome::Cancelled))
    }

    /// Whether the body of an aborted attempt of a job is not gone. O(log bodies that are not).
    #[must_use]
    pub fn has_body_left(&self, job: JobId) -> bool {
        self.bodies.leaving.contains_key(&job)
    }

    /// How many bodies of aborted attempts are not gone. O(1).
    #[must_use]
    pub fn bodies_leaving(&self) -> usize {
        self.bodies.leaving.len()
    }

    /// The attempt of a job is aborted: its body stays, until it is known to be gone.
    pub(super) fn keep_body(&mut self, index: u32) {
        let in_stop_order = self.is_ending();
        let node = self.jobs.node_mut(index);
        node.body_is_leaving = true;
        let (attempt, takes_seat) = (node.attempts, node.is_finite());
        let kind = self.jobs.kind_of(index);
        let left = Leaving { attempt, away: false, takes_seat, kind, in_stop_order };
        let id = self.id(index);
        self.bodies.make().leaving.insert(id, left);
    }

    /// The body whose abort was polled last is gone, since nobody said otherwise.
    #[inline]
    pub(super) fn settle_polled(&mut self) {
        if self.bodies.existing().is_some_and(|bodies| bodies.polled.is_some()) {
            self.let_polled_go();
        }
    }

    #[cold]
    fn let_polled_go(&mut self) {
        if let Some(attempt) = self.bodies.make().polled.take() {
            self.let_body_go(attempt);
        }
    }

    fn let_body_go(&mut self, Attempt { job, .. }: Attempt) {
        let Some(left) = self.bodies.make().leaving.remove(&job) else { return };
        self.seats_taken -= usize::from(left.takes_seat);
        if let Some(kind) = left.kind {
            self.queue.kinds.make().give_back(kind);
        }
        if let Some(index) = self.jobs.index(job) {
            let node = self.jobs.node_mut(index);
            node.body_is_leaving = false;
            if node.stage == Stage::Queued {
                let turn = self.jobs.standing(index).turn;
                self.queue.join(&mut self.jobs, index, turn);
            }
        }
        if left.in_stop_order {
            let index = job.slab_index();
            self.jobs.node_mut(index).body_is_leaving = false;
            if self.jobs.is_gone(index) {
                self.bodies.make().gone.push(index);
            }
        }
    }

    /// Whether a job could be handed out once the body that was polled last is gone.
    #[cold]
    pub(super) fn is_ready_without_polled(&self) -> bool {
        let Some(job) = self.bodies.polled.map(|attempt| attempt.job) else { return false };
        let left = self.bodies.leaving.get(&job);
        let takes_seat = left.is_some_and(|left| left.takes_seat);
        let seat_is_free = self.has_free_seats(usize::from(takes_seat));
        let queued = self.jobs.index(job).filter(|&at| self.node(at).stage == Stage::Queued);
        let (mut goes, mut comes) = (false, None);
        match queued.map(|index| (self.jobs.needs(index), self.jobs.standing(index))) {
            None => {}
            Some((Needs::Nothing, _)) => goes = true,
            Some((Needs::Seat, _)) => goes = seat_is_free,
            Some((Needs::SeatAndPools(kind), standing)) => comes = Some((standing, kind)),
        }
        goes || self.queue.has_next(seat_is_free)
            || seat_is_free && self.queue.kinds.could_go(left.and_then(|left| left.kind), comes)
    }

    #[cold]
    fn not_leaving(&self, attempt: Attempt) -> InputError {
        match (&self.phase, self.jobs.index(attempt.job)) {
            (Phase::Building, _) => InputError::NotStarted,
            (_, Some(index)) => InputError::NotLeaving {
                attempt,
                job: self.name(index),
                state: self.state_of(index),
            },
            (_, None) => InputError::UnknownJob { id: attempt.job },
        }
    }
}
