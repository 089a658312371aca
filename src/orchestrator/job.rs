use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;
use core::time::Duration;

use super::edge::Condition;
use super::pool::PoolId;
use super::retries::Retries;

/// Names a job of one [`Orchestrator`](super::Orchestrator): its index in the slab and its creation number.
///
/// Creation numbers begin at 1 and are never used twice, so an id that outlives its job never
/// touches a newer one. Ids are ordered by creation. Displayed as `#3`.
// The number is kept in two halves, so that an id takes 12 bytes and the state of a job 16.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct JobId {
    number_low: u32,
    number_high: u32,
    index: u32,
}

impl Ord for JobId {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.number(), self.index).cmp(&(other.number(), other.index))
    }
}

impl PartialOrd for JobId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl JobId {
    /// Names nothing, since creation numbers begin at 1.
    #[cfg(feature = "std")]
    pub(crate) const NOBODY: Self = Self::new(0, 0);

    #[expect(clippy::cast_possible_truncation, reason = "the two halves of the number")]
    #[inline]
    pub(super) const fn new(index: u32, number: u64) -> Self {
        Self { number_low: number as u32, number_high: (number >> 32) as u32, index }
    }

    /// The index in the slab, as the core counts.
    #[inline]
    pub(super) const fn slab_index(self) -> u32 {
        self.index
    }

    /// The creation number: 1 for the first job, never used twice.
    #[must_use]
    #[inline]
    pub const fn number(self) -> u64 {
        ((self.number_high as u64) << 32) | self.number_low as u64
    }

    /// The index in the slab: small and dense, free again once the job is removed. Good for side tables.
    #[must_use]
    pub const fn index(self) -> usize {
        self.index as usize
    }
}

/// A [`JobId`] in two parts, which fit two registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NumberAndIndex {
    pub(crate) number: u64,
    pub(crate) index: u32,
}

#[cfg(feature = "std")]
impl NumberAndIndex {
    pub(crate) const NOBODY: Self = Self { number: 0, index: 0 };
}

impl From<NumberAndIndex> for JobId {
    #[inline]
    fn from(NumberAndIndex { number, index }: NumberAndIndex) -> Self {
        Self::new(index, number)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.number())
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One execution of a job. The first has number 1; each retry adds one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Attempt {
    /// The job that is executed.
    pub job: JobId,
    /// Which execution of it this is, from 1.
    pub number: u32,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {} of {}", self.number, self.job)
    }
}

/// Whether a job is expected to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// A job that ends; the run goes on until all of these have. It takes a seat in the window.
    #[default]
    Finite,
    /// A job that is not expected to end. Unless it is [awaited](JobOptions::awaited) it does not keep the run
    /// going, and is stopped at its end.
    Forever,
    /// A forever job that says when it is ready; what requires it starts then.
    Service,
}

/// Jobs of which one has to satisfy a requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnyOf {
    /// The members, each once.
    pub jobs: Vec<JobId>,
    /// What one of them has to satisfy.
    pub condition: Condition,
}

/// What a job is, beside its payload. The default: a plain finite job, which costs nothing extra.
///
/// ```
/// use core::time::Duration;
/// use jobgraph::{JobOptions, Retries};
///
/// let options = JobOptions {
///     critical: true,
///     timeout: Some(Duration::from_secs(5)),
///     retries: Retries::new(3),
///     ..JobOptions::labelled("fetch")
/// };
/// assert_eq!(options.label.as_deref(), Some("fetch"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobOptions {
    /// What people call the job, in errors, listings and explanations.
    pub label: Option<Box<str>>,
    /// Whether it is finite, forever or a service.
    pub kind: JobKind,
    /// Whether the run goes on until it has ended, though it is a forever job or a service. Of finite jobs
    /// that holds anyway.
    pub awaited: bool,
    /// Whether the job's failure ends the run.
    pub critical: bool,
    /// How long one attempt may take from its hand-out on; for a service, until it is ready.
    pub timeout: Option<Duration>,
    /// How long the job may take to end once it was asked to. Zero (the default): it is aborted at
    /// once. `None`: as long as it likes.
    pub grace: Option<Duration>,
    /// How often it is attempted again after a failure.
    pub retries: Retries,
    /// Among queued jobs a higher priority goes first.
    pub priority: i32,
    /// How much it takes of which [pools](super::Orchestrator::add_pool) while it is under way. Finite jobs only.
    pub pools: Box<[(PoolId, u32)]>,
    /// Groups of jobs of which it requires any member, beside what it requires of single ones.
    pub any_of: Box<[AnyOf]>,
}

impl Default for JobOptions {
    #[inline]
    fn default() -> Self {
        Self {
            label: None,
            kind: JobKind::Finite,
            awaited: false,
            critical: false,
            timeout: None,
            grace: Some(Duration::ZERO),
            retries: Retries::default(),
            priority: 0,
            pools: Box::default(),
            any_of: Box::default(),
        }
    }
}

impl JobOptions {
    /// A plain finite job with a label.
    #[must_use]
    pub fn labelled(label: impl Into<Box<str>>) -> Self {
        Self { label: Some(label.into()), ..Self::default() }
    }

    /// Whether these are the defaults, but for the label.
    #[inline]
    pub(super) fn are_plain(&self) -> bool {
        let Self {
            label: _,
            kind,
            awaited,
            critical,
            timeout,
            grace,
            retries,
            priority,
            pools,
            any_of,
        } = self;
        *kind == JobKind::Finite
            && !awaited
            && !critical
            && timeout.is_none()
            && *grace == Some(Duration::ZERO)
            && *priority == 0
            && pools.is_empty()
            && any_of.is_empty()
            && retries.are_none()
    }

    /// A forever job.
    #[must_use]
    pub fn forever() -> Self {
        Self { kind: JobKind::Forever, ..Self::default() }
    }

    /// A service.
    #[must_use]
    pub fn service() -> Self {
        Self { kind: JobKind::Service, ..Self::default() }
    }
}
