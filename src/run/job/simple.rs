use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use pin_project_lite::pin_project;

use super::body::{Body, Execute, Repeat, Start};
use super::context::Context;
use super::make::{ContextFactory, Factory, Given, Make, ran_before};
use crate::run::facts::error::Error;
use crate::run::facts::output::Column;

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
        held: Held<M::Future, K::Output>,
    }
}

pin_project! {
    /// How far an attempt is. Its output replaces its future.
    #[project = HeldProjection]
    #[project_replace = HeldReplaced]
    enum Held<F, T> {
        Nothing,
        Future { #[pin] future: F },
        Output { output: T },
    }
}

impl<M: Make, K: Settle<<M::Future as Future>::Output>> Simple<M, K> {
    pub(crate) const fn new(make: M) -> Self {
        Self { make, held: Held::Nothing }
    }
}

impl<F: Future, K: Settle<F::Output>> Simple<Given<F>, K> {
    #[inline]
    pub(crate) fn given(future: F) -> Self {
        Self { make: Given::new(), held: Held::Future { future } }
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
        if let HeldProjection::Nothing = this.held.as_mut().project()
            && let Some(future) = this.make.make()
        {
            this.held.set(Held::Future { future });
        }
        let HeldProjection::Future { future } = this.held.as_mut().project() else {
            return Poll::Ready(Err(ran_before()));
        };
        let Poll::Ready(result) = future.poll(cx) else { return Poll::Pending };
        let (output, result) = K::settle(result);
        this.held.set(output.map_or(Held::Nothing, |output| Held::Output { output }));
        Poll::Ready(result)
    }

    fn deliver(self: Pin<&mut Self>, column: &mut dyn Any, slot: u32) {
        let mut held = self.project().held;
        if let HeldProjection::Output { .. } = held.as_mut().project()
            && let Some(column) = column.downcast_mut::<Column<K::Output>>()
            && let HeldReplaced::Output { output } = held.project_replace(Held::Nothing)
        {
            column.put(slot, output);
        }
    }

    fn clear(self: Pin<&mut Self>) {
        let mut this = self.project();
        this.make.forget();
        this.held.set(Held::Nothing);
    }

    fn can_repeat(&self) -> bool {
        M::REPEATS
    }
}

impl<G: FnMut() -> F, F: Future, K: Settle<F::Output>> Repeat for Simple<Factory<G>, K> {}

impl<G: FnMut(Context) -> F, F: Future, K: Settle<F::Output>> Repeat
    for Simple<ContextFactory<G>, K>
{
}
