//! How criterion measures.

use std::time::Duration;

use criterion::Criterion;

/// Short measurements, since there are many.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300))
        .without_plots()
        .configure_from_args()
}

/// The numbers of jobs to measure: up to 10^5, and up to 10^6 if the environment has `LARGE`.
pub(crate) fn sizes() -> impl Iterator<Item = usize> {
    let large = std::env::var_os("LARGE").map(|_| 1_000_000);
    [1_000, 10_000, 100_000].into_iter().chain(large)
}
