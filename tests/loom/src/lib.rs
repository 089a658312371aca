//! The queue, the lock and the last look of a parallel run (`src/run/drive/parallel/combine.rs` and `reply.rs`,
//! as they are) on loom's primitives: each test is run in all interleavings of its threads, as far as they
//! differ, with up to two preemptions each.
#![cfg(test)]

#[path = "../../../src/run/drive/parallel/combine.rs"]
#[expect(dead_code, reason = "who waits for the lock of the state is not modelled")]
mod combine;
mod model;
#[path = "../../../src/run/drive/parallel/reply.rs"]
mod reply;
mod sync;
