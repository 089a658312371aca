/// What a requirement asks of the required job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
// With a `JobId` it takes 16 bytes without a gap.
#[repr(u32)]
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

/// Where the edges of a job are: those to its requirements, and those to its dependents.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lists {
    pub(super) newest_requirement: u32,
    pub(super) first_dependent: u32,
    pub(super) last_dependent: u32,
}

impl Lists {
    pub(super) const EMPTY: Self =
        Self { newest_requirement: NONE, first_dependent: NONE, last_dependent: NONE };

    /// Those of a job that nobody requires yet.
    pub(super) const fn of_new(newest_requirement: u32) -> Self {
        Self { newest_requirement, ..Self::EMPTY }
    }

    /// Whether nobody ever required the job.
    #[inline]
    pub(super) const fn has_no_dependents(self) -> bool {
        self.first_dependent == NONE
    }
}

/// An index in 30 bits, and a tag in two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tagged(u32);

impl Tagged {
    pub(super) const INDEX: u32 = u32::MAX >> 2;

    pub(super) const fn new(index: u32, tag: u32) -> Self {
        Self(index & Self::INDEX | tag << 30)
    }

    pub(super) fn index(self) -> Option<u32> {
        Some(self.0 & Self::INDEX).filter(|&index| index != Self::INDEX)
    }

    /// Whether both name one index; the other one names any.
    pub(super) const fn names_same(self, other: Self) -> bool {
        (self.0 ^ other.0) << 2 == 0
    }

    pub(super) const fn tag(self) -> u32 {
        self.0 >> 30
    }

    pub(super) fn forget_index(&mut self) {
        self.0 |= Self::INDEX;
    }
}

/// A requirement: 12 bytes.
///
/// It is in the list of dependents of the required job through `next`. The edges of a job to its
/// requirements lie one after the other; where others came in between, a jump leads back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    /// The job; tagged if this is its first requirement.
    pub(super) job: Tagged,
    /// The required job, tagged with the condition; of a jump, the edge to go back to.
    pub(super) required: Tagged,
    pub(super) next: u32,
}

pub(super) const FIRST: u32 = 1;
pub(super) const JUMP: u32 = 3;

impl Edge {
    pub(super) fn jump(to: u32) -> Self {
        Self { job: Tagged(NONE), required: Tagged::new(to, JUMP), next: NONE }
    }

    pub(super) fn condition(self) -> Condition {
        match self.required.tag() {
            0 => Condition::Succeeded,
            1 => Condition::Finished,
            _ => Condition::Failed,
        }
    }
}

/// How many jobs there may be at once: what the 30 bits of an edge can tell apart.
pub(super) const MAX_JOBS: usize = Tagged::INDEX as usize;
