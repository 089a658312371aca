use std::boxed::Box;
use std::num::NonZero;
use std::time::Duration;
use std::vec::Vec;

use crate::{AnyOf, Completion, Condition, JobId, JobOptions, Order, RunOptions};

/// Where a job is in the plan of its graph: its position, or the job that adds it and its position there.
pub(crate) type Path = (usize, Option<usize>);

/// A graph, and what its bodies will do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) window: Option<usize>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) until_stopped: bool,
    pub(crate) seed: u64,
    pub(crate) hook_timeout: Option<Duration>,
    pub(crate) observed: bool,
    /// How much there is of each pool.
    pub(crate) pools: Vec<u32>,
    pub(crate) order: Order,
    pub(crate) jobs: Vec<JobPlan>,
    /// The run is stopped so long after its start, and again so long after that.
    pub(crate) stops: Vec<Duration>,
    /// It is run once more, and dropped so long after its start.
    pub(crate) dropped: Option<Duration>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct JobPlan {
    pub(crate) options: JobOptions,
    /// On jobs that come before it.
    pub(crate) requirements: Vec<(usize, Condition)>,
    /// Of each, one has to satisfy the condition. They come before it too, and are no graphs.
    pub(crate) groups: Vec<(Condition, Vec<usize>)>,
    /// Whether the first requirement feeds it its output.
    pub(crate) fed: bool,
    /// What each attempt does; the last one again and again.
    pub(crate) acts: Vec<Act>,
    /// Jobs that the first attempt adds, so long after the one before.
    pub(crate) adds: Vec<(Duration, JobPlan)>,
    pub(crate) hook: Option<HookPlan>,
    /// What of it panics when it is dropped.
    pub(crate) bomb: Option<Bomb>,
    /// It is a graph itself: then there are no acts.
    pub(crate) inside: Option<Box<Plan>>,
}

/// What an attempt does.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    /// A service is ready so long after its start.
    pub(crate) ready: Option<Duration>,
    /// It says so twice, with another value.
    pub(crate) again: bool,
    /// It ends so long after that; `None`: it hangs.
    pub(crate) ends: Option<(Duration, Completion)>,
    /// Asked to stop, it ends like this; `None`: it does not heed that.
    pub(crate) heeds: Option<(Duration, Completion)>,
}

/// What a shutdown hook does.
#[derive(Clone, Debug)]
pub(crate) struct HookPlan {
    /// It ends so long after its start; `None`: it hangs.
    pub(crate) ends: Option<(Duration, Completion)>,
    /// Whether it panics when it is dropped.
    pub(crate) bomb: bool,
}

/// What panics when it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bomb {
    /// The future of each attempt.
    Attempt,
    /// What makes the futures.
    Factory,
    /// The output of each attempt.
    Output,
}

impl Plan {
    pub(crate) fn run_options(&self) -> RunOptions {
        RunOptions {
            window: self.window.and_then(NonZero::new),
            timeout: self.timeout,
            until_stopped: self.until_stopped,
            seed: self.seed,
            order: self.order,
            ..RunOptions::default()
        }
    }

    pub(crate) fn job(&self, (position, added): Path) -> &JobPlan {
        let job = &self.jobs[position];
        added.map_or(job, |added| &job.adds[added].1)
    }
}

impl JobPlan {
    pub(crate) fn act(&self, attempt: u32) -> &Act {
        let last = self.acts.len() - 1;
        &self.acts[last.min(attempt as usize - 1)]
    }

    /// The options of the core, where those that come before it have these ids.
    pub(crate) fn options_among(&self, id: impl Fn(usize) -> JobId) -> JobOptions {
        let group = |(condition, members): &(Condition, Vec<usize>)| AnyOf {
            jobs: members.iter().map(|&member| id(member)).collect(),
            condition: *condition,
        };
        JobOptions { any_of: self.groups.iter().map(group).collect(), ..self.options.clone() }
    }

    pub(crate) fn has(&self, bomb: Bomb) -> bool {
        self.bomb == Some(bomb)
    }
}
