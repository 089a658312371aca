use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::history::History;
use super::job_history::JobHistory;
use super::picture::state_text;
use crate::orchestrator::Seconds;
use crate::run::{WIDEST_LABEL, awaited, columns, endless, label, mark, padded, short, taken};
use crate::{Condition, JobId};

impl fmt::Display for History {
    /// One line a job, each after those that it requires, those inside a graph below it: number, mark, label,
    /// state, what it requires, attempts and time, as they are by now.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        self.list(&[], &mut |line| {
            write!(f, "{separator}{line}")?;
            separator = "\n";
            Ok(())
        })
    }
}

impl History {
    fn list(&self, within: &[JobId], write: &mut dyn FnMut(&str) -> fmt::Result) -> fmt::Result {
        let jobs = self.in_order(within);
        let width = |text: &dyn Fn(&JobHistory) -> String| {
            jobs.iter().map(|job| columns(&text(job))).max().unwrap_or(0)
        };
        let numbers = width(&|job| job.info.id.to_string());
        let labels = width(&|job| label(job.info.label.as_deref())).min(WIDEST_LABEL);
        let indent = "    ".repeat(within.len());
        for job in jobs {
            write(&format!(
                "{indent}{:>numbers$} {} {}{}",
                job.info.id.to_string(),
                mark(job.state),
                padded(&label(job.info.label.as_deref()), labels),
                self.details(job)
            ))?;
            if job.is_graph {
                self.list(&[within, &[job.info.id]].concat(), write)?;
            }
        }
        Ok(())
    }

    fn details(&self, job: &JobHistory) -> String {
        let mut text = format!("{} {}", endless(job.info.kind), state_text(self, job));
        let requirements: Vec<String> =
            job.info.requirements.iter().map(|&(id, how)| self.requirement(job, id, how)).collect();
        if !requirements.is_empty() {
            text += " requires [";
            text += &requirements.join(", ");
            text += "]";
        }
        text += &taken(job.info.takes());
        if let Some(last) = job.attempts.last() {
            if last.number > 1 {
                text += &[", ", &last.number.to_string(), " attempts"].concat();
            }
            text += " ";
            text += &Seconds(job.busy(self.now().at)).to_string();
        }
        text
    }

    fn requirement(&self, job: &JobHistory, id: JobId, condition: Condition) -> String {
        let name = self.job(&job.within, id).map_or_else(|| id.to_string(), JobHistory::short_name);
        short(&name) + awaited(condition)
    }

    /// The jobs of a graph, each after those that it requires, else in the order of their ids. Those on a
    /// cycle, with which no run begins, come last.
    fn in_order(&self, within: &[JobId]) -> Vec<&JobHistory> {
        let mut missing: HashMap<JobId, usize> = HashMap::new();
        let mut dependents: HashMap<JobId, Vec<JobId>> = HashMap::new();
        let mut free = BTreeSet::new();
        for job in self.jobs_within(within) {
            let known = |id: &&(JobId, Condition)| self.job(within, id.0).is_some();
            let required: Vec<_> = job.info.requirements.iter().filter(known).collect();
            for (required, _) in &required {
                dependents.entry(*required).or_default().push(job.info.id);
            }
            if required.is_empty() {
                free.insert(job.info.id);
            }
            missing.insert(job.info.id, required.len());
        }
        let mut order = Vec::with_capacity(missing.len());
        while let Some(id) = free.pop_first() {
            missing.remove(&id);
            order.extend(self.job(within, id));
            for dependent in dependents.remove(&id).unwrap_or_default() {
                let left = missing.entry(dependent).or_default();
                *left = left.saturating_sub(1);
                if *left == 0 {
                    free.insert(dependent);
                }
            }
        }
        order.extend(self.jobs_within(within).filter(|job| missing.contains_key(&job.info.id)));
        order
    }
}
