//! Seeing a run: pictures of the graph, timelines, live progress, and what bounds its time.
//!
//! All of it is made of [`Fact`](crate::Fact)s alone, those that [`Graph::observe`](crate::Graph::observe)
//! tells; a run does not know of it.

mod critical_path;
mod dot;
mod history;
mod mermaid;
mod picture;

pub use self::critical_path::{Cause, CriticalPath, Step};
pub use self::dot::dot;
pub use self::history::{
    AsHistory, AttemptHistory, GraphHistory, History, HookHistory, JobHistory, Moment,
};
pub use self::mermaid::mermaid;
