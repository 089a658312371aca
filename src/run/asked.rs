use std::vec::Vec;

use super::error::RunError;
use super::handle::Key;
use crate::orchestrator::Extra;
use crate::{Condition, JobId};

/// What a job asks of others. The first ones need no allocation.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    list: List,
    /// The graph of the first one, and the first one that is of another.
    graph: u64,
    stray: Option<JobId>,
}

/// How many a list holds by itself.
const FEW: usize = 4;

#[derive(Debug)]
enum List {
    Few([(JobId, Condition); FEW], usize),
    Many(Vec<(JobId, Condition)>),
}

impl Default for List {
    fn default() -> Self {
        Self::Few([(JobId::NOBODY, Condition::Succeeded); FEW], 0)
    }
}

impl List {
    #[inline]
    fn push(&mut self, asked: (JobId, Condition)) {
        match self {
            Self::Few(few, len) if *len < FEW => {
                few[*len] = asked;
                *len += 1;
            }
            _ => self.push_many(asked),
        }
    }

    fn push_many(&mut self, asked: (JobId, Condition)) {
        match self {
            Self::Many(many) => many.push(asked),
            Self::Few(few, _) => {
                let mut many = Vec::with_capacity(4 * FEW);
                many.extend_from_slice(few);
                many.push(asked);
                *self = Self::Many(many);
            }
        }
    }

    #[inline]
    fn as_slice(&self) -> &[(JobId, Condition)] {
        match self {
            Self::Few(few, len) => &few[..*len],
            Self::Many(many) => many,
        }
    }
}

impl Asked {
    #[inline]
    pub(crate) fn push(&mut self, key: Key, condition: Condition) {
        if self.list.as_slice().is_empty() {
            self.graph = key.graph;
        }
        self.list.push((key.id, condition));
        if key.graph != self.graph {
            self.stray.get_or_insert(key.id);
        }
    }

    /// The requirements by id, if they are all of this graph.
    #[inline]
    pub(crate) fn by_id(
        &self,
        graph: u64,
        extra: Option<&Extra>,
    ) -> Result<&[(JobId, Condition)], RunError> {
        let list = self.list.as_slice();
        let first = list.first().map(|&(id, _)| id);
        let stray = if self.graph == graph { self.stray } else { first };
        match stray {
            None => Ok(list),
            Some(required) => {
                let job = Extra::name(extra);
                Err(RunError::ForeignHandle { job, required })
            }
        }
    }
}
