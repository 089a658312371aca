use std::boxed::Box;
use std::fmt;
use std::sync::Arc;
use std::vec;

use super::act::{end, now_or_epoch, prepare};
use super::in_place::drive;
use super::parallel::run::drive_on;
use super::steady::Steady;
use crate::run::engine::cells::Cells;
use crate::run::engine::engine::Engine;
use crate::run::engine::graph::Graph;
use crate::run::facts::observers::Observers;
use crate::run::facts::quiet::note_locations;
use crate::run::facts::report::{Report, SendReport};
use crate::run::facts::run_error::RunError;
use crate::run::facts::runtime::{AnyClock, Clock, Spawn};
use crate::run::job::payload::{Payload, Sendable};

/// A graph that can be run any number of times, because each of its jobs can: made by
/// [`Graph::repeatable`].
pub struct Repeatable<P: Payload> {
    graph: Graph<P>,
    runs: u32,
    jobs: usize,
    /// Whether the bodies are here, and not in a run that was dropped.
    whole: bool,
}

impl<P: Payload> Graph<P> {
    /// Makes a graph that can be run many times, if each of its jobs is made by a factory
    /// ([`Job::repeat`](crate::Job::repeat), [`Job::restartable`](crate::Job::restartable)) or is a
    /// [`RunJob`](crate::RunJob), and each shutdown hook is one of
    /// [`on_each_shutdown`](crate::Job::on_each_shutdown). Each run is a new one of the graph as it was built.
    ///
    /// ```
    /// use jobgraph::smol::SmolClock;
    /// use jobgraph::{Job, JobGraph};
    ///
    /// let mut graph = JobGraph::new();
    /// let roll = graph.add(Job::repeat(|| async { Ok::<_, jobgraph::Error>(4) }));
    /// let mut graph = graph.repeatable()?;
    /// for _ in 0..3 {
    ///     let report = async_io::block_on(graph.run(&SmolClock::new()))?;
    ///     assert_eq!(report.output(&roll), Some(&4));
    /// }
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    ///
    /// # Errors
    /// [`RunError::RunsOnce`] names a job that prevents it; or what `run` would refuse the graph for.
    pub fn repeatable(
        #[cfg_attr(not(feature = "tracing"), expect(unused_mut, reason = "for the other feature"))]
        mut self,
    ) -> Result<Repeatable<P>, RunError> {
        if let Some(error) = self.refusal() {
            return Err(error);
        }
        self.core.topological_order()?;
        #[cfg(feature = "journal")]
        if self.durables.keeping.is_some() {
            return Err(RunError::Restores);
        }
        for id in self.core.jobs() {
            let (body, hook) = (self.cells.body(id.index()), self.cells.hook(id.index()));
            let can_repeat = |body: &P| body.peek().can_repeat();
            if !body.is_some_and(can_repeat) || !hook.is_none_or(can_repeat) {
                return Err(RunError::RunsOnce { job: self.core.job_name(id) });
            }
        }
        #[cfg(feature = "tracing")]
        self.trace();
        Ok(Repeatable { graph: self, runs: 0, jobs: 0, whole: true })
    }
}

impl<P: Payload> Repeatable<P> {
    /// Runs the graph in place, with this clock.
    ///
    /// # Errors
    /// [`RunError::Interrupted`] if a run before was dropped, and its jobs with it.
    pub async fn run<C: Clock>(&mut self, clock: &C) -> Result<Report<P::Outputs>, RunError> {
        let clock = Steady::new(clock.clone());
        let engine = self.begin(&clock)?;
        let hearing = Hearing(self.graph.observers.clone());
        let engine = drive(&clock, engine).await;
        hearing.go_on();
        Ok(self.end(engine))
    }

    fn begin<C: Clock>(&mut self, clock: &Steady<C>) -> Result<Box<Engine<P>>, RunError> {
        if !std::mem::replace(&mut self.whole, false) {
            return Err(RunError::Interrupted);
        }
        self.runs += 1;
        note_locations();
        let graph = &mut self.graph;
        let mut core = graph.core.clone();
        core.set_options(graph.run_options())?;
        self.jobs = graph.cells.len();
        let (cells, outputs) =
            (std::mem::replace(&mut graph.cells, Cells::new()), graph.outputs.emptied());
        let now = now_or_epoch(clock);
        let any = AnyClock::new(clock.clock.clone());
        let mut engine = graph.setting().begin(core, cells, outputs, any, now)?;
        engine.keep_bodies = true;
        prepare(&mut engine, clock);
        Ok(engine)
    }

    fn end(&mut self, engine: Box<Engine<P>>) -> Report<P::Outputs> {
        // What was said to this run is not for the next; what is said from here on is.
        let mailbox = &self.graph.mailbox;
        mailbox.clear();
        let (report, mut cells) = end(engine);
        // Jobs that were added during the run are not part of the graph as it was built.
        drop(cells.split_off(self.jobs));
        let mut built = vec![false; self.jobs];
        self.graph.core.jobs().for_each(|id| built[id.index()] = true);
        for index in (0..self.jobs).filter(|&index| !built[index]) {
            cells.drop_job(index);
        }
        self.graph.cells = cells;
        self.whole = true;
        report
    }
}

impl Repeatable<Sendable> {
    /// Runs the graph in parallel, on this runtime.
    ///
    /// # Errors
    /// [`RunError::Interrupted`] if a run before was dropped, and its jobs with it.
    pub async fn run_parallel<S: Spawn>(&mut self, runtime: &S) -> Result<SendReport, RunError> {
        let engine = self.begin(&Steady::new(runtime.clone()))?;
        let hearing = Hearing(self.graph.observers.clone());
        let engine = drive_on(runtime.clone(), engine).await;
        hearing.go_on();
        Ok(self.end(engine))
    }
}

/// Those who hear of a run. If it is dropped they are let go, since no other one follows.
struct Hearing(Option<Arc<Observers>>);

impl Hearing {
    fn go_on(mut self) {
        self.0 = None;
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        if let Some(observers) = &self.0 {
            observers.close();
        }
    }
}

impl<P: Payload> fmt::Debug for Repeatable<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repeatable")
            .field("graph", &self.graph)
            .field("runs", &self.runs)
            .finish_non_exhaustive()
    }
}
