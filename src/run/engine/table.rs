use std::vec::Vec;

use crate::orchestrator::JobId;

/// Something of jobs, found by their index; of a job that has left, another one may have that.
#[derive(Clone)]
pub(super) struct Table<T>(Vec<Option<(JobId, T)>>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Table<T> {
    pub(super) fn get(&self, job: JobId) -> Option<&T> {
        let (of, value) = self.0.get(job.index())?.as_ref()?;
        (*of == job).then_some(value)
    }

    pub(super) fn get_mut(&mut self, job: JobId) -> Option<&mut T> {
        let (of, value) = self.0.get_mut(job.index())?.as_mut()?;
        (*of == job).then_some(value)
    }

    pub(super) fn contains(&self, job: JobId) -> bool {
        self.get(job).is_some()
    }

    pub(super) fn insert(&mut self, job: JobId, value: T) {
        let index = job.index();
        if self.0.len() <= index {
            self.0.resize_with(index + 1, || None);
        }
        self.0[index] = Some((job, value));
    }

    pub(super) fn remove(&mut self, job: JobId) -> Option<T> {
        if self.contains(job) { self.0[job.index()].take().map(|(_, value)| value) } else { None }
    }

    /// All, in the order of their places.
    pub(super) fn iter(&self) -> impl Iterator<Item = (JobId, &T)> {
        self.0.iter().flatten().map(|(job, value)| (*job, value))
    }
}
