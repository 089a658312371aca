use core::cmp::Reverse;

/// Where a queued job stands among those of its priority: first those of a lower group, then by number, which
/// only grows. All are of one group, unless the run goes depth first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    pub(super) group: u64,
    pub(super) number: u64,
}

impl Turn {
    /// The lower half of its number, which a queued job keeps where it kept its unresolved requirements.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    pub(super) fn low(self) -> u32 {
        self.number as u32
    }
}

/// Where somebody stands among all that are queued; the lowest goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing {
    pub(super) priority: Reverse<i32>,
    pub(super) turn: Turn,
}
