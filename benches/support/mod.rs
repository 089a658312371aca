//! What the benchmarks share: shapes of graphs, and who runs them.
#![allow(dead_code, reason = "each benchmark uses a part of this")]

pub(crate) mod by_hand;
pub(crate) mod clock;
pub(crate) mod floors;
pub(crate) mod kahn;
pub(crate) mod ours;
pub(crate) mod race;
pub(crate) mod shapes;
pub(crate) mod threads;

use std::hint::black_box;

/// The job of every benchmark: it does nothing, so that what is measured is what surrounds it.
pub(crate) async fn job(number: usize) -> usize {
    black_box(number)
}
