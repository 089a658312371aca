use alloc::collections::{BTreeMap, VecDeque};
use core::cmp::Reverse;

use super::seldom::{Empty, Seldom};
use super::state::Stage;
use super::store::Store;
use super::turn::{Standing, Turn};

/// The number of which this is the lower half: one of the latest 2^32.
#[expect(clippy::cast_possible_truncation, reason = "the lower half")]
fn whole(numbers: u64, low: u32) -> u64 {
    numbers - u64::from((numbers as u32).wrapping_sub(low))
}

/// Jobs by priority. The usual one has its line at hand.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    usual: Line,
    others: Seldom<BTreeMap<i32, Line>>,
}

impl Empty for Lane {
    const EMPTY: Self = Self::new();
    const NOTHING: &'static Self = &Self::EMPTY;
}

impl Lane {
    pub(super) const fn new() -> Self {
        Self { usual: Line::new(), others: Seldom::new() }
    }

    /// Makes room for so many jobs of the usual priority.
    pub(super) fn reserve(&mut self, jobs: usize) {
        self.usual.jobs.reserve(jobs);
    }

    /// Lets a job stand behind all that have the usual priority.
    #[inline]
    pub(super) fn push_usual(&mut self, index: u32, low: u32) {
        self.usual.jobs.push_back(Entry::new(index, low));
    }

    /// Lets a job stand behind all of its priority, which are all of its group.
    pub(super) fn push(&mut self, priority: i32, index: u32, turn: Turn) {
        self.line(priority).jobs.push_back(Entry::new(index, turn.low()));
    }

    /// Lets a job stand where its turn is.
    pub(super) fn insert(&mut self, priority: i32, index: u32, turn: Turn) {
        self.line(priority).late.make().insert(turn, index);
    }

    fn line(&mut self, priority: i32) -> &mut Line {
        match priority {
            0 => &mut self.usual,
            priority => self.others.make().entry(priority).or_insert(Line::new()),
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.usual.is_empty() && self.others.is_empty()
    }

    /// Whether somebody stands in the usual line, in time.
    #[inline]
    pub(super) fn has_usual(&self) -> bool {
        !self.usual.jobs.is_empty()
    }

    /// Whether nobody stands anywhere else.
    pub(super) fn has_usual_alone(&self) -> bool {
        self.others.is_empty() && self.usual.late.is_empty()
    }

    /// Takes the first of those who stand in the usual line, in time.
    #[inline]
    pub(super) fn pop_usual<J>(&mut self, jobs: &Store<J>) -> Option<u32> {
        let index = self.usual.jobs.pop_front()?.index();
        if self.usual.stale > 0 {
            self.usual.clean(jobs);
        }
        Some(index)
    }

    /// The priority of who goes first.
    fn first_priority(&self) -> i32 {
        match self.others.last_key_value() {
            Some((&priority, _)) if priority > 0 || self.usual.is_empty() => priority,
            _ => 0,
        }
    }

    /// Where the first one stands, if so many numbers were given out.
    pub(super) fn head(&self, numbers: u64) -> Option<Standing> {
        let priority = self.first_priority();
        let line = if priority == 0 { Some(&self.usual) } else { self.others.get(&priority) };
        let turn = line?.head(numbers)?;
        Some(Standing { priority: Reverse(priority), turn })
    }

    /// Takes the first one.
    pub(super) fn pop<J>(&mut self, jobs: &Store<J>, numbers: u64) -> Option<u32> {
        let priority = self.first_priority();
        let popped = self.line(priority).pop(jobs, numbers);
        self.forget_if_empty(priority);
        popped
    }

    /// A job of this priority that stood here is queued no more.
    pub(super) fn remove<J>(&mut self, jobs: &Store<J>, priority: i32) {
        self.line(priority).remove(jobs);
        self.forget_if_empty(priority);
    }

    fn forget_if_empty(&mut self, priority: i32) {
        if self.others.get(&priority).is_some_and(Line::is_empty) {
            self.others.make().remove(&priority);
        }
    }
}

/// A job in a line. Whoever left it otherwise than by the front leaves a stale entry.
// Both halves are written and read at once: a job is often handed out right after it was queued.
#[derive(Clone, Copy, Debug)]
struct Entry(u64);

impl Entry {
    #[inline]
    fn new(index: u32, low: u32) -> Self {
        Self(u64::from(low) << 32 | u64::from(index))
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    fn index(self) -> u32 {
        self.0 as u32
    }

    fn low(self) -> u32 {
        (self.0 >> 32) as u32
    }

    fn is_stale<J>(self, jobs: &Store<J>) -> bool {
        is_stale(jobs, self.index(), self.low())
    }
}

/// Whether a job is not queued with this turn any more.
fn is_stale<J>(jobs: &Store<J>, index: u32, low: u32) -> bool {
    jobs.node(index).stage != Stage::Queued || jobs.held_by[index as usize] != low
}

/// First in, first out, but for those who stand elsewhere by their turn. Neither first entry is ever a stale one.
#[derive(Clone, Debug)]
struct Line {
    jobs: VecDeque<Entry>,
    late: Seldom<BTreeMap<Turn, u32>>,
    stale: usize,
}

impl Line {
    const fn new() -> Self {
        Self { jobs: VecDeque::new(), late: Seldom::new(), stale: 0 }
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.late.is_empty()
    }

    fn front(&self, numbers: u64) -> Option<Turn> {
        let front = self.jobs.front()?;
        Some(Turn { group: 0, number: whole(numbers, front.low()) })
    }

    fn head(&self, numbers: u64) -> Option<Turn> {
        let late = self.late.first_key_value().map(|(&turn, _)| turn);
        self.front(numbers).into_iter().chain(late).min()
    }

    fn pop<J>(&mut self, jobs: &Store<J>, numbers: u64) -> Option<u32> {
        let front = self.front(numbers);
        let first = match self.late.existing_mut().and_then(BTreeMap::first_entry) {
            Some(late) if front.is_none_or(|front| *late.key() < front) => late.remove(),
            _ => self.jobs.pop_front()?.index(),
        };
        self.clean(jobs);
        Some(first)
    }

    fn remove<J>(&mut self, jobs: &Store<J>) {
        self.stale += 1;
        self.clean(jobs);
        if 2 * self.stale > self.jobs.len() + self.late.len() {
            self.jobs.retain(|entry| !entry.is_stale(jobs));
            self.late.make().retain(|turn, &mut index| !is_stale(jobs, index, turn.low()));
            self.stale = 0;
        }
    }

    fn clean<J>(&mut self, jobs: &Store<J>) {
        while self.stale > 0 && self.jobs.front().is_some_and(|entry| entry.is_stale(jobs)) {
            self.jobs.pop_front();
            self.stale -= 1;
        }
        while self.stale > 0
            && let Some(first) = self.late.existing_mut().and_then(BTreeMap::first_entry)
            && is_stale(jobs, *first.get(), first.key().low())
        {
            first.remove();
            self.stale -= 1;
        }
    }
}
