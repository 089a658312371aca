//! For tests: of this crate, and of graphs of one's own.

pub mod driver;
pub mod model;
pub mod oracle;
mod random;
mod virtual_time;

pub use self::virtual_time::VirtualClock;
