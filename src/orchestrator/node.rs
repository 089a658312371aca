use super::edge::Lists;
use super::error::JobName;
use super::job::{JobId, JobKind, JobOptions};
use super::state::{Facts, Failure, Stage};
use super::time::Timestamp;

/// What the core decides by, of the job at one index of the slab: 32 bytes, all that a job's neighbours
/// in the graph have to do with.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The creation number; that of no job once this one was removed.
    number: u64,
    pub(super) stage: Stage,
    traits: Traits,
    /// Whether the body of its last attempt, which was aborted, is not gone.
    pub(super) body_is_leaving: bool,
    /// How many requirements are unresolved, while it waits; the lower half of its turn, while it is queued.
    pub(super) held_by: u32,
    pub(super) attempts: u32,
    pub(super) lists: Lists,
}

/// What a job is: its kind, whether it has an [`Extra`], whether it is critical. One byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Traits(u8);

impl Traits {
    const PLAIN: Self = Self(0);
    const EXTRA: u8 = 1;
    const CRITICAL: u8 = 2;
    const FOREVER: u8 = 4;
    const SERVICE: u8 = 8;

    fn of(options: &JobOptions) -> Self {
        let critical = if options.critical { Self::CRITICAL } else { 0 };
        let kind = match options.kind {
            JobKind::Finite => 0,
            JobKind::Forever => Self::FOREVER,
            JobKind::Service => Self::SERVICE,
        };
        Self(Self::EXTRA | critical | kind)
    }

    #[inline]
    const fn has(self, any: u8) -> bool {
        self.0 & any != 0
    }
}

impl Node {
    pub(super) const VACANT: Self = Self {
        number: u64::MAX,
        stage: Stage::Waiting,
        traits: Traits::PLAIN,
        body_is_leaving: false,
        held_by: 0,
        attempts: 0,
        lists: Lists::EMPTY,
    };

    #[inline]
    pub(super) fn new(number: u64, extra: Option<&Extra>, lists: Lists, held_by: u32) -> Self {
        let traits = extra.map_or(Traits::PLAIN, |extra| Traits::of(&extra.options));
        Self { number, traits, held_by, lists, ..Self::VACANT }
    }

    /// Its id, given its index.
    #[inline]
    pub(super) const fn id(&self, index: u32) -> JobId {
        JobId::new(index, self.number)
    }

    #[inline]
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    #[inline]
    pub(super) const fn is_vacant(&self) -> bool {
        self.number == u64::MAX
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

    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.traits == Traits::PLAIN
    }

    #[inline]
    pub(super) fn is_critical(&self) -> bool {
        self.traits.has(Traits::CRITICAL)
    }
}

/// What a job has beyond a plain one; most have nothing of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extra {
    pub(crate) options: JobOptions,
    /// Its deadline: when, and in which order it was armed.
    pub(super) armed: Option<(Timestamp, u64)>,
    pub(super) last_failure: Option<Failure>,
    /// A service that has been ready, in any attempt.
    pub(super) ready: bool,
    /// A service that has been ready in this attempt.
    pub(super) ready_now: bool,
    /// `cancel` was accepted: no further attempt.
    pub(super) cancelled: bool,
}

impl Extra {
    pub(crate) fn new(options: JobOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// What a job is called that has no id yet.
    pub(crate) fn name(this: Option<&Self>) -> JobName {
        JobName { id: None, label: this.and_then(|extra| extra.options.label.clone()) }
    }

    /// What the automaton asks about it.
    pub(super) fn facts(&self) -> Facts {
        Facts {
            never_ready: self.options.kind == JobKind::Service && !self.ready_now,
            grace: self.options.grace.is_none_or(|grace| !grace.is_zero()),
            last_failure: self.last_failure,
        }
    }
}
