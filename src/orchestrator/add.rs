use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::edge::{Condition, MAX};
use super::error::{GraphError, JobName};
use super::extra::Extra;
use super::group::Groups;
use super::job::{JobId, JobKind, JobOptions, NumberAndIndex};
use super::machine::Orchestrator;
#[cfg(feature = "std")]
use super::machine::RunOptions;
use super::node::Node;
use super::observe::Change;
use super::particulars::Particulars;
use super::resolve::Resolution;
use super::state::Event;
use super::store::PLAIN;

impl<J> Orchestrator<J> {
    /// An empty graph on the heap, with room for a few jobs.
    #[cfg(feature = "std")]
    pub(crate) fn boxed() -> Box<Self> {
        let mut core = Box::new(Self::new(RunOptions::default()));
        core.jobs.begin();
        core
    }

    /// Adds a job, before `start` or while the run goes on. O(requirements).
    ///
    /// In a run, requirements on jobs that have ended resolve on the spot: the job is queued, waits,
    /// or is skipped at once, because of the first listed requirement that is impossible. A
    /// requirement listed twice counts once.
    ///
    /// # Errors
    /// A requirement that cannot be made ([`GraphError`] names both jobs), a run that is ending, or
    /// no room. The payload is dropped then; nothing else has changed.
    #[inline]
    pub fn add(
        &mut self,
        payload: J,
        options: JobOptions,
        requirements: &[(JobId, Condition)],
    ) -> Result<JobId, GraphError> {
        self.insert(payload, Particulars::of(options), requirements).map(JobId::from)
    }

    /// Adds a job that has something beyond a plain one, or not.
    #[expect(clippy::inline_always, reason = "so that the payload is made where it is to be")]
    #[inline(always)]
    pub(crate) fn insert(
        &mut self,
        payload: J,
        particulars: Particulars,
        requirements: &[(JobId, Condition)],
    ) -> Result<NumberAndIndex, GraphError> {
        match &particulars.options {
            Some(grouped) if !grouped.any_of.is_empty() => {
                self.insert_grouped(payload, particulars, requirements)
            }
            _ => self.insert_all(payload, particulars, requirements, false),
        }
    }

    /// Adds a job that requires any of a group.
    #[cold]
    fn insert_grouped(
        &mut self,
        payload: J,
        particulars: Particulars,
        requirements: &[(JobId, Condition)],
    ) -> Result<NumberAndIndex, GraphError> {
        let groups = particulars.options.iter().flat_map(|options| &options.any_of);
        let members = groups.flat_map(|group| &group.jobs).map(|&job| (job, Condition::Any));
        let all: Vec<_> = requirements.iter().copied().chain(members).collect();
        self.insert_all(payload, particulars, &all, true)
    }

    /// Adds a job with all its edges, those of members of groups included.
    #[expect(clippy::inline_always, reason = "as above")]
    #[inline(always)]
    fn insert_all(
        &mut self,
        payload: J,
        Particulars { label, options }: Particulars,
        requirements: &[(JobId, Condition)],
        is_grouped: bool,
    ) -> Result<NumberAndIndex, GraphError> {
        if self.is_ending() || !self.has_room_for(requirements) {
            return Err(self.no_more(label.as_deref()));
        }
        let (node, mut held_by, extra) = match options {
            None => (Node::PLAIN, PLAIN, None),
            Some(options) => {
                let (node, extra) = self.prepare(label.as_deref(), *options)?;
                let held_by = if node.goes_plainly() { PLAIN } else { 0 };
                (node, held_by, Some(extra))
            }
        };
        let (index, number) = self.jobs.nodes.next();
        let mut edges = 0;
        if !requirements.is_empty() {
            let once = match self.look_at(requirements) {
                Look::Usual => None,
                look => self.check(label.as_deref(), extra.as_deref(), requirements, look)?,
            };
            edges = self.edges.connect_new(index, once.as_deref().unwrap_or(requirements));
            held_by |= edges;
            if let Some(rare) = extra.as_deref().filter(|_| is_grouped).and_then(Extra::rare) {
                held_by -= without_members(&rare.groups);
            }
        }
        let id = JobId::new(index, number);
        self.counts.waiting += 1;
        self.awaited += usize::from(node.is_awaited());
        self.jobs.insert(node, held_by, payload);
        if label.is_some() || extra.is_some() {
            self.jobs.keep(index, label, extra);
        }
        self.record(id, Change::Added);
        if self.has_started() {
            self.enter_run(index, edges);
        }
        Ok(NumberAndIndex { number, index })
    }

    /// A job was added to a run: it starts, waits, or never will start.
    fn enter_run(&mut self, index: u32, edges: u32) {
        self.settle_polled();
        self.queue.begin_input();
        let plain = self.jobs.held_by[index as usize] & PLAIN;
        let (mut unresolved, mut culprit) = (0, None);
        for (required, condition) in self.edges.latest(edges) {
            if condition == Condition::Any {
                continue;
            }
            match self.fate(required).resolution(condition) {
                Resolution::Pending => unresolved += 1,
                Resolution::Satisfied => {}
                Resolution::Impossible => culprit = culprit.or(Some(self.id(required))),
            }
        }
        let (open, last) = self.enter_groups(index);
        self.jobs.held_by[index as usize] = plain | (unresolved + open);
        if let Some(required) = culprit.or(last) {
            self.apply(index, Event::Impossible(required));
        } else {
            self.satisfy_if_free(index);
        }
    }

    /// Looks whether what is asked for a job that is no plain one makes sense.
    #[cold]
    fn prepare(
        &mut self,
        label: Option<&str>,
        options: JobOptions,
    ) -> Result<(Node, Box<Extra>), GraphError> {
        if let Some(problem) = options.retries.problem(options.kind == JobKind::Finite) {
            return Err(GraphError::BadRetries { job: JobName::new(label), problem });
        }
        let groups = self.groups(label, &options.any_of)?;
        let takes = self.take_kind(label, &options)?;
        let mut node = Node::new(&options);
        if self.waits_for_all {
            node.await_end();
        }
        let extra = Box::new(Extra::new(options, takes, groups));
        if extra.is_special() {
            node.make_special();
        }
        Ok((node, extra))
    }

    #[inline]
    fn has_room_for(&self, requirements: &[(JobId, Condition)]) -> bool {
        self.jobs.nodes.len() < MAX && self.edges.has_room_for(requirements.len())
    }

    /// Whether a closer look at the requirements is needed.
    #[inline]
    fn look_at(&self, requirements: &[(JobId, Condition)]) -> Look {
        // A bit for every 64th index: where none is set twice, no job is listed twice.
        let (mut listed, mut may_repeat) = (0_u64, false);
        for &(id, asked) in requirements {
            if !self.is_usual(id, asked) {
                return Look::Unusual;
            }
            let bit = 1 << (id.slab_index() % u64::BITS);
            may_repeat |= listed & bit != 0;
            listed |= bit;
        }
        if may_repeat { Look::MayRepeat } else { Look::Usual }
    }

    /// Whether all this can be asked of others. Returns the requirements without repetitions, if there are
    /// any.
    #[cold]
    fn check(
        &self,
        label: Option<&str>,
        extra: Option<&Extra>,
        requirements: &[(JobId, Condition)],
        look: Look,
    ) -> Result<Option<Vec<(JobId, Condition)>>, GraphError> {
        if look == Look::Unusual {
            for &(id, asked) in requirements {
                self.check_one(label, extra, id, asked)?;
            }
        }
        if has_repeats(requirements) {
            return each_once(label, requirements, |required| self.name(required)).map(Some);
        }
        Ok(None)
    }

    #[cold]
    fn no_more(&self, label: Option<&str>) -> GraphError {
        match self.ending() {
            Some(ending) => GraphError::RunEnding { job: JobName::new(label), ending },
            None => GraphError::Full,
        }
    }

    /// Whether this can be asked of a job for certain.
    #[inline]
    fn is_usual(&self, id: JobId, asked: Condition) -> bool {
        let nodes = &self.jobs.nodes;
        asked.is_usual() && nodes.get(id).is_some_and(Node::is_there_and_finite)
    }

    fn check_one(
        &self,
        label: Option<&str>,
        extra: Option<&Extra>,
        id: JobId,
        asked: Condition,
    ) -> Result<(), GraphError> {
        let required = self.known(id)?;
        let is_member =
            extra.and_then(Extra::rare).is_some_and(|rare| rare.groups.of(required).is_some());
        if asked == Condition::Any && !is_member {
            let (job, required) = (JobName::new(label), self.name(required));
            return Err(GraphError::NotInGroup { job, required });
        }
        self.check_condition(|| JobName::new(label), required, asked)
    }
}

/// What a first look at requirements says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// All of this can be asked for certain.
    Usual,
    /// All of it can be, but a job may be listed twice.
    MayRepeat,
    /// Some of it has to be looked at closer.
    Unusual,
}

/// A job may be listed twice, if the same is asked of it.
fn each_once(
    label: Option<&str>,
    requirements: &[(JobId, Condition)],
    name: impl Fn(u32) -> JobName,
) -> Result<Vec<(JobId, Condition)>, GraphError> {
    let mut asked_of = BTreeMap::new();
    let mut once = Vec::with_capacity(requirements.len());
    for &(id, asked) in requirements {
        match asked_of.insert(id, asked) {
            None => once.push((id, asked)),
            Some(existing) if existing == asked => {}
            Some(existing) => {
                let (job, required) = (JobName::new(label), name(id.slab_index()));
                return Err(GraphError::ConflictingConditions { job, required, existing, asked });
            }
        }
    }
    Ok(once)
}

/// How many edges of members a job has beyond one for each group.
#[expect(clippy::cast_possible_truncation, reason = "each is an edge")]
fn without_members(groups: &Groups) -> u32 {
    groups.all().iter().map(|group| group.members().len() as u32 - 1).sum()
}

/// Whether a job is listed twice, in lists of jobs that are there.
#[cold]
fn has_repeats(requirements: &[(JobId, Condition)]) -> bool {
    if requirements.is_sorted_by(|(one, _), (next, _)| one.slab_index() < next.slab_index()) {
        return false;
    }
    let mut indices: Vec<u32> = requirements.iter().map(|(id, _)| id.slab_index()).collect();
    indices.sort_unstable();
    indices.windows(2).any(|pair| pair[0] == pair[1])
}
