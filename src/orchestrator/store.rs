use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::blocks::Blocks;
#[cfg(feature = "std")]
use super::blocks::FEW;
use super::extra::{Extra, Rare};
use super::job::JobId;
use super::node::{Needs, Node};
use super::nodes::Nodes;
use super::turn::{Standing, Turn};

/// Marks, in the count of its unresolved requirements, a job that waits and goes plainly: to satisfy the last of them
/// nothing else has to be looked at.
pub(super) const PLAIN: u32 = 1 << 31;

/// The count of nobody's unresolved requirements: never the last of them is satisfied.
const NEVER: u32 = PLAIN - 1;

/// The jobs, each at its index in all these lists: a slab in several parts.
#[derive(Clone, Debug)]
pub(super) struct Store<J> {
    payloads: Blocks<Option<J>>,
    pub(super) nodes: Nodes,
    /// How many requirements of a job are unresolved, while it waits; while it is queued, the lower half of
    /// its turn. Whoever resolves requirements needs this alone of most jobs, so it lies by itself.
    pub(super) held_by: Vec<u32>,
    /// As long as the last job needs that is not a plain one.
    extras: Blocks<Option<Box<Extra>>>,
    /// As long as the last job needs that has one.
    labels: Blocks<Option<Box<str>>>,
}

impl<J> Store<J> {
    pub(super) const fn new() -> Self {
        Self {
            payloads: Blocks::new(),
            nodes: Nodes::new(),
            held_by: Vec::new(),
            extras: Blocks::new(),
            labels: Blocks::new(),
        }
    }

    /// Puts a job where [`Nodes::next`] has announced it.
    #[expect(clippy::inline_always, reason = "so that both are made where they are to be")]
    #[inline(always)]
    pub(super) fn insert(&mut self, node: Node, held_by: u32, payload: J) {
        match self.nodes.insert(node) {
            None => {
                self.held_by.push(held_by);
                self.payloads.push(Some(payload));
            }
            Some(reused) => {
                self.held_by[reused as usize] = held_by;
                self.payloads[reused as usize] = Some(payload);
            }
        }
    }

    /// Keeps what a job has beyond a plain one.
    #[inline(never)]
    pub(super) fn keep(&mut self, index: u32, label: Option<Box<str>>, extra: Option<Box<Extra>>) {
        if extra.is_some() {
            put(&mut self.extras, index as usize, extra);
        }
        if label.is_some() {
            put(&mut self.labels, index as usize, label);
        }
    }

    /// Makes room for a few jobs.
    #[cfg(feature = "std")]
    pub(super) fn begin(&mut self) {
        self.nodes.begin();
        self.held_by = Vec::with_capacity(FEW);
        self.payloads.begin();
    }

    /// Takes a job away that is there.
    pub(super) fn remove(&mut self, index: u32) -> (Node, J) {
        let at = index as usize;
        if let Some(extra) = self.extras.get_mut(at) {
            *extra = None;
        }
        if let Some(label) = self.labels.get_mut(at) {
            *label = None;
        }
        let node = self.nodes.remove(index);
        self.held_by[at] = NEVER;
        (node, self.payloads[at].take().expect("a job that is there has a payload"))
    }

    /// The index of a job, if it is present.
    #[inline]
    pub(super) fn index(&self, job: JobId) -> Option<u32> {
        self.nodes.find(job).map(|_| job.slab_index())
    }

    /// Ended, or removed after it had.
    pub(super) fn has_ended(&self, index: u32) -> bool {
        !self.nodes.contains(index) || self.node(index).stage.is_ended()
    }

    /// Has ended, and its body is gone.
    pub(super) fn is_gone(&self, index: u32) -> bool {
        self.has_ended(index) && !self.node(index).body_is_leaving
    }

    #[inline]
    pub(super) fn node(&self, index: u32) -> &Node {
        &self.nodes[index]
    }

    #[inline]
    pub(super) fn node_mut(&mut self, index: u32) -> &mut Node {
        &mut self.nodes[index]
    }

    /// What a job has beyond a plain one.
    #[inline]
    pub(super) fn extra(&self, index: u32) -> Option<&Extra> {
        if !self.node(index).has_extra() {
            return None;
        }
        self.extras.get(index as usize)?.as_deref()
    }

    #[inline]
    pub(super) fn extra_mut(&mut self, index: u32) -> Option<&mut Extra> {
        if !self.node(index).has_extra() {
            return None;
        }
        self.extras.get_mut(index as usize)?.as_deref_mut()
    }

    /// What few jobs have of that.
    #[inline]
    pub(super) fn rare(&self, index: u32) -> Option<&Rare> {
        self.extra(index)?.rare()
    }

    #[inline]
    pub(super) fn rare_mut(&mut self, index: u32) -> Option<&mut Rare> {
        self.extra_mut(index)?.rare_mut()
    }

    #[inline]
    pub(super) fn priority(&self, index: u32) -> i32 {
        self.extra(index).map_or(0, |extra| extra.priority)
    }

    /// What a job needs to be handed out.
    pub(super) fn needs(&self, index: u32) -> Needs {
        let node = self.node(index);
        match self.kind_of(index) {
            Some(kind) => Needs::SeatAndPools(kind),
            None if node.is_finite() => Needs::Seat,
            None => Needs::Nothing,
        }
    }

    /// Where a job stands, or stood last, that is not a plain one.
    pub(super) fn standing(&self, index: u32) -> Standing {
        let turn = self.extra(index).map_or(Turn::default(), |extra| extra.turn);
        Standing { priority: Reverse(self.priority(index)), turn }
    }

    /// What a job takes from pools, if it does.
    #[inline]
    pub(super) fn kind_of(&self, index: u32) -> Option<u32> {
        if !self.node(index).is_pooled() {
            return None;
        }
        self.rare(index).map(|rare| rare.takes)
    }

    pub(super) fn label(&self, index: u32) -> Option<&str> {
        self.labels.get(index as usize)?.as_deref()
    }

    /// Whether it is a service that has been ready.
    #[inline]
    pub(super) fn was_ready(&self, index: u32) -> bool {
        !self.node(index).is_finite() && self.rare(index).is_some_and(|rare| rare.ready)
    }

    #[inline]
    pub(super) fn payload(&self, index: u32) -> Option<&J> {
        self.payloads.get(index as usize)?.as_ref()
    }

    #[inline]
    pub(super) fn payload_at(&mut self, index: usize) -> Option<&mut J> {
        self.payloads.get_mut(index)?.as_mut()
    }

    /// O(jobs); O(jobs log jobs) once a job was removed.
    pub(super) fn in_creation_order(&self) -> Vec<u32> {
        self.order_of_numbers().unwrap_or_else(|| self.nodes.indices().collect())
    }

    /// All jobs in the order of their creation, if that may not be the order of their indices.
    pub(super) fn order_of_numbers(&self) -> Option<Vec<u32>> {
        if !self.nodes.has_removed() {
            return None;
        }
        let mut all: Vec<u32> = self.nodes.indices().collect();
        all.sort_unstable_by_key(|&index| self.nodes.number(index));
        Some(all)
    }

    /// The same jobs with other payloads.
    pub(super) fn map<K>(self, mut payload: impl FnMut(J) -> K) -> Store<K> {
        let payloads = self.payloads.into_iter().map(|old| old.map(&mut payload));
        Store {
            payloads: payloads.collect(),
            nodes: self.nodes,
            held_by: self.held_by,
            extras: self.extras,
            labels: self.labels,
        }
    }
}

/// Puts what few jobs have where the job is.
fn put<T>(list: &mut Blocks<Option<T>>, index: usize, value: Option<T>) {
    while list.len() < index {
        list.push(None);
    }
    if index == list.len() {
        list.push(value);
    } else {
        list[index] = value;
    }
}
