//! Running a graph: bodies, typed outputs, and the drivers. Four storeys, each of which imports only from
//! those below it.

mod drive;
mod engine;
mod facts;
mod job;

pub use self::drive::in_place::run;
pub use self::drive::nested::GraphFailed;
pub use self::drive::parallel::run::run_parallel;
pub use self::drive::repeat::Repeatable;
pub use self::drive::wishes::stopped_by;
pub use self::engine::additions::{Adder, Adding};
pub use self::engine::check::Problems;
pub use self::engine::graph::{Graph, JobGraph, SendJobGraph};
#[cfg(feature = "remote")]
pub(crate) use self::facts::error::is_caused_by;
pub use self::facts::error::{Cancelled, Error, JobError, Permanent, any_error, ok};
pub use self::facts::fact::{Fact, FactKind, JobInfo};
pub use self::facts::failed::RunFailed;
pub use self::facts::handle::{AnyHandle, Handle, JobHandle, Pool, Requirements};
#[cfg(all(feature = "journal", unix))]
pub use self::facts::kept::{Again, Kept};
pub use self::facts::latest::Latest;
#[cfg(feature = "progress")]
pub(crate) use self::facts::lock::lock;
pub use self::facts::mailbox::StopHandle;
pub use self::facts::mishap::{Mishap, MishapKind};
pub use self::facts::missing::Missing;
pub use self::facts::output::{LocalOutputs, OutputStore, SendOutputs};
pub use self::facts::quiet::Panic;
#[cfg(any(feature = "progress", feature = "remote", all(feature = "journal", unix)))]
pub(crate) use self::facts::quiet::caught;
#[cfg(feature = "progress")]
pub(crate) use self::facts::quiet::drop_quietly;
#[cfg(all(any(feature = "journal", feature = "process"), unix))]
pub(crate) use self::facts::random::random_name;
pub use self::facts::record::HookReport;
pub use self::facts::report::{JobReport, Report, SendReport};
pub use self::facts::run_error::RunError;
pub use self::facts::runtime::{AnyClock, Clock, Spawn};
pub use self::facts::stream::Facts;
pub use self::facts::trouble::Trouble;
pub(crate) use self::facts::words::{
    WIDEST_LABEL, awaited, columns, endless, label, mark, one_line, padded, short, taken,
    unstarted, why,
};
pub use self::job::body::{Body, Repeat};
pub use self::job::boxed::{BoxedBody, LocalBoxedBody};
pub use self::job::context::{Context, ServiceContext};
pub use self::job::custom::RunJob;
pub use self::job::hook::{Hook, HookResult, NoHook};
pub use self::job::inputs::{
    Feeds, FeedsWith, Gather, Input, Inputs, LatestOf, Optional, Settled, latest, optional, settled,
};
pub use self::job::job::Job;
pub use self::job::payload::{Local, Payload, Sendable};
#[cfg(all(feature = "journal", unix))]
pub(crate) use self::{
    facts::column::Column,
    facts::handle::Key,
    job::body::{Execute, Inside, Occasion, Start},
    job::keep::{Keep, Keeper, Keeping, Origin, Place, Recorded, Whence},
    job::payload::{Boxed, to_heap},
};
