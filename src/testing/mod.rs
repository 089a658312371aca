//! For tests: of this crate, and of graphs of one's own.

mod virtual_time;

pub use self::virtual_time::VirtualClock;

pub mod model;
pub mod oracle;
