//! A graph, and a graph that runs: decides, and runs none of the jobs itself.

pub(super) mod additions;
mod admit;
pub(super) mod attempt;
pub(super) mod cells;
pub(super) mod check;
#[cfg(feature = "journal")]
pub(super) mod durables;
mod edit;
#[expect(clippy::module_inception, reason = "the storey is named after what it is about")]
pub(super) mod engine;
mod finish;
pub(super) mod graph;
pub(super) mod leftovers;
mod observe;
mod outline;
mod rehearse;
mod removals;
mod remove;
mod setting;
mod shutdown;
#[cfg(feature = "journal")]
mod sources;
#[cfg(feature = "journal")]
mod table;
mod tell;
mod turn;
