//! What a run owes its user although the user's own code is slow, blocks, panics or never comes back;
//! and what its report owes to what happened.
//!
//! Each file names the variants that were looked for. Threads meet at gates ([`stage`]), time is virtual
//! or moved by hand, and what may hang or abort does so in a process of its own ([`alone`]).
#![cfg(all(feature = "testing", feature = "smol", feature = "tokio"))]

#[path = "faults/additions.rs"]
mod additions;
#[path = "faults/alone.rs"]
mod alone;
#[path = "faults/drops.rs"]
mod drops;
#[path = "faults/errors.rs"]
mod errors;
#[path = "faults/facts.rs"]
mod facts;
#[path = "faults/hooks.rs"]
mod hooks;
#[path = "faults/hostile.rs"]
mod hostile;
#[path = "faults/layers.rs"]
mod layers;
#[path = "faults/locks.rs"]
mod locks;
#[path = "faults/mishaps.rs"]
mod mishaps;
#[path = "faults/others.rs"]
mod others;
#[path = "faults/outputs.rs"]
mod outputs;
#[path = "faults/panics.rs"]
mod panics;
#[path = "faults/reenter.rs"]
mod reenter;
#[path = "faults/released.rs"]
mod released;
#[path = "faults/repeat.rs"]
mod repeat;
#[path = "faults/runtime.rs"]
mod runtime;
#[path = "faults/seats.rs"]
mod seats;
#[path = "faults/sites.rs"]
mod sites;
#[path = "faults/small.rs"]
mod small;
#[path = "faults/stage.rs"]
mod stage;
#[path = "faults/swallowed.rs"]
mod swallowed;
#[path = "faults/times.rs"]
mod times;
#[path = "faults/turns.rs"]
mod turns;
#[path = "faults/ways.rs"]
mod ways;
