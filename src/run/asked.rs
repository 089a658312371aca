use std::slice;
use std::vec::Vec;

use super::error::RunError;
use super::handle::Key;
use crate::{Condition, JobId, JobName, JobOptions};

/// What a job asks of others. The first one needs no allocation.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    list: List,
    /// The graph of the first one, and the first one that is of another.
    graph: u64,
    stray: Option<JobId>,
}

#[derive(Debug, Default)]
enum List {
    #[default]
    Nothing,
    One((JobId, Condition)),
    Many(Vec<(JobId, Condition)>),
}

impl Asked {
    pub(crate) fn push(&mut self, key: Key, condition: Condition) {
        let asked = (key.id, condition);
        match &mut self.list {
            List::Nothing => {
                self.list = List::One(asked);
                self.graph = key.graph;
            }
            &mut List::One(first) => {
                let mut many = Vec::with_capacity(4);
                many.extend([first, asked]);
                self.list = List::Many(many);
            }
            List::Many(many) => many.push(asked),
        }
        if key.graph != self.graph {
            self.stray.get_or_insert(key.id);
        }
    }

    /// The requirements by id, if they are all of this graph.
    pub(crate) fn by_id(
        &self,
        graph: u64,
        options: &JobOptions,
    ) -> Result<&[(JobId, Condition)], RunError> {
        let list = match &self.list {
            List::Nothing => return Ok(&[]),
            List::One(one) => slice::from_ref(one),
            List::Many(many) => many,
        };
        let first = list.first().map(|&(id, _)| id);
        let stray = if self.graph == graph { self.stray } else { first };
        match stray {
            None => Ok(list),
            Some(required) => {
                let job = JobName { id: None, label: options.label.clone() };
                Err(RunError::ForeignHandle { job, required })
            }
        }
    }
}
