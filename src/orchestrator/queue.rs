use alloc::collections::BTreeMap;

use slab::Slab;

use super::graph::NONE;
use super::node::Node;

/// Where a queued job stands: its neighbours in the queue, and when it was queued.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    previous: u32,
    next: u32,
    order: u64,
}

impl Default for Link {
    fn default() -> Self {
        Self { previous: NONE, next: NONE, order: 0 }
    }
}

/// The queued jobs: by priority, then in the order in which they were queued.
///
/// Forever jobs stand in a lane of their own, since no window holds them back.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    finite: Lane,
    forever: Lane,
    queued: u64,
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self { finite: Lane::new(), forever: Lane::new(), queued: 0 }
    }

    fn lane(&mut self, finite: bool) -> &mut Lane {
        if finite { &mut self.finite } else { &mut self.forever }
    }

    pub(super) fn push<J>(&mut self, jobs: &mut Slab<Node<J>>, index: u32) {
        let node = &mut jobs[index as usize];
        let (finite, priority) = (node.is_finite(), node.priority());
        node.link.order = self.queued;
        self.queued += 1;
        self.lane(finite).push(jobs, index, priority);
    }

    pub(super) fn unlink<J>(&mut self, jobs: &mut Slab<Node<J>>, index: u32) {
        let node = &jobs[index as usize];
        let (finite, priority) = (node.is_finite(), node.priority());
        self.lane(finite).unlink(jobs, index, priority);
    }

    /// The job that is handed out next. It stays queued.
    pub(super) fn first<J>(&self, jobs: &Slab<Node<J>>, place_is_free: bool) -> Option<u32> {
        let finite = self.finite.first().filter(|_| place_is_free);
        match (finite, self.forever.first()) {
            (Some((priority, finite)), Some((forever_priority, forever))) => {
                let order = |index: u32| jobs[index as usize].link.order;
                let forever_first = forever_priority > priority
                    || forever_priority == priority && order(forever) < order(finite);
                Some(if forever_first { forever } else { finite })
            }
            (finite, forever) => finite.or(forever).map(|(_, index)| index),
        }
    }
}

/// Jobs by priority. The usual one has its list at hand.
#[derive(Clone, Debug)]
struct Lane {
    usual: List,
    others: BTreeMap<i32, List>,
}

#[derive(Debug, Clone, Copy)]
struct List {
    first: u32,
    last: u32,
}

impl List {
    const EMPTY: Self = Self { first: NONE, last: NONE };
}

impl Lane {
    const fn new() -> Self {
        Self { usual: List::EMPTY, others: BTreeMap::new() }
    }

    fn first(&self) -> Option<(i32, u32)> {
        let usual = Some((0, self.usual.first)).filter(|&(_, first)| first != NONE);
        let other = self.others.last_key_value().map(|(&priority, list)| (priority, list.first));
        usual.max(other)
    }

    fn list(&mut self, priority: i32) -> &mut List {
        match priority {
            0 => &mut self.usual,
            _ => self.others.entry(priority).or_insert(List::EMPTY),
        }
    }

    fn push<J>(&mut self, jobs: &mut Slab<Node<J>>, index: u32, priority: i32) {
        let list = self.list(priority);
        let previous = core::mem::replace(&mut list.last, index);
        match previous {
            NONE => list.first = index,
            _ => jobs[previous as usize].link.next = index,
        }
        let link = &mut jobs[index as usize].link;
        (link.previous, link.next) = (previous, NONE);
    }

    fn unlink<J>(&mut self, jobs: &mut Slab<Node<J>>, index: u32, priority: i32) {
        let Link { previous, next, .. } = jobs[index as usize].link;
        let list = self.list(priority);
        match previous {
            NONE => list.first = next,
            _ => jobs[previous as usize].link.next = next,
        }
        match next {
            NONE => list.last = previous,
            _ => jobs[next as usize].link.previous = previous,
        }
        if list.first == NONE && priority != 0 {
            self.others.remove(&priority);
        }
    }
}
