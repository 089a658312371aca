use super::JobName;
use super::graph::Lists;
use super::job::{JobId, JobKind, JobOptions};
use super::state::{Facts, Failure, Stage};
use super::time::Timestamp;

/// What the core decides by, of the job in one place of the slab: 32 bytes, all that a job's neighbours
/// in the graph have to do with.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The creation number; that of no job once this one was removed.
    number: u64,
    pub(super) stage: Stage,
    kind: JobKind,
    beyond: Beyond,
    /// How many requirements are unresolved, while it waits; its ticket, while it is queued.
    pub(super) held_by: u32,
    pub(super) attempts: u32,
    pub(super) lists: Lists,
}

/// What a job has beyond a plain one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beyond {
    Nothing,
    /// An [`Extra`].
    Extra,
    /// An [`Extra`], and it is critical.
    Critical,
}

impl Node {
    pub(super) const VACANT: Self = Self {
        number: u64::MAX,
        stage: Stage::Waiting,
        kind: JobKind::Finite,
        beyond: Beyond::Nothing,
        held_by: 0,
        attempts: 0,
        lists: Lists::EMPTY,
    };

    #[inline]
    pub(super) fn new(number: u64, extra: Option<&Extra>, lists: Lists, held_by: u32) -> Self {
        let (kind, beyond) = match extra.map(|extra| &extra.options) {
            None => (JobKind::Finite, Beyond::Nothing),
            Some(options) if options.critical => (options.kind, Beyond::Critical),
            Some(options) => (options.kind, Beyond::Extra),
        };
        Self { number, kind, beyond, held_by, lists, ..Self::VACANT }
    }

    /// Its id, given its place.
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
        self.kind
    }

    #[inline]
    pub(super) fn is_finite(&self) -> bool {
        self.kind == JobKind::Finite
    }

    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.beyond == Beyond::Nothing
    }

    #[inline]
    pub(super) fn is_critical(&self) -> bool {
        self.beyond == Beyond::Critical
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
    /// Its place in the line of forever jobs.
    pub(super) forever_ticket: u32,
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
