//! Seeing a run: pictures of the graph, timelines, live progress, and what bounds its time.
//!
//! All of it is made of [`Fact`](crate::Fact)s alone, those that [`Graph::observe`](crate::Graph::observe)
//! tells; a run does not know of it.

mod as_history;
mod chrome_trace;
mod critical_path;
#[cfg(feature = "serde")]
pub mod data;
mod dot;
mod history;
mod job_history;
mod json;
#[cfg(feature = "junit")]
mod junit;
mod listing;
mod mermaid;
mod picture;
#[cfg(feature = "progress")]
mod progress;
mod timeline;
mod trace_events;

pub use self::as_history::AsHistory;
pub use self::chrome_trace::chrome_trace;
pub use self::critical_path::{Cause, CriticalPath, Step};
pub use self::dot::dot;
pub use self::history::{GraphHistory, History};
pub use self::job_history::{AttemptHistory, HookHistory, JobHistory, Moment};
#[cfg(feature = "junit")]
pub use self::junit::junit;
pub use self::mermaid::mermaid;
#[cfg(feature = "progress")]
pub use self::progress::{Detail, Monitor, Progress, ProgressOptions};
pub use self::timeline::timeline;
