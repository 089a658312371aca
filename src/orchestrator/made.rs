use alloc::vec::Vec;

use super::blocks::{Blocks, FEW};
use super::edge::{Condition, Edge, MAX, NONE};
use super::job::JobId;

/// The requirements in the order in which they were made, known to the jobs that have them: 4 bytes each, and 4
/// for each run of them.
///
/// A run is what was made for one job in a row: a head, which names the job, then its edges. If the job has
/// earlier runs, the head is followed by where the one before begins. Whatever was forgotten keeps its place.
#[derive(Clone, Debug)]
pub(super) struct Made {
    words: Blocks<Edge>,
    /// By job, as long as the last one needs that requires anything: where its newest run begins.
    newest: Vec<u32>,
    /// Where the newest run of all begins.
    last_run: u32,
}

/// Tags: the first word of a run.
const HEAD: u32 = 7;
/// The word after it, if the job has an earlier run: where that begins.
const BACK: u32 = 6;

impl Made {
    pub(super) const fn new() -> Self {
        Self { words: Blocks::new(), newest: Vec::new(), last_run: NONE }
    }

    /// How many words there are.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there is room for so many more edges, each in a run of its own.
    #[inline]
    pub(super) fn has_room_for(&self, more: usize) -> bool {
        self.words.len() + 3 * more < MAX
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "`has_room_for` was asked")]
    fn end(&self) -> u32 {
        self.words.len() as u32
    }

    /// Makes a requirement, and returns where it is.
    pub(super) fn push(&mut self, job: u32, required: u32, condition: Condition) -> u32 {
        match self.newest_run(job) {
            None => {
                let head = self.begin_run(job);
                self.words.push(head);
            }
            Some(run) if run == self.last_run => {}
            Some(run) => {
                let head = self.begin_run(job);
                self.words.push(head);
                self.words.push(Edge::tagged(run, BACK));
            }
        }
        self.words.push(Edge::new(required, condition));
        self.end() - 1
    }

    /// Makes all requirements of a job that has none, and returns where its run begins.
    #[inline]
    pub(super) fn push_all(&mut self, job: u32, requirements: &[(JobId, Condition)]) -> u32 {
        let head = self.begin_run(job);
        let edges = requirements.iter().map(|&(id, asked)| Edge::new(id.slab_index(), asked));
        if let Some(words) = self.words.with_room_for(1 + requirements.len()) {
            words.push(head);
            words.extend(edges);
        } else {
            self.words.push(head);
            self.words.extend(edges);
        }
        self.last_run
    }

    /// Makes room for what a few jobs require.
    #[cold]
    fn begin(&mut self) {
        self.words.begin();
        self.newest = Vec::with_capacity(FEW);
    }

    /// Notes that a run of this job begins here, and returns its head, which is to be the next word.
    #[inline]
    fn begin_run(&mut self, job: u32) -> Edge {
        if self.newest.is_empty() {
            self.begin();
        }
        self.last_run = self.end();
        let at = job as usize;
        if at == self.newest.len() {
            self.newest.push(self.last_run);
        } else {
            if at > self.newest.len() {
                self.newest.resize(at + 1, NONE);
            }
            self.newest[at] = self.last_run;
        }
        Edge::tagged(job, HEAD)
    }

    fn newest_run(&self, job: u32) -> Option<u32> {
        self.newest.get(job as usize).copied().filter(|&run| run != NONE)
    }

    fn run_before(&self, run: u32) -> Option<u32> {
        let back = self.words.get(run as usize + 1)?;
        (back.tag() == BACK).then_some(back.index())
    }

    /// Where the runs of a job begin, the last one first.
    fn runs(&self, job: u32) -> impl Iterator<Item = u32> + '_ {
        core::iter::successors(self.newest_run(job), |&run| self.run_before(run))
    }

    /// The edges of a run, with where they are; those that were forgotten, too.
    fn all_of(&self, run: u32) -> impl Iterator<Item = (u32, Edge)> + '_ {
        let words = (run + 1..self.end()).map(|at| (at, self.words[at as usize]));
        let words = words.take_while(|(_, word)| word.tag() != HEAD);
        words.filter(|(_, word)| word.tag() != BACK)
    }

    /// The edges of a job, with where they are; run by run, the last run first.
    pub(super) fn of_job(&self, job: u32) -> impl Iterator<Item = (u32, Edge)> + '_ {
        self.all_of_job(job).filter(|(_, edge)| edge.has_condition())
    }

    /// The same, with those that were forgotten: what a walk over them costs.
    pub(super) fn all_of_job(&self, job: u32) -> impl Iterator<Item = (u32, Edge)> + '_ {
        self.runs(job).flat_map(|run| self.all_of(run))
    }

    /// The edges of a job in the order in which they were made.
    pub(super) fn in_order(&self, job: u32) -> impl Iterator<Item = Edge> + '_ {
        let mut runs: Vec<u32> = self.runs(job).collect();
        runs.reverse();
        let edges = runs.into_iter().flat_map(|run| self.all_of(run)).map(|(_, edge)| edge);
        edges.filter(|edge| edge.has_condition())
    }

    /// The last so many edges.
    pub(super) fn latest(&self, count: u32) -> impl Iterator<Item = Edge> + '_ {
        (self.end() - count..self.end()).map(|at| self.words[at as usize])
    }

    /// Calls back with each edge, in the order in which they were made: the job and what it requires.
    #[inline]
    pub(super) fn for_each(&self, mut edge: impl FnMut(u32, Edge)) {
        let mut job = NONE;
        for words in self.words.slices() {
            for &word in words {
                if word.has_condition() {
                    edge(job, word);
                } else if word.tag() == HEAD {
                    job = word.index();
                }
            }
        }
    }

    /// Each edge, with its job and where it is, in the order in which they were made.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32, Edge)> + '_ {
        let mut job = NONE;
        (0..).zip(self.words.slices().flatten()).filter_map(move |(at, &word)| {
            if word.tag() == HEAD {
                job = word.index();
            }
            word.has_condition().then_some((at, job, word))
        })
    }

    pub(super) fn get(&self, at: u32) -> Edge {
        self.words[at as usize]
    }

    /// Forgets an edge, and returns what it was.
    pub(super) fn forget(&mut self, at: u32) -> Edge {
        core::mem::replace(&mut self.words[at as usize], Edge::FORGOTTEN)
    }

    /// Begins anew, and returns what there was. O(words).
    pub(super) fn restart(&mut self) -> Self {
        let words = core::mem::replace(&mut self.words, Blocks::new());
        for head in words.slices().flatten().filter(|word| word.tag() == HEAD) {
            self.newest[head.index() as usize] = NONE;
        }
        self.last_run = NONE;
        Self { words, ..Self::new() }
    }

    /// Who gets this index begins without requirements.
    pub(super) fn forget_job(&mut self, job: u32) {
        if let Some(newest) = self.newest.get_mut(job as usize) {
            *newest = NONE;
        }
    }
}
