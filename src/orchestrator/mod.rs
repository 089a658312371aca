//! The core: decides, and does nothing else. See [`Orchestrator`].

mod add;
mod away;
mod blocks;
mod bodies;
mod deadline;
mod dependents;
mod edge;
mod edges;
mod edit;
mod ending;
mod error;
mod explain;
mod extra;
mod group;
mod groups;
mod hand_out;
mod input;
mod job;
mod kinds;
mod line;
mod machine;
mod made;
mod node;
mod nodes;
mod observe;
mod order;
mod particulars;
mod phase;
mod pool;
mod pools;
mod queue;
mod resolve;
mod retries;
mod seldom;
mod shutdown;
mod signal;
mod state;
mod step;
mod store;
mod time;
mod turn;

#[cfg(feature = "std")]
pub(crate) use self::blocks::Blocks;
pub use self::edge::Condition;
pub use self::error::{GraphError, InputError, JobName};
pub use self::explain::{EndOfRun, Explanation};
pub use self::hand_out::ReadyJobs;
pub use self::input::After;
#[cfg(feature = "std")]
pub(crate) use self::job::NumberAndIndex;
pub use self::job::{AnyOf, Attempt, JobId, JobKind, JobOptions};
pub use self::machine::{Orchestrator, RunOptions};
pub use self::observe::{Change, Counts, Transition};
pub use self::order::DependentsOfAll;
#[cfg(feature = "std")]
pub(crate) use self::particulars::Particulars;
pub use self::phase::Verdict;
pub use self::pool::{BadNeed, PoolId, PoolUse, PoolWait};
pub use self::queue::Order;
pub use self::retries::{BadRetries, Retries};
pub use self::signal::Signal;
pub use self::state::{Completion, Failure, JobState, Outcome, SkipReason, StopReason};
#[cfg(feature = "std")]
pub(crate) use self::time::Seconds;
pub use self::time::Timestamp;
