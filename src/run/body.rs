use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::error::Error;
use super::handle::{Handle, Key};
use super::output::Column;

/// What a job does, before it is added to a graph. Made by the constructors of [`Job`](crate::Job).
///
/// Name it in signatures as `Job<impl Body<Output = u32>>`, with `+ Send` where it has to be.
pub trait Body: Execute {
    /// What the job leaves behind when it succeeds.
    type Output: 'static;
}

/// A body as the drivers see it: any attempt of it, without its types.
pub trait Execute {
    /// Makes the next attempt ready to be polled.
    #[doc(hidden)]
    fn prepare(self: Pin<&mut Self>, inputs: &mut dyn Lookup);

    /// Goes on with the attempt. Its output stays inside until it is delivered.
    #[doc(hidden)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>>;

    /// Moves the output to its place in the column of its type.
    #[doc(hidden)]
    fn deliver(self: Pin<&mut Self>, column: &mut dyn Any, slot: u32);

    /// Drops what is left of the attempt.
    #[doc(hidden)]
    fn clear(self: Pin<&mut Self>);
}

/// Where a body finds the outputs of the jobs that it requires.
pub trait Lookup {
    #[doc(hidden)]
    fn output(&mut self, key: Key) -> Option<(&mut dyn Any, u32)>;
}

/// Where the future of an attempt comes from.
pub trait Make {
    type Future: Future;

    /// The future of the next attempt; `None` if it is in place already, or was used up.
    fn make(&mut self, inputs: &mut dyn Lookup) -> Option<Self::Future>;
}

/// What a future's output means.
pub trait Settle<R> {
    type Output: 'static;

    fn settle(result: R) -> Result<Self::Output, Error>;
}

/// The output is the job's output.
#[derive(Debug)]
pub struct Plain;

impl<T: 'static> Settle<T> for Plain {
    type Output = T;

    fn settle(result: T) -> Result<T, Error> {
        Ok(result)
    }
}

/// The output is a result.
#[derive(Debug)]
pub struct Fallible;

impl<T: 'static, E: Into<Error>> Settle<Result<T, E>> for Fallible {
    type Output = T;

    fn settle(result: Result<T, E>) -> Result<T, Error> {
        result.map_err(Into::into)
    }
}

pin_project! {
    /// The one body: a future at a time, where futures come from, and what their output means.
    pub struct Simple<M: Make, K: Settle<<M::Future as Future>::Output>> {
        make: M,
        #[pin]
        future: Option<M::Future>,
        output: Option<K::Output>,
        kind: PhantomData<fn() -> K>,
    }
}

impl<M: Make, K: Settle<<M::Future as Future>::Output>> Simple<M, K> {
    pub(crate) fn new(make: M, future: Option<M::Future>) -> Self {
        Self { make, future, output: None, kind: PhantomData }
    }
}

impl<M: Make, K: Settle<<M::Future as Future>::Output>> Body for Simple<M, K> {
    type Output = K::Output;
}

impl<M: Make, K: Settle<<M::Future as Future>::Output>> Execute for Simple<M, K> {
    fn prepare(self: Pin<&mut Self>, inputs: &mut dyn Lookup) {
        let mut this = self.project();
        if let Some(future) = this.make.make(inputs) {
            this.future.set(Some(future));
        }
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            return Poll::Ready(Err(
                "a job that runs once was started again; make it with `Job::repeat`".into(),
            ));
        };
        let Poll::Ready(result) = future.poll(cx) else { return Poll::Pending };
        Poll::Ready(K::settle(result).map(|output| *this.output = Some(output)))
    }

    fn deliver(self: Pin<&mut Self>, column: &mut dyn Any, slot: u32) {
        if let (Some(output), Some(column)) =
            (self.project().output.take(), column.downcast_mut::<Column<K::Output>>())
        {
            column.put(slot, output);
        }
    }

    fn clear(self: Pin<&mut Self>) {
        let mut this = self.project();
        *this.output = None;
        this.future.set(None);
    }
}

/// A future that is there from the beginning.
#[derive(Debug)]
pub struct Given<F>(PhantomData<fn() -> F>);

impl<F> Given<F> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<F: Future> Make for Given<F> {
    type Future = F;

    fn make(&mut self, _: &mut dyn Lookup) -> Option<F> {
        None
    }
}

/// A new future for each attempt.
#[derive(Debug)]
pub struct Factory<G>(pub(crate) G);

impl<G: FnMut() -> F, F: Future> Make for Factory<G> {
    type Future = F;

    fn make(&mut self, _: &mut dyn Lookup) -> Option<F> {
        Some((self.0)())
    }
}

/// A future made from the outputs of other jobs.
#[derive(Debug)]
pub struct Fed<O, G> {
    pub(crate) inputs: O,
    pub(crate) make: Option<G>,
}

impl<O: Feeds<G>, G> Make for Fed<O, G> {
    type Future = O::Future;

    fn make(&mut self, lookup: &mut dyn Lookup) -> Option<O::Future> {
        self.inputs.feed(&mut self.make, lookup)
    }
}

/// Handles whose outputs feed a job: `&a`, or a tuple of up to eight, `(&a, &b)`.
pub trait Inputs {
    /// The same handles, owned.
    type Owned;

    #[doc(hidden)]
    fn owned(self) -> Self::Owned;
}

/// Handles whose outputs fit the arguments of `G`.
pub trait Feeds<G> {
    /// What the closure returns.
    type Future: Future;

    #[doc(hidden)]
    fn keys(&self, take: &mut dyn FnMut(Key));
    #[doc(hidden)]
    fn feed(&self, make: &mut Option<G>, lookup: &mut dyn Lookup) -> Option<Self::Future>;
}

fn shared<T: 'static>(handle: &Handle<T>, lookup: &mut dyn Lookup) -> Option<Arc<T>> {
    let (column, slot) = lookup.output(handle.key)?;
    column.downcast_mut::<Column<T>>()?.share(slot)
}

impl<A> Inputs for &Handle<A> {
    type Owned = Handle<A>;

    fn owned(self) -> Handle<A> {
        *self
    }
}

impl<A: 'static, G: FnOnce(Arc<A>) -> F, F: Future> Feeds<G> for Handle<A> {
    type Future = F;

    fn keys(&self, take: &mut dyn FnMut(Key)) {
        take(self.key);
    }

    fn feed(&self, make: &mut Option<G>, lookup: &mut dyn Lookup) -> Option<F> {
        let input = shared(self, lookup)?;
        Some(make.take()?(input))
    }
}

macro_rules! tuples {
    ($($one:ident)*) => {
        impl<$($one),*> Inputs for ($(&Handle<$one>,)*) {
            type Owned = ($(Handle<$one>,)*);

            #[expect(non_snake_case, reason = "each type names its value")]
            fn owned(self) -> Self::Owned {
                let ($($one,)*) = self;
                ($(*$one,)*)
            }
        }

        impl<$($one: 'static,)* Make: FnOnce($(Arc<$one>),*) -> Fut, Fut: Future> Feeds<Make> for ($(Handle<$one>,)*) {
            type Future = Fut;

            #[expect(non_snake_case, reason = "each type names its value")]
            fn keys(&self, take: &mut dyn FnMut(Key)) {
                let ($($one,)*) = self;
                $(take($one.key);)*
            }

            #[expect(non_snake_case, reason = "each type names its value")]
            fn feed(&self, make: &mut Option<Make>, lookup: &mut dyn Lookup) -> Option<Fut> {
                let ($($one,)*) = self;
                $(let $one = shared($one, lookup)?;)*
                Some(make.take()?($($one),*))
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
