//! What can be said of a run: facts, records, errors, handles, outcomes.

pub(super) mod bell;
pub(super) mod column;
pub(super) mod error;
pub(super) mod fact;
pub(super) mod failed;
pub(super) mod handle;
#[cfg(feature = "journal")]
pub(super) mod kept;
pub(super) mod latest;
pub(super) mod listing;
pub(super) mod lock;
pub(super) mod mailbox;
pub(super) mod mishap;
pub(super) mod missing;
pub(super) mod observers;
mod outline;
pub(super) mod output;
pub(super) mod quiet;
#[cfg(any(feature = "journal", feature = "process"))]
pub(super) mod random;
pub(super) mod record;
pub(super) mod report;
pub(super) mod run_error;
pub(super) mod runtime;
pub(super) mod stream;
pub(super) mod trouble;
pub(super) mod words;
