use alloc::boxed::Box;
use alloc::vec::Vec;

use slab::Slab;

use super::edge::NONE;
use super::job::JobId;
use super::node::{Extra, Node};

/// The jobs. A job has the same index in the slab of payloads and in the lists beside it.
#[derive(Clone, Debug)]
pub(super) struct Store<J> {
    payloads: Slab<J>,
    pub(super) nodes: Vec<Node>,
    /// As long as the last job needs that is not a plain one.
    extras: Vec<Option<Box<Extra>>>,
    last_number: u64,
    /// Whether an index was used twice, so that they are not in the order of creation.
    reused: bool,
}

impl<J> Store<J> {
    pub(super) const fn new() -> Self {
        Self {
            payloads: Slab::new(),
            nodes: Vec::new(),
            extras: Vec::new(),
            last_number: 0,
            reused: false,
        }
    }

    /// Where the next job will be, and its creation number.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "no more than `MAX_JOBS` are added")]
    pub(super) fn next_index(&self) -> (u32, u64) {
        (self.payloads.vacant_key() as u32, self.last_number + 1)
    }

    /// Puts a job where it was announced.
    #[expect(clippy::inline_always, reason = "so that both are made where they are to be")]
    #[inline(always)]
    pub(super) fn insert(&mut self, node: Node, extra: Option<Box<Extra>>, payload: J) {
        let index = self.payloads.insert(payload);
        self.last_number = node.number();
        if let Some(vacant) = self.nodes.get_mut(index) {
            *vacant = node;
            self.reused = true;
        } else {
            self.nodes.push(node);
        }
        if extra.is_some() {
            self.keep_extra(index, extra);
        }
    }

    fn keep_extra(&mut self, index: usize, extra: Option<Box<Extra>>) {
        if index >= self.extras.len() {
            self.extras.resize_with(index + 1, || None);
        }
        self.extras[index] = extra;
    }

    pub(super) fn remove(&mut self, index: u32) -> (Node, J) {
        let at = index as usize;
        if let Some(extra) = self.extras.get_mut(at) {
            *extra = None;
        }
        let node = core::mem::replace(&mut self.nodes[at], Node::VACANT);
        (node, self.payloads.remove(at))
    }

    pub(super) fn len(&self) -> usize {
        self.payloads.len()
    }

    /// How many indices were ever used.
    pub(super) fn indices_used(&self) -> usize {
        self.nodes.len()
    }

    /// The index of a job, if it is present.
    #[inline]
    pub(super) fn index(&self, job: JobId) -> Option<u32> {
        let node = self.nodes.get(job.index())?;
        (node.number() == job.number()).then_some(job.slab_index())
    }

    #[inline]
    pub(super) fn contains(&self, index: u32) -> bool {
        self.nodes.get(index as usize).is_some_and(|node| !node.is_vacant())
    }

    /// Ended, or removed after it had.
    pub(super) fn has_ended(&self, index: u32) -> bool {
        !self.contains(index) || self.node(index).stage.is_ended()
    }

    /// Has ended, and its body is gone.
    pub(super) fn is_gone(&self, index: u32) -> bool {
        self.has_ended(index) && !self.node(index).body_is_leaving
    }

    #[inline]
    pub(super) fn node(&self, index: u32) -> &Node {
        &self.nodes[index as usize]
    }

    #[inline]
    pub(super) fn node_mut(&mut self, index: u32) -> &mut Node {
        &mut self.nodes[index as usize]
    }

    /// What a job has beyond a plain one.
    #[inline]
    pub(super) fn extra(&self, index: u32) -> Option<&Extra> {
        if self.node(index).is_plain() {
            return None;
        }
        self.extras.get(index as usize)?.as_deref()
    }

    #[inline]
    pub(super) fn extra_mut(&mut self, index: u32) -> Option<&mut Extra> {
        if self.node(index).is_plain() {
            return None;
        }
        self.extras.get_mut(index as usize)?.as_deref_mut()
    }

    #[inline]
    pub(super) fn priority(&self, index: u32) -> i32 {
        self.extra(index).map_or(0, |extra| extra.options.priority)
    }

    pub(super) fn label(&self, index: u32) -> Option<&str> {
        self.extra(index)?.options.label.as_deref()
    }

    /// Whether it is a service that has been ready.
    #[inline]
    pub(super) fn was_ready(&self, index: u32) -> bool {
        !self.node(index).is_finite() && self.extra(index).is_some_and(|extra| extra.ready)
    }

    #[inline]
    pub(super) fn payload(&self, index: u32) -> Option<&J> {
        self.payloads.get(index as usize)
    }

    #[inline]
    pub(super) fn payload_mut(&mut self, index: u32) -> Option<&mut J> {
        self.payloads.get_mut(index as usize)
    }

    /// The indices of all jobs.
    pub(super) fn indices(&self) -> impl Iterator<Item = u32> + '_ {
        let nodes = (0..NONE).zip(&self.nodes);
        nodes.filter(|(_, node)| !node.is_vacant()).map(|(index, _)| index)
    }

    /// O(jobs); O(jobs log jobs) where indices were used again.
    pub(super) fn in_creation_order(&self) -> Vec<u32> {
        self.order_of_reused().unwrap_or_else(|| self.indices().collect())
    }

    /// All jobs in the order of their creation, if that is not the order of their indices.
    pub(super) fn order_of_reused(&self) -> Option<Vec<u32>> {
        if !self.reused {
            return None;
        }
        let mut all: Vec<u32> = self.indices().collect();
        all.sort_unstable_by_key(|&index| self.node(index).number());
        Some(all)
    }

    /// The same jobs with other payloads.
    pub(super) fn map<K>(self, mut payload: impl FnMut(J) -> K) -> Store<K> {
        let payloads = self.payloads.into_iter().map(|(index, old)| (index, payload(old)));
        Store {
            payloads: payloads.collect(),
            nodes: self.nodes,
            extras: self.extras,
            last_number: self.last_number,
            reused: self.reused,
        }
    }
}
