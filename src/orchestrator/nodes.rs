use alloc::vec::Vec;
use core::ops::{Index, IndexMut, Range};

#[cfg(feature = "std")]
use super::blocks::FEW;
use super::job::JobId;
use super::node::Node;

/// The nodes of all jobs, by index, and which job that is.
#[derive(Clone, Debug)]
pub(super) struct Nodes {
    all: Vec<Node>,
    /// The creation number at each index, once a job was removed; until then it is the index and one.
    numbers: Vec<u64>,
    last_number: u64,
    /// Indices of jobs that were removed; the last one is used next.
    vacant: Vec<u32>,
}

impl Nodes {
    pub(super) const fn new() -> Self {
        Self { all: Vec::new(), numbers: Vec::new(), last_number: 0, vacant: Vec::new() }
    }

    /// Makes room for a few.
    #[cfg(feature = "std")]
    pub(super) fn begin(&mut self) {
        self.all = Vec::with_capacity(FEW);
    }

    /// Where the next job will be, and its creation number.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "no more than `MAX` are added")]
    pub(super) fn next(&self) -> (u32, u64) {
        let index = self.vacant.last().copied().unwrap_or(self.all.len() as u32);
        (index, self.last_number + 1)
    }

    /// Puts a job where it was announced; whether there was another one before.
    #[inline]
    pub(super) fn insert(&mut self, node: Node) -> Option<u32> {
        self.last_number += 1;
        if !self.has_removed() {
            self.all.push(node);
            return None;
        }
        self.insert_numbered(node)
    }

    #[cold]
    fn insert_numbered(&mut self, node: Node) -> Option<u32> {
        let reused = self.vacant.pop();
        if let Some(index) = reused {
            self[index] = node;
            self.numbers[index as usize] = self.last_number;
        } else {
            self.all.push(node);
            self.numbers.push(self.last_number);
        }
        reused
    }

    /// Takes a job away that is there.
    pub(super) fn remove(&mut self, index: u32) -> Node {
        if !self.has_removed() {
            self.numbers.extend((1..).take(self.all.len()));
        }
        self.vacant.push(index);
        core::mem::replace(&mut self[index], Node::VACANT)
    }

    /// Whether a job was removed, so that an index may name another one now than it did.
    #[inline]
    pub(super) fn has_removed(&self) -> bool {
        !self.numbers.is_empty()
    }

    /// The creation number of the job that has this index, or had it last.
    #[inline]
    pub(super) fn number(&self, index: u32) -> u64 {
        self.numbers.get(index as usize).copied().unwrap_or(u64::from(index) + 1)
    }

    /// The creation number of the newest job.
    pub(super) fn last_number(&self) -> u64 {
        self.last_number
    }

    #[inline]
    pub(super) fn id(&self, index: u32) -> JobId {
        JobId::new(index, self.number(index))
    }

    /// The node of a job, if it is present.
    #[inline]
    pub(super) fn find(&self, job: JobId) -> Option<&Node> {
        self.get(job).filter(|node| !node.is_vacant())
    }

    /// The node of a job, which may be vacant since.
    #[inline]
    pub(super) fn get(&self, job: JobId) -> Option<&Node> {
        let node = self.all.get(job.index())?;
        (self.number(job.slab_index()) == job.number()).then_some(node)
    }

    #[inline]
    pub(super) fn contains(&self, index: u32) -> bool {
        self.all.get(index as usize).is_some_and(|node| !node.is_vacant())
    }

    /// How many jobs are present.
    pub(super) fn present(&self) -> usize {
        self.all.len() - self.vacant.len()
    }

    /// How many indices were ever used.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// All indices that were ever used.
    #[expect(clippy::cast_possible_truncation, reason = "no more than `MAX` are added")]
    pub(super) fn all_indices(&self) -> Range<u32> {
        0..self.all.len() as u32
    }

    /// All jobs.
    pub(super) fn present_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.all.iter_mut().filter(|node| !node.is_vacant())
    }

    /// The indices of all jobs.
    pub(super) fn indices(&self) -> impl Iterator<Item = u32> + '_ {
        self.all_indices().filter(|&index| !self[index].is_vacant())
    }
}

impl Index<u32> for Nodes {
    type Output = Node;

    #[inline]
    fn index(&self, index: u32) -> &Node {
        &self.all[index as usize]
    }
}

impl IndexMut<u32> for Nodes {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut Node {
        &mut self.all[index as usize]
    }
}
