use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::vec::Vec;

use pin_project_lite::pin_project;

use super::context::Context;
use super::error::Error;
use super::fact::JobInfo;
use super::handle::Key;
use super::output::Column;

/// What a job does, before it is added to a graph. Made by the constructors of [`Job`](crate::Job).
///
/// Name it in signatures as `Job<impl Body<Output = u32>>`, with `+ Send` where it has to be.
pub trait Body: Execute {
    /// What the job leaves behind: what it returns when it succeeds, what a service is ready with, the
    /// report of a nested graph.
    type Output: 'static;
}

/// A body that can be executed any number of times, so that its job can be retried.
#[diagnostic::on_unimplemented(
    message = "this job can be attempted only once",
    note = "make it with `Job::repeat` or one of its kin, which call a closure for each attempt"
)]
pub trait Repeat: Body {}

/// A body as the drivers see it: any attempt of it, without its types.
pub trait Execute {
    /// Gathers what the next attempt needs. Runs none of the user's code.
    #[doc(hidden)]
    fn prepare(self: Pin<&mut Self>, start: &mut dyn Start);

    /// Gathers, and polls for the first time.
    #[doc(hidden)]
    fn poll_first(
        mut self: Pin<&mut Self>,
        start: &mut dyn Start,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(), Error>> {
        self.as_mut().prepare(start);
        self.poll(cx)
    }

    /// Goes on with the attempt. Its output stays inside until it is delivered.
    #[doc(hidden)]
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>>;

    /// Moves the output, if there is one, to its place in the column of its type.
    #[doc(hidden)]
    fn deliver(self: Pin<&mut Self>, column: &mut dyn Any, slot: u32);

    /// Drops what is left of the attempt.
    #[doc(hidden)]
    fn clear(self: Pin<&mut Self>);

    /// Whether another attempt can be made at any time.
    #[doc(hidden)]
    fn can_repeat(&self) -> bool;

    /// What is known of the jobs inside, if it is a graph that has not begun.
    #[doc(hidden)]
    fn inside(&self) -> Option<Vec<Arc<JobInfo>>> {
        None
    }

    /// Writes the jobs inside, if it is a graph that has not begun.
    #[doc(hidden)]
    fn list(&self, _: &mut dyn fmt::Write) -> fmt::Result {
        Ok(())
    }

    /// Whether there is a shutdown hook.
    #[doc(hidden)]
    fn has_hook(&self) -> bool {
        false
    }

    /// Goes on with the shutdown hook.
    #[doc(hidden)]
    fn poll_hook(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }
}

/// Where a body finds what its next attempt needs.
pub trait Start {
    /// The column and slot of the output of a job that it requires.
    #[doc(hidden)]
    fn output(&mut self, key: Key) -> Option<(&mut dyn Any, u32)>;

    /// What the attempt sees of its run.
    #[doc(hidden)]
    fn context(&mut self) -> Context;

    /// Whether anybody wants to know of the run.
    #[cfg(feature = "tracing")]
    #[doc(hidden)]
    fn is_traced(&self) -> bool;

    /// The span of the attempt.
    #[cfg(feature = "tracing")]
    #[doc(hidden)]
    fn span(&mut self) -> Option<tracing::Span>;

    /// The span of the shutdown hook of its job.
    #[cfg(feature = "tracing")]
    #[doc(hidden)]
    fn hook_span(&mut self) -> super::spans::MakeSpan;
}

/// Where the future of an attempt comes from.
pub trait Make {
    type Future: Future;

    /// Takes what the next future needs.
    fn gather(&mut self, _: &mut dyn Start) {}

    /// The next future; `None` if what it was made of is used up.
    fn make(&mut self) -> Option<Self::Future>;

    /// Drops what was gathered, if no future was made of it.
    fn forget(&mut self) {}

    /// Whether any number of futures can be made.
    const REPEATS: bool = false;
}

/// What a future's output means.
pub trait Settle<R> {
    type Output: 'static;

    /// The output, if there is one, and whether the attempt succeeded.
    fn settle(result: R) -> (Option<Self::Output>, Result<(), Error>);
}

/// The output is the job's output.
#[derive(Debug)]
pub struct Plain;

impl<T: 'static> Settle<T> for Plain {
    type Output = T;

    fn settle(result: T) -> (Option<T>, Result<(), Error>) {
        (Some(result), Ok(()))
    }
}

/// The output is a result.
#[derive(Debug)]
pub struct Fallible;

impl<T: 'static, E: Into<Error>> Settle<Result<T, E>> for Fallible {
    type Output = T;

    fn settle(result: Result<T, E>) -> (Option<T>, Result<(), Error>) {
        match result {
            Ok(output) => (Some(output), Ok(())),
            Err(error) => (None, Err(error.into())),
        }
    }
}

pin_project! {
    /// The usual body: one future at a time, where futures come from, and what their output means.
    pub struct Simple<M: Make, K: Settle<<M::Future as Future>::Output>> {
        make: M,
        #[pin]
        stage: Stage<M::Future, K::Output>,
    }
}

pin_project! {
    /// How far an attempt is. Its output takes the place of its future.
    #[project = StageProjection]
    #[project_replace = StageReplaced]
    enum Stage<F, T> {
        Nothing,
        Future { #[pin] future: F },
        Output { output: T },
    }
}

impl<M: Make, K: Settle<<M::Future as Future>::Output>> Simple<M, K> {
    pub(crate) const fn new(make: M) -> Self {
        Self { make, stage: Stage::Nothing }
    }
}

impl<F: Future, K: Settle<F::Output>> Simple<Given<F>, K> {
    #[inline]
    pub(crate) fn given(future: F) -> Self {
        Self { make: Given(PhantomData), stage: Stage::Future { future } }
    }
}

impl<M: Make, K: Settle<<M::Future as Future>::Output>> Body for Simple<M, K> {
    type Output = K::Output;
}

impl<M: Make, K: Settle<<M::Future as Future>::Output>> Execute for Simple<M, K> {
    fn prepare(self: Pin<&mut Self>, start: &mut dyn Start) {
        self.project().make.gather(start);
    }

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        let mut this = self.project();
        if let StageProjection::Nothing = this.stage.as_mut().project()
            && let Some(future) = this.make.make()
        {
            this.stage.set(Stage::Future { future });
        }
        let StageProjection::Future { future } = this.stage.as_mut().project() else {
            return Poll::Ready(Err(ran_before()));
        };
        let Poll::Ready(result) = future.poll(cx) else { return Poll::Pending };
        let (output, result) = K::settle(result);
        this.stage.set(output.map_or(Stage::Nothing, |output| Stage::Output { output }));
        Poll::Ready(result)
    }

    fn deliver(self: Pin<&mut Self>, column: &mut dyn Any, slot: u32) {
        let mut stage = self.project().stage;
        if let StageProjection::Output { .. } = stage.as_mut().project()
            && let Some(column) = column.downcast_mut::<Column<K::Output>>()
            && let StageReplaced::Output { output } = stage.project_replace(Stage::Nothing)
        {
            column.put(slot, output);
        }
    }

    fn clear(self: Pin<&mut Self>) {
        let mut this = self.project();
        this.make.forget();
        this.stage.set(Stage::Nothing);
    }

    fn can_repeat(&self) -> bool {
        M::REPEATS
    }
}

/// Polls a future in its place, where it is made first if need be.
pub(crate) fn poll_made<F: Future>(
    mut place: Pin<&mut Option<F>>,
    make: impl FnOnce() -> Option<F>,
    cx: &mut task::Context<'_>,
) -> Result<Poll<F::Output>, Error> {
    if place.is_none() {
        place.set(make());
    }
    match place.as_pin_mut() {
        Some(future) => Ok(future.poll(cx)),
        None => Err(ran_before()),
    }
}

#[cold]
fn ran_before() -> Error {
    "a job that can run only once was started again".into()
}

/// A future that is there from the beginning.
#[derive(Debug)]
pub struct Given<F>(PhantomData<fn() -> F>);

impl<F: Future> Make for Given<F> {
    type Future = F;

    fn make(&mut self) -> Option<F> {
        None
    }
}

/// A new future for each attempt.
#[derive(Debug)]
pub struct Factory<G>(pub(crate) G);

impl<G: FnMut() -> F, F: Future> Make for Factory<G> {
    type Future = F;

    fn make(&mut self) -> Option<F> {
        Some((self.0)())
    }

    const REPEATS: bool = true;
}

impl<G: FnMut() -> F, F: Future, K: Settle<F::Output>> Repeat for Simple<Factory<G>, K> {}

/// A future made with the context of its attempt.
#[derive(Debug)]
pub struct Contextual<G> {
    context: Option<Context>,
    make: Option<G>,
}

impl<G> Contextual<G> {
    pub(crate) const fn new(make: G) -> Self {
        Self { context: None, make: Some(make) }
    }
}

impl<G: FnOnce(Context) -> F, F: Future> Make for Contextual<G> {
    type Future = F;

    fn gather(&mut self, start: &mut dyn Start) {
        self.context = Some(start.context());
    }

    fn forget(&mut self) {
        self.context = None;
    }

    fn make(&mut self) -> Option<F> {
        Some(self.make.take()?(self.context.take()?))
    }
}

/// A new future for each attempt, made with its context.
#[derive(Debug)]
pub struct ContextFactory<G> {
    context: Option<Context>,
    make: G,
}

impl<G> ContextFactory<G> {
    pub(crate) const fn new(make: G) -> Self {
        Self { context: None, make }
    }
}

impl<G: FnMut(Context) -> F, F: Future> Make for ContextFactory<G> {
    type Future = F;

    fn gather(&mut self, start: &mut dyn Start) {
        self.context = Some(start.context());
    }

    fn forget(&mut self) {
        self.context = None;
    }

    fn make(&mut self) -> Option<F> {
        Some((self.make)(self.context.take()?))
    }

    const REPEATS: bool = true;
}

impl<G: FnMut(Context) -> F, F: Future, K: Settle<F::Output>> Repeat
    for Simple<ContextFactory<G>, K>
{
}
