use std::boxed::Box;
use std::vec::Vec;

use super::engine::Engine;
use super::output::Place;
use super::payload::Payload;
use super::record::Record;
use crate::{JobId, JobState, Orchestrator, RunOptions, Timestamp};

/// The run of the shutdown hooks takes the core's place; this keeps what it took it from.
pub(crate) struct Hooks {
    main: Orchestrator<Record>,
    /// By place in the core of the hooks: whose hook it is.
    pub(crate) subjects: Vec<Option<JobId>>,
}

impl<P: Payload> Engine<P> {
    /// After the verdict: begins the run of the shutdown hooks, if there are any to run.
    pub(crate) fn begin_hooks(&mut self, now: Timestamp) -> bool {
        if !self.hooked || self.hooks.is_some() {
            return false;
        }
        self.tell();
        let has_hook = |cell| self.cells.body(cell).is_some_and(|body: &P| body.peek().has_hook());
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
        let Ok(run) = core.shutdown_run(&hooked, options) else { return false };
        let subjects = run.jobs().map(|job| run.payload(job).copied().flatten()).collect();
        let mut run = run.map(|_| Record::new(Place::NOWHERE));
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

impl Hooks {
    /// The core of the jobs, with what became of each hook.
    pub(crate) fn put_outcomes(self, run: &mut Orchestrator<Record>) -> Orchestrator<Record> {
        let mut main = self.main;
        let jobs: Vec<JobId> = run.jobs().collect();
        for hook in jobs {
            let outcome = run.state(hook).and_then(JobState::outcome);
            let subject = self.subjects[hook.index()].and_then(|job| main.payload_mut(job));
            if let (Some(record), Some(outcome), Some(ran)) =
                (subject, outcome, run.payload_mut(hook))
            {
                record.set_hook(outcome, ran);
            }
        }
        main
    }
}
