use std::future::Future;
use std::sync::Arc;

use super::ask::{FedServing, Nothing, Serving, TheContext, Values, ValuesAndContext};
use super::asked::Asked;
use super::body::Repeat;
use super::context::{Context, ServiceContext};
use super::custom::RunJob;
use super::hook::Hook;
use super::inputs::{Feeds, FeedsWith, Inputs};
use super::job::Job;
use super::make::{Again, Given, Maker, Once};
use super::simple::{Fallible, Plain, Served, Settle, Simple};
use crate::orchestrator::JobKind;
use crate::run::facts::error::Error;

impl<F: Future<Output: 'static>> Job<Simple<Given<F>, Plain>> {
    /// A job that awaits this future; what that returns is its output. One that returns a `Result` is refused
    /// when it is added, since its `Err` would pass for a success: to fail, use [`try_new`](Self::try_new); to
    /// keep the `Result` as a value, [`value`](Self::value).
    ///
    /// In a [`JobGraph`](crate::JobGraph) the future may borrow and need not be `Send`. Locals that it
    /// borrows have to be declared before the graph.
    pub fn new(future: F) -> Self {
        Self::of(Simple::given(future))
    }
}

impl<F: Future<Output: 'static>> Job<Simple<Given<F>, Plain<true>>> {
    /// Like [`new`](Self::new), for a future whose `Result` is meant as a value: an `Err` is an output like any
    /// other, and the job has succeeded.
    ///
    /// ```
    /// # use jobgraph::{Job, JobGraph};
    /// let mut graph = JobGraph::new();
    /// let probe = graph.add(Job::value(async { "80x".parse::<u16>() }));
    /// graph.add(Job::with(&probe, |port| async move { assert!(port.is_err()) }));
    /// jobgraph::smol::block_on(graph)?.check()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn value(future: F) -> Self {
        Self::of(Simple::given(future))
    }
}

impl<F: Future<Output = Result<T, E>>, T: 'static, E: Into<Error>> Job<Simple<Given<F>, Fallible>> {
    /// A job that awaits this future, and fails if that returns an error. An `async` block that uses `?`
    /// has to say what its error is: let it end with [`jobgraph::ok(value)`](crate::ok).
    ///
    /// ```
    /// # use jobgraph::{Job, JobGraph};
    /// let mut graph = JobGraph::new();
    /// let port = graph.add(Job::try_new(async { "80x".parse::<u16>() }).label("port"));
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert_eq!(report.error(&port).unwrap().to_string(), "invalid digit found in string");
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn try_new(future: F) -> Self {
        Self::of(Simple::given(future))
    }
}

impl<G: FnMut() -> F, F: Future<Output = Result<T, E>>, T: 'static, E: Into<Error>>
    Job<Simple<Maker<Nothing, Again<G>>, Fallible>>
{
    /// A job that can be attempted again: each attempt awaits a new future of this closure.
    ///
    /// ```
    /// # use std::cell::Cell;
    /// # use jobgraph::{Job, JobGraph};
    /// let tries = Cell::new(0);
    /// let mut graph = JobGraph::new();
    /// let flaky = graph.add(
    ///     Job::repeat(|| async {
    ///         tries.set(tries.get() + 1);
    ///         if tries.get() < 3 { Err("not yet") } else { Ok(tries.get()) }
    ///     })
    ///     .retries(5),
    /// );
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert_eq!(report.output(&flaky), Some(&3));
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    ///
    /// What each attempt is to own, it gets a clone of:
    /// `move || { let client = client.clone(); async move { client.get().await } }`.
    pub fn repeat(make: G) -> Self {
        Self::of(Simple::new(Maker::again(Nothing, make)))
    }
}

impl<O: Feeds<G, Future: Future<Output: 'static>>, G>
    Job<Simple<Maker<Values<O>, Once<G>>, Plain>>
{
    /// A job that is fed the outputs of other jobs, each as an `Arc`, and requires these. A closure whose future
    /// returns a `Result` is for [`try_with`](Self::try_with).
    ///
    /// ```
    /// # use jobgraph::{Job, JobGraph};
    /// let mut graph = JobGraph::new();
    /// let words = graph.add(Job::new(async { "to be or not".split(' ').count() }));
    /// let links = graph.add(Job::new(async { 2 }));
    /// let total = graph.add(Job::with((&words, &links), |words, links| async move { *words + *links }));
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert_eq!(report.output(&total), Some(&6));
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    ///
    /// The types have to fit:
    /// ```compile_fail
    /// # use jobgraph::{Job, JobGraph};
    /// let mut graph = JobGraph::new();
    /// let number = graph.add(Job::new(async { 1_u32 }));
    /// graph.add(Job::with(&number, |text: std::sync::Arc<String>| async move { text.len() }));
    /// ```
    pub fn with<I: Inputs<Owned = O>>(inputs: I, make: G) -> Self {
        Self::fed(inputs.owned(), make)
    }
}

impl<O, G, T, E> Job<Simple<Maker<Values<O>, Once<G>>, Fallible>>
where
    O: Feeds<G, Future: Future<Output = Result<T, E>>>,
    T: 'static,
    E: Into<Error>,
{
    /// Like [`with`](Self::with), for a closure whose future returns a `Result`.
    pub fn try_with<I: Inputs<Owned = O>>(inputs: I, make: G) -> Self {
        Self::fed(inputs.owned(), make)
    }
}

impl<O: Feeds<G>, G, K: Settle<<O::Future as Future>::Output>>
    Job<Simple<Maker<Values<O>, Once<G>>, K>>
{
    fn fed(inputs: O, make: G) -> Self {
        let requirements = Asked::fed_by(&inputs);
        Self::asking(requirements, Simple::new(Maker::once(Values(inputs), make)))
    }
}

impl<G: FnOnce(Context) -> F, F: Future<Output: 'static>>
    Job<Simple<Maker<TheContext, Once<G>>, Plain>>
{
    /// A job that sees its run: it can be asked to end in its own time, for one. A closure whose future returns a
    /// `Result` is for [`try_with_context`](Self::try_with_context).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use jobgraph::{Job, JobGraph};
    /// let mut graph = JobGraph::new().timeout(Duration::from_millis(20));
    /// let counter = graph.add(
    ///     Job::with_context(|cx| async move {
    ///         let mut ticks = 0;
    ///         while !cx.is_cancelled() {
    ///             cx.sleep(Duration::from_millis(5)).await;
    ///             ticks += 1;
    ///         }
    ///         ticks
    ///     })
    ///     .grace(Duration::from_secs(5)),
    /// );
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert!(report.output(&counter) >= Some(&1));
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn with_context(make: G) -> Self {
        Self::of(Simple::new(Maker::once(TheContext, make)))
    }
}

impl<G, F, T, E> Job<Simple<Maker<TheContext, Once<G>>, Fallible>>
where
    G: FnOnce(Context) -> F,
    F: Future<Output = Result<T, E>>,
    T: 'static,
    E: Into<Error>,
{
    /// Like [`with_context`](Self::with_context), for a closure whose future returns a `Result`.
    pub fn try_with_context(make: G) -> Self {
        Self::of(Simple::new(Maker::once(TheContext, make)))
    }
}

impl<G, F, T, E> Job<Simple<Maker<TheContext, Again<G>>, Fallible>>
where
    G: FnMut(Context) -> F,
    F: Future<Output = Result<T, E>>,
    T: 'static,
    E: Into<Error>,
{
    /// Like [`repeat`](Self::repeat), with the context of each attempt.
    pub fn repeat_with_context(make: G) -> Self {
        Self::of(Simple::new(Maker::again(TheContext, make)))
    }
}

impl<V, G, F> Job<Simple<Maker<Serving<V>, Once<G>>, Served<V>>>
where
    V: 'static,
    G: FnOnce(ServiceContext<V>) -> F,
    F: Future<Output = Result<(), Error>>,
{
    /// A service: a forever job that says when it is ready, and with what. What requires it starts
    /// then; it is stopped after they have ended. If it ends before it was ready, it has failed.
    ///
    /// ```
    /// use std::time::Duration;
    /// use jobgraph::{Job, JobGraph};
    ///
    /// let mut graph = JobGraph::new();
    /// let db = graph.add(
    ///     Job::service(|cx| async move {
    ///         let pool = String::from("a pool of connections");
    ///         cx.ready(pool);
    ///         cx.cancelled().await; // then there is the grace period to close it
    ///         Ok(())
    ///     })
    ///     .label("db")
    ///     .grace(Duration::from_secs(5)),
    /// );
    /// let query = graph.add(Job::with(&db, |pool| async move { pool.len() }));
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert_eq!(report.output(&query), Some(&21));
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    ///
    /// One that is ready with nothing in particular calls `cx.ready(())`. Without a
    /// [`grace`](Self::grace) period it is dropped at the end of the run, and what stands after
    /// `cancelled` never happens. Its error type is [`Error`], so that `?` takes any.
    ///
    /// A run with finite jobs ends when these have ended; one of services alone goes on until they end
    /// or it is stopped. To serve for ever although there are finite jobs, say that it is [`awaited`](Self::awaited).
    pub fn service(make: G) -> Self {
        Self::of(Simple::new(Maker::once(Serving::new(()), make))).kind(JobKind::Service)
    }
}

impl<O, G, T, E> Job<Simple<Maker<ValuesAndContext<O>, Again<G>>, Fallible>>
where
    O: FeedsWith<Context, G, Future: Future<Output = Result<T, E>>>,
    G: Clone,
    T: 'static,
    E: Into<Error>,
{
    /// The job that has it all: it is fed the outputs of other jobs, sees its run, and can be attempted
    /// again. Each attempt calls a clone of the closure.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use jobgraph::{Job, JobGraph};
    /// let mut graph = JobGraph::new();
    /// let url = graph.add(Job::new(async { "http://localhost" }));
    /// let page = graph.add(
    ///     Job::repeat_with(&url, |cx, url| async move {
    ///         cx.sleep(Duration::from_millis(1)).await;
    ///         if cx.attempt().number < 3 { Err("not yet") } else { Ok(url.len()) }
    ///     })
    ///     .retries(5),
    /// );
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert_eq!(report.output(&page), Some(&16));
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn repeat_with<I: Inputs<Owned = O>>(inputs: I, make: G) -> Self {
        let inputs = inputs.owned();
        let requirements = Asked::fed_by(&inputs);
        let body = Simple::new(Maker::again(ValuesAndContext(inputs), make));
        Self::asking(requirements, body)
    }
}

impl<O, G, T, E> Job<Simple<Maker<ValuesAndContext<O>, Once<G>>, Fallible>>
where
    O: FeedsWith<Context, G, Future: Future<Output = Result<T, E>>>,
    T: 'static,
    E: Into<Error>,
{
    /// Like [`repeat_with`](Self::repeat_with), for a closure that is called once: it is fed the outputs of other
    /// jobs, and sees its run.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use jobgraph::{Job, JobGraph};
    /// let mut graph = JobGraph::new();
    /// let pause = graph.add(Job::new(async { Duration::from_millis(1) }));
    /// let text = String::from("given away, not cloned");
    /// graph.add(Job::once_with(&pause, |cx, pause| async move {
    ///     cx.sleep(*pause).await;
    ///     drop(text);
    ///     jobgraph::ok(())
    /// }));
    /// assert!(jobgraph::smol::block_on(graph)?.check().is_ok());
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn once_with<I: Inputs<Owned = O>>(inputs: I, make: G) -> Self {
        let inputs = inputs.owned();
        let requirements = Asked::fed_by(&inputs);
        Self::asking(requirements, Simple::new(Maker::once(ValuesAndContext(inputs), make)))
    }
}

impl<O, G: Clone, V> Job<Simple<Maker<FedServing<V, O>, Again<G>>, Served<V>>>
where
    O: FeedsWith<ServiceContext<V>, G, Future: Future<Output = Result<(), Error>>>,
    V: 'static,
{
    /// A [restartable](Self::restartable) service that is fed the outputs of other jobs. Each attempt
    /// calls a clone of the closure.
    pub fn restartable_with<I: Inputs<Owned = O>>(inputs: I, make: G) -> Self {
        let inputs = inputs.owned();
        let requirements = Asked::fed_by(&inputs);
        let body = Simple::new(Maker::again(Serving::new(Values(inputs)), make));
        Self::asking(requirements, body).kind(JobKind::Service)
    }
}

impl<O, G, V> Job<Simple<Maker<FedServing<V, O>, Once<G>>, Served<V>>>
where
    O: FeedsWith<ServiceContext<V>, G, Future: Future<Output = Result<(), Error>>>,
    V: 'static,
{
    /// A [service](Self::service) that is fed the outputs of other jobs, or what other services were
    /// ready with, and requires these.
    ///
    /// ```
    /// # use jobgraph::{Job, JobGraph};
    /// let mut graph = JobGraph::new();
    /// let config = graph.add(Job::new(async { String::from("localhost") }));
    /// let server = graph.add(Job::service_with(&config, |cx, host| async move {
    ///     cx.ready(format!("http://{host}"));
    ///     cx.cancelled().await;
    ///     Ok(())
    /// }));
    /// let client = graph.add(Job::with(&server, |url| async move { url.len() }));
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert_eq!(report.output(&client), Some(&16));
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn service_with<I: Inputs<Owned = O>>(inputs: I, make: G) -> Self {
        let inputs = inputs.owned();
        let requirements = Asked::fed_by(&inputs);
        let body = Simple::new(Maker::once(Serving::new(Values(inputs)), make));
        Self::asking(requirements, body).kind(JobKind::Service)
    }
}

impl<V, G, F> Job<Simple<Maker<Serving<V>, Again<G>>, Served<V>>>
where
    V: 'static,
    G: FnMut(ServiceContext<V>) -> F,
    F: Future<Output = Result<(), Error>>,
{
    /// A [service](Self::service) that is started again when it fails, as often as
    /// [`retries`](Self::retries) says: without it, never.
    pub fn restartable(make: G) -> Self {
        Self::of(Simple::new(Maker::again(Serving::new(()), make))).kind(JobKind::Service)
    }
}

impl Job<()> {
    /// A job of a type of one's own: see [`RunJob`].
    pub fn custom<J: RunJob>(job: J) -> Job<impl Repeat<Output = J::Output>, impl Hook> {
        let label = job.label();
        let job = Arc::new(job);
        let for_hook = Arc::clone(&job);
        let run = move |cx| {
            let job = Arc::clone(&job);
            async move { job.run(cx).await }
        };
        let shutdown = move || {
            let job = Arc::clone(&for_hook);
            async move { job.shutdown().await }
        };
        let custom = Job::repeat_with_context(run).on_each_shutdown(shutdown);
        match label {
            Some(label) => custom.label(label),
            None => custom,
        }
    }
}
