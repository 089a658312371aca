use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use slab::Slab;

use super::node::Node;

/// What a requirement asks of the required job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// *requires*: it succeeded; of a service, it has been ready.
    #[default]
    Succeeded,
    /// *after*: it has ended, however.
    Finished,
    /// *on failure of*: it failed.
    Failed,
}

/// "No edge", "no job": an index that is never given out.
pub(super) const NONE: u32 = u32::MAX;

/// One of the two lists that an edge is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    /// The list of the job, which leads to the jobs that it requires.
    Requirements,
    /// The list of the required job, which leads to its dependents.
    Dependents,
}

/// The last edge of each of a job's two lists. Lists are circular, so the last leads to the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lists([u32; 2]);

impl Lists {
    pub(super) const EMPTY: Self = Self([NONE; 2]);
}

/// A requirement: 16 bytes, in one list of each of its two jobs.
#[derive(Clone, Copy, Debug)]
struct Edge {
    job: u32,
    required: Required,
    next: [u32; 2],
}

/// The required job in 30 bits, the condition in two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Required(u32);

impl Required {
    const INDEX: u32 = u32::MAX >> 2;

    fn new(index: u32, condition: Condition) -> Self {
        let bits = match condition {
            Condition::Succeeded => 0,
            Condition::Finished => 1,
            Condition::Failed => 2,
        };
        Self(index & Self::INDEX | bits << 30)
    }

    fn index(self) -> Option<u32> {
        Some(self.0 & Self::INDEX).filter(|&index| index != Self::INDEX)
    }

    fn condition(self) -> Condition {
        match self.0 >> 30 {
            0 => Condition::Succeeded,
            1 => Condition::Finished,
            _ => Condition::Failed,
        }
    }
}

/// How many jobs there may be at once: what the 30 bits of an edge can tell apart.
pub(super) const MAX_JOBS: usize = Required::INDEX as usize;

/// The requirements between the jobs, all in one arena.
///
/// An edge is dropped by each of its jobs when that job is removed, and its place is free once both
/// have. Until then the list that still holds it skips it.
#[derive(Clone, Debug)]
pub(super) struct Edges {
    arena: Vec<Edge>,
    /// The first free place; the places form a list.
    free: u32,
    /// Edges that link two jobs which are both there.
    live: usize,
    /// Edges in a list of dependents whose dependent was removed.
    abandoned: usize,
    /// Edges by job and required job. Made when two jobs with many edges each are to be linked.
    pairs: Option<BTreeMap<(u32, u32), u32>>,
}

/// How many edges are looked at before `Edges::pairs` is made.
const SHORT: usize = 32;

impl Edges {
    pub(super) const fn new() -> Self {
        Self { arena: Vec::new(), free: NONE, live: 0, abandoned: 0, pairs: None }
    }

    /// How many requirements there are.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// Whether one more edge can be numbered.
    pub(super) fn has_room_for(&self, more: usize) -> bool {
        self.arena.len() + more < NONE as usize
    }

    /// Links two jobs that are not linked yet.
    pub(super) fn connect<J>(
        &mut self,
        jobs: &mut Slab<Node<J>>,
        job: u32,
        required: u32,
        condition: Condition,
    ) {
        let edge = Edge { job, required: Required::new(required, condition), next: [NONE; 2] };
        let at = self.place(edge);
        self.append(Side::Requirements, &mut jobs[job as usize].lists, at);
        self.append(Side::Dependents, &mut jobs[required as usize].lists, at);
        if let Some(pairs) = &mut self.pairs {
            pairs.insert((job, required), at);
        }
        self.live += 1;
    }

    #[expect(clippy::cast_possible_truncation, reason = "`has_room_for` was asked")]
    fn place(&mut self, edge: Edge) -> u32 {
        if self.free == NONE {
            self.arena.push(edge);
            return (self.arena.len() - 1) as u32;
        }
        let at = self.free;
        self.free = self.arena[at as usize].next[0];
        self.arena[at as usize] = edge;
        at
    }

    fn append(&mut self, side: Side, lists: &mut Lists, at: u32) {
        let last = &mut lists.0[side as usize];
        let first = match *last {
            NONE => at,
            last => core::mem::replace(&mut self.arena[last as usize].next[side as usize], at),
        };
        self.arena[at as usize].next[side as usize] = first;
        *last = at;
    }

    /// The first edge of a list.
    pub(super) fn first(&self, side: Side, lists: Lists) -> Option<u32> {
        let last = lists.0[side as usize];
        (last != NONE).then(|| self.arena[last as usize].next[side as usize])
    }

    /// The edge after `at` in a list.
    pub(super) fn after(&self, side: Side, lists: Lists, at: u32) -> Option<u32> {
        (at != lists.0[side as usize]).then(|| self.arena[at as usize].next[side as usize])
    }

    /// The job that an edge of a list leads to, if it is still there.
    pub(super) fn target(&self, side: Side, at: u32) -> Option<u32> {
        let edge = &self.arena[at as usize];
        match side {
            Side::Requirements => edge.required.index(),
            Side::Dependents => Some(edge.job).filter(|&job| job != NONE),
        }
    }

    pub(super) fn condition(&self, at: u32) -> Condition {
        self.arena[at as usize].required.condition()
    }

    /// The jobs that a list leads to, with the conditions, in the order the requirements were made.
    pub(super) fn targets(
        &self,
        side: Side,
        lists: Lists,
    ) -> impl Iterator<Item = (u32, Condition)> + '_ {
        let mut at = self.first(side, lists);
        core::iter::from_fn(move || {
            let here = at?;
            at = self.after(side, lists, here);
            Some((self.target(side, here), self.condition(here)))
        })
        .filter_map(|(target, condition)| Some((target?, condition)))
    }

    /// Whether the last dependent of a job is `job`.
    pub(super) fn ends_with(&self, required: Lists, job: u32) -> bool {
        let last = required.0[Side::Dependents as usize];
        last != NONE && self.arena[last as usize].job == job
    }

    /// The edge between two jobs. O(1) while one of them has few edges, else O(log edges).
    pub(super) fn find<J>(&mut self, jobs: &Slab<Node<J>>, job: u32, required: u32) -> Option<u32> {
        if self.pairs.is_none() {
            let ends = [(Side::Requirements, job, required), (Side::Dependents, required, job)];
            let mut cursors =
                ends.map(|(side, from, _)| self.first(side, jobs[from as usize].lists));
            for _ in 0..SHORT {
                for (cursor, (side, from, to)) in cursors.iter_mut().zip(ends) {
                    let at = (*cursor)?;
                    if self.target(side, at) == Some(to) {
                        return Some(at);
                    }
                    *cursor = self.after(side, jobs[from as usize].lists, at);
                }
            }
            self.index_pairs();
        }
        self.pairs.as_ref()?.get(&(job, required)).copied()
    }

    #[expect(clippy::cast_possible_truncation, reason = "edges are numbered in 32 bits")]
    fn index_pairs(&mut self) {
        let pairs = self.arena.iter().enumerate().filter(|(_, edge)| edge.job != NONE);
        self.pairs = Some(
            pairs
                .filter_map(|(at, edge)| Some(((edge.job, edge.required.index()?), at as u32)))
                .collect(),
        );
    }

    /// Once the run has begun, no two jobs are linked that were there before.
    pub(super) fn forget_pairs(&mut self) {
        self.pairs = None;
    }

    /// Takes an edge out of both its lists. O(edges of both jobs).
    pub(super) fn disconnect<J>(
        &mut self,
        jobs: &mut Slab<Node<J>>,
        job: u32,
        required: u32,
        at: u32,
    ) {
        self.unlink(Side::Requirements, &mut jobs[job as usize].lists, at);
        self.unlink(Side::Dependents, &mut jobs[required as usize].lists, at);
        self.forget_pair(at);
        self.live -= 1;
        self.release(at);
    }

    fn unlink(&mut self, side: Side, lists: &mut Lists, at: u32) {
        let (side, last) = (side as usize, &mut lists.0[side as usize]);
        let mut before = *last;
        while self.arena[before as usize].next[side] != at {
            before = self.arena[before as usize].next[side];
        }
        self.arena[before as usize].next[side] = self.arena[at as usize].next[side];
        if *last == at {
            *last = if before == at { NONE } else { before };
        }
    }

    fn forget_pair(&mut self, at: u32) {
        let Edge { job, required, .. } = self.arena[at as usize];
        if let (Some(pairs), Some(required)) = (&mut self.pairs, required.index()) {
            pairs.remove(&(job, required));
        }
    }

    fn release(&mut self, at: u32) {
        self.arena[at as usize] =
            Edge { job: NONE, required: Required(u32::MAX), next: [self.free, NONE] };
        self.free = at;
    }

    /// Edges that stay, but do not link two jobs that are both there any more.
    pub(super) fn discount(&mut self, edges: usize) {
        self.live -= edges;
    }

    /// Lets go of all edges of a job that was removed. O(its edges), amortised.
    pub(super) fn detach<J>(&mut self, jobs: &mut Slab<Node<J>>, lists: Lists) {
        for side in [Side::Requirements, Side::Dependents] {
            let mut cursor = self.first(side, lists);
            while let Some(at) = cursor {
                cursor = self.after(side, lists, at);
                self.let_go(side, at);
            }
        }
        if self.abandoned > self.live + jobs.len() {
            self.sweep(jobs);
        }
    }

    /// The job in whose list of this side an edge is lets go of it.
    fn let_go(&mut self, side: Side, at: u32) {
        let other_is_there = self.target(side, at).is_some();
        if other_is_there {
            self.forget_pair(at);
            self.live -= 1;
        }
        let edge = &mut self.arena[at as usize];
        match (side, other_is_there) {
            (Side::Requirements, true) => {
                edge.job = NONE;
                self.abandoned += 1;
            }
            (Side::Dependents, true) => edge.required = Required(u32::MAX),
            (Side::Requirements, false) => self.release(at),
            (Side::Dependents, false) => {
                self.abandoned -= 1;
                self.release(at);
            }
        }
    }

    /// Frees the abandoned edges, which only lists of dependents still hold. O(jobs + edges).
    fn sweep<J>(&mut self, jobs: &mut Slab<Node<J>>) {
        for (_, node) in jobs.iter_mut() {
            let lists = node.lists;
            node.lists.0[Side::Dependents as usize] = NONE;
            let mut cursor = self.first(Side::Dependents, lists);
            while let Some(at) = cursor {
                cursor = self.after(Side::Dependents, lists, at);
                match self.target(Side::Dependents, at) {
                    Some(_) => self.append(Side::Dependents, &mut node.lists, at),
                    None => self.release(at),
                }
            }
        }
        self.abandoned = 0;
    }
}
