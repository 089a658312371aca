use std::vec::Vec;

use crate::orchestrator::{Condition, Extra, JobId};
use crate::run::facts::error::RunError;
use crate::run::facts::handle::{Key, Scope};

/// What a job asks of others. The first ones need no allocation.
#[derive(Debug)]
pub(crate) struct Asked {
    few: [(JobId, Condition); FEW],
    /// How many of these there are.
    len: usize,
    /// All of them, if they are more.
    many: Vec<(JobId, Condition)>,
    /// The scope of the first one.
    scope: u64,
    /// The first one that is of another scope, if there is any, and that scope; none if there is a third.
    stray: JobId,
    stray_scope: u64,
}

/// How many need no allocation.
const FEW: usize = 4;

impl Default for Asked {
    #[inline]
    fn default() -> Self {
        let few = [(JobId::NOBODY, Condition::Succeeded); FEW];
        Self { few, len: 0, many: Vec::new(), scope: 0, stray: JobId::NOBODY, stray_scope: 0 }
    }
}

impl Asked {
    #[inline]
    pub(crate) fn push(&mut self, key: Key, condition: Condition) {
        if self.len == 0 {
            self.scope = key.scope;
        }
        if self.len < FEW {
            self.few[self.len] = (key.id, condition);
            self.len += 1;
        } else {
            self.push_many((key.id, condition));
        }
        if key.scope != self.scope {
            self.push_stray(key);
        }
    }

    #[cold]
    fn push_stray(&mut self, key: Key) {
        if self.stray == JobId::NOBODY {
            (self.stray, self.stray_scope) = (key.id, key.scope);
        } else if self.stray_scope != key.scope {
            (self.stray, self.stray_scope) = (key.id, 0);
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

    /// The requirements by id, if they are all of this graph or run.
    #[inline]
    pub(crate) fn by_id(
        &self,
        scope: Scope,
        extra: Option<&Extra>,
    ) -> Result<&[(JobId, Condition)], RunError> {
        let list = self.as_slice();
        let Some(&(first, _)) = list.first() else { return Ok(list) };
        let required = if !scope.has(self.scope) {
            first
        } else if self.stray == JobId::NOBODY || scope.has(self.stray_scope) {
            return Ok(list);
        } else {
            self.stray
        };
        Err(RunError::ForeignHandle { job: Extra::name(extra), required })
    }
}
