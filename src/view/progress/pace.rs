use std::collections::VecDeque;
use std::format;
use std::string::String;
use std::time::Duration;

use crate::view::job_history::JobHistory;
use crate::{JobKind, Timestamp};

/// How far a run is, and how fast it goes: in finite jobs, those inside a graph in place of the job that it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    total: usize,
    ended: usize,
    /// Those of them that ended after they had run.
    ran: usize,
    /// How many of them had run at earlier times: so few that the latter half of a run so far has 16.
    marks: VecDeque<(Timestamp, usize)>,
}

impl Pace {
    pub(super) fn add(&mut self, job: &JobHistory) {
        let (counts, ended, ran) = counted(job);
        self.total += counts;
        self.ended += ended;
        self.ran += ran;
    }

    pub(super) fn remove(&mut self, job: &JobHistory) {
        let (counts, ended, ran) = counted(job);
        self.total -= counts;
        self.ended -= ended;
        self.ran -= ran;
    }

    /// Remembers how far it was at this time. Amortised O(1).
    pub(super) fn mark(&mut self, begun: Timestamp, now: Timestamp) {
        let elapsed = now.saturating_since(begun);
        if let Some((at, ran)) = self.marks.back_mut()
            && *at == now
        {
            *ran = self.ran;
            return;
        }
        let last = self.marks.back().map_or(begun, |&(at, _)| at);
        if now.saturating_since(last) <= elapsed / 32 {
            return;
        }
        self.marks.push_back((now, self.ran));
        let half = begun + elapsed / 2;
        while self.marks.get(1).is_some_and(|&(at, _)| at <= half) {
            self.marks.pop_front();
        }
    }

    /// How many hundredths of them have ended, rounded down.
    pub(super) fn percent(&self) -> Option<usize> {
        (self.ended * 100).checked_div(self.total)
    }

    /// How many ended in how much time, in the latter half of the run so far.
    fn of_late(&self, begun: Timestamp, now: Timestamp) -> (usize, Duration) {
        let half = begun + now.saturating_since(begun) / 2;
        let before = self.marks.iter().rev().find(|&&(at, _)| at <= half);
        let &(since, ran) = before.unwrap_or(&(begun, 0));
        (self.ran.saturating_sub(ran), now.saturating_since(since))
    }

    /// `3.4/s`, `40/min` or `2/h`; `None` if too little has happened yet.
    pub(super) fn rate(&self, begun: Timestamp, now: Timestamp) -> Option<String> {
        let (ran, time) = self.of_late(begun, now);
        if ran < ENOUGH || time < AT_LEAST {
            return None;
        }
        let in_time = |unit: u128| ran as u128 * unit * 1_000_000_000 / time.as_nanos();
        Some(match (in_time(1), in_time(60), in_time(3_600)) {
            (0, 0, hourly) => format!("{hourly}/h"),
            (0, minutely, _) => format!("{minutely}/min"),
            (1..10, ..) => format!("{}.{}/s", in_time(10) / 10, in_time(10) % 10),
            (rate, ..) => format!("{rate}/s"),
        })
    }

    /// How long the rest takes at the rate of late; `None` if nothing is left, or too little has happened yet.
    pub(super) fn left(&self, begun: Timestamp, now: Timestamp) -> Option<Duration> {
        let (ran, time) = self.of_late(begun, now);
        let left = self.total - self.ended;
        if left == 0 || ran < ENOUGH || time < AT_LEAST {
            return None;
        }
        let nanos = time.as_nanos().checked_mul(left as u128)? / ran as u128;
        u64::try_from(nanos).ok().map(Duration::from_nanos)
    }
}

/// Nothing is said of fewer jobs, or of a shorter time.
const ENOUGH: usize = 3;
const AT_LEAST: Duration = Duration::from_secs(1);

/// Whether a job counts, has ended, and has run before that.
fn counted(job: &JobHistory) -> (usize, usize, usize) {
    let counts = job.info.kind == JobKind::Finite && !job.is_graph;
    let ended = counts && job.state.is_ended();
    let ran = ended && !job.attempts.is_empty();
    (usize::from(counts), usize::from(ended), usize::from(ran))
}
