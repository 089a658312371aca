use std::vec::Vec;

use super::error::RunError;
use super::handle::Key;
use crate::{Condition, JobId, JobName, JobOptions};

/// What a job asks of others. The first one needs no allocation.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    first: Option<(Key, Condition)>,
    more: Vec<(Key, Condition)>,
}

impl Asked {
    pub(crate) fn push(&mut self, key: Key, condition: Condition) {
        match self.first {
            None => self.first = Some((key, condition)),
            Some(_) => self.more.push((key, condition)),
        }
    }

    /// Lists the requirements by id, if they are all of this graph.
    pub(crate) fn by_id(
        &self,
        graph: u64,
        options: &JobOptions,
        ids: &mut Vec<(JobId, Condition)>,
    ) -> Result<(), RunError> {
        ids.clear();
        for &(key, condition) in self.first.iter().chain(&self.more) {
            if key.graph != graph {
                let job = JobName { id: None, label: options.label.clone() };
                return Err(RunError::ForeignHandle { job, required: key.id });
            }
            ids.push((key.id, condition));
        }
        Ok(())
    }
}
