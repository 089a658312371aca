use alloc::boxed::Box;

use super::error::JobName;
use super::group::Groups;
use super::job::{JobKind, JobOptions};
use super::state::{Facts, Failure, Stage};
use super::time::Timestamp;
use super::turn::Turn;

/// What the core decides by, of the job at one index of the slab: 8 bytes.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) stage: Stage,
    traits: Traits,
    /// Whether the body of its last attempt, which was aborted, is not gone.
    pub(super) body_is_leaving: bool,
    pub(super) attempts: u32,
}

/// What a job is: its kind, whether it has an [`Extra`], whether it is critical or awaited, whether it
/// takes from pools, whether it is there at all. One byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Traits(u8);

impl Traits {
    const PLAIN: Self = Self(0);
    const EXTRA: u8 = 1;
    const CRITICAL: u8 = 2;
    const FOREVER: u8 = 4;
    const SERVICE: u8 = 8;
    /// There is no job.
    const VACANT: u8 = 16;
    const AWAITED: u8 = 32;
    const POOLED: u8 = 64;

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

    #[inline]
    pub(super) fn new(extra: Option<&Extra>) -> Self {
        let traits = extra.map_or(Traits::PLAIN, |extra| Traits::of(&extra.options));
        Self { stage: Stage::Waiting, traits, ..Self::VACANT }
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
    pub(super) fn is_plain(&self) -> bool {
        self.traits == Traits::PLAIN
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

/// What a job has beyond a plain one; most have nothing of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extra {
    pub(crate) options: JobOptions,
    /// Its deadline: when, and in which order it was armed.
    pub(super) armed: Option<(Timestamp, u64)>,
    /// Where it stands, or stood last, in its line.
    pub(super) turn: Turn,
    /// Where it stood first.
    pub(super) first_turn: Turn,
    /// What it takes from pools, if it does.
    pub(super) kind: u32,
    pub(super) groups: Groups,
    pub(super) last_failure: Option<Failure>,
    /// A service that has been ready, in any attempt.
    pub(super) ready: bool,
    /// Since when this attempt is well: a service is ready, a forever job was handed out.
    pub(super) healthy_since: Option<Timestamp>,
    /// How many attempts there were before the row of failures that counts.
    pub(super) forgiven: u32,
    /// `cancel` was accepted: no further attempt.
    pub(super) cancelled: bool,
}

impl Extra {
    pub(crate) fn new(options: JobOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// The same in a box, unless the options are plain.
    // They end here: of the usual ones, written in the call, nothing is made at all.
    #[inline]
    pub(super) fn of(options: JobOptions) -> Option<Box<Self>> {
        if options.is_plain() { None } else { Some(Self::boxed(options)) }
    }

    #[inline(never)]
    fn boxed(options: JobOptions) -> Box<Self> {
        Box::new(Self::new(options))
    }

    /// What a job is called that has no id yet.
    pub(crate) fn name(this: Option<&Self>) -> JobName {
        JobName { id: None, label: this.and_then(|extra| extra.options.label.clone()) }
    }

    #[cfg(feature = "journal")]
    pub(crate) fn kind(&self) -> JobKind {
        self.options.kind
    }

    /// What the automaton asks about it.
    pub(super) fn facts(&self) -> Facts {
        Facts {
            never_ready: self.options.kind == JobKind::Service && self.healthy_since.is_none(),
            grace: self.options.grace.is_none_or(|grace| !grace.is_zero()),
            last_failure: self.last_failure,
        }
    }
    /// How many attempts have failed in a row, after one more has, the `attempts`-th.
    pub(super) fn count_failure(&mut self, attempts: u32, now: Timestamp) -> u32 {
        let healthy_for = self.healthy_since.map(|since| now.saturating_since(since));
        if let (Some(after), Some(healthy_for)) = (self.options.retries.reset_after, healthy_for)
            && healthy_for >= after
        {
            self.forgiven = attempts - 1;
        }
        attempts - self.forgiven
    }

    /// Whether the `attempts`-th attempt has none after it, should it fail.
    #[cfg(feature = "std")]
    pub(super) fn is_last(&self, attempts: u32) -> bool {
        let retries = &self.options.retries;
        attempts - self.forgiven > retries.limit && retries.reset_after.is_none()
    }
}
