/// What the bytes are mostly to decode to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// Whatever there is.
    Everything,
    /// Shapes of graphs, edits, conditions, services and failures, without any deadlines.
    Shapes,
    /// Deadlines: timeouts, retries, grace and stops.
    Time,
}

impl Focus {
    /// The bits of the swarm that stay as they are, and those that are set.
    const fn masks(self) -> (u32, u32) {
        let timing = 1 << Swarm::GRACE
            | 1 << Swarm::RETRIES
            | 1 << Swarm::TIMEOUT
            | 1 << Swarm::RUN_TIMEOUT
            | 1 << Swarm::BACKOFF
            | 1 << Swarm::DEADLINE
            | 1 << Swarm::LEAPS
            | 1 << Swarm::HUGE;
        match self {
            Self::Everything => (u32::MAX, 0),
            Self::Shapes => (!(timing | 1 << Swarm::LOADED), 1 << Swarm::REQUIRE),
            Self::Time => (
                u32::MAX,
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
    bits: u32,
    away: bool,
}

impl Swarm {
    pub(super) const REQUIRE: u32 = 0;
    pub(super) const REMOVE: u32 = 1;
    pub(super) const ADD: u32 = 2;
    pub(super) const CANCEL: u32 = 3;
    pub(super) const STOP: u32 = 4;
    pub(super) const READY: u32 = 5;
    pub(super) const DEADLINE: u32 = 6;
    pub(super) const ROGUE: u32 = 7;
    pub(super) const FAILURE: u32 = 8;
    pub(super) const BACKWARDS: u32 = 9;
    pub(super) const HUGE: u32 = 10;
    pub(super) const LEAPS: u32 = 11;
    pub(super) const EARLY: u32 = 12;
    pub(super) const LAZY_SIGNALS: u32 = 13;
    pub(super) const FINISH: u32 = 14;
    pub(super) const RECORD: u32 = 15;
    pub(super) const GRACE: u32 = 16;
    pub(super) const RETRIES: u32 = 17;
    pub(super) const PRIORITY: u32 = 18;
    pub(super) const SERVICES: u32 = 19;
    pub(super) const FOREVER: u32 = 20;
    pub(super) const CRITICAL: u32 = 21;
    pub(super) const TIMEOUT: u32 = 22;
    pub(super) const WINDOW: u32 = 23;
    pub(super) const RUN_TIMEOUT: u32 = 24;
    pub(super) const CONDITIONS: u32 = 25;
    pub(super) const DENSE: u32 = 26;
    pub(super) const MANY: u32 = 27;
    pub(super) const BACKOFF: u32 = 28;
    pub(super) const LATE_STOP: u32 = 29;
    pub(super) const EDIT: u32 = 30;
    /// Each job has all the options that there are.
    pub(super) const LOADED: u32 = 31;

    /// In half of the runs three of four kinds, in the others every second.
    pub(super) fn new(focus: Focus, bits: u32) -> Self {
        let more = if bits.count_ones().is_multiple_of(2) { bits.rotate_left(11) } else { 0 };
        let (kept, set) = focus.masks();
        Self { bits: (bits | more) & kept | set, away: bits.count_ones() & 2 != 0 }
    }

    pub(super) fn has(self, bit: u32) -> bool {
        self.bits & (1 << bit) != 0
    }

    /// Whether bodies can be away. There was no bit left for it.
    pub(super) fn has_bodies_away(self) -> bool {
        self.away
    }
}
