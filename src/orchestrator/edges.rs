use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

use super::dependents::Dependents;
use super::edge::{Condition, Edge};
use super::job::JobId;
use super::made::Made;
use super::nodes::Nodes;
use super::seldom::Seldom;

/// The requirements between the jobs, from both sides.
///
/// While the graph is built they are known to the jobs that have them; their other side is made at `start`.
/// A requirement that was taken back, or of or on a job that was removed, stays where it is until all is made
/// anew.
#[derive(Clone, Debug)]
pub(super) struct Edges {
    made: Made,
    /// Edges that link two jobs which are both there.
    live: usize,
    /// Edges that do not any more, since all was made anew.
    dead: usize,
    /// While the graph is built, of jobs with many edges, forgotten ones included: where those are that are not,
    /// by required job.
    wide: Seldom<BTreeMap<u32, BTreeMap<u32, u32>>>,
    pub(super) dependents: Dependents,
    /// The last creation number when the other side was sorted; [`BUILDING`] before. A job that is
    /// younger has no sorted dependents and is none, and requires older ones alone.
    known: u64,
}

/// The other side is not made yet.
const BUILDING: u64 = u64::MAX;

/// How many edges are looked at before a job has them in [`Edges::wide`], and how many may be dead for nothing.
const SHORT: usize = 32;

impl Edges {
    pub(super) const fn new() -> Self {
        Self {
            made: Made::new(),
            live: 0,
            dead: 0,
            wide: Seldom::new(),
            dependents: Dependents::new(),
            known: BUILDING,
        }
    }

    /// How many requirements there are.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    #[inline]
    pub(super) fn has_room_for(&self, more: usize) -> bool {
        self.made.has_room_for(more)
    }

    /// Links two jobs that are not linked yet, before `start`.
    pub(super) fn connect(&mut self, job: u32, required: u32, condition: Condition) {
        let at = self.made.push(job, required, condition);
        self.live += 1;
        if let Some(wide) = self.wide.existing_mut().and_then(|wide| wide.get_mut(&job)) {
            wide.insert(required, at);
        }
    }

    /// Links a job that is about to be added to all that it requires, each of them once.
    /// Returns how many these are.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "`has_room_for` was asked")]
    pub(super) fn connect_new(&mut self, job: u32, requirements: &[(JobId, Condition)]) -> u32 {
        let begin = self.made.push_all(job, requirements);
        let count = requirements.len() as u32;
        self.live += requirements.len();
        if self.is_sorted() {
            self.dependents.push(job, begin, self.made.latest(count));
        }
        count
    }

    /// What the job requires that was added last, in order, with the number of its requirements at hand.
    pub(super) fn latest(&self, count: u32) -> impl Iterator<Item = (u32, Condition)> + '_ {
        self.made.latest(count).map(Edge::parts)
    }

    /// What a job required when it was added, whether that is there or not; in no order.
    pub(super) fn all_requirements(&self, job: u32) -> impl Iterator<Item = u32> + '_ {
        self.made.of_job(job).map(|(_, required)| required.index())
    }

    /// Calls back with each required job, once for each requirement, whether both are there or not.
    pub(super) fn for_each_required(&self, mut required: impl FnMut(u32)) {
        self.made.for_each(|_, edge| required(edge.index()));
    }

    /// What a job requires that is there, in no order.
    pub(super) fn requirements<'a>(
        &'a self,
        nodes: &'a Nodes,
        job: u32,
    ) -> impl Iterator<Item = u32> + 'a {
        self.all_requirements(job).filter(move |&required| self.is_required(nodes, job, required))
    }

    /// The same in the order in which the requirements were made.
    pub(super) fn requirements_in_order<'a>(
        &'a self,
        nodes: &'a Nodes,
        job: u32,
    ) -> impl Iterator<Item = (u32, Condition)> + 'a {
        let all = self.made.in_order(job).map(Edge::parts);
        all.filter(move |&(required, _)| self.is_required(nodes, job, required))
    }

    /// Whether an edge of a job is on the job that has this index now, not on one that had it before.
    fn is_required(&self, nodes: &Nodes, job: u32, required: u32) -> bool {
        nodes.contains(required) && nodes.number(required) <= nodes.number(job).max(self.known)
    }

    /// Where the sorted dependents of a job are.
    #[inline]
    pub(super) fn span(&self, nodes: &Nodes, required: u32) -> Range<usize> {
        if self.was_sorted(nodes, required) { self.dependents.span(required) } else { 0..0 }
    }

    /// Whether the job that has an index now was there when the dependents were sorted.
    #[inline]
    pub(super) fn was_sorted(&self, nodes: &Nodes, index: u32) -> bool {
        nodes.number(index) <= self.known
    }

    pub(super) fn condition(&self, at: u32) -> Condition {
        self.made.get(at).condition()
    }

    /// The edge between two jobs. O(1) while the one has few edges, forgotten ones included, else O(log of them),
    /// amortised.
    pub(super) fn find(&mut self, job: u32, required: u32) -> Option<u32> {
        if let Some(wide) = self.wide.get(&job) {
            return wide.get(&required).copied();
        }
        let is_it = |(_, edge): &(u32, Edge)| edge.has_condition() && edge.index() == required;
        let mut all = self.made.all_of_job(job);
        if let Some((at, _)) = all.by_ref().take(SHORT).find(is_it) {
            return Some(at);
        }
        all.next()?;
        let all = self.made.of_job(job).map(|(at, edge)| (edge.index(), at));
        let wide: BTreeMap<u32, u32> = all.collect();
        let found = wide.get(&required).copied();
        self.wide.make().insert(job, wide);
        found
    }

    /// Takes an edge of a job back, before `start`. O(1) amortised, O(log edges of the job) where it has many.
    pub(super) fn disconnect(&mut self, nodes: &Nodes, job: u32, at: u32) {
        let edge = self.made.forget(at);
        self.let_go(1);
        if let Some(wide) = self.wide.existing_mut().and_then(|wide| wide.get_mut(&job)) {
            wide.remove(&edge.index());
        }
        self.sweep_if_idle(nodes);
    }

    /// Lets go of all edges of jobs that are removed before `start`, and tells which jobs required one.
    /// O(edges).
    pub(super) fn detach_all(
        &mut self,
        nodes: &Nodes,
        is_removed: impl Fn(u32) -> bool,
        mut freed: impl FnMut(u32, Edge),
    ) {
        let is_idle =
            |&(_, job, edge): &(u32, u32, Edge)| is_removed(job) || is_removed(edge.index());
        let idle: Vec<_> = self.made.iter().filter(is_idle).collect();
        self.let_go(idle.len());
        for (at, job, edge) in idle {
            self.made.forget(at);
            if is_removed(edge.index()) {
                freed(job, edge);
            }
        }
        self.wide = Seldom::new();
        self.sweep_if_idle(nodes);
    }

    /// Who gets the index of a removed job begins without edges.
    pub(super) fn forget_job(&mut self, job: u32) {
        self.made.forget_job(job);
        self.dependents.forget_job(job);
    }

    /// Lets go of all edges of a job that is about to be removed in a run. O(its edges), amortised.
    pub(super) fn detach(&mut self, nodes: &Nodes, job: u32) {
        self.discount(nodes, job);
        let own: Vec<u32> = self.made.of_job(job).map(|(at, _)| at).collect();
        for at in own {
            self.made.forget(at);
            self.dependents.forget(at);
        }
        self.forget_job(job);
    }

    /// A job is about to be removed whose edges stay.
    pub(super) fn discount(&mut self, nodes: &Nodes, job: u32) {
        self.let_go(self.requirements(nodes, job).count() + self.dependents(nodes, job).count());
    }

    fn let_go(&mut self, edges: usize) {
        self.live -= edges;
        self.dead += edges;
    }

    /// The dependents of a job that are there, with what they ask, in the order in which the requirements
    /// were made. O(all requirements) before `start`.
    pub(super) fn dependents<'a>(
        &'a self,
        nodes: &'a Nodes,
        required: u32,
    ) -> impl Iterator<Item = (u32, Condition)> + 'a {
        let unsorted = (!self.is_sorted()).then(|| self.made.iter()).into_iter().flatten();
        let unsorted = unsorted.filter(move |(_, _, edge)| edge.index() == required);
        let unsorted = unsorted.map(|(_, job, edge)| edge.with_index(job));
        unsorted.chain(self.known_dependents(&self.dependents, nodes, required)).map(Edge::parts)
    }

    /// Those of them whom this other side of the requirements knows.
    fn known_dependents<'a>(
        &'a self,
        side: &'a Dependents,
        nodes: &'a Nodes,
        required: u32,
    ) -> impl Iterator<Item = Edge> + 'a {
        let is_there = move |dependent: &Edge| nodes.contains(dependent.index());
        let was_sorted = self.was_sorted(nodes, required);
        let sorted = was_sorted.then(|| side.sorted_of(required)).into_iter().flatten();
        let sorted = sorted.filter(move |job| self.was_sorted(nodes, job.index()));
        sorted.chain(side.late_of(required)).filter(is_there)
    }

    /// Whoever depended on a job when the run began to end: then all was swept, and no index is used again since.
    pub(super) fn dependents_at_the_end(&self, required: u32) -> impl Iterator<Item = u32> + '_ {
        let late = self.dependents.late_of(required);
        self.dependents.sorted_of(required).chain(late).map(Edge::index)
    }

    fn is_sorted(&self) -> bool {
        self.known != BUILDING
    }

    /// Makes the other side of all requirements, when the graph is built.
    pub(super) fn sort(&mut self, nodes: &Nodes, known: u64) {
        self.dependents = self.other_side(nodes);
        self.known = known;
        self.wide = Seldom::new();
    }

    /// The other side of all requirements. O(jobs + requirements).
    fn other_side(&self, nodes: &Nodes) -> Dependents {
        Dependents::of(&self.made, self.live, nodes.len())
    }

    /// Both sides of all requirements. O(jobs + requirements) before `start`.
    pub(super) fn both_sides<'a>(&'a self, nodes: &'a Nodes) -> BothSides<'a> {
        let other = if self.is_sorted() {
            Cow::Borrowed(&self.dependents)
        } else {
            Cow::Owned(self.other_side(nodes))
        };
        BothSides { edges: self, other, nodes }
    }

    /// Before `start`, once there is more to walk over in vain than not.
    fn sweep_if_idle(&mut self, nodes: &Nodes) {
        if self.dead > self.live + SHORT {
            self.sweep(nodes);
        }
    }

    /// In a run: whether there are so many dead edges that all may be swept, and sorted, at no higher cost.
    pub(super) fn is_idle(&self, nodes: &Nodes) -> bool {
        self.dead > self.live + nodes.len()
    }

    /// Makes all anew, without the dead edges. O(edges).
    pub(super) fn sweep(&mut self, nodes: &Nodes) {
        let made = self.made.restart();
        (self.live, self.dead, self.wide) = (0, 0, Seldom::new());
        for (_, job, edge) in made.iter() {
            let (required, condition) = edge.parts();
            if self.is_required(nodes, job, required) {
                self.connect(job, required, condition);
            }
        }
    }
}

/// The requirements, known to both of whom they link.
#[derive(Debug)]
pub(super) struct BothSides<'a> {
    edges: &'a Edges,
    other: Cow<'a, Dependents>,
    pub(super) nodes: &'a Nodes,
}

impl BothSides<'_> {
    /// The dependents of a job that are there, in the order in which the requirements were made.
    pub(super) fn dependents(&self, required: u32) -> impl Iterator<Item = (u32, Condition)> + '_ {
        self.edges.known_dependents(&self.other, self.nodes, required).map(Edge::parts)
    }
}
