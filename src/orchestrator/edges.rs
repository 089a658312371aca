use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::edge::{Condition, Edge, FIRST, JUMP, Lists, NONE, Tagged};
use super::job::JobId;
use super::node::Node;

/// The requirements between the jobs, in one arena, in the order in which they were made.
///
/// An edge forgets a job that is removed, and stays where it is; once more of them are idle than not,
/// the arena is made anew.
#[derive(Clone, Debug)]
pub(super) struct Edges {
    arena: Vec<Edge>,
    /// Edges that link two jobs which are both there.
    live: usize,
    /// Edges by job and required job. Made when two jobs with many edges each are to be linked.
    pairs: Option<BTreeMap<(u32, u32), u32>>,
}

/// How many edges are looked at before `Edges::pairs` is made.
const SHORT: usize = 32;

impl Edges {
    pub(super) const fn new() -> Self {
        Self { arena: Vec::new(), live: 0, pairs: None }
    }

    /// How many requirements there are.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// Whether so many more edges can be numbered, each with a jump.
    pub(super) fn has_room_for(&self, more: usize) -> bool {
        self.arena.len() + 2 * more < Tagged::INDEX as usize
    }

    /// Links two jobs that are not linked yet.
    pub(super) fn connect(
        &mut self,
        nodes: &mut [Node],
        job: u32,
        required: u32,
        condition: Condition,
    ) {
        let newest = nodes[job as usize].lists.newest_requirement;
        if newest != NONE && newest as usize + 1 != self.arena.len() {
            self.arena.push(Edge::jump(newest));
        }
        let own = Tagged::new(job, if newest == NONE { FIRST } else { 0 });
        if let Some(at) = self.push(nodes, own, required, condition) {
            nodes[job as usize].lists.newest_requirement = at;
            self.live += 1;
            self.pair(at);
        }
    }

    /// Links a job that is about to be added to all that it requires, once to each.
    /// Returns the last edge, and how many there are.
    #[inline]
    pub(super) fn connect_new(
        &mut self,
        nodes: &mut [Node],
        job: u32,
        requirements: &[(JobId, Condition)],
    ) -> (u32, u32) {
        let mut own = Tagged::new(job, FIRST);
        let mut newest = NONE;
        let mut made = 0;
        for &(required, condition) in requirements {
            if let Some(at) = self.push(nodes, own, required.slab_index(), condition) {
                newest = at;
                own = Tagged::new(job, 0);
                made += 1;
            }
        }
        self.live += made as usize;
        if self.pairs.is_some() && made > 0 {
            (newest + 1 - made..=newest).for_each(|at| self.pair(at));
        }
        (newest, made)
    }

    /// Makes an edge, the last one of the list of dependents of the required job; not for a job whose
    /// edge is the last one of that list already.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "`has_room_for` was asked")]
    fn push(
        &mut self,
        nodes: &mut [Node],
        job: Tagged,
        required: u32,
        condition: Condition,
    ) -> Option<u32> {
        let at = self.arena.len() as u32;
        let list = &mut nodes[required as usize].lists;
        match self.arena.get_mut(list.last_dependent as usize) {
            Some(last) if last.job.names_same(job) => return None,
            Some(last) => last.next = at,
            None => list.first_dependent = at,
        }
        list.last_dependent = at;
        let required = Tagged::new(required, condition as u32);
        self.arena.push(Edge { job, required, next: NONE });
        Some(at)
    }

    fn pair(&mut self, at: u32) {
        let Edge { job, required, .. } = self.arena[at as usize];
        if let (Some(pairs), Some(job), Some(required)) =
            (&mut self.pairs, job.index(), required.index())
        {
            pairs.insert((job, required), at);
        }
    }

    /// The edge to the first dependent of a job.
    #[inline]
    pub(super) fn first_dependent(lists: Lists) -> Option<u32> {
        Some(lists.first_dependent).filter(|&at| at != NONE)
    }

    /// The edge to the next dependent, and what this one says: the dependent, if it is there, and what
    /// it asks, as an index into a table that has one entry more than there are conditions.
    #[inline]
    pub(super) fn dependent(&self, at: u32) -> (Option<u32>, Option<u32>, usize) {
        let edge = self.arena[at as usize];
        (Some(edge.next).filter(|&at| at != NONE), edge.job.index(), edge.required.tag() as usize)
    }

    /// The dependents of a job, with what they ask, in the order the requirements were made.
    pub(super) fn dependents(&self, lists: Lists) -> impl Iterator<Item = (u32, Condition)> + '_ {
        self.dependent_edges(lists)
            .filter_map(|at| Some((self.arena[at as usize].job.index()?, self.condition(at))))
    }

    /// What the newest job requires, in order, with the number of its requirements at hand.
    pub(super) fn newest(&self, made: u32) -> impl Iterator<Item = (u32, Condition)> + '_ {
        let edges = self.arena[self.arena.len() - made as usize..].iter();
        edges.filter_map(|edge| Some((edge.required.index()?, edge.condition())))
    }

    /// What a job requires, the last requirement first.
    pub(super) fn requirements(&self, lists: Lists) -> impl Iterator<Item = (u32, Condition)> + '_ {
        self.requirement_edges(lists)
            .filter_map(|at| Some((self.arena[at as usize].required.index()?, self.condition(at))))
    }

    fn dependent_edges(&self, lists: Lists) -> impl Iterator<Item = u32> + '_ {
        core::iter::successors(Self::first_dependent(lists), |&at| self.dependent(at).0)
    }

    fn requirement_edges(&self, lists: Lists) -> impl Iterator<Item = u32> + '_ {
        let newest = Some(lists.newest_requirement).filter(|&at| at != NONE);
        core::iter::successors(newest, |&at| self.requirement_before(at))
    }

    fn requirement_before(&self, at: u32) -> Option<u32> {
        if self.arena[at as usize].job.tag() == FIRST {
            return None;
        }
        let before = self.arena[at as usize - 1].required;
        if before.tag() == JUMP { before.index() } else { Some(at - 1) }
    }

    pub(super) fn condition(&self, at: u32) -> Condition {
        self.arena[at as usize].condition()
    }

    /// The edge between two jobs. O(1) while one of them has few edges, else O(log edges).
    pub(super) fn find(&mut self, nodes: &[Node], job: u32, required: u32) -> Option<u32> {
        if self.pairs.is_none() {
            let requirements = self.requirement_edges(nodes[job as usize].lists);
            let dependents = self.dependent_edges(nodes[required as usize].lists);
            let mut looked_at = 0;
            for (one, other) in requirements.zip(dependents).take(SHORT) {
                looked_at += 1;
                let links = |&at: &u32| {
                    let edge = self.arena[at as usize];
                    edge.job.index() == Some(job) && edge.required.index() == Some(required)
                };
                if let Some(at) = [one, other].into_iter().find(links) {
                    return Some(at);
                }
            }
            if looked_at < SHORT {
                return None;
            }
            self.pairs = Some(self.live_edges().map(|(at, job, to)| ((job, to), at)).collect());
        }
        self.pairs.as_ref()?.get(&(job, required)).copied()
    }

    /// Each edge that links two jobs which are both there, with these.
    fn live_edges(&self) -> impl Iterator<Item = (u32, u32, u32)> + '_ {
        (0_u32..).zip(&self.arena).filter_map(|(at, edge)| {
            if edge.required.tag() == JUMP {
                return None;
            }
            Some((at, edge.job.index()?, edge.required.index()?))
        })
    }

    /// Once the run has begun, no two jobs are linked that were there before.
    pub(super) fn forget_pairs(&mut self) {
        self.pairs = None;
    }

    /// Takes an edge back. O(1) amortised, O(log edges) where there are many.
    pub(super) fn disconnect(&mut self, nodes: &mut [Node], at: u32) {
        let edge = &mut self.arena[at as usize];
        let (job, required) = (edge.job.index(), edge.required.index());
        edge.job.forget_index();
        edge.required.forget_index();
        self.gone(job, required);
        self.sweep_if_idle(nodes);
    }

    /// An edge does not link two jobs any more, if it did.
    fn gone(&mut self, job: Option<u32>, required: Option<u32>) {
        let (Some(job), Some(required)) = (job, required) else { return };
        self.live -= 1;
        if let Some(pairs) = &mut self.pairs {
            pairs.remove(&(job, required));
        }
    }

    /// Edges that stay, but do not link two jobs that are both there any more.
    pub(super) fn discount(&mut self, edges: usize) {
        self.live -= edges;
    }

    /// Lets go of all edges of a job that was removed. O(its edges), amortised.
    pub(super) fn detach(&mut self, nodes: &mut [Node], lists: Lists) {
        let mut cursor = Self::first_dependent(lists);
        while let Some(at) = cursor {
            cursor = self.dependent(at).0;
            let Edge { job, required, .. } = self.arena[at as usize];
            self.arena[at as usize].required.forget_index();
            self.gone(job.index(), required.index());
        }
        let mut cursor = Some(lists.newest_requirement).filter(|&at| at != NONE);
        while let Some(at) = cursor {
            cursor = self.requirement_before(at);
            let Edge { job, required, .. } = self.arena[at as usize];
            self.arena[at as usize].job.forget_index();
            self.gone(job.index(), required.index());
        }
        self.sweep_if_idle(nodes);
    }

    fn sweep_if_idle(&mut self, nodes: &mut [Node]) {
        let idle = self.arena.len() - self.live;
        if idle > self.live + nodes.len() {
            self.sweep(nodes);
        }
    }

    /// Makes the arena anew, without the idle edges. O(jobs + edges).
    fn sweep(&mut self, nodes: &mut [Node]) {
        for node in nodes.iter_mut() {
            node.lists = Lists::EMPTY;
        }
        let mut swept = Self::new();
        for (at, job, required) in self.live_edges() {
            swept.connect(nodes, job, required, self.condition(at));
        }
        *self = swept;
    }
}
