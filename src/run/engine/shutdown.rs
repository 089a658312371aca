use std::boxed::Box;
use std::collections::HashMap;
use std::sync::Arc;
use std::vec::Vec;

use super::additions::OpenAdditions;
use super::cells::Cells;
use super::engine::{Engine, Role};
use super::leftovers::Leftovers;
use super::removals::Removals;
use crate::orchestrator::{JobId, JobState, Orchestrator, RunOptions};
use crate::run::facts::output::{Outputs, Slot};
use crate::run::facts::record::Record;
use crate::run::job::payload::Payload;

/// Shutdown hooks are a run of their own, with an engine of its own, after that of the jobs.
impl<P: Payload> Engine<P> {
    /// After the verdict: the run of the shutdown hooks, which has begun, if there are any to run.
    pub(crate) fn begin_hooks(&mut self) -> Option<Box<Self>> {
        if !self.cells.has_hooks() {
            return None;
        }
        self.cells.hooks_begin();
        self.tell();
        let (core, cells) = (&self.core, &self.cells);
        let started = |job: &JobId| core.attempts(*job) > 0 && cells.hook(job.index()).is_some();
        let hooked: Vec<JobId> = core.jobs().filter(started).collect();
        if hooked.is_empty() {
            return None;
        }
        let options = RunOptions { record: self.observers.is_some(), ..RunOptions::default() };
        let run = core.shutdown_run(&hooked, Some(self.hook_timeout), options).ok()?;
        let subjects: Vec<Option<JobId>> =
            run.jobs().map(|job| run.payload(job).copied().flatten()).collect();
        let mut core = Box::new(run.map(|_| Record::new(Slot::NOWHERE)));
        let now = self.now.max(self.core.clock());
        core.start(now).ok()?;
        if self.stops > 2 {
            core.stop(now);
        }
        Some(Box::new(self.hook_engine(core, subjects)))
    }

    fn hook_engine(
        &mut self,
        core: Box<Orchestrator<Record>>,
        subjects: Vec<Option<JobId>>,
    ) -> Self {
        let mut cells = Cells::new();
        for (index, subject) in subjects.iter().enumerate() {
            match subject.and_then(|job| self.cells.take_hook(job.index())) {
                Some(hook) => cells.add(index, hook, None),
                None => cells.add_nothing(),
            }
        }
        Self {
            scope: self.scope.of_run(),
            role: Role::Hooks(subjects),
            begun: core.clock(),
            ended: core.clock(),
            core,
            cells,
            outputs: Outputs::new(),
            mailbox: Arc::clone(&self.mailbox),
            outermost: self.outermost.clone(),
            unread: std::mem::take(&mut self.unread),
            additions: OpenAdditions::new(),
            clock: self.clock.clone(),
            now: self.now,
            hook_timeout: self.hook_timeout,
            keep_bodies: self.keep_bodies,
            stops: self.stops,
            removals: Removals::default(),
            knows_who_adds: self.observers.is_some(),
            added_by: HashMap::new(),
            left: Leftovers::new(),
            mishaps: Vec::new(),
            observers: self.observers.clone(),
            #[cfg(feature = "journal")]
            durables: super::durables::Durables::default(),
            #[cfg(feature = "tracing")]
            span: self.span.clone(),
        }
    }

    /// What became of the shutdown hooks, whose run is over.
    pub(crate) fn end_hooks(&mut self, hooks: &mut Self) {
        hooks.tell();
        hooks.name_late_failures();
        let Role::Hooks(subjects) = &hooks.role else { return };
        for hook in hooks.core.jobs().collect::<Vec<_>>() {
            let Some(subject) = subjects[hook.index()] else { continue };
            let outcome = hooks.core.state(hook).and_then(JobState::outcome);
            if let (Some(record), Some(outcome), Some(ran)) =
                (self.core.payload_mut(subject), outcome, hooks.core.payload_mut(hook))
            {
                record.set_hook(outcome, ran);
            }
            if let Some(body) = hooks.cells.take(hook.index()) {
                self.cells.put_hook(subject.index(), body);
            }
        }
        self.mishaps.append(&mut hooks.mishaps);
        (self.now, self.ended) = (hooks.now, hooks.core.clock());
    }
}
