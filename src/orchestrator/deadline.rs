use alloc::collections::BTreeSet;

use super::seldom::Seldom;
use super::time::Timestamp;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Run,
    Job(u32),
}

/// What is armed: at most one deadline a job, and that of the run.
#[derive(Clone, Debug)]
pub(super) struct Deadlines {
    run: Option<Timestamp>,
    /// By time, then in the order armed.
    jobs: Seldom<BTreeSet<(Timestamp, u64, u32)>>,
    armed: u64,
    next: Option<Timestamp>,
}

impl Deadlines {
    pub(super) const fn new() -> Self {
        Self { run: None, jobs: Seldom::new(), armed: 0, next: None }
    }

    /// The earliest deadline. O(1).
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.next
    }

    pub(super) fn arm_run(&mut self, at: Timestamp) {
        self.run = Some(at);
        self.refresh();
    }

    /// Arms a job's deadline. What it returns disarms it. O(log armed).
    pub(super) fn arm(&mut self, index: u32, at: Timestamp) -> (Timestamp, u64) {
        self.armed += 1;
        self.jobs.make().insert((at, self.armed, index));
        self.refresh();
        (at, self.armed)
    }

    pub(super) fn disarm(&mut self, index: u32, (at, order): (Timestamp, u64)) {
        self.jobs.make().remove(&(at, order, index));
        self.refresh();
    }

    /// The first deadline that is due. The run's is disarmed by that, a job's by its change of state.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Due> {
        self.next.filter(|&next| next <= now)?;
        if self.run == self.next {
            self.run = None;
            self.refresh();
            return Some(Due::Run);
        }
        self.jobs.first().map(|&(_, _, index)| Due::Job(index))
    }

    fn refresh(&mut self) {
        let job = self.jobs.first().map(|&(at, _, _)| at);
        self.next = match (self.run, job) {
            (Some(run), Some(job)) => Some(run.min(job)),
            (run, job) => run.or(job),
        };
    }
}
