use std::boxed::Box;
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
    /// Those of other scopes.
    strays: Option<Box<Strays>>,
}

/// Handles of other scopes than that of the first one: few jobs have any, so they are kept apart.
#[derive(Debug, Default)]
struct Strays(Vec<Key>);

/// How many need no allocation.
const FEW: usize = 4;

impl Default for Asked {
    #[inline]
    fn default() -> Self {
        let few = [(JobId::NOBODY, Condition::Succeeded); FEW];
        Self { few, len: 0, many: Vec::new(), scope: 0, strays: None }
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
        self.strays.get_or_insert_default().0.push(key);
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
        let strays = self.strays.iter().flat_map(|strays| &strays.0);
        let Some(required) = (!scope.has(self.scope))
            .then_some(first)
            .or_else(|| strays.into_iter().find(|key| !scope.owns(**key)).map(|key| key.id))
        else {
            return Ok(list);
        };
        Err(RunError::ForeignHandle { job: Extra::name(extra), required })
    }
}
