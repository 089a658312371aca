use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use std::vec::Vec;

use super::plan::{Path, Plan};
use crate::testing::reference::oracle::Oracle;
use crate::{Condition, JobId, JobOptions, RunOptions};

/// The run of the shutdown hooks: that of every job that was handed out and has one, after those of all that
/// depends on it, at whatever remove. Each has the id of its job.
pub(crate) fn hook_run(plan: &Plan, jobs: &Oracle, ids: &BTreeMap<Path, JobId>) -> Oracle {
    let mut run = Oracle::new(RunOptions::default());
    let has_hook = |path: &Path| plan.job(*path).hook.is_some();
    let mut hooked: Vec<JobId> =
        ids.iter().filter(|(path, _)| has_hook(path)).map(|(_, &id)| id).collect();
    hooked.retain(|&id| jobs.attempts(id) > 0);
    let budget = plan.hook_timeout.unwrap_or(Duration::from_secs(10));
    for &id in &hooked {
        run.add(id, JobOptions { timeout: Some(budget), ..JobOptions::default() }, &[]);
    }
    for &id in &hooked {
        let dependents = dependents(jobs, id);
        for &dependent in hooked.iter().filter(|id| dependents.contains(id)) {
            run.require(id, dependent, Condition::Finished);
        }
    }
    run
}

fn dependents(jobs: &Oracle, id: JobId) -> BTreeSet<JobId> {
    let mut all = BTreeSet::new();
    let mut next = Vec::from([id]);
    while let Some(id) = next.pop() {
        let new = jobs.dependents(id).map(|(dependent, _)| dependent);
        next.extend(new.filter(|&dependent| all.insert(dependent)));
    }
    all
}
