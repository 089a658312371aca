use super::job::{JobKind, JobOptions};
use super::state::Stage;

/// What the core decides by, of the job at one index of the slab: 8 bytes.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) stage: Stage,
    traits: Traits,
    /// Whether the body of its last attempt, which was aborted, is not gone.
    pub(super) body_is_leaving: bool,
    pub(super) attempts: u32,
}

/// What a job is: its kind, whether it has an [`Extra`](super::extra::Extra), and one that makes a difference before
/// anything goes wrong, whether it is critical or awaited, whether it takes from pools, whether it is there at all. One
/// byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Traits(u8);

impl Traits {
    const EXTRA: u8 = 1;
    const CRITICAL: u8 = 2;
    const FOREVER: u8 = 4;
    const SERVICE: u8 = 8;
    /// There is no job.
    const VACANT: u8 = 16;
    const AWAITED: u8 = 32;
    const POOLED: u8 = 64;
    /// On the way from its requirements to its success it is not treated as a plain job.
    const SPECIAL: u8 = 128;

    fn of(options: &JobOptions) -> Self {
        let critical = if options.critical { Self::CRITICAL } else { 0 };
        let kind = match options.kind {
            JobKind::Finite => 0,
            JobKind::Forever => Self::FOREVER,
            JobKind::Service => Self::SERVICE,
        };
        let awaited = if options.awaited { Self::AWAITED } else { 0 };
        let pooled = if options.pools.is_empty() { 0 } else { Self::POOLED };
        Self(Self::EXTRA | critical | kind | awaited | pooled)
    }

    #[inline]
    const fn has(self, any: u8) -> bool {
        self.0 & any != 0
    }
}

impl Node {
    pub(super) const VACANT: Self = Self {
        // Nothing happens any more to a job that was removed.
        stage: Stage::RunStopped,
        traits: Traits(Traits::VACANT),
        body_is_leaving: false,
        attempts: 0,
    };

    /// That of a plain job.
    pub(super) const PLAIN: Self =
        Self { stage: Stage::Waiting, traits: Traits(0), ..Self::VACANT };

    /// That of a job with something beyond that.
    pub(super) fn new(options: &JobOptions) -> Self {
        Self { traits: Traits::of(options), ..Self::PLAIN }
    }

    /// It does not go plainly.
    pub(super) fn make_special(&mut self) {
        self.traits.0 |= Traits::SPECIAL;
    }

    #[inline]
    pub(super) const fn is_vacant(&self) -> bool {
        self.traits.has(Traits::VACANT)
    }

    /// Whether this attempt of it is under way.
    #[inline]
    pub(super) fn has_under_way(&self, attempt: u32) -> bool {
        self.stage.is_under_way() && self.attempts == attempt
    }

    pub(super) const fn kind(&self) -> JobKind {
        if self.traits.has(Traits::SERVICE) {
            JobKind::Service
        } else if self.traits.has(Traits::FOREVER) {
            JobKind::Forever
        } else {
            JobKind::Finite
        }
    }

    #[inline]
    pub(super) fn is_finite(&self) -> bool {
        !self.traits.has(Traits::FOREVER | Traits::SERVICE)
    }

    /// Whether a run that has something to wait for waits for it.
    #[inline]
    pub(super) fn is_awaited(&self) -> bool {
        self.is_finite() || self.traits.has(Traits::AWAITED)
    }

    /// Lets the run wait for it, which is no plain job.
    pub(super) fn await_end(&mut self) {
        self.traits.0 |= Traits::AWAITED;
    }

    #[inline]
    pub(super) fn is_pooled(&self) -> bool {
        self.traits.has(Traits::POOLED)
    }

    #[inline]
    pub(super) fn is_there_and_finite(&self) -> bool {
        !self.traits.has(Traits::VACANT | Traits::FOREVER | Traits::SERVICE)
    }

    #[inline]
    pub(super) fn has_extra(&self) -> bool {
        self.traits.has(Traits::EXTRA)
    }

    /// Whether it is treated as a plain job as long as nothing goes wrong.
    #[inline]
    pub(super) fn goes_plainly(&self) -> bool {
        !self.traits.has(Traits::SPECIAL | Traits::VACANT)
    }

    #[inline]
    pub(super) fn is_critical(&self) -> bool {
        self.traits.has(Traits::CRITICAL)
    }
}

/// What a queued job needs beside its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    Seat,
    /// A seat, and amounts of pools: the number of its kind.
    SeatAndPools(u32),
}
