//! Who polls the jobs of a run, and where: the only storey in which code of the user's runs.

mod act;
pub(super) mod in_place;
pub(super) mod nested;
pub(super) mod parallel;
#[cfg(feature = "journal")]
mod plan;
pub(super) mod repeat;
mod steady;
#[cfg(feature = "tracing")]
mod trace;
mod waker;
pub(super) mod wishes;
