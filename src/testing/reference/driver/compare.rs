use std::collections::BTreeMap;
use std::fmt;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::plan::{Path, Plan};
use super::simulated::{Fate, Simulated};
use super::stage::{Notes, Stage};
use crate::{JobId, Mishap, Outcome, SendReport, Timestamp, Verdict};

pub(crate) fn same(
    what: &str,
    expected: &dyn fmt::Display,
    found: &dyn fmt::Display,
) -> Result<(), String> {
    let (expected, found) = (expected.to_string(), found.to_string());
    if expected == found {
        Ok(())
    } else {
        Err(format!("{what}: the simulation says {expected}, the run {found}"))
    }
}

/// Compares a report, and those of the graphs inside, with what the simulation says.
pub(crate) fn compare(expected: &Simulated, report: &SendReport) -> Result<(), String> {
    let verdict = |verdict: Option<Verdict>| verdict.map_or_else(String::new, |it| it.to_string());
    same("verdict", &verdict(expected.verdict), &report.verdict())?;
    let elapsed = expected.ended.saturating_since(expected.begun);
    same("time", &format!("{elapsed:?}"), &format!("{:?}", report.elapsed()))?;
    same("jobs", &expected.fates.len(), &report.jobs().count())?;
    let mut mishaps = count_mishaps(report.mishaps());
    let mut hurt = false;
    for job in report.jobs() {
        let mut found = Fate {
            outcome: job.outcome(),
            attempts: job.attempts(),
            started: job.started(),
            ended: job.ended(),
            hook: job.hook().map(crate::HookReport::outcome),
            mishaps: mishaps.remove(&Some(job.id())).unwrap_or_default(),
        };
        let dropped_inside = expected.dropped_inside.contains(&job.id());
        let expected = expected
            .fates
            .get(&job.id())
            .ok_or_else(|| format!("{} is not in the simulation", job.id()))?;
        if dropped_inside {
            hurt |= found.leave_out_what_is_inside(expected) || job.loses_hooks();
        }
        same(&job.id().to_string(), &format!("{expected:?}"), &format!("{found:?}"))?;
    }
    let strange = mishaps.remove(&None).unwrap_or_default();
    same("mishaps of no job", &expected.strange_mishaps, &strange)?;
    same("mishaps of unknown jobs", &0, &mishaps.len())?;
    let passes = expected.verdict == Some(Verdict::Completed) && all_is_well(expected) && !hurt;
    same("check() passes", &passes, &report.check().is_ok())
}

fn count_mishaps(mishaps: impl Iterator<Item = Mishap>) -> BTreeMap<Option<JobId>, usize> {
    let mut counts = BTreeMap::new();
    for mishap in mishaps {
        *counts.entry(mishap.job).or_default() += 1;
    }
    counts
}

/// Whether nothing went wrong, at any depth. How a run inside ended is told by the outcome of its job.
fn all_is_well(run: &Simulated) -> bool {
    run.strange_mishaps == 0
        && run.fates.values().all(|fate| {
            !matches!(fate.outcome, Some(Outcome::Failed(_)))
                && matches!(fate.hook, None | Some(Outcome::Succeeded))
                && fate.mishaps == 0
        })
        && run.inside.values().all(|inside| inside.cut || all_is_well(inside))
}

/// Compares what the bodies noted, at any depth, with what the simulation says.
pub(crate) fn compare_notes(
    plan: &Plan,
    expected: &Simulated,
    stage: &Stage,
) -> Result<(), String> {
    let notes: Notes = stage.note().clone();
    let begun = |hooks: &[(Path, Timestamp)]| {
        let mut hooks = hooks.to_vec();
        hooks.sort_unstable();
        format!("{hooks:?}")
    };
    same("hooks begun", &begun(&expected.hooks), &begun(&notes.hooks))?;
    same("hooks ended", &begun(&expected.hooks_ended), &begun(&notes.hooks_ended))?;
    let fed = |fed: &[(Path, u32, u64)]| {
        let mut fed = fed.to_vec();
        fed.sort_unstable();
        format!("{fed:?}")
    };
    same("values fed", &fed(&expected.fed), &fed(&notes.fed))?;
    for (position, job) in plan.jobs.iter().enumerate() {
        let (Some(inside), Some(stage)) = (&job.inside, stage.inside(position)) else { continue };
        let nothing = Simulated::default();
        let expected = expected.inside.get(&position).unwrap_or(&nothing);
        compare_notes(inside, expected, stage)
            .map_err(|what| format!("inside job {position}: {what}"))?;
    }
    Ok(())
}

/// The graphs inside whose runs have a report.
pub(crate) fn reported(expected: &Simulated) -> Vec<usize> {
    let whole = expected.inside.iter().filter(|(_, inside)| !inside.cut);
    whole.map(|(&position, _)| position).collect()
}
