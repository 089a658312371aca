use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::line::Lane;
use super::pool::{PoolUse, PoolWait};
use super::seldom::Empty;
use super::turn::Standing;

/// So much of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Need {
    pub(super) pool: u32,
    pub(super) amount: u32,
}

/// A limit by name.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    name: Box<str>,
    capacity: u32,
    free: u32,
    /// What the front-runner needs of it; as far as it is free, it is set aside.
    wanted: u32,
    /// The kinds that it has no room for, by how much they need.
    parked: BTreeMap<u32, BTreeSet<Head>>,
}

impl Pool {
    pub(super) fn used(&self) -> PoolUse<'_> {
        PoolUse { name: &self.name, capacity: self.capacity, free: self.free }
    }

    /// What others than the front-runner may take.
    fn left(&self) -> u32 {
        self.free.saturating_sub(self.wanted)
    }
}

/// The first of a kind.
type Head = (Standing, u32);

/// The queued jobs that take from pools, by kind: a kind takes the same.
///
/// The *front-runner* is the first of all of them, if it does not fit. It holds nothing, but others may take
/// only what is left once its need, as far as it is free, is set aside.
///
/// Each kind of whom somebody is queued is awake, so that it is looked at, or parked at one pool that has
/// no room for it. A pool that gets room offers the first that now fits there; one that turns out to lack
/// another pool is parked there, and the pool that offered it offers the next: so no room is lost.
#[derive(Clone, Debug)]
pub(super) struct Kinds {
    pools: Vec<Pool>,
    names: BTreeSet<Box<str>>,
    all: Vec<Kind>,
    by_needs: BTreeMap<Box<[Need]>, u32>,
    /// The first of each kind of whom somebody is queued.
    heads: BTreeSet<Head>,
    awake: BTreeSet<Head>,
    /// Pools that may have room for somebody who is parked there.
    roomy: Vec<u32>,
    front_runner: Option<u32>,
    next: Option<Head>,
}

#[derive(Clone, Debug)]
struct Kind {
    needs: Box<[Need]>,
    lane: Lane,
    /// Where its first one stands.
    head: Option<Standing>,
    /// Where it is parked, if it is.
    parked: Option<Need>,
    /// The pool that has woken it.
    offered_by: Option<u32>,
}

impl Empty for Kinds {
    const EMPTY: Self = Self {
        pools: Vec::new(),
        names: BTreeSet::new(),
        all: Vec::new(),
        by_needs: BTreeMap::new(),
        heads: BTreeSet::new(),
        awake: BTreeSet::new(),
        roomy: Vec::new(),
        front_runner: None,
        next: None,
    };
    const NOTHING: &'static Self = &Self::EMPTY;
}

impl Kinds {
    pub(super) fn pools(&self) -> &[Pool] {
        &self.pools
    }

    /// Whether there is a pool with this name.
    pub(super) fn has_pool(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Makes a pool, and returns its number.
    #[expect(clippy::cast_possible_truncation, reason = "each takes more than four bytes")]
    pub(super) fn add_pool(&mut self, name: Box<str>, capacity: u32) -> u32 {
        self.names.insert(name.clone());
        let parked = BTreeMap::new();
        self.pools.push(Pool { name, capacity, free: capacity, wanted: 0, parked });
        self.pools.len() as u32 - 1
    }

    /// The number of the kind with these needs, which are in the order of their pools, each named once.
    #[expect(clippy::cast_possible_truncation, reason = "each takes more than four bytes")]
    pub(super) fn of(&mut self, needs: Box<[Need]>) -> u32 {
        let new = self.all.len() as u32;
        let kind = *self.by_needs.entry(needs.clone()).or_insert(new);
        if kind == new {
            let lane = Lane::new();
            self.all.push(Kind { needs, lane, head: None, parked: None, offered_by: None });
        }
        kind
    }

    pub(super) fn needs(&self, kind: u32) -> &[Need] {
        &self.all[kind as usize].needs
    }

    pub(super) fn lane(&mut self, kind: u32) -> &mut Lane {
        &mut self.all[kind as usize].lane
    }

    /// Whether nobody who takes from pools is queued.
    pub(super) fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Who goes next of those who take from pools, and its kind.
    pub(super) fn next(&self) -> Option<Head> {
        self.next
    }

    /// What those of a kind wait for.
    pub(super) fn waits(&self, kind: u32) -> Vec<PoolWait<'_>> {
        let is_first = self.front_runner == Some(kind);
        let wait = |need: &Need| {
            let pool = &self.pools[need.pool as usize];
            let kept = if is_first { 0 } else { pool.free - pool.left() };
            let lacks = need.amount > pool.free - kept;
            lacks.then(|| PoolWait { pool: pool.used(), amount: need.amount, kept })
        };
        self.needs(kind).iter().filter_map(wait).collect()
    }

    /// Somebody has come to the lane of a kind, or left it; so many turns were given out by now.
    pub(super) fn lane_changed(&mut self, kind: u32, numbers: u64) {
        if self.update_head(kind, numbers) {
            self.settle();
        }
    }

    /// Somebody of this kind is handed out, and takes what it needs.
    pub(super) fn take(&mut self, kind: u32, numbers: u64) {
        for need in &self.all[kind as usize].needs {
            self.pools[need.pool as usize].free -= need.amount;
        }
        self.update_head(kind, numbers);
        self.settle();
    }

    /// Somebody of this kind gives back what it took.
    pub(super) fn give_back(&mut self, kind: u32) {
        for need in &self.all[kind as usize].needs {
            self.pools[need.pool as usize].free += need.amount;
            self.roomy.push(need.pool);
        }
        self.settle();
    }

    /// Whether another one is the first of its kind now.
    fn update_head(&mut self, kind: u32, numbers: u64) -> bool {
        let this = &mut self.all[kind as usize];
        let (before, now) = (this.head, this.lane.head(numbers));
        if before == now {
            return false;
        }
        this.head = now;
        if let Some(before) = before {
            self.heads.remove(&(before, kind));
            self.leave((before, kind));
        }
        if let Some(now) = now {
            self.heads.insert((now, kind));
            self.awake.insert((now, kind));
        }
        true
    }

    /// A kind is neither awake nor parked any more.
    fn leave(&mut self, head: Head) {
        let kind = &mut self.all[head.1 as usize];
        self.roomy.extend(kind.offered_by.take());
        match kind.parked.take() {
            None => {
                self.awake.remove(&head);
            }
            Some(Need { pool, amount }) => {
                let parked = &mut self.pools[pool as usize].parked;
                if let Some(with_this_need) = parked.get_mut(&amount) {
                    with_this_need.remove(&head);
                    if with_this_need.is_empty() {
                        parked.remove(&amount);
                    }
                }
            }
        }
    }

    /// Finds who goes next. Most of the time it is the first, or somebody who has just come awake.
    fn settle(&mut self) {
        let first = self.heads.first().copied();
        self.next = first.filter(|&(_, kind)| self.lacking(kind, |pool| pool.free).is_none());
        self.let_run_ahead(if self.next.is_some() { None } else { first.map(|(_, kind)| kind) });
        while self.next.is_none() {
            while let Some(pool) = self.roomy.pop() {
                self.offer(pool);
            }
            let Some(&head) = self.awake.first() else { return };
            match self.lacking(head.1, Pool::left) {
                None => self.next = Some(head),
                Some(need) => self.park(head, need),
            }
        }
    }

    /// What a kind needs of the first pool that has no room for it.
    fn lacking(&self, kind: u32, room: impl Fn(&Pool) -> u32) -> Option<Need> {
        let lacks = |need: &&Need| need.amount > room(&self.pools[need.pool as usize]);
        self.all[kind as usize].needs.iter().find(lacks).copied()
    }

    fn let_run_ahead(&mut self, kind: Option<u32>) {
        if self.front_runner == kind {
            return;
        }
        for need in self.front_runner.into_iter().flat_map(|kind| &self.all[kind as usize].needs) {
            self.pools[need.pool as usize].wanted = 0;
            self.roomy.push(need.pool);
        }
        for need in kind.into_iter().flat_map(|kind| &self.all[kind as usize].needs) {
            self.pools[need.pool as usize].wanted = need.amount;
        }
        self.front_runner = kind;
    }

    /// Wakes the first of those who are parked at this pool and have room there.
    fn offer(&mut self, pool: u32) {
        let at = &self.pools[pool as usize];
        let fitting = at.parked.range(..=at.left()).filter_map(|(_, heads)| heads.first());
        let Some(&head) = fitting.min() else { return };
        self.leave(head);
        self.all[head.1 as usize].offered_by = Some(pool);
        self.awake.insert(head);
    }

    fn park(&mut self, head: Head, need: Need) {
        self.leave(head);
        self.all[head.1 as usize].parked = Some(need);
        let parked = &mut self.pools[need.pool as usize].parked;
        parked.entry(need.amount).or_default().insert(head);
    }

    /// Whether somebody could go if these kinds had given back what they took, and somebody else was queued as
    /// well. O(kinds of whom somebody is queued).
    pub(super) fn could_go(&self, given_back: Option<u32>, comes: Option<Head>) -> bool {
        let mut free: Vec<u32> = self.pools.iter().map(|pool| pool.free).collect();
        for need in given_back.into_iter().flat_map(|kind| self.needs(kind)) {
            free[need.pool as usize] += need.amount;
        }
        let fits = |kind: u32, room: &[u32]| {
            self.needs(kind).iter().all(|need| need.amount <= room[need.pool as usize])
        };
        let heads = self.heads.iter().copied().chain(comes);
        let Some((_, first)) = heads.clone().min() else { return false };
        if fits(first, &free) {
            return true;
        }
        for need in self.needs(first) {
            let room = &mut free[need.pool as usize];
            *room = room.saturating_sub(need.amount);
        }
        heads.into_iter().any(|(_, kind)| fits(kind, &free))
    }
}
