//! What `combine.rs` and `reply.rs` are made of. The model in `tests/loom` puts loom's in its place.

pub(super) use std::hint::spin_loop;
pub(super) use std::sync::atomic::{AtomicBool, Ordering, fence};
pub(super) use std::sync::{Mutex, MutexGuard};

pub(super) use crate::run::facts::lock::lock;

/// How often who reported something looks for its answer before it does something else: some microseconds,
/// as long as others take to decide for all the threads that there may be.
pub(super) const PATIENCE: u32 = 300;
