use core::fmt;
use core::ops::Add;
use core::time::Duration;

/// A point in time: nanoseconds since an epoch that the driver chose.
///
/// The core has no clock; each input brings its own `now`. Adding a [`Duration`] saturates, so that
/// "as long as you like" is simply a very large duration. There is no value that means "never".
///
/// ```
/// use core::time::Duration;
/// use jobgraph::Timestamp;
///
/// let later = Timestamp::ZERO + Duration::from_millis(1_500);
/// assert_eq!(later.as_nanos(), 1_500_000_000);
/// assert_eq!(later.to_string(), "1.5 s");
/// assert_eq!(later + Duration::MAX, Timestamp::from_nanos(u64::MAX));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The epoch itself.
    pub const ZERO: Self = Self(0);

    /// The time `nanos` nanoseconds after the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time that lies between `earlier` and this one; zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let nanos = duration.as_secs().saturating_mul(1_000_000_000);
        Self(self.0.saturating_add(nanos).saturating_add(duration.subsec_nanos().into()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Seconds(Duration::from_nanos(self.0)).fmt(f)
    }
}

/// A duration as people read it: seconds, to the millisecond; what is shorter than one in µs or ns.
#[derive(Clone, Copy)]
pub(crate) struct Seconds(pub(crate) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        match nanos {
            1..1_000 => return write!(f, "{nanos} ns"),
            1_000..1_000_000 => return write!(f, "{} µs", nanos / 1_000),
            _ => {}
        }
        let millis = self.0.as_millis();
        let (seconds, fraction) = (millis / 1_000, millis % 1_000);
        match fraction {
            0 => write!(f, "{seconds} s"),
            _ if fraction % 100 == 0 => write!(f, "{seconds}.{} s", fraction / 100),
            _ if fraction % 10 == 0 => write!(f, "{seconds}.{:02} s", fraction / 10),
            _ => write!(f, "{seconds}.{fraction:03} s"),
        }
    }
}
