use alloc::collections::{BTreeMap, VecDeque};

use super::state::Stage;
use super::store::Store;

/// The queued jobs: by priority, then in the order in which they were queued, which is that of their
/// turns. A turn is a number that only grows; a queued job keeps the lower half of it in its node.
///
/// Forever jobs stand in a lane of their own as well: of that one no window holds anybody back.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    all: Lane,
    forever: Lane,
    turns: u64,
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self { all: Lane::new(), forever: Lane::new(), turns: 0 }
    }

    /// Makes room for so many jobs.
    pub(super) fn reserve(&mut self, jobs: usize) {
        self.all.usual.jobs.reserve(jobs);
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    fn next_turn(&mut self) -> u32 {
        self.turns += 1;
        self.turns as u32
    }

    /// Queues a job, at the end.
    #[expect(clippy::inline_always, reason = "short, once for each job")]
    #[inline(always)]
    pub(super) fn push<J>(&mut self, jobs: &mut Store<J>, index: u32, plain: bool) {
        let turn = self.next_turn();
        jobs.held_by[index as usize] = turn;
        if plain {
            self.all.usual.jobs.push_back(Entry::new(index, turn));
        } else {
            self.push_other(jobs, Entry::new(index, turn));
        }
    }

    fn push_other<J>(&mut self, jobs: &Store<J>, entry: Entry) {
        let priority = jobs.priority(entry.index());
        self.all.line(priority).jobs.push_back(entry);
        if !jobs.node(entry.index()).is_finite() {
            self.forever.line(priority).jobs.push_back(entry);
        }
    }

    /// Gives a job its turn that does not stand in line yet.
    pub(super) fn take_turn<J>(&mut self, jobs: &mut Store<J>, index: u32) {
        jobs.held_by[index as usize] = self.next_turn();
    }

    /// Puts a job into its line that had its turn before.
    pub(super) fn join_late<J>(&mut self, jobs: &mut Store<J>, index: u32) {
        let (turn, priority) = (self.turn_of(jobs, index), jobs.priority(index));
        self.all.line(priority).late.insert(turn, index);
        if !jobs.node(index).is_finite() {
            self.forever.line(priority).late.insert(turn, index);
        }
    }

    fn turn_of<J>(&self, jobs: &Store<J>, index: u32) -> u64 {
        whole(self.turns, jobs.held_by[index as usize])
    }

    /// Lets a job go that is queued no more, and was not handed out.
    pub(super) fn remove<J>(&mut self, jobs: &mut Store<J>, index: u32) {
        let turn = self.turn_of(jobs, index);
        self.all.remove(jobs, index, turn);
        if !jobs.node(index).is_finite() {
            self.forever.remove(jobs, index, turn);
        }
    }

    /// Whether there is a job that can be handed out.
    #[inline]
    pub(super) fn has_next(&self, seat_is_free: bool) -> bool {
        if seat_is_free { self.all.has_any() } else { self.forever.has_any() }
    }

    /// Takes the job that is handed out next. A forever job has to leave the other lane as well.
    #[inline]
    pub(super) fn pop<J>(&mut self, jobs: &Store<J>, seat_is_free: bool) -> Option<u32> {
        if seat_is_free && self.all.has_usual_alone() {
            let index = self.all.usual.jobs.pop_front()?.index();
            if self.all.usual.stale > 0 {
                self.all.usual.clean(jobs);
            }
            return Some(index);
        }
        self.pop_other(jobs, seat_is_free)
    }

    fn pop_other<J>(&mut self, jobs: &Store<J>, seat_is_free: bool) -> Option<u32> {
        let turns = self.turns;
        let lane = if seat_is_free { &mut self.all } else { &mut self.forever };
        lane.pop(jobs, turns)
    }

    /// A forever job was taken from one lane; it stands in the other one as well.
    pub(super) fn leave_other_lane<J>(
        &mut self,
        jobs: &mut Store<J>,
        index: u32,
        was_in_all: bool,
    ) {
        let turn = self.turn_of(jobs, index);
        // From here on an entry with its turn is stale.
        let held_by = &mut jobs.held_by[index as usize];
        *held_by = !*held_by;
        let other = if was_in_all { &mut self.forever } else { &mut self.all };
        other.remove(jobs, index, turn);
    }
}

/// The turn of which this is the lower half: one of the latest 2^32.
#[expect(clippy::cast_possible_truncation, reason = "the lower half")]
fn whole(turns: u64, low: u32) -> u64 {
    turns - u64::from((turns as u32).wrapping_sub(low))
}

/// Jobs by priority. The usual one has its line at hand.
#[derive(Clone, Debug)]
struct Lane {
    usual: Line,
    others: BTreeMap<i32, Line>,
}

impl Lane {
    const fn new() -> Self {
        Self { usual: Line::new(), others: BTreeMap::new() }
    }

    fn line(&mut self, priority: i32) -> &mut Line {
        match priority {
            0 => &mut self.usual,
            priority => self.others.entry(priority).or_insert(Line::new()),
        }
    }

    #[inline]
    fn has_any(&self) -> bool {
        !self.usual.is_empty() || !self.others.is_empty()
    }

    /// Whether whoever is here has the usual priority, and came in time.
    #[inline]
    fn has_usual_alone(&self) -> bool {
        self.others.is_empty() && self.usual.late.is_empty()
    }

    fn pop<J>(&mut self, jobs: &Store<J>, turns: u64) -> Option<u32> {
        let highest = self.others.last_key_value().map(|(&priority, _)| priority);
        match highest {
            Some(priority) if priority > 0 || self.usual.is_empty() => {
                let line = self.others.get_mut(&priority)?;
                let popped = line.pop(jobs, turns);
                if line.is_empty() {
                    self.others.remove(&priority);
                }
                popped
            }
            _ => self.usual.pop(jobs, turns),
        }
    }

    fn remove<J>(&mut self, jobs: &Store<J>, index: u32, turn: u64) {
        let priority = jobs.priority(index);
        if priority == 0 {
            return self.usual.remove(jobs, turn);
        }
        if let Some(line) = self.others.get_mut(&priority) {
            line.remove(jobs, turn);
            if line.is_empty() {
                self.others.remove(&priority);
            }
        }
    }
}

/// A job in a line. Whoever left it otherwise than by the front leaves a stale entry.
// Both halves are written and read at once: a job is often handed out right after it was queued.
#[derive(Clone, Copy, Debug)]
struct Entry(u64);

impl Entry {
    #[inline]
    fn new(index: u32, turn: u32) -> Self {
        Self(u64::from(turn) << 32 | u64::from(index))
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    fn index(self) -> u32 {
        self.0 as u32
    }

    fn turn(self) -> u32 {
        (self.0 >> 32) as u32
    }

    fn is_stale<J>(self, jobs: &Store<J>) -> bool {
        let index = self.index();
        jobs.node(index).stage != Stage::Queued || jobs.held_by[index as usize] != self.turn()
    }
}

/// First in, first out. The first entry is never a stale one.
#[derive(Clone, Debug)]
struct Line {
    jobs: VecDeque<Entry>,
    stale: usize,
    /// Those who came after their turn.
    late: BTreeMap<u64, u32>,
}

impl Line {
    const fn new() -> Self {
        Self { jobs: VecDeque::new(), stale: 0, late: BTreeMap::new() }
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.late.is_empty()
    }

    fn pop<J>(&mut self, jobs: &Store<J>, turns: u64) -> Option<u32> {
        let front = self.jobs.front().map(|entry| whole(turns, entry.turn()));
        match self.late.first_entry() {
            Some(late) if front.is_none_or(|front| *late.key() < front) => Some(late.remove()),
            _ => {
                let first = self.jobs.pop_front()?;
                self.clean(jobs);
                Some(first.index())
            }
        }
    }

    /// The job with this turn has left.
    fn remove<J>(&mut self, jobs: &Store<J>, turn: u64) {
        if self.late.remove(&turn).is_some() {
            return;
        }
        self.stale += 1;
        self.clean(jobs);
        if self.stale > self.jobs.len() / 2 {
            self.jobs.retain(|entry| !entry.is_stale(jobs));
            self.stale = 0;
        }
    }

    fn clean<J>(&mut self, jobs: &Store<J>) {
        while self.stale > 0 && self.jobs.front().is_some_and(|entry| entry.is_stale(jobs)) {
            self.jobs.pop_front();
            self.stale -= 1;
        }
    }
}
