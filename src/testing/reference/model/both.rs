use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::call::Call;
use super::check::{differ, ensure};
use super::pair::{Model, mix};
use crate::{
    Attempt, Condition, JobId, JobOptions, JobState, Orchestrator, RunOptions, Signal, StopReason,
    Timestamp,
};

/// One call, on both sides.
impl Model {
    pub(super) fn both(&mut self, call: &Call) -> Result<bool, String> {
        let (core, oracle) = match *call {
            Call::SetOptions(options) => {
                let result = self.core.set_options(options).is_ok();
                if result {
                    self.options = options;
                }
                (result, self.oracle.set_options(options))
            }
            Call::AddPool(capacity) => {
                let name = format!("pool {}", self.core.pools().len());
                let result = self.core.add_pool(name, capacity).is_ok();
                (result, self.oracle.add_pool(capacity))
            }
            Call::Add(ref options, ref requirements) => self.add_both(options, requirements)?,
            Call::Require(job, required, condition) => (
                self.core.require(job, required, condition).is_ok(),
                self.oracle.require(job, required, condition),
            ),
            Call::RemoveRequirement(job, required) => (
                self.core.remove_requirement(job, required).is_ok(),
                self.oracle.remove_requirement(job, required),
            ),
            Call::Remove(job) => {
                let result = self.core.remove(job);
                if let Ok(payload) = result {
                    differ("the payload", &payload, &job.number())?;
                }
                (result.is_ok(), self.oracle.remove(job))
            }
            Call::Bypass(job) => {
                let result = self.core.bypass(job);
                if let Ok(payload) = result {
                    differ("the payload", &payload, &job.number())?;
                }
                (result.is_ok(), self.oracle.bypass(job))
            }
            Call::KeepBetween(ref starts, ref ends) => {
                let core = self.core.keep_between(starts, ends).ok();
                let oracle = self.oracle.keep_between(starts, ends);
                let listed = |gone: Vec<JobId>| gone.iter().map(|id| (*id, id.number())).collect();
                let oracle: Option<Vec<_>> = oracle.map(listed);
                differ("what is not kept", &core, &oracle)?;
                (core.is_some(), oracle.is_some())
            }
            Call::Map => {
                let empty = Orchestrator::new(RunOptions::default());
                self.core = core::mem::replace(&mut self.core, empty).map(|payload| payload);
                (true, true)
            }
            Call::Start(now) => (self.core.start(now).is_ok(), self.oracle.start(now)),
            Call::Complete(attempt, completion, now) => {
                let core = self.core.on_job_complete(attempt, completion, now).ok();
                let oracle = self.oracle.on_job_complete(attempt, completion, now);
                differ("what is said of a completion", &core, &oracle)?;
                (core.is_some(), oracle.is_some())
            }
            Call::Away(attempt) => {
                (self.core.on_body_away(attempt).is_ok(), self.oracle.on_body_away(attempt))
            }
            Call::Gone(attempt, now) => (
                self.core.on_body_gone(attempt, now).is_ok(),
                self.oracle.on_body_gone(attempt, now),
            ),
            Call::Ready(attempt, now) => (
                self.core.on_job_ready(attempt, now).is_ok(),
                self.oracle.on_job_ready(attempt, now),
            ),
            Call::Deadline(now) => {
                self.core.on_deadline(now);
                self.oracle.on_deadline(now);
                (true, true)
            }
            Call::Cancel(job, now) => {
                (self.core.cancel(job, now).is_ok(), self.oracle.cancel(job, now))
            }
            Call::Stop(now) => {
                self.core.stop(now);
                self.oracle.stop(now);
                (true, true)
            }
            Call::Poll(at_most, now) => {
                self.poll_both(at_most, now)?;
                (true, true)
            }
            Call::Signals(at_most) => {
                self.signal_both(at_most)?;
                (true, true)
            }
        };
        differ("the answer (true: accepted)", &core, &oracle)?;
        Ok(core)
    }

    fn add_both(
        &mut self,
        options: &JobOptions,
        requirements: &[(JobId, Condition)],
    ) -> Result<(bool, bool), String> {
        let accepts = self.oracle.accepts(options, requirements);
        let payload = self.oracle.next_number();
        let result = self.core.add(payload, options.clone(), requirements);
        if let (true, &Ok(id)) = (accepts, &result) {
            differ("the creation number", &id.number(), &payload)?;
            self.oracle.add(id, options.clone(), requirements);
            self.ids.push(id);
        }
        Ok((result.is_ok(), accepts))
    }

    fn poll_both(&mut self, at_most: usize, now: Timestamp) -> Result<(), String> {
        let mut core = Vec::new();
        let mut ready = self.core.poll_ready_jobs(now);
        while core.len() < at_most
            && let Some(attempt) = ready.next()
        {
            let payload = ready.payload_mut(attempt).map(|payload| *payload);
            differ("the payload", &payload, &Some(attempt.job.number()))?;
            core.push(attempt);
        }
        let oracle = self.oracle.poll_ready_jobs(at_most, now);
        differ("what is handed out", &core, &oracle)?;
        self.find_gone();
        for &attempt in &core {
            self.check_handed_out(attempt)?;
            let word = (attempt.job.number() << 32) | u64::from(attempt.number);
            self.stats.digest = mix(self.stats.digest, word);
        }
        self.stats.attempts += core.len() as u64;
        self.handed_out = core;
        Ok(())
    }

    fn signal_both(&mut self, at_most: usize) -> Result<(), String> {
        for _ in 0..at_most {
            let signal = self.core.poll_signal();
            differ("the signal", &signal, &self.oracle.poll_signal())?;
            self.find_gone();
            self.last_told = signal;
            let Some(signal) = signal else { return self.check_all_discarded() };
            self.stats.signals += 1;
            let (kind, number, job) = match signal {
                Signal::Cancel(attempt) => (0, attempt.number, attempt.job),
                Signal::Abort(attempt) => (1, attempt.number, attempt.job),
                Signal::Discard(job) => (0, 0, job),
            };
            match signal {
                Signal::Cancel(attempt) | Signal::Abort(attempt) => {
                    self.check_told(signal, attempt)?;
                }
                Signal::Discard(job) => self.check_discarded(job)?,
            }
            let word = (job.number() << 8) | (u64::from(number) << 1);
            self.stats.digest = mix(self.stats.digest, word | kind);
        }
        Ok(())
    }

    /// At most one `Cancel` an attempt, at most one `Abort`, and never a `Cancel` after it.
    fn check_told(&mut self, signal: Signal, attempt: Attempt) -> Result<(), String> {
        let abort = matches!(signal, Signal::Abort(_));
        let told = self.told.entry(attempt).or_default();
        ensure(!told.aborted && (abort || !told.cancelled), || {
            format!("{signal} comes too late or twice")
        })?;
        told.aborted |= abort;
        told.cancelled |= !abort;
        let of_the_end = if abort {
            self.note_polled(attempt)
        } else {
            let reason = StopReason::RunEnding;
            let asked = JobState::Stopping { attempt: attempt.number, reason };
            self.core.state(attempt.job) == Some(asked)
        };
        if of_the_end { self.check_all_discarded() } else { Ok(()) }
    }
}
