//! Two ways to measure.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What this thread has computed so far. Unlike the time on the wall it does not count what others do on
/// a busy machine.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("not negative")
}

/// What a clock on the wall shows.
pub(crate) fn wall_time() -> Duration {
    static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
    EPOCH.elapsed()
}

/// How long this takes on this thread, which does not wait.
pub(crate) fn computing(run: impl FnOnce()) -> Duration {
    let begun = cpu_time();
    run();
    cpu_time().saturating_sub(begun)
}

/// How long this takes on the wall.
pub(crate) fn waiting(run: impl FnOnce()) -> Duration {
    let begun = wall_time();
    run();
    wall_time().saturating_sub(begun)
}
