use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{self, Poll};

use pin_project_lite::pin_project;

use super::body::{Body, Execute, Repeat, Start};
use super::context::ServiceContext;
use super::inputs::{FeedsWith, Gather};
use super::make::poll_made;
use crate::run::facts::error::Error;
use crate::run::facts::lock::lock;
use crate::run::facts::output::Column;

pin_project! {
    /// The body of a service: its output is what it was ready with.
    pub struct Service<M: MakeService> {
        make: M,
        context: Option<ServiceContext<M::Value>>,
        #[pin]
        future: Option<M::Future>,
        value: Arc<Mutex<Option<M::Value>>>,
    }
}

/// Where the future of a service comes from.
pub trait MakeService {
    type Value: 'static;
    type Future: Future<Output = Result<(), Error>>;

    /// Takes what the next future needs.
    fn gather(&mut self, _: &mut dyn Start) {}

    /// The next future; `None` if what it was made of is used up.
    fn make(&mut self, context: ServiceContext<Self::Value>) -> Option<Self::Future>;

    /// Drops what was gathered, if no future was made of it.
    fn forget(&mut self) {}

    /// Whether any number of futures can be made.
    const REPEATS: bool = false;
}

/// A service that can run once.
#[derive(Debug)]
pub struct Once<G, V>(pub(crate) Option<G>, pub(crate) PhantomData<fn() -> V>);

impl<V: 'static, G, F> MakeService for Once<G, V>
where
    G: FnOnce(ServiceContext<V>) -> F,
    F: Future<Output = Result<(), Error>>,
{
    type Value = V;
    type Future = F;

    fn make(&mut self, context: ServiceContext<V>) -> Option<F> {
        Some(self.0.take()?(context))
    }
}

/// A service made from the outputs of other jobs.
#[derive(Debug)]
pub struct FedOnce<O: Gather, G, V> {
    inputs: O,
    values: Option<O::Values>,
    make: Option<G>,
    value: PhantomData<fn() -> V>,
}

impl<O: Gather, G, V> FedOnce<O, G, V> {
    pub(crate) const fn new(inputs: O, make: G) -> Self {
        Self { inputs, values: None, make: Some(make), value: PhantomData }
    }
}

impl<O, G, V: 'static> MakeService for FedOnce<O, G, V>
where
    O: FeedsWith<ServiceContext<V>, G, Future: Future<Output = Result<(), Error>>>,
{
    type Value = V;
    type Future = O::Future;

    fn gather(&mut self, start: &mut dyn Start) {
        self.values = self.inputs.gather(start);
    }

    fn forget(&mut self) {
        self.values = None;
    }

    fn make(&mut self, context: ServiceContext<V>) -> Option<O::Future> {
        Some(O::call(self.make.take()?, context, self.values.take()?))
    }
}

/// A service that can run again.
#[derive(Debug)]
pub struct Again<G, V>(pub(crate) G, pub(crate) PhantomData<fn() -> V>);

impl<V: 'static, G, F> MakeService for Again<G, V>
where
    G: FnMut(ServiceContext<V>) -> F,
    F: Future<Output = Result<(), Error>>,
{
    type Value = V;
    type Future = F;

    fn make(&mut self, context: ServiceContext<V>) -> Option<F> {
        Some((self.0)(context))
    }

    const REPEATS: bool = true;
}

impl<V: 'static, G, F> Repeat for Service<Again<G, V>>
where
    G: FnMut(ServiceContext<V>) -> F,
    F: Future<Output = Result<(), Error>>,
{
}

/// A service made from the outputs of other jobs, that can run again.
#[derive(Debug)]
pub struct FedAgain<O: Gather, G, V> {
    inputs: O,
    values: Option<O::Values>,
    make: G,
    value: PhantomData<fn() -> V>,
}

impl<O: Gather, G, V> FedAgain<O, G, V> {
    pub(crate) const fn new(inputs: O, make: G) -> Self {
        Self { inputs, values: None, make, value: PhantomData }
    }
}

impl<O, G: Clone, V: 'static> MakeService for FedAgain<O, G, V>
where
    O: FeedsWith<ServiceContext<V>, G, Future: Future<Output = Result<(), Error>>>,
{
    type Value = V;
    type Future = O::Future;

    fn gather(&mut self, start: &mut dyn Start) {
        self.values = self.inputs.gather(start);
    }

    fn forget(&mut self) {
        self.values = None;
    }

    fn make(&mut self, context: ServiceContext<V>) -> Option<O::Future> {
        Some(O::call(self.make.clone(), context, self.values.take()?))
    }

    const REPEATS: bool = true;
}

impl<O, G: Clone, V: 'static> Repeat for Service<FedAgain<O, G, V>> where
    O: FeedsWith<ServiceContext<V>, G, Future: Future<Output = Result<(), Error>>>
{
}

impl<M: MakeService> Service<M> {
    pub(crate) fn new(make: M) -> Self {
        Self { make, context: None, future: None, value: Arc::default() }
    }
}

impl<M: MakeService> Body for Service<M> {
    type Output = M::Value;
}

impl<M: MakeService> Execute for Service<M> {
    fn prepare(self: Pin<&mut Self>, start: &mut dyn Start) {
        let this = self.project();
        this.make.gather(start);
        *this.value = Arc::default();
        *this.context = Some(ServiceContext::new(start.context(), Arc::clone(this.value)));
    }

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.project();
        Poll::Ready(match poll_made(this.future, || this.make.make(this.context.take()?), cx)? {
            Poll::Ready(result) => result,
            Poll::Pending => return Poll::Pending,
        })
    }

    fn deliver(self: Pin<&mut Self>, column: &mut dyn Any, slot: u32) {
        let value = lock(self.project().value).take();
        if let (Some(value), Some(column)) = (value, column.downcast_mut::<Column<M::Value>>()) {
            column.put(slot, value);
        }
    }

    fn clear(self: Pin<&mut Self>) {
        let mut this = self.project();
        *this.context = None;
        this.make.forget();
        this.future.set(None);
    }

    fn can_repeat(&self) -> bool {
        M::REPEATS
    }
}
