//! What a user writes: jobs, and what they see of their run.

pub(super) mod ask;
pub(super) mod asked;
pub(super) mod body;
pub(super) mod boxed;
mod constructors;
pub(super) mod context;
pub(super) mod custom;
mod every;
pub(super) mod hook;
#[cfg(feature = "journal")]
mod idle;
pub(super) mod inputs;
#[expect(clippy::module_inception, reason = "the storey is named after what it is about")]
pub(super) mod job;
#[cfg(feature = "journal")]
pub(super) mod keep;
pub(super) mod make;
pub(super) mod payload;
pub(super) mod simple;
#[cfg(feature = "tracing")]
pub(super) mod spans;
pub(super) mod traced;
