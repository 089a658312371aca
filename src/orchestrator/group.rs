use alloc::vec::Vec;

use super::edge::Condition;
use super::job::JobId;

/// Jobs of which one has to satisfy a requirement, as they are known to the job that waits for that.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) condition: Condition,
    /// The members, in the order of their indices.
    members: Vec<JobId>,
    /// For how many of them it is not impossible.
    pub(super) left: usize,
    pub(super) is_satisfied: bool,
}

impl Group {
    pub(super) fn new(condition: Condition, members: &[JobId]) -> Self {
        let mut members = members.to_vec();
        members.sort_unstable_by_key(|member| member.slab_index());
        Self { condition, left: members.len(), members, is_satisfied: false }
    }

    pub(super) fn members(&self) -> &[JobId] {
        &self.members
    }

    pub(super) fn has(&self, member: u32) -> bool {
        self.members.binary_search_by_key(&member, |member| member.slab_index()).is_ok()
    }
}

/// The groups for which one job waits.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups(Vec<Group>);

impl Groups {
    pub(super) fn new(groups: Vec<Group>) -> Self {
        Self(groups)
    }

    pub(super) fn all(&self) -> &[Group] {
        &self.0
    }

    pub(super) fn of(&self, member: u32) -> Option<&Group> {
        self.all().iter().find(|group| group.has(member))
    }

    pub(super) fn of_mut(&mut self, member: u32) -> Option<&mut Group> {
        self.0.iter_mut().find(|group| group.has(member))
    }

    /// Takes a member out, before the run. Whether its group is gone with that.
    pub(super) fn remove(&mut self, member: u32) -> bool {
        let all = &mut self.0;
        for group in all.iter_mut() {
            group.members.retain(|other| other.slab_index() != member);
            group.left = group.members.len();
        }
        let before = all.len();
        all.retain(|group| group.left > 0);
        all.len() < before
    }
}
