use alloc::vec::Vec;

use super::edge::Condition;
use super::error::{GraphError, JobName};
use super::group::{Group, Groups};
use super::job::{AnyOf, JobId};
use super::machine::Orchestrator;
use super::resolve::Resolution;

/// Groups: requirements that any of several jobs satisfies. The first member that does so is enough; the job is
/// skipped when the last of them cannot any more. The edges of the members are there as others are, and say
/// [`Condition::Any`].
impl<J> Orchestrator<J> {
    /// The groups of which a job requires any member: what is asked, and of whom that is present, in the order
    /// of their indices.
    pub fn any_of(&self, job: JobId) -> impl Iterator<Item = (Condition, Vec<JobId>)> + '_ {
        let index = self.jobs.index(job);
        let groups = index.and_then(|index| self.jobs.rare(index)).map(|rare| rare.groups.all());
        groups.into_iter().flatten().map(|group| {
            let there = |&&member: &&JobId| self.jobs.index(member).is_some();
            (group.condition, group.members().iter().filter(there).copied().collect())
        })
    }

    /// The groups for which a job is to wait, if it can.
    pub(super) fn groups(
        &self,
        label: Option<&str>,
        any_of: &[AnyOf],
    ) -> Result<Groups, GraphError> {
        let mut groups = Vec::new();
        for group in any_of {
            if group.jobs.is_empty() {
                return Err(GraphError::EmptyGroup { job: JobName::new(label) });
            }
            for &member in &group.jobs {
                let required = self.known(member)?;
                if group.condition == Condition::Any {
                    let required = self.name(required);
                    return Err(GraphError::NotInGroup { job: JobName::new(label), required });
                }
                self.check_condition(|| JobName::new(label), required, group.condition)?;
            }
            groups.push(Group::new(group.condition, &group.jobs));
        }
        let mut all: Vec<JobId> =
            groups.iter().flat_map(|group| group.members().iter().copied()).collect();
        all.sort_unstable();
        if let Some(twice) = all.windows(2).find(|pair| pair[0] == pair[1]) {
            let required = self.name(twice[0].slab_index());
            return Err(GraphError::MemberTwice { job: JobName::new(label), required });
        }
        Ok(Groups::new(groups))
    }

    /// A member of a group of this job has a fate.
    #[cold]
    pub(super) fn resolve_member(&mut self, job: u32, member: u32) {
        let fate = self.fate(member);
        let Some(rare) = self.jobs.rare_mut(job) else { return };
        let Some(group) = rare.groups.of_mut(member).filter(|group| !group.is_satisfied) else {
            return;
        };
        match fate.resolution(group.condition) {
            Resolution::Pending => {}
            Resolution::Satisfied => {
                group.is_satisfied = true;
                self.jobs.held_by[job as usize] -= 1;
                self.satisfy_if_free(job);
            }
            Resolution::Impossible => {
                group.left -= 1;
                if group.left == 0 {
                    self.skip(job, member);
                }
            }
        }
    }

    /// What has become of the groups of a job that was added to a run: how many are open, and who has made the
    /// first one impossible that is.
    pub(super) fn enter_groups(&mut self, index: u32) -> (u32, Option<JobId>) {
        let (mut open, mut culprit) = (0, None);
        let Some(rare) = self.jobs.rare(index) else { return (open, culprit) };
        let mut states = Vec::new();
        for group in &rare.any_of {
            let fates = group
                .jobs
                .iter()
                .map(|member| self.fate(member.slab_index()).resolution(group.condition));
            let is_satisfied = fates.clone().any(|fate| fate == Resolution::Satisfied);
            let left = fates.filter(|&fate| fate != Resolution::Impossible).count();
            if left == 0 {
                culprit = culprit.or(group.jobs.last().copied());
            }
            states.push((group.jobs.first().copied(), is_satisfied, left));
        }
        let Some(rare) = self.jobs.rare_mut(index) else { return (open, culprit) };
        for (member, is_satisfied, left) in states {
            let group = member.and_then(|member| rare.groups.of_mut(member.slab_index()));
            if let Some(group) = group {
                (group.is_satisfied, group.left) = (is_satisfied, left);
                open += u32::from(!group.is_satisfied);
            }
        }
        (open, culprit)
    }

    /// Takes a member out of its group, before the run.
    pub(super) fn remove_member(&mut self, job: u32, member: u32) {
        let is_gone = self.jobs.rare_mut(job).is_some_and(|rare| rare.groups.remove(member));
        self.jobs.held_by[job as usize] -= u32::from(is_gone);
    }
}
