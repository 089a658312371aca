//! What `combine.rs` and `reply.rs` are made of. The model in `tests/loom` puts loom's in its place.

pub(super) use std::hint::spin_loop;
pub(super) use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
pub(super) use std::sync::{Mutex, MutexGuard};

pub(super) use crate::run::facts::lock::lock;

/// How often who has reported something looks for its answer before it looks whether it can decide itself: a few
/// tenths of a microsecond first. All of them are some microseconds, as long as others take to decide for all
/// the threads that there may be.
pub(super) const LOOKS: [u32; 5] = [10, 20, 40, 80, 160];

/// Whether a lock that is free is to pass for one that is not. Built so, tests go the ways that are gone in
/// earnest where many threads meet.
#[inline]
pub(super) fn pretend_taken() -> bool {
    #[cfg(jobgraph_contended)]
    {
        use std::sync::atomic::AtomicU32;

        static ASKED: AtomicU32 = AtomicU32::new(0);
        let asked = ASKED.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9);
        asked.count_ones() % 2 == 0
    }
    #[cfg(not(jobgraph_contended))]
    false
}
