use std::sync::Arc;

use super::graph::Graph;
use crate::run::facts::fact::Fact;
use crate::run::facts::observers::Observers;
use crate::run::facts::stream::{Facts, stream};
use crate::run::job::payload::Payload;

impl<P: Payload> Graph<P> {
    /// Lets somebody hear of all that happens in the run, as it happens and in order; all of it has been
    /// told when the run returns. Any number may observe.
    ///
    /// It is called between two polls of jobs, in an in-place run by the task that runs the graph, in a
    /// parallel one by whichever task has something to tell, one call at a time: let it be quick. One
    /// that panics hears no more; the run goes on. What happens inside nested graphs is told as well.
    ///
    /// A run that nobody observes does not keep anything for it.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use jobgraph::{FactKind, Job, JobGraph};
    ///
    /// let (sender, facts) = mpsc::channel();
    /// let mut graph = JobGraph::new();
    /// graph.add(Job::new(async {}).label("fetch"));
    /// graph.observe(move |fact| sender.send(fact.what.clone()).unwrap());
    /// assert!(jobgraph::smol::block_on(graph)?.check().is_ok());
    /// let facts: Vec<FactKind> = facts.iter().collect();
    /// assert!(matches!(&facts[1], FactKind::Added(job) if job.label.as_deref() == Some("fetch")));
    /// assert!(matches!(facts.last(), Some(FactKind::Over(verdict)) if verdict.to_string() == "completed"));
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn observe(&mut self, observer: impl FnMut(&Fact) + Send + 'static) {
        let mut observer = observer;
        self.hear(move |fact| {
            observer(fact);
            true
        });
    }

    /// All that happens in the run, as a stream that never lags the run, and ends with it. What is not
    /// read is kept.
    ///
    /// ```
    /// use jobgraph::{Job, JobGraph};
    ///
    /// let mut graph = JobGraph::new();
    /// graph.add(Job::new(async {}).label("fetch"));
    /// let mut facts = graph.facts();
    /// let watch = async {
    ///     let mut told = 0;
    ///     while facts.next().await.is_some() {
    ///         told += 1;
    ///     }
    ///     told
    /// };
    /// let (report, told) = async_io::block_on(futures_lite::future::zip(jobgraph::smol::run(graph), watch));
    /// assert!(report?.is_completed());
    /// assert_eq!(told, 6); // begun, added, queued, running, succeeded, over
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn facts(&mut self) -> Facts {
        let (sender, facts) = stream();
        self.hear(move |fact| sender.send(fact));
        facts
    }

    /// Lets somebody hear who says after each fact whether to be told the next one as well.
    pub(crate) fn hear(&mut self, observer: impl FnMut(&Fact) -> bool + Send + 'static) {
        self.observers.get_or_insert_with(|| Arc::new(Observers::new())).add(observer);
    }
}
