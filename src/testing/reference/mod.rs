//! What the crate is tested with, for those who drive the core themselves, or write a driver: a second implementation that is
//! obviously right, and what compares the two. Tests of graphs of your own need none of it.
//!
//! - [`oracle`]: the core once more, naive and slow.
//! - [`model`]: the core and the oracle side by side, fed by random bytes, as of a fuzzer.
//! - [`driver`]: whole runs with random jobs, in place and in parallel, beside what the oracle says of them.

pub mod driver;
pub mod model;
pub mod oracle;
