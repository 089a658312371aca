use super::kinds::Kinds;
use super::line::Lane;
use super::node::Needs;
use super::seldom::Seldom;
use super::store::Store;
use super::turn::{Standing, Turn};

/// In which order queued jobs of one priority are handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// Who was queued first goes first. Nobody starves.
    #[default]
    BreadthFirst,
    /// Who was queued by a later input goes first: what was begun is finished before something else is begun,
    /// so that few intermediate results are about at once. Of those that one input has queued, the first goes
    /// first. A job may wait as long as others go on being queued.
    DepthFirst,
}

/// The queued jobs: by priority, then by turn. Each stands in one lane: whoever needs a seat only, whoever needs
/// nothing, or whoever takes from pools, with those that take the same.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    seated: Lane,
    /// Forever jobs: no window holds them back.
    forever: Seldom<Lane>,
    pub(super) kinds: Seldom<Kinds>,
    /// How many turns were given out.
    numbers: u64,
    /// In a run that goes depth first: the turns before this input.
    input: Option<u64>,
    /// Whether all that are queued need a seat only, and stand in the usual line, in time. Once it is not, it may
    /// be so again unnoticed.
    is_usual: bool,
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self {
            seated: Lane::new(),
            forever: Seldom::new(),
            kinds: Seldom::new(),
            numbers: 0,
            input: None,
            is_usual: true,
        }
    }

    /// The run begins.
    pub(super) fn begin(&mut self, order: Order) {
        self.input = match order {
            Order::BreadthFirst => None,
            Order::DepthFirst => Some(self.numbers),
        };
    }

    /// What is queued from here on was queued by another input than what was before.
    pub(super) fn begin_input(&mut self) {
        if let Some(input) = &mut self.input {
            *input = self.numbers;
        }
    }

    /// Makes room for so many jobs.
    pub(super) fn reserve(&mut self, jobs: usize) {
        self.seated.reserve(jobs);
    }

    fn next_turn(&mut self) -> Turn {
        self.numbers += 1;
        let group = self.input.map_or(0, |input| u64::MAX - input);
        Turn { group, number: self.numbers }
    }

    /// Queues a plain job, at the end, in a run that goes breadth first.
    #[expect(clippy::inline_always, reason = "short, once for each job")]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    #[inline(always)]
    pub(super) fn push_plain<J>(&mut self, jobs: &mut Store<J>, index: u32) {
        self.numbers += 1;
        let low = self.numbers as u32;
        jobs.held_by[index as usize] = low;
        self.seated.push_usual(index, low);
    }

    /// Queues a job, at the end of its turn.
    pub(super) fn push<J>(&mut self, jobs: &mut Store<J>, index: u32) -> Turn {
        let turn = self.take_turn(jobs, index);
        let (needs, priority) = (jobs.needs(index), jobs.priority(index));
        self.is_usual &= needs == Needs::Seat && priority == 0 && self.input.is_none();
        let lane = self.lane(needs);
        if turn.group == 0 {
            lane.push(priority, index, turn);
        } else {
            lane.insert(priority, index, turn);
        }
        self.has_changed(needs);
        turn
    }

    /// Gives a job its turn that does not stand in line yet.
    pub(super) fn take_turn<J>(&mut self, jobs: &mut Store<J>, index: u32) -> Turn {
        let turn = self.next_turn();
        jobs.held_by[index as usize] = turn.low();
        turn
    }

    /// Queues a job that had its turn before.
    pub(super) fn join<J>(&mut self, jobs: &mut Store<J>, index: u32, turn: Turn) {
        jobs.held_by[index as usize] = turn.low();
        let (needs, priority) = (jobs.needs(index), jobs.priority(index));
        self.is_usual = false;
        self.lane(needs).insert(priority, index, turn);
        self.has_changed(needs);
    }

    fn lane(&mut self, needs: Needs) -> &mut Lane {
        match needs {
            Needs::Nothing => self.forever.make(),
            Needs::Seat => &mut self.seated,
            Needs::SeatAndPools(kind) => self.kinds.make().lane(kind),
        }
    }

    /// Somebody has come to a lane, or left it.
    fn has_changed(&mut self, needs: Needs) {
        if let Needs::SeatAndPools(kind) = needs {
            self.kinds.make().lane_changed(kind, self.numbers);
        }
    }

    /// Lets a job go that is queued no more, and was not handed out.
    pub(super) fn remove<J>(&mut self, jobs: &Store<J>, index: u32) {
        let needs = jobs.needs(index);
        self.lane(needs).remove(jobs, jobs.priority(index));
        self.has_changed(needs);
    }

    /// Whether there is a job that can be handed out.
    #[inline]
    pub(super) fn has_next(&self, seat_is_free: bool) -> bool {
        if self.is_usual {
            seat_is_free && self.seated.has_usual()
        } else {
            !self.forever.is_empty()
                || seat_is_free && (!self.seated.is_empty() || self.kinds.next().is_some())
        }
    }

    /// Takes the job that is handed out next, and what it needs of the pools.
    #[inline]
    pub(super) fn pop<J>(&mut self, jobs: &Store<J>, seat_is_free: bool) -> Option<u32> {
        if self.is_usual {
            return if seat_is_free { self.seated.pop_usual(jobs) } else { None };
        }
        self.pop_other(jobs, seat_is_free)
    }

    fn pop_other<J>(&mut self, jobs: &Store<J>, seat_is_free: bool) -> Option<u32> {
        let (_, needs) = self.first(seat_is_free)?;
        let numbers = self.numbers;
        let popped = self.lane(needs).pop(jobs, numbers);
        if let Needs::SeatAndPools(kind) = needs {
            self.kinds.make().take(kind, numbers);
        }
        self.is_usual =
            self.forever.is_empty() && self.kinds.is_empty() && self.seated.has_usual_alone();
        popped
    }

    /// Who goes next.
    fn first(&self, seat_is_free: bool) -> Option<(Standing, Needs)> {
        let free = self.forever.head(self.numbers).map(|head| (head, Needs::Nothing));
        let seated = self.seated.head(self.numbers).map(|head| (head, Needs::Seat));
        let pooled = self.kinds.next().map(|(head, kind)| (head, Needs::SeatAndPools(kind)));
        let with_seat = seated.into_iter().chain(pooled).filter(|_| seat_is_free);
        free.into_iter().chain(with_seat).min_by_key(|&(head, _)| head)
    }
}
