use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use super::error::{GraphError, JobName};
use super::job::{JobId, JobKind, JobOptions};
use super::kinds::{Need, Pool};
use super::machine::Orchestrator;
use super::pool::{BadNeed, PoolId, PoolUse};

impl<J> Orchestrator<J> {
    /// Makes a pool: a limit by name, beside the window. Jobs name how much they take of it
    /// ([`JobOptions::pools`]); all that are under way take no more than there is. At any time.
    ///
    /// A job takes all it needs when it is handed out, and gives it back when its attempt is over and its body
    /// gone. The first queued job that does not fit, by priority and turn, is not overtaken on what it needs:
    /// as far as that is free, it is set aside.
    ///
    /// ```
    /// use jobgraph::{JobOptions, Orchestrator, RunOptions, Timestamp};
    ///
    /// let mut graph = Orchestrator::new(RunOptions::default());
    /// let network = graph.add_pool("network", 2)?;
    /// for page in 0..5 {
    ///     graph.add(page, JobOptions { pools: [(network, 1)].into(), ..JobOptions::default() }, &[])?;
    /// }
    /// graph.start(Timestamp::ZERO)?;
    /// assert_eq!(graph.poll_ready_jobs(Timestamp::ZERO).count(), 2);
    /// assert_eq!(graph.pool(network).unwrap().free, 0);
    /// # Ok::<(), jobgraph::GraphError>(())
    /// ```
    ///
    /// # Errors
    /// [`GraphError::BadPool`] for a capacity of zero, or a name that another pool has.
    pub fn add_pool(
        &mut self,
        name: impl Into<Box<str>>,
        capacity: u32,
    ) -> Result<PoolId, GraphError> {
        let name = name.into();
        if capacity == 0 || self.queue.kinds.has_pool(&name) {
            return Err(GraphError::BadPool { name, capacity });
        }
        Ok(PoolId::new(self.queue.kinds.make().add_pool(name, capacity)))
    }

    /// A pool, and how much of it is free.
    #[must_use]
    pub fn pool(&self, pool: PoolId) -> Option<PoolUse<'_>> {
        self.queue.kinds.pools().get(pool.index()).map(Pool::used)
    }

    /// All pools, in the order in which they were made.
    pub fn pools(&self) -> impl ExactSizeIterator<Item = PoolUse<'_>> {
        self.queue.kinds.pools().iter().map(Pool::used)
    }

    /// How much a job takes of which pools while it is under way.
    pub fn takes(&self, job: JobId) -> impl Iterator<Item = (PoolUse<'_>, u32)> {
        let kinds = &self.queue.kinds;
        let kind = self.jobs.index(job).and_then(|index| self.jobs.kind_of(index));
        let needs = kind.map(|kind| kinds.needs(kind)).into_iter().flatten();
        needs.map(|need| (kinds.pools()[need.pool as usize].used(), need.amount))
    }

    /// The kind of those who take the same from pools as a job, if it can; any, if it takes nothing.
    pub(super) fn take_kind(
        &mut self,
        label: Option<&str>,
        options: &JobOptions,
    ) -> Result<u32, GraphError> {
        if options.pools.is_empty() {
            return Ok(0);
        }
        let needs = self.needs(label, options)?;
        let needs = needs.into_iter().map(|(pool, amount)| Need { pool, amount });
        Ok(self.queue.kinds.make().of(needs.collect()))
    }

    /// How much a job takes of which pools. One that is named more than once gives it all.
    fn needs(
        &self,
        label: Option<&str>,
        JobOptions { pools, kind, .. }: &JobOptions,
    ) -> Result<BTreeMap<u32, u32>, GraphError> {
        let mut needs = BTreeMap::new();
        for &(pool, amount) in pools {
            let bad = |problem| {
                let pool = self.pool(pool).map(|pool| pool.name.into());
                GraphError::BadNeed { job: JobName::new(label), pool, problem }
            };
            let known = self.pool(pool).ok_or_else(|| bad(BadNeed::UnknownPool))?;
            let taken = needs.entry(pool.number()).or_insert(0_u32);
            *taken = taken.saturating_add(amount);
            if *kind != JobKind::Finite {
                return Err(bad(BadNeed::Endless));
            } else if amount == 0 {
                return Err(bad(BadNeed::Nothing));
            } else if *taken > known.capacity {
                let (amount, capacity) = (*taken, known.capacity);
                return Err(bad(BadNeed::TooMuch { amount, capacity }));
            }
        }
        Ok(needs)
    }
}
