//! In parallel: the task that ends a job decides what may start, or leaves that to the one who is deciding,
//! and goes on with what it is handed.

mod caller;
mod chores;
mod combine;
mod ending;
mod reply;
pub(in crate::run) mod run;
mod said;
mod shared;
mod state;
mod sync;
mod takers;
mod task;
