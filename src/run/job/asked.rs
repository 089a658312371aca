use std::vec::Vec;

use crate::orchestrator::{Condition, Extra, JobId};
use crate::run::facts::error::RunError;
use crate::run::facts::handle::Key;

/// What a job asks of others. The first ones need no allocation.
#[derive(Debug)]
pub(crate) struct Asked {
    few: [(JobId, Condition); FEW],
    /// How many of these there are.
    len: usize,
    /// All of them, if they are more.
    many: Vec<(JobId, Condition)>,
    /// The graph of the first one, and the first one that is of another, if it is anybody.
    graph: u64,
    stray: JobId,
}

/// How many need no allocation.
const FEW: usize = 4;

impl Default for Asked {
    #[inline]
    fn default() -> Self {
        let few = [(JobId::NOBODY, Condition::Succeeded); FEW];
        Self { few, len: 0, many: Vec::new(), graph: 0, stray: JobId::NOBODY }
    }
}

impl Asked {
    #[inline]
    pub(crate) fn push(&mut self, key: Key, condition: Condition) {
        if self.len == 0 {
            self.graph = key.graph;
        }
        if self.len < FEW {
            self.few[self.len] = (key.id, condition);
            self.len += 1;
        } else {
            self.push_many((key.id, condition));
        }
        if key.graph != self.graph && self.stray == JobId::NOBODY {
            self.stray = key.id;
        }
    }

    fn push_many(&mut self, asked: (JobId, Condition)) {
        if self.many.is_empty() {
            self.many.reserve(4 * FEW);
            self.many.extend_from_slice(&self.few);
        }
        self.many.push(asked);
    }

    #[inline]
    fn as_slice(&self) -> &[(JobId, Condition)] {
        if self.many.is_empty() { &self.few[..self.len] } else { &self.many }
    }

    /// The requirements by id, if they are all of this graph.
    #[inline]
    pub(crate) fn by_id(
        &self,
        graph: u64,
        extra: Option<&Extra>,
    ) -> Result<&[(JobId, Condition)], RunError> {
        let list = self.as_slice();
        let first = list.first().map_or(JobId::NOBODY, |&(id, _)| id);
        match if self.graph == graph { self.stray } else { first } {
            JobId::NOBODY => Ok(list),
            required => Err(RunError::ForeignHandle { job: Extra::name(extra), required }),
        }
    }
}
