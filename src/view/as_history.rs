use std::borrow::Cow;
use std::sync::Arc;

use super::history::History;
use crate::{Fact, Graph, JobId, OutputStore, Payload, Report};

/// What a [`History`] can be made of: a [`Report`], a [`Graph`] that has not run, or one itself.
pub trait AsHistory {
    /// What is known of the run.
    fn as_history(&self) -> Cow<'_, History>;
}

impl AsHistory for History {
    fn as_history(&self) -> Cow<'_, History> {
        Cow::Borrowed(self)
    }
}

impl<C: OutputStore + ?Sized> AsHistory for Report<C> {
    fn as_history(&self) -> Cow<'_, History> {
        Cow::Owned(self.into())
    }
}

impl<P: Payload> AsHistory for Graph<P> {
    fn as_history(&self) -> Cow<'_, History> {
        Cow::Owned(self.into())
    }
}

impl Extend<Fact> for History {
    fn extend<I: IntoIterator<Item = Fact>>(&mut self, facts: I) {
        facts.into_iter().for_each(|fact| self.apply(&fact));
    }
}

impl FromIterator<Fact> for History {
    fn from_iter<I: IntoIterator<Item = Fact>>(facts: I) -> Self {
        let mut history = Self::new();
        history.extend(facts);
        history
    }
}

impl<C: OutputStore + ?Sized> From<&Report<C>> for History {
    fn from(report: &Report<C>) -> Self {
        report.retell().into_iter().collect()
    }
}

impl<P: Payload> From<&Graph<P>> for History {
    fn from(graph: &Graph<P>) -> Self {
        let mut history = Self::new();
        let nowhere = Arc::new([]) as Arc<[JobId]>;
        for info in graph.outline() {
            history.add(&nowhere, &info);
        }
        history
    }
}
