use std::fmt;
use std::string::{String, ToString};
use std::vec::Vec;

use super::output::{OutputStore, Outputs};
use super::record::Record;
use super::words::{
    WIDEST_LABEL, awaited, columns, cut_short, endless, label, mark, padded, short, shown, taken,
    unstarted, why,
};
use crate::orchestrator::{
    Condition, DependentsOfAll, Explanation, JobId, JobState, Orchestrator, Outcome, Seconds,
    SkipReason,
};

/// A graph as people read it, before, during or after its run: one line a job, in topological order.
pub(crate) struct Listing<'a, C: ?Sized> {
    pub(crate) core: &'a Orchestrator<Record>,
    pub(crate) outputs: &'a Outputs<C>,
    /// Writes the jobs of a nested graph that has not begun, so far to the right.
    pub(crate) nested: &'a dyn Fn(JobId, &mut dyn fmt::Write, usize) -> fmt::Result,
}

/// How much further to the right the jobs inside a graph stand. A formatter's width says how far all lines do, so that
/// each is written once, however deep it is.
const DEEPER: usize = 4;

/// As many related jobs are named on a line.
const NAMED: usize = 8;

impl<C: OutputStore + ?Sized> fmt::Display for Listing<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = self.core.topological_order().unwrap_or_else(|_| self.core.jobs().collect());
        let widest = |text: &dyn Fn(JobId) -> String| {
            order.iter().map(|&job| columns(&text(job))).max().unwrap_or(0)
        };
        let number_width = widest(&|job| job.to_string());
        let label_width = widest(&|job| self.label(job)).min(WIDEST_LABEL);
        let (dependents, indent) = (self.core.dependents_of_all(), f.width().unwrap_or(0));
        for (position, &job) in order.iter().enumerate() {
            if position > 0 {
                writeln!(f)?;
            }
            let state = self.core.state(job).unwrap_or(JobState::Waiting);
            write!(
                f,
                "{:indent$}{:>number_width$} {} {}",
                "",
                job.to_string(),
                mark(state),
                padded(&self.label(job), label_width)
            )?;
            self.write_rest(f, job, state, &dependents)?;
            self.write_nested(f, job)?;
        }
        Ok(())
    }
}

impl<C: OutputStore + ?Sized> Listing<'_, C> {
    fn write_rest(
        &self,
        f: &mut fmt::Formatter<'_>,
        job: JobId,
        state: JobState,
        dependents: &DependentsOfAll<'_, Record>,
    ) -> fmt::Result {
        f.write_str(endless(self.core.kind(job).unwrap_or_default()))?;
        self.write_state(f, job, state)?;
        let Some(record) = self.core.payload(job) else { return Ok(()) };
        if let Some(note) = record.note() {
            write!(f, " ({})", short(note))?;
        }
        if state == JobState::Ended(Outcome::Succeeded)
            && let Some(output) = self.outputs.inline(record.slot)
        {
            write!(f, " -> {}", shown(output))?;
        }
        self.write_related(f, "requires", self.core.requirements(job))?;
        self.write_related(f, "allows", dependents.of(job))?;
        let takes = self.core.takes(job).map(|(pool, amount)| (pool.name, amount));
        f.write_str(&taken(takes))?;
        if let Some(hook) = record.hook().filter(|hook| hook.outcome() != Outcome::Succeeded) {
            write!(f, ", its hook {}", why(hook))?;
        }
        if record.lost_hooks() > 0 {
            write!(f, ", {} hooks inside never ran", record.lost_hooks())?;
        }
        for panic in record.panicked_drops() {
            write!(f, ", its drop panicked: {}", why(panic))?;
        }
        if let attempts @ 2.. = self.core.attempts(job) {
            write!(f, ", {attempts} attempts")?;
        }
        match (self.core.started(job), self.core.ended(job)) {
            (Some(started), Some(ended)) => {
                write!(f, " {}", Seconds(ended.saturating_since(started)))
            }
            _ => Ok(()),
        }
    }

    fn write_nested(&self, f: &mut fmt::Formatter<'_>, job: JobId) -> fmt::Result {
        let indent = f.width().unwrap_or(0) + DEEPER;
        let Some(slot) = self.core.payload(job).map(|record| record.slot) else { return Ok(()) };
        if self.outputs.is_hidden(slot) {
            return Ok(());
        }
        match self.outputs.below(slot) {
            Some(report) if report.is_blank() => Ok(()),
            Some(report) => write!(f, "\n{report:indent$}"),
            None => (self.nested)(job, f, indent),
        }
    }

    fn write_state(&self, f: &mut fmt::Formatter<'_>, job: JobId, state: JobState) -> fmt::Result {
        let error = self.core.payload(job).and_then(Record::error);
        match (state, error) {
            (JobState::Ended(Outcome::Failed(_)), Some(error)) => {
                write!(f, " failed: {}", why(error))
            }
            (JobState::Ended(Outcome::Skipped(SkipReason::Requirement(required))), _) => {
                write!(f, " skipped because of {}", self.name(required))
            }
            (state, _) => {
                let kind = self.core.kind(job).unwrap_or_default();
                match self.core.explain(job).filter(|_| state.is_ended()) {
                    Some(Explanation::NeverStarted { end }) => {
                        write!(f, " {}", unstarted(kind, Some(&end)))
                    }
                    Some(Explanation::CutShort { end }) => write!(f, " {}", cut_short(kind, &end)),
                    _ => write!(f, " {state}"),
                }
            }
        }
    }

    fn write_related(
        &self,
        f: &mut fmt::Formatter<'_>,
        how: &str,
        related: impl Iterator<Item = (JobId, Condition)>,
    ) -> fmt::Result {
        let related: Vec<_> = related.collect();
        if related.is_empty() {
            return Ok(());
        }
        write!(f, " {how} [")?;
        for (position, &(job, condition)) in related.iter().take(NAMED).enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{}{}", self.name(job), awaited(condition))?;
        }
        if related.len() > NAMED {
            write!(f, " and {} more", related.len() - NAMED)?;
        }
        f.write_str("]")
    }

    fn label(&self, job: JobId) -> String {
        label(self.core.label(job))
    }

    fn name(&self, job: JobId) -> String {
        self.core.label(job).map_or_else(|| job.to_string(), short)
    }
}
