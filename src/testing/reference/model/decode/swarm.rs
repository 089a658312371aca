/// What the bytes are mostly to decode to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// Whatever there is.
    Everything,
    /// Shapes of graphs, edits, conditions, services and failures, without any deadlines.
    Shapes,
    /// Deadlines: timeouts, retries, grace and stops.
    Time,
    /// Many jobs that take from several pools, and hardly require each other.
    Pools,
}

impl Focus {
    /// The bits of the swarm that stay as they are, and those that are set.
    const fn masks(self) -> (u64, u64) {
        let timing = 1 << Swarm::JITTER
            | 1 << Swarm::RESET
            | 1 << Swarm::GRACE
            | 1 << Swarm::RETRIES
            | 1 << Swarm::TIMEOUT
            | 1 << Swarm::RUN_TIMEOUT
            | 1 << Swarm::BACKOFF
            | 1 << Swarm::DEADLINE
            | 1 << Swarm::LEAPS
            | 1 << Swarm::HUGE;
        match self {
            Self::Everything => (u64::MAX, 0),
            Self::Shapes => (!(timing | 1 << Swarm::LOADED), 1 << Swarm::REQUIRE),
            Self::Pools => (
                !(1 << Swarm::DENSE | 1 << Swarm::REQUIRE | 1 << Swarm::FOREVER),
                1 << Swarm::POOLS | 1 << Swarm::MANY | 1 << Swarm::ADD | 1 << Swarm::LOOSE,
            ),
            Self::Time => (
                u64::MAX,
                1 << Swarm::DEADLINE
                    | 1 << Swarm::TIMEOUT
                    | 1 << Swarm::RETRIES
                    | 1 << Swarm::GRACE,
            ),
        }
    }
}

/// What may occur in a run, one bit each.
#[derive(Clone, Copy)]
pub(super) struct Swarm {
    bits: u64,
}

impl Swarm {
    pub(super) const REQUIRE: u64 = 0;
    pub(super) const REMOVE: u64 = 1;
    pub(super) const ADD: u64 = 2;
    pub(super) const CANCEL: u64 = 3;
    pub(super) const STOP: u64 = 4;
    pub(super) const READY: u64 = 5;
    pub(super) const DEADLINE: u64 = 6;
    pub(super) const ROGUE: u64 = 7;
    pub(super) const FAILURE: u64 = 8;
    pub(super) const BACKWARDS: u64 = 9;
    pub(super) const HUGE: u64 = 10;
    pub(super) const LEAPS: u64 = 11;
    pub(super) const EARLY: u64 = 12;
    pub(super) const LAZY_SIGNALS: u64 = 13;
    pub(super) const FINISH: u64 = 14;
    pub(super) const RECORD: u64 = 15;
    pub(super) const GRACE: u64 = 16;
    pub(super) const RETRIES: u64 = 17;
    pub(super) const PRIORITY: u64 = 18;
    pub(super) const SERVICES: u64 = 19;
    pub(super) const FOREVER: u64 = 20;
    pub(super) const CRITICAL: u64 = 21;
    pub(super) const TIMEOUT: u64 = 22;
    pub(super) const WINDOW: u64 = 23;
    pub(super) const RUN_TIMEOUT: u64 = 24;
    pub(super) const CONDITIONS: u64 = 25;
    pub(super) const DENSE: u64 = 26;
    pub(super) const MANY: u64 = 27;
    pub(super) const BACKOFF: u64 = 28;
    pub(super) const LATE_STOP: u64 = 29;
    pub(super) const EDIT: u64 = 30;
    /// Each job has all the options that there are.
    pub(super) const LOADED: u64 = 31;
    /// Bodies can be away.
    pub(super) const AWAY: u64 = 32;
    /// Forever jobs may be awaited.
    pub(super) const AWAITED: u64 = 33;
    /// Pauses may be random.
    pub(super) const JITTER: u64 = 35;
    /// Failures may count anew.
    pub(super) const RESET: u64 = 36;
    /// There are pools.
    pub(super) const POOLS: u64 = 37;
    /// Jobs may require any of a group.
    pub(super) const GROUPS: u64 = 40;
    /// Most jobs require nothing.
    pub(super) const LOOSE: u64 = 39;
    /// The run goes depth first.
    pub(super) const DEPTH: u64 = 38;
    /// The run may go on until it is stopped.
    pub(super) const UNTIL_STOPPED: u64 = 34;

    /// In half of the runs three of four kinds, in the others every second.
    pub(super) fn new(focus: Focus, bits: u64) -> Self {
        let more = if bits.count_ones().is_multiple_of(2) { bits.rotate_left(11) } else { 0 };
        let (kept, set) = focus.masks();
        Self { bits: (bits | more) & kept | set }
    }

    pub(super) fn has(self, bit: u64) -> bool {
        self.bits & (1 << bit) != 0
    }
}
