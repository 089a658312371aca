use alloc::collections::{BTreeMap, VecDeque};

use super::graph::NONE;
use super::store::Store;

/// The queued jobs: by priority, then in the order in which they were queued.
///
/// Forever jobs stand in a lane of their own as well: of that one no window holds anybody back.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    all: Lane,
    forever: Lane,
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self { all: Lane::new(Which::All), forever: Lane::new(Which::Forever) }
    }

    #[inline]
    pub(super) fn push<J>(&mut self, jobs: &mut Store<J>, index: u32) {
        let node = jobs.node_mut(index);
        if node.is_plain() {
            node.held_by = self.all.usual.push(index);
        } else {
            self.push_other(jobs, index);
        }
    }

    fn push_other<J>(&mut self, jobs: &mut Store<J>, index: u32) {
        self.all.push(jobs, index);
        if !jobs.node(index).is_finite() {
            self.forever.push(jobs, index);
        }
    }

    /// Lets a job go that is not handed out.
    pub(super) fn remove<J>(&mut self, jobs: &mut Store<J>, index: u32) {
        self.all.remove(jobs, index);
        if !jobs.node(index).is_finite() {
            self.forever.remove(jobs, index);
        }
    }

    /// Whether there is a job that can be handed out.
    #[cfg(feature = "std")]
    #[inline]
    pub(super) fn has_next(&self, place_is_free: bool) -> bool {
        if place_is_free { self.all.has_any() } else { self.forever.has_any() }
    }

    /// Takes the job that is handed out next.
    #[inline]
    pub(super) fn pop<J>(&mut self, jobs: &mut Store<J>, place_is_free: bool) -> Option<u32> {
        if place_is_free && let Some(index) = self.all.pop_usual() {
            if !jobs.node(index).is_finite() {
                self.forever.remove(jobs, index);
            }
            return Some(index);
        }
        self.pop_other(jobs, place_is_free)
    }

    fn pop_other<J>(&mut self, jobs: &mut Store<J>, place_is_free: bool) -> Option<u32> {
        let index = if place_is_free { self.all.first() } else { self.forever.first() }?;
        self.remove(jobs, index);
        Some(index)
    }
}

/// One of the two lanes.
#[derive(Clone, Copy, Debug)]
enum Which {
    All,
    Forever,
}

impl Which {
    /// Where a job stands.
    #[inline]
    fn ticket<J>(self, jobs: &mut Store<J>, index: u32) -> &mut u32 {
        match self {
            Self::All => &mut jobs.node_mut(index).held_by,
            Self::Forever => jobs.forever_ticket(index),
        }
    }
}

/// Jobs by priority. The usual one has its line at hand.
#[derive(Clone, Debug)]
struct Lane {
    which: Which,
    usual: Line,
    others: BTreeMap<i32, Line>,
}

impl Lane {
    const fn new(which: Which) -> Self {
        Self { which, usual: Line::new(), others: BTreeMap::new() }
    }

    #[cfg(feature = "std")]
    #[inline]
    fn has_any(&self) -> bool {
        self.usual.first().is_some() || !self.others.is_empty()
    }

    /// Takes the first job, if all have the usual priority.
    #[inline]
    fn pop_usual(&mut self) -> Option<u32> {
        if self.others.is_empty() { self.usual.pop() } else { None }
    }

    fn first(&self) -> Option<u32> {
        let usual = self.usual.first();
        match self.others.last_key_value() {
            Some((&priority, line)) if priority > 0 || usual.is_none() => line.first(),
            _ => usual,
        }
    }

    fn push<J>(&mut self, jobs: &mut Store<J>, index: u32) {
        let line = match jobs.priority(index) {
            0 => &mut self.usual,
            priority => self.others.entry(priority).or_insert(Line::new()),
        };
        *self.which.ticket(jobs, index) = line.push(index);
    }

    fn remove<J>(&mut self, jobs: &mut Store<J>, index: u32) {
        let (priority, ticket) = (jobs.priority(index), *self.which.ticket(jobs, index));
        if priority == 0 {
            return self.usual.remove(jobs, self.which, ticket);
        }
        if let Some(line) = self.others.get_mut(&priority) {
            line.remove(jobs, self.which, ticket);
            if line.first().is_none() {
                self.others.remove(&priority);
            }
        }
    }
}

/// First in, first out; whoever leaves from the midst leaves a gap. The first place is never one.
#[derive(Clone, Debug)]
struct Line {
    jobs: VecDeque<u32>,
    /// The ticket of the first place. They are numbered in turn, and wrap.
    served: u32,
    gaps: usize,
}

impl Line {
    const fn new() -> Self {
        Self { jobs: VecDeque::new(), served: 0, gaps: 0 }
    }

    #[inline]
    fn first(&self) -> Option<u32> {
        self.jobs.front().copied()
    }

    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most one gap for each job, of which there are less than 2^30"
    )]
    fn push(&mut self, index: u32) -> u32 {
        self.jobs.push_back(index);
        self.served.wrapping_add(self.jobs.len() as u32 - 1)
    }

    #[inline]
    fn pop(&mut self) -> Option<u32> {
        let first = self.jobs.pop_front()?;
        self.served = self.served.wrapping_add(1);
        while self.gaps > 0 && self.jobs.front() == Some(&NONE) {
            self.gaps -= 1;
            self.served = self.served.wrapping_add(1);
            self.jobs.pop_front();
        }
        Some(first)
    }

    fn remove<J>(&mut self, jobs: &mut Store<J>, which: Which, ticket: u32) {
        let place = ticket.wrapping_sub(self.served);
        if place == 0 {
            self.pop();
            return;
        }
        self.jobs[place as usize] = NONE;
        self.gaps += 1;
        if self.gaps > self.jobs.len() / 2 {
            self.close_gaps(jobs, which);
        }
    }

    /// O(places), of which more than half were left since the last time.
    fn close_gaps<J>(&mut self, jobs: &mut Store<J>, which: Which) {
        self.jobs.retain(|&index| index != NONE);
        self.gaps = 0;
        for (place, &index) in (0_u32..).zip(&self.jobs) {
            *which.ticket(jobs, index) = self.served.wrapping_add(place);
        }
    }
}
