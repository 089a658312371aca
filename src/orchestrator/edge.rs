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
    /// *settled*: it is decided whether it succeeds. It has ended, however; of a service, it has been ready, or
    /// has ended without.
    Settled,
    /// *on failure of*: it failed.
    Failed,
    /// *any of*: it is one of a [group](super::JobOptions::any_of), of which any member is enough. What is asked of
    /// them is the group's.
    Any,
}

/// "No job": an index that is never given out.
pub(super) const NONE: u32 = u32::MAX;

/// How many jobs, or words of [`Made`](super::made::Made), there may be: what an [`Edge`] can tell apart.
pub(super) const MAX: usize = Edge::INDEX as usize;

/// One side of a requirement: who is on the other side, in 29 bits, and what is asked, as a tag in three. Tags
/// 6 and 7 are for whoever keeps lists of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge(u32);

impl Edge {
    const BITS: u32 = 29;
    const INDEX: u32 = u32::MAX >> (32 - Self::BITS);
    /// An edge that links nobody any more.
    pub(super) const FORGOTTEN: Self = Self::tagged(0, 5);

    #[inline]
    pub(super) const fn tagged(index: u32, tag: u32) -> Self {
        Self(index | tag << Self::BITS)
    }

    #[inline]
    pub(super) const fn new(other: u32, condition: Condition) -> Self {
        Self::tagged(other, condition as u32)
    }

    #[inline]
    pub(super) const fn index(self) -> u32 {
        self.0 & Self::INDEX
    }

    #[inline]
    pub(super) const fn tag(self) -> u32 {
        self.0 >> Self::BITS
    }

    /// The same condition, of or on another job.
    #[inline]
    pub(super) const fn with_index(self, index: u32) -> Self {
        Self(self.0 & !Self::INDEX | index)
    }

    /// Whether it is of a member of a group.
    #[inline]
    pub(super) const fn is_any(self) -> bool {
        self.tag() == Condition::Any as u32
    }

    /// Whether the tag is a condition, not one of those that lists have for themselves.
    #[inline]
    pub(super) const fn has_condition(self) -> bool {
        self.0 < Self::FORGOTTEN.0
    }

    pub(super) const fn condition(self) -> Condition {
        match self.tag() {
            0 => Condition::Succeeded,
            1 => Condition::Finished,
            2 => Condition::Settled,
            3 => Condition::Failed,
            _ => Condition::Any,
        }
    }

    pub(super) const fn parts(self) -> (u32, Condition) {
        (self.index(), self.condition())
    }
}

// Zeroed memory comes for nothing, but of numbers only.
impl From<u32> for Edge {
    #[inline]
    fn from(bits: u32) -> Self {
        Self(bits)
    }
}

impl From<Edge> for u32 {
    #[inline]
    fn from(edge: Edge) -> Self {
        edge.0
    }
}

impl Condition {
    /// Whether it can be asked of any finite job.
    #[inline]
    pub(super) const fn is_usual(self) -> bool {
        (self as u32) < Self::Failed as u32
    }
}
