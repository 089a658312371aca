//! Running a graph on smol: time comes from async-io; the jobs run in the task that awaits the run, or
//! in tasks of an executor.

mod runtime;
#[cfg(feature = "signal")]
mod signals;

pub use self::runtime::{SharedExecutor, SmolClock, SmolExecutor, block_on, run, run_parallel};
#[cfg(feature = "signal")]
pub use self::signals::{Signals, signals};
