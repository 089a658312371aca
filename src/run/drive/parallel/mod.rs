//! In parallel: the task that ends a job decides what may start, and goes on with it.

pub(in crate::run) mod run;
mod said;
mod shared;
mod state;
mod task;
