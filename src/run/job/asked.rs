use std::boxed::Box;
use std::vec::Vec;

use super::inputs::Gather;
use crate::orchestrator::{Condition, JobId, Particulars};
use crate::run::facts::handle::{Key, Scope};
use crate::run::facts::run_error::RunError;

/// What a job asks of others. The first ones need no allocation; it is small, since a job is moved with it.
#[derive(Debug)]
pub(crate) struct Asked {
    few: [(JobId, Condition); FEW],
    /// How many of these there are.
    len: usize,
    /// The scope of the first one.
    scope: u64,
    more: Option<Box<More>>,
}

/// What few jobs have.
#[derive(Debug, Default)]
struct More {
    /// All requirements, if they are more than a few.
    all: Vec<(JobId, Condition)>,
    /// Handles whose scope has to be looked at: others than that of the first one, and members of groups.
    strays: Vec<Key>,
    /// The scopes of the pools from which it takes.
    pools: Vec<u64>,
    /// Its output is a `Result` whose `Err` would pass for a success: the constructor to use instead.
    instead: Option<&'static str>,
    /// Its output goes with the last job that requires it.
    transient: bool,
    /// Its output is not shown.
    hidden: bool,
    /// Its output is kept for another run, under this key, with this version.
    #[cfg(feature = "journal")]
    durable: Option<(Box<str>, u32)>,
}

/// How many need no allocation.
const FEW: usize = 3;

impl Default for Asked {
    #[inline]
    fn default() -> Self {
        Self { few: [(JobId::NOBODY, Condition::Succeeded); FEW], len: 0, scope: 0, more: None }
    }
}

impl Asked {
    /// Requirements on all that feed a job.
    pub(crate) fn fed_by(inputs: &impl Gather) -> Self {
        let mut asked = Self::default();
        inputs.keys(&mut |key, condition| asked.push(key, condition));
        asked
    }

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

    /// Makes room for so many more.
    #[inline]
    pub(crate) fn expect(&mut self, count: usize) {
        if count > FEW {
            self.more.get_or_insert_default().all.reserve_exact(self.len + count);
        }
    }

    /// It takes from a pool of this scope.
    #[cold]
    pub(crate) fn note_pool(&mut self, scope: u64) {
        self.more.get_or_insert_default().pools.push(scope);
    }

    /// It was made as if its output were no `Result`.
    #[cold]
    pub(crate) fn note_result(&mut self, instead: &'static str) {
        self.more.get_or_insert_default().instead = Some(instead);
    }

    /// Whether it asks for anything that few jobs do.
    #[inline]
    pub(crate) fn asks_more(&self) -> bool {
        self.more.is_some()
    }

    #[cold]
    pub(crate) fn note_transient(&mut self) {
        self.more.get_or_insert_default().transient = true;
    }

    #[cold]
    pub(crate) fn note_hidden(&mut self) {
        self.more.get_or_insert_default().hidden = true;
    }

    #[cfg(feature = "journal")]
    pub(crate) fn note_durable(&mut self, key: Box<str>) {
        self.more.get_or_insert_default().durable = Some((key, 0));
    }

    #[cfg(feature = "journal")]
    pub(crate) fn note_version(&mut self, version: u32) {
        if let Some((_, before)) = &mut self.more.get_or_insert_default().durable {
            *before = version;
        }
    }

    #[cfg(feature = "journal")]
    pub(crate) fn durable(&self) -> Option<(&str, u32)> {
        let (key, version) = self.more.as_ref()?.durable.as_ref()?;
        Some((key, *version))
    }

    #[inline]
    pub(crate) fn is_hidden(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.hidden)
    }

    #[inline]
    pub(crate) fn is_transient(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.transient)
    }

    /// The scope of this handle has to be looked at.
    #[cold]
    pub(crate) fn push_stray(&mut self, key: Key) {
        self.more.get_or_insert_default().strays.push(key);
    }

    fn push_many(&mut self, asked: (JobId, Condition)) {
        let all = &mut self.more.get_or_insert_default().all;
        if all.is_empty() {
            all.reserve(FEW + 1);
            all.extend_from_slice(&self.few);
        }
        all.push(asked);
    }

    #[inline]
    fn as_slice(&self) -> &[(JobId, Condition)] {
        match &self.more {
            Some(more) if !more.all.is_empty() => &more.all,
            _ => &self.few[..self.len],
        }
    }

    /// The requirements by id, if they and the pools are all of this graph or run.
    #[inline]
    pub(crate) fn by_id(
        &self,
        scope: Scope,
        particulars: &Particulars,
    ) -> Result<&[(JobId, Condition)], RunError> {
        if self.more.is_none() && (self.len == 0 || scope.has(self.scope)) {
            return Ok(&self.few[..self.len]);
        }
        self.by_id_of_many(scope, particulars)
    }

    #[inline(never)]
    fn by_id_of_many(
        &self,
        scope: Scope,
        particulars: &Particulars,
    ) -> Result<&[(JobId, Condition)], RunError> {
        let job = || particulars.name();
        let list = self.as_slice();
        let more = || self.more.iter();
        if let Some(instead) = more().find_map(|more| more.instead) {
            return Err(RunError::ResultAsValue { job: job(), instead });
        }
        if more().flat_map(|more| &more.pools).any(|&pool| !scope.has(pool)) {
            return Err(RunError::ForeignPool { job: job() });
        }
        let first = list.first().filter(|_| !scope.has(self.scope)).map(|&(id, _)| id);
        let mut strays = more().flat_map(|more| &more.strays).filter(|key| !scope.owns(**key));
        match first.or_else(|| strays.next().map(|key| key.id)) {
            Some(required) => Err(RunError::ForeignHandle { job: job(), required }),
            None => Ok(list),
        }
    }
}
