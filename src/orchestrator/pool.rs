use core::fmt;

/// Names a pool of one [`Orchestrator`](super::Orchestrator): a limit beside the window.
///
/// It is not known of which orchestrator: that of another one names whatever pool has the same number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId(u32);

impl PoolId {
    pub(crate) const fn new(number: u32) -> Self {
        Self(number)
    }

    pub(super) const fn number(self) -> u32 {
        self.0
    }

    /// How many pools were made before it.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pool {}", self.0)
    }
}

/// A pool, and how much of it is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUse<'a> {
    /// What people call it.
    pub name: &'a str,
    /// How much there is of it.
    pub capacity: u32,
    /// How much of it nobody has taken.
    pub free: u32,
}

/// What a job waits for in a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolWait<'a> {
    /// The pool, and how much of it is free.
    pub pool: PoolUse<'a>,
    /// How much of it the job takes.
    pub amount: u32,
    /// How much of what is free is kept for the first in line; 0 for that job itself.
    pub kept: u32,
}

impl fmt::Display for PoolWait<'_> {
    /// `3 of disk (2 of 4 free)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pool: PoolUse { name, capacity, free }, amount, kept } = self;
        write!(f, "{amount} of {name} ({free} of {capacity} free")?;
        match kept {
            0 => f.write_str(")"),
            kept => write!(f, ", {kept} of them kept for the first in line)"),
        }
    }
}

/// Why a job cannot take from a pool what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadNeed {
    /// There is no such pool.
    UnknownPool,
    /// It asks for nothing of it.
    Nothing,
    /// It asks for more than there is.
    TooMuch {
        /// What it asks for.
        amount: u32,
        /// What there is.
        capacity: u32,
    },
    /// It is a forever job or a service, which would keep it until the end of the run.
    Endless,
}

impl fmt::Display for BadNeed {
    /// As it completes "add .. to a pool: ..".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPool => f.write_str("there is no such pool in this graph; make it first"),
            Self::Nothing => f.write_str("it takes an amount of zero; leave the pool out"),
            Self::TooMuch { amount, capacity } => write!(
                f,
                "it takes {amount}, of which there are {capacity}; take less, or make the pool larger"
            ),
            Self::Endless => f.write_str(
                "it is not expected to end, so it would never give anything back; only finite jobs take from pools",
            ),
        }
    }
}
