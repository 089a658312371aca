use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::blocks::SIZE;
use super::edge::{Edge, NONE};
use super::made::Made;
use super::seldom::{Empty, Seldom};

/// The other side of the requirements: who requires a job, in the order in which the requirements were made.
///
/// Those made before `start` are sorted by the required job, and lie side by side. One that came later is
/// reached from the one before it.
#[derive(Clone, Debug)]
pub(super) struct Dependents {
    sorted: Vec<u32>,
    /// By required job: where its dependents begin; those of the job before end there.
    starts: Vec<u32>,
    /// How many words of [`Made`] there were then.
    since: usize,
    late: Seldom<Late>,
}

/// Edges that came after the others were sorted.
#[derive(Clone, Debug)]
struct Late {
    /// By word since then: the dependent, and the next word that is about the same required job.
    words: Vec<(Edge, u32)>,
    /// By required job, as long as the last one needs: its first word here, and its last.
    ends: Vec<(u32, u32)>,
}

impl Empty for Late {
    const EMPTY: Self = Self { words: Vec::new(), ends: Vec::new() };
    const NOTHING: &'static Self = &Self::EMPTY;
}

impl Dependents {
    pub(super) const fn new() -> Self {
        Self { sorted: Vec::new(), starts: Vec::new(), since: 0, late: Seldom::new() }
    }

    /// Sorts all edges, which are so many, by the required one of so many jobs: a counting sort, which is
    /// stable. O(jobs + edges).
    pub(super) fn of(made: &Made, edges: usize, jobs: usize) -> Self {
        let mut this = Self::new();
        this.since = made.len();
        if edges == 0 {
            return this;
        }
        // Counted two further on and filled one further on, each start ends up where its job's dependents begin.
        let mut starts = zeros(jobs + 2);
        let counts = &mut starts[2..];
        made.for_each(|_, required| counts[required.index() as usize] += 1);
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        let mut sorted = zeros(edges);
        let ends = &mut starts[1..];
        made.for_each(|job, required| {
            let end = &mut ends[required.index() as usize];
            sorted[*end as usize] = required.with_index(job).into();
            *end += 1;
        });
        Self { sorted, starts, ..this }
    }

    /// Where the sorted dependents of a job are that was there then.
    #[inline]
    pub(super) fn span(&self, required: u32) -> Range<usize> {
        match self.starts.get(required as usize..required as usize + 2) {
            Some(&[start, end]) => start as usize..end as usize,
            _ => 0..0,
        }
    }

    #[inline]
    pub(super) fn sorted(&self, at: usize) -> Edge {
        Edge::from(self.sorted[at])
    }

    /// The sorted dependents of a job that was there then.
    pub(super) fn sorted_of(&self, required: u32) -> impl Iterator<Item = Edge> + '_ {
        self.sorted[self.span(required)].iter().map(|&dependent| Edge::from(dependent))
    }

    /// The first word about a job that came later.
    #[inline]
    pub(super) fn first_late(&self, required: u32) -> Option<u32> {
        let &(first, _) = self.late.existing()?.ends.get(required as usize)?;
        Some(first).filter(|&first| first != NONE)
    }

    /// The dependent that such a word is about, if it is there, and the next word about the same job.
    pub(super) fn late(&self, at: u32) -> (Option<Edge>, Option<u32>) {
        let (dependent, next) = self.late.words[at as usize - self.since];
        (
            Some(dependent).filter(|edge| edge.has_condition()),
            Some(next).filter(|&next| next != NONE),
        )
    }

    /// The dependents of a job that came later.
    pub(super) fn late_of(&self, required: u32) -> impl Iterator<Item = Edge> + '_ {
        let words = core::iter::successors(self.first_late(required), |&at| self.late(at).1);
        words.filter_map(|at| self.late(at).0)
    }

    /// A job was given all its requirements: the words that begin here.
    pub(super) fn push(&mut self, job: u32, begin: u32, requirements: impl Iterator<Item = Edge>) {
        let (since, Late { words, ends }) = (self.since, self.late.make());
        words.push((Edge::FORGOTTEN, NONE));
        for (at, required) in (begin + 1..).zip(requirements) {
            let index = required.index() as usize;
            if ends.len() <= index {
                ends.resize(index + 1, (NONE, NONE));
            }
            let (first, last) = &mut ends[index];
            match *last {
                NONE => *first = at,
                last => words[last as usize - since].1 = at,
            }
            *last = at;
            words.push((required.with_index(job), NONE));
        }
    }

    /// The dependent of an edge is removed, if that came later.
    pub(super) fn forget(&mut self, at: u32) {
        if let Some(word) = (at as usize).checked_sub(self.since) {
            self.late.make().words[word].0 = Edge::FORGOTTEN;
        }
    }

    /// Who gets this index begins without dependents.
    pub(super) fn forget_job(&mut self, required: u32) {
        if let Some(late) = self.late.existing_mut()
            && let Some(ends) = late.ends.get_mut(required as usize)
        {
            *ends = (NONE, NONE);
        }
    }
}

/// So many zeros. Few of them are sooner written than found: memory that is zero already is none that was used before.
#[expect(clippy::slow_vector_initialization, reason = "that is the point")]
fn zeros(len: usize) -> Vec<u32> {
    if len > SIZE {
        return vec![0; len];
    }
    let mut zeros = Vec::with_capacity(len);
    zeros.resize(len, 0);
    zeros
}
