//! Jobs that compute for as long as they are told to.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// For so many ns each job computes.
pub(crate) static WORK: AtomicU64 = AtomicU64::new(0);

/// The job of the benchmarks in which jobs may compute. If they do not, what is measured is what surrounds them.
#[allow(
    clippy::unused_async,
    reason = "a job is a future; not all who share this have the lint on"
)]
pub(crate) async fn job(number: usize) -> usize {
    let work = WORK.load(Ordering::Relaxed);
    if work > 0 {
        let until = Instant::now() + Duration::from_nanos(work);
        while Instant::now() < until {}
    }
    black_box(number)
}
