use core::fmt;
use core::time::Duration;

use super::time::Seconds;

/// How often, and after which pause, a failed job is attempted again.
///
/// The k-th retry in a row waits `min(cap, base * 2^(k-1))`, saturating.
///
/// ```
/// use core::time::Duration;
/// use jobgraph::Retries;
///
/// let retries = Retries::new(5).backoff(Duration::from_secs(1), Duration::from_secs(3));
/// let waits: Vec<u64> = (1..=4).map(|k| retries.delay(k).as_secs()).collect();
/// assert_eq!(waits, [1, 2, 3, 3]);
/// assert_eq!(Retries::new(2).delay(1), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Retries {
    /// How many failures in a row a further attempt may follow.
    pub limit: u32,
    /// How long the first retry waits.
    pub base: Duration,
    /// The longest that any retry waits.
    pub cap: Duration,
    /// Whether each pause is a random one, from half of its length to the whole: see
    /// [`jittered_delay`](Self::jittered_delay).
    pub jitter: bool,
    /// An attempt of a forever job, or of a service that was ready, which fails after so long or longer begins a
    /// new row: as often as the limit says it is attempted again, and the first pause is the first one again. A
    /// service's time counts from its readiness, a forever job's from its hand-out.
    pub reset_after: Option<Duration>,
}

impl Retries {
    /// Up to `limit` further attempts, without a pause.
    #[must_use]
    pub const fn new(limit: u32) -> Self {
        Self { limit, base: Duration::ZERO, cap: Duration::ZERO, jitter: false, reset_after: None }
    }

    /// Whether these are the defaults.
    #[inline]
    pub(super) fn are_none(&self) -> bool {
        let Self { limit, base, cap, jitter, reset_after } = self;
        *limit == 0 && base.is_zero() && cap.is_zero() && !jitter && reset_after.is_none()
    }

    /// Pauses that double from `base` on, and never exceed `cap`.
    #[must_use]
    pub const fn backoff(self, base: Duration, cap: Duration) -> Self {
        Self { base, cap, ..self }
    }

    /// The same pause before each retry.
    #[must_use]
    pub const fn every(self, pause: Duration) -> Self {
        self.backoff(pause, pause)
    }

    /// Random pauses, so that those who failed together do not come back together.
    #[must_use]
    pub const fn jittered(self) -> Self {
        Self { jitter: true, ..self }
    }

    /// A new row of failures after an attempt that was well for so long.
    #[must_use]
    pub const fn reset_after(self, healthy: Duration) -> Self {
        Self { reset_after: Some(healthy), ..self }
    }

    /// How long the `k`-th retry in a row waits without jitter, from 1.
    #[must_use]
    pub fn delay(&self, k: u32) -> Duration {
        let factor = 1_u128.checked_shl(k.saturating_sub(1)).unwrap_or(u128::MAX);
        let nanos = self.base.as_nanos().saturating_mul(factor);
        if nanos >= self.cap.as_nanos() { self.cap } else { from_nanos(nanos) }
    }

    /// How long the `k`-th retry in a row waits, from 1, of the job with this
    /// [creation number](super::JobId::number), in a run with this [seed](super::RunOptions::seed): without
    /// jitter [`delay`](Self::delay), `d`; with it `d/2 + h mod (d/2 + 1)` ns, where `h` is splitmix64 (<https://prng.di.unimi.it/splitmix64.c>) of
    /// `seed ^ number ^ (k << 32)`.
    #[must_use]
    pub fn jittered_delay(&self, k: u32, number: u64, seed: u64) -> Duration {
        let delay = self.delay(k);
        if !self.jitter {
            return delay;
        }
        let half = delay.as_nanos() / 2;
        let random = splitmix64(seed ^ number ^ (u64::from(k) << 32));
        from_nanos(half + u128::from(random) % (half + 1))
    }
}

/// Of no more than the seconds of a `Duration`.
#[expect(clippy::cast_possible_truncation, reason = "its seconds fit")]
fn from_nanos(nanos: u128) -> Duration {
    Duration::from_secs((nanos / 1_000_000_000) as u64)
        + Duration::from_nanos((nanos % 1_000_000_000) as u64)
}

fn splitmix64(seed: u64) -> u64 {
    let mut word = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// Why retries make no sense as they were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadRetries {
    /// The first pause is longer than the longest.
    BaseOverCap {
        /// The first pause.
        base: Duration,
        /// The longest.
        cap: Duration,
    },
    /// There is a pause between attempts, or a time after which they count anew, but one attempt only.
    NoRetries,
    /// There is jitter, but no pause.
    NoPause,
    /// A finite job does not count its attempts anew.
    ResetOfFinite,
}

impl Retries {
    /// What makes no sense in them.
    pub(super) fn problem(&self, is_finite: bool) -> Option<BadRetries> {
        let Self { limit, base, cap, jitter, reset_after } = *self;
        let pauses = !base.is_zero() || !cap.is_zero();
        if base > cap {
            Some(BadRetries::BaseOverCap { base, cap })
        } else if limit == 0 && (pauses || reset_after.is_some()) {
            Some(BadRetries::NoRetries)
        } else if jitter && base.is_zero() {
            Some(BadRetries::NoPause)
        } else if reset_after.is_some() && is_finite {
            Some(BadRetries::ResetOfFinite)
        } else {
            None
        }
    }
}

impl fmt::Display for BadRetries {
    /// As it completes "its ...".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BaseOverCap { base, cap } => write!(
                f,
                "first pause ({}) is longer than its longest ({}); `backoff` takes the first one first",
                Seconds(*base),
                Seconds(*cap)
            ),
            Self::NoRetries => {
                f.write_str("pauses have no attempts between them; say how many with `retries`")
            }
            Self::NoPause => f.write_str("jitter has no pause to change; give it one with `backoff`"),
            Self::ResetOfFinite => f.write_str(
                "failures count anew only if it is a forever job or a service; leave `reset_after` out",
            ),
        }
    }
}
