use std::boxed::Box;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::durable::Durable;
use crate::run::to_heap;
use crate::{Body, Job};

impl<B: Body<Output: Serialize + DeserializeOwned>, H> Job<B, H> {
    /// What it leaves behind is recorded in the [journal](crate::journal) of its graph, if that has one: in another run it is
    /// restored, unless its version, or what the durable jobs that it requires left behind, is another. Its output has to be all that
    /// matters of it, or its effects such that they last.
    ///
    /// The key names it through all runs, whatever its place in the graph; no other job of the graph may have it. In a graph
    /// that is a job, the path of the jobs around comes before it.
    pub fn durable(self, key: impl Into<Box<str>>) -> Job<Durable<B>, H> {
        let Self { body, hook, particulars, mut requirements, show } = self;
        requirements.note_durable(key.into());
        Job { body: to_heap(Durable::new(body)), hook, particulars, requirements, show }
    }
}

impl<B: Body<Output: Serialize + DeserializeOwned>, H> Job<Durable<B>, H> {
    /// Which version of it this is, 0 unless said otherwise. Another one than that which is recorded is done again: raise it when
    /// what it does has changed.
    pub fn version(mut self, version: u32) -> Self {
        self.requirements.note_version(version);
        self
    }
}
