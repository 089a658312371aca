use alloc::vec::Vec;
use core::fmt;

use crate::{Attempt, Completion, Condition, JobId, JobOptions, RunOptions, Timestamp};

/// A call of the core's interface, as it stands in the trace of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// [`Orchestrator::set_options`](crate::Orchestrator::set_options).
    SetOptions(RunOptions),
    /// [`Orchestrator::add_pool`](crate::Orchestrator::add_pool), with a name that no other has.
    AddPool(u32),
    /// [`Orchestrator::add`](crate::Orchestrator::add).
    Add(JobOptions, Vec<(JobId, Condition)>),
    /// [`Orchestrator::require`](crate::Orchestrator::require).
    Require(JobId, JobId, Condition),
    /// [`Orchestrator::remove_requirement`](crate::Orchestrator::remove_requirement).
    RemoveRequirement(JobId, JobId),
    /// [`Orchestrator::remove`](crate::Orchestrator::remove).
    Remove(JobId),
    /// [`Orchestrator::bypass`](crate::Orchestrator::bypass).
    Bypass(JobId),
    /// [`Orchestrator::keep_between`](crate::Orchestrator::keep_between).
    KeepBetween(Vec<JobId>, Vec<JobId>),
    /// [`Orchestrator::map`](crate::Orchestrator::map), to the same payloads.
    Map,
    /// [`Orchestrator::start`](crate::Orchestrator::start).
    Start(Timestamp),
    /// [`Orchestrator::on_job_complete`](crate::Orchestrator::on_job_complete).
    Complete(Attempt, Completion, Timestamp),
    /// [`Orchestrator::on_body_away`](crate::Orchestrator::on_body_away).
    Away(Attempt),
    /// [`Orchestrator::on_body_gone`](crate::Orchestrator::on_body_gone).
    Gone(Attempt, Timestamp),
    /// [`Orchestrator::on_job_ready`](crate::Orchestrator::on_job_ready).
    Ready(Attempt, Timestamp),
    /// [`Orchestrator::on_deadline`](crate::Orchestrator::on_deadline).
    Deadline(Timestamp),
    /// [`Orchestrator::cancel`](crate::Orchestrator::cancel).
    Cancel(JobId, Timestamp),
    /// [`Orchestrator::stop`](crate::Orchestrator::stop).
    Stop(Timestamp),
    /// [`Orchestrator::poll_ready_jobs`](crate::Orchestrator::poll_ready_jobs), of which so many are taken at most.
    Poll(usize, Timestamp),
    /// [`Orchestrator::poll_signal`](crate::Orchestrator::poll_signal), so often at most.
    Signals(usize),
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Add(options, requirements) = self else { return write!(f, "{self:?}") };
        write!(f, "Add({:?}", options.kind)?;
        if options.awaited {
            f.write_str(" awaited")?;
        }
        if options.critical {
            f.write_str(" critical")?;
        }
        if let Some(timeout) = options.timeout {
            write!(f, " timeout={timeout:?}")?;
        }
        if options.grace != Some(core::time::Duration::ZERO) {
            write!(f, " grace={:?}", options.grace)?;
        }
        if options.retries.limit > 0 {
            write!(f, " {:?}", options.retries)?;
        }
        if options.priority != 0 {
            write!(f, " priority={}", options.priority)?;
        }
        if !options.any_of.is_empty() {
            write!(f, " {:?}", options.any_of)?;
        }
        if !options.pools.is_empty() {
            write!(f, " {:?}", options.pools)?;
        }
        write!(f, ", {requirements:?})")
    }
}
