//! For tests: of this crate, and of graphs of one's own.
