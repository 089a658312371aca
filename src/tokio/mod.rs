//! Running a graph on tokio, current-thread or multi-thread: its time, so that `tokio::time::pause`
//! works in tests, and its tasks.

mod runtime;
#[cfg(feature = "signal")]
mod signals;

pub use self::runtime::{TokioRuntime, run, run_parallel};
#[cfg(feature = "signal")]
pub use self::signals::{Signals, signals};
