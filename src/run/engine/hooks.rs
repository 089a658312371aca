use std::vec::Vec;

use crate::orchestrator::{JobId, JobState, Orchestrator};
use crate::run::facts::record::Record;

/// The run of the shutdown hooks replaces the core of the jobs, which is kept here.
pub(crate) struct Hooks {
    pub(super) main: Orchestrator<Record>,
    /// By index in the core of the hooks: whose hook it is.
    pub(crate) subjects: Vec<Option<JobId>>,
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
