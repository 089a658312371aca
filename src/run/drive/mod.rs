//! Who polls the jobs of a run, and where.

pub(super) mod in_place;
pub(super) mod nested;
pub(super) mod parallel;
pub(super) mod repeat;
mod waker;
