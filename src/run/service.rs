use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll};

use pin_project_lite::pin_project;

use super::body::{Body, Execute, Repeat, Start, poll_made};
use super::context::ServiceContext;
use super::error::Error;
use super::output::Column;

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

    fn make(&mut self, context: ServiceContext<Self::Value>) -> Option<Self::Future>;

    const REPEATS: bool;
}

/// A service that can run once.
#[derive(Debug)]
pub struct Once<G, V>(pub(crate) Option<G>, pub(crate) std::marker::PhantomData<fn() -> V>);

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

    const REPEATS: bool = false;
}

/// A service that can run again.
#[derive(Debug)]
pub struct Again<G, V>(pub(crate) G, pub(crate) std::marker::PhantomData<fn() -> V>);

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
        let value = self.project().value.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(value), Some(column)) = (value, column.downcast_mut::<Column<M::Value>>()) {
            column.put(slot, value);
        }
    }

    fn clear(self: Pin<&mut Self>) {
        let mut this = self.project();
        *this.context = None;
        this.future.set(None);
    }

    fn can_repeat(&self) -> bool {
        M::REPEATS
    }
}
