use std::collections::{BTreeMap, BTreeSet};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::compare::same;
use super::simulated::{Fate, Simulated};
use crate::{Attempt, Fact, FactKind, JobId, JobKind, JobState, Outcome, Timestamp, Verdict};

/// Folds what observers were told, and compares it with what the simulation says: of the run, and of those of
/// the graphs inside.
pub(crate) fn check_facts(facts: &[Fact], expected: &Simulated) -> Result<(), String> {
    let mut left = fold(facts)?;
    let outermost = facts.last().map(|last| (last.within.is_empty(), &last.what));
    if !matches!(outermost, Some((true, FactKind::Over(_)))) {
        return Err("the end of the run is not the last fact".to_string());
    }
    let Some(told) = left.remove(&Vec::new()) else { return Err("nothing is told".to_string()) };
    told.compare(expected)?;
    // Jobs are numbered as they are added, so the position of a graph is that of its id.
    let ids: Vec<JobId> = expected.fates.keys().copied().collect();
    for (position, inside) in &expected.inside {
        let told = left.remove(&Vec::from([ids[*position]])).unwrap_or_default();
        told.compare(inside).map_err(|what| format!("inside job {position}: {what}"))?;
    }
    same("runs inside that are told of", &0, &left.len())
}

/// Whether each fact may follow on those before: in a run that was dropped there is no end.
pub(crate) fn fold(facts: &[Fact]) -> Result<BTreeMap<Vec<JobId>, Told>, String> {
    let mut runs: BTreeMap<Vec<JobId>, Told> = BTreeMap::new();
    for fact in facts {
        let told = runs.entry(fact.within.to_vec()).or_default();
        told.hear(fact).map_err(|what| format!("{fact}: {what}"))?;
    }
    Ok(runs)
}

/// What was told of one run.
#[derive(Default)]
pub(crate) struct Told {
    at: Timestamp,
    begun: Option<Timestamp>,
    over: Option<Verdict>,
    jobs: BTreeMap<JobId, Heard>,
    strange_mishaps: usize,
    ready: BTreeSet<Attempt>,
}

/// What was told of one job.
struct Heard {
    kind: JobKind,
    state: JobState,
    ready: bool,
    hook_begun: bool,
    fate: Fate,
}

impl Told {
    fn hear(&mut self, fact: &Fact) -> Result<(), String> {
        if self.over.is_some() {
            return Err("comes after the end".to_string());
        }
        if fact.at < self.at {
            return Err(format!("comes after what happened at {}", self.at));
        }
        if self.begun.is_none() != matches!(fact.what, FactKind::Begun { .. }) {
            return Err("the beginning comes first, and once".to_string());
        }
        self.at = fact.at;
        match &fact.what {
            FactKind::Begun { .. } => self.begun = Some(fact.at),
            FactKind::Over(verdict) => self.over = Some(*verdict),
            FactKind::Added(info) => {
                let (state, fate) = (JobState::Waiting, Fate::default());
                let heard = Heard { kind: info.kind, state, ready: false, hook_begun: false, fate };
                if self.jobs.insert(info.id, heard).is_some() {
                    return Err("is added twice".to_string());
                }
            }
            FactKind::Mishap(mishap) => match mishap.job {
                None => self.strange_mishaps += 1,
                Some(id) => self.job(id)?.fate.mishaps += 1,
            },
            FactKind::State { id, from, to, error } => {
                let since = fact.at.saturating_since(self.begun.unwrap_or_default());
                let heard = self.job(*id)?;
                heard.goes(*from, *to, since)?;
                let failed = *to == JobState::Queued && from.attempt().is_some()
                    || matches!(to, JobState::Backoff { .. })
                    || from.attempt().is_some()
                        && matches!(to, JobState::Ended(Outcome::Failed(_)));
                same("has an error", &failed, &error.is_some())?;
            }
            FactKind::Ready(id) => {
                let number = self.job(*id)?.is_ready()?;
                self.ready.insert(Attempt { job: *id, number });
            }
            FactKind::Note { .. } => {}
            FactKind::HookBegun(id) => self.job(*id)?.hook_begins()?,
            FactKind::HookEnded { id, outcome, error } => {
                self.job(*id)?.hook_ends(*outcome)?;
                same("has an error", &matches!(outcome, Outcome::Failed(_)), &error.is_some())?;
            }
        }
        Ok(())
    }

    fn job(&mut self, id: JobId) -> Result<&mut Heard, String> {
        self.jobs.get_mut(&id).ok_or_else(|| "of a job that was not added".to_string())
    }

    fn compare(&self, expected: &Simulated) -> Result<(), String> {
        if expected.cut {
            return same("a run that was cut short is over", &false, &self.over.is_some());
        }
        same("verdict told", &format!("{:?}", expected.verdict), &format!("{:?}", self.over))?;
        same("end told", &expected.ended, &self.at)?;
        same("jobs told", &expected.fates.len(), &self.jobs.len())?;
        for (id, fate) in &expected.fates {
            let heard = &self.jobs[id];
            let outcome = heard.state.outcome();
            let mut found = Fate { outcome, ..heard.fate.clone() };
            if expected.dropped_inside.contains(id) {
                found.leave_out_what_is_inside(fate);
            }
            same(&format!("{id} as told"), &format!("{fate:?}"), &format!("{found:?}"))?;
        }
        let ready = |ready: &BTreeSet<Attempt>| format!("{ready:?}");
        same("told to be ready", &ready(&expected.ready), &ready(&self.ready))?;
        same("mishaps told of no job", &expected.strange_mishaps, &self.strange_mishaps)
    }
}

impl Heard {
    fn goes(
        &mut self,
        from: JobState,
        to: JobState,
        since: std::time::Duration,
    ) -> Result<(), String> {
        same("state before", &format!("{:?}", self.state), &format!("{from:?}"))?;
        if self.fate.hook.is_some() || self.hook_begun {
            return Err("its hook has begun".to_string());
        }
        let next = self.fate.attempts + 1;
        let legal = match (from, to) {
            (JobState::Waiting | JobState::Backoff { .. }, JobState::Queued) => true,
            (JobState::Queued, JobState::Running { attempt }) => attempt == next,
            (JobState::Waiting | JobState::Queued, JobState::Ended(Outcome::Skipped(_))) => {
                self.fate.attempts == 0
            }
            (
                JobState::Queued | JobState::Backoff { .. },
                JobState::Ended(Outcome::Failed(_) | Outcome::Cancelled),
            ) => self.fate.attempts > 0,
            (JobState::Running { attempt }, JobState::Stopping { attempt: same, .. }) => {
                attempt == same
            }
            (
                JobState::Running { .. } | JobState::Stopping { .. },
                JobState::Queued | JobState::Backoff { .. } | JobState::Ended(_),
            ) => !matches!(to, JobState::Ended(Outcome::Skipped(_))),
            _ => false,
        };
        if !legal {
            return Err(format!("no state goes from {from:?} to {to:?}"));
        }
        if let JobState::Running { attempt } = to {
            (self.fate.attempts, self.ready) = (attempt, false);
            self.fate.started.get_or_insert(since);
        }
        if from.attempt().is_some() && to.attempt().is_none() {
            self.fate.ended = Some(since);
        }
        self.state = to;
        Ok(())
    }

    fn is_ready(&mut self) -> Result<u32, String> {
        let running = matches!(self.state, JobState::Running { .. });
        if self.kind != JobKind::Service || !running || std::mem::replace(&mut self.ready, true) {
            return Err("only a running service is ready, and once an attempt".to_string());
        }
        Ok(self.fate.attempts)
    }

    fn hook_begins(&mut self) -> Result<(), String> {
        let ended = self.state.outcome().is_some() && self.fate.attempts > 0;
        if !ended || self.fate.hook.is_some() || std::mem::replace(&mut self.hook_begun, true) {
            return Err("a hook begins once, after a job that ran".to_string());
        }
        Ok(())
    }

    fn hook_ends(&mut self, outcome: Outcome) -> Result<(), String> {
        let skipped = matches!(outcome, Outcome::Skipped(_));
        if self.hook_begun == skipped || self.fate.hook.replace(outcome).is_some() {
            return Err("a hook ends once, after its beginning".to_string());
        }
        Ok(())
    }
}
