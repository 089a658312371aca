use std::boxed::Box;
use std::vec::Vec;

use super::engine::Engine;
use super::hooks::Hooks;
use crate::orchestrator::{JobId, RunOptions, Timestamp};
use crate::run::facts::output::Slot;
use crate::run::facts::record::Record;
use crate::run::job::payload::Payload;

impl<P: Payload> Engine<P> {
    /// After the verdict: begins the run of the shutdown hooks, if there are any to run.
    pub(crate) fn begin_hooks(&mut self, now: Timestamp) -> bool {
        if !self.hooked || self.hooks.is_some() {
            return false;
        }
        self.tell();
        let has_hook =
            |index| self.cells.body(index).is_some_and(|body: &P| body.peek().has_hook());
        let core = &self.core;
        let started = |job: &JobId| core.attempts(*job) > 0 && has_hook(job.index());
        let hooked: Vec<JobId> = core.jobs().filter(started).collect();
        if hooked.is_empty() {
            return false;
        }
        let options = RunOptions {
            timeout: Some(self.shutdown_timeout),
            record: self.observers.is_some(),
            ..RunOptions::default()
        };
        let Ok(run) = core.shutdown_run(&hooked, None, options) else { return false };
        let subjects = run.jobs().map(|job| run.payload(job).copied().flatten()).collect();
        let mut run = run.map(|_| Record::new(Slot::NOWHERE));
        if run.start(now).is_err() {
            return false;
        }
        if self.stops > 2 {
            run.stop(now);
        }
        let main = std::mem::replace(&mut self.core, run);
        self.hooks = Some(Box::new(Hooks { main, subjects }));
        true
    }
}
