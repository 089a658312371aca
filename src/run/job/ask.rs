use std::any::Any;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex};

use super::body::Start;
use super::context::{Context, Offer, ServiceContext};
use super::inputs::{Feeds, FeedsWith, Gather};
use crate::run::facts::column::Column;
use crate::run::facts::handle::Key;
use crate::run::facts::lock::lock;

/// What a closure that makes futures asks for.
pub trait Ask {
    type Given;

    /// The constructor of jobs that may fail and ask for this.
    const FALLIBLE: &'static str;

    /// Takes it, for one attempt. Runs none of the user's code.
    fn gather(&mut self, start: &mut dyn Start) -> Option<Self::Given>;

    /// The jobs whose outputs it asks for.
    fn feeders(&self, _: &mut dyn FnMut(Key)) {}

    /// Moves what a service is ready with to its slot. Whether it replaced anything there.
    fn offer(&mut self, _: &mut dyn Any, _: u32) -> bool {
        false
    }

    /// Drops what it was given to keep and nobody took.
    fn dispose(&mut self) {}

    /// Whether nothing of the user's is left in it.
    fn is_spent(&self) -> bool {
        true
    }
}

/// A closure that takes what is asked for, once.
pub trait Call<G>: Ask {
    type Future: Future;

    fn call(make: G, given: Self::Given) -> Self::Future;
}

/// A closure that takes what is asked for, any number of times.
pub trait CallAgain<G>: Ask {
    type Future: Future;

    fn call_again(make: &mut G, given: Self::Given) -> Self::Future;
}

/// Nothing.
#[derive(Debug)]
pub struct Nothing;

impl Ask for Nothing {
    type Given = ();

    const FALLIBLE: &'static str = "Job::repeat";

    fn gather(&mut self, _: &mut dyn Start) -> Option<()> {
        Some(())
    }
}

impl<G: FnOnce() -> F, F: Future> Call<G> for Nothing {
    type Future = F;

    fn call(make: G, (): ()) -> F {
        make()
    }
}

impl<G: FnMut() -> F, F: Future> CallAgain<G> for Nothing {
    type Future = F;

    fn call_again(make: &mut G, (): ()) -> F {
        make()
    }
}

/// The context of the attempt.
#[derive(Debug)]
pub struct TheContext;

impl Ask for TheContext {
    type Given = Context;

    const FALLIBLE: &'static str = "Job::try_with_context";

    fn gather(&mut self, start: &mut dyn Start) -> Option<Context> {
        Some(start.context())
    }
}

impl<G: FnOnce(Context) -> F, F: Future> Call<G> for TheContext {
    type Future = F;

    fn call(make: G, context: Context) -> F {
        make(context)
    }
}

impl<G: FnMut(Context) -> F, F: Future> CallAgain<G> for TheContext {
    type Future = F;

    fn call_again(make: &mut G, context: Context) -> F {
        make(context)
    }
}

/// The outputs of other jobs.
#[derive(Debug)]
pub struct Values<O>(pub(crate) O);

impl<O: Gather> Ask for Values<O> {
    type Given = O::Values;

    const FALLIBLE: &'static str = "Job::try_with";

    fn feeders(&self, take: &mut dyn FnMut(Key)) {
        self.0.keys(&mut |key, _| take(key));
    }

    fn gather(&mut self, start: &mut dyn Start) -> Option<O::Values> {
        self.0.gather(start)
    }
}

impl<O: Feeds<G>, G> Call<G> for Values<O> {
    type Future = O::Future;

    fn call(make: G, values: O::Values) -> O::Future {
        O::call(make, values)
    }
}

/// The outputs of other jobs, and the context.
#[derive(Debug)]
pub struct ValuesAndContext<O>(pub(crate) O);

impl<O: Gather> Ask for ValuesAndContext<O> {
    type Given = (Context, O::Values);

    const FALLIBLE: &'static str = "Job::repeat_with";

    fn feeders(&self, take: &mut dyn FnMut(Key)) {
        self.0.keys(&mut |key, _| take(key));
    }

    fn gather(&mut self, start: &mut dyn Start) -> Option<Self::Given> {
        let values = self.0.gather(start)?;
        Some((start.context(), values))
    }
}

impl<O: FeedsWith<Context, G>, G> Call<G> for ValuesAndContext<O> {
    type Future = O::Future;

    fn call(make: G, (context, values): Self::Given) -> O::Future {
        O::call(make, context, values)
    }
}

impl<O: FeedsWith<Context, G>, G: Clone> CallAgain<G> for ValuesAndContext<O> {
    type Future = O::Future;

    fn call_again(make: &mut G, (context, values): Self::Given) -> O::Future {
        O::call(make.clone(), context, values)
    }
}

/// The context of an attempt of a service, and what else it asks for.
pub struct Serving<V, O = ()> {
    inputs: O,
    offer: Arc<Mutex<Offer<V>>>,
}

impl<V, O> Serving<V, O> {
    pub(crate) fn new(inputs: O) -> Self {
        Self { inputs, offer: Arc::default() }
    }

    /// The context of the next attempt. What the one before may have left is dropped with the second part.
    fn next(&mut self, start: &mut dyn Start) -> (ServiceContext<V>, Before<V>) {
        let before = Before(std::mem::take(&mut self.offer));
        (ServiceContext::new(start.context(), Arc::clone(&self.offer)), before)
    }
}

impl<V, O> fmt::Debug for Serving<V, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").finish_non_exhaustive()
    }
}

/// What a service was to be ready with in the attempt before, and was not. It is dropped where the closure
/// is called, which is under no lock.
pub struct Before<V>(Arc<Mutex<Offer<V>>>);

impl<V> fmt::Debug for Before<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Before").field(&Arc::strong_count(&self.0)).finish()
    }
}

impl<V: 'static> Serving<V> {
    fn put(offer: &Mutex<Offer<V>>, column: &mut dyn Any, slot: u32) -> bool {
        let value = lock(offer).value.take();
        match (value, column.downcast_mut::<Column<V>>()) {
            (Some(value), Some(column)) => column.put_shared(slot, value),
            _ => false,
        }
    }

    /// The value is the user's to drop: not under the lock.
    fn withdraw(offer: &Mutex<Offer<V>>) {
        let value = lock(offer).value.take();
        drop(value);
    }
}

impl<V: 'static> Ask for Serving<V> {
    type Given = (ServiceContext<V>, Before<V>);

    const FALLIBLE: &'static str = "Job::service";

    fn gather(&mut self, start: &mut dyn Start) -> Option<Self::Given> {
        Some(self.next(start))
    }

    fn offer(&mut self, column: &mut dyn Any, slot: u32) -> bool {
        Self::put(&self.offer, column, slot)
    }

    fn dispose(&mut self) {
        Serving::<V>::withdraw(&self.offer);
    }

    fn is_spent(&self) -> bool {
        lock(&self.offer).value.is_none()
    }
}

impl<V: 'static, G: FnOnce(ServiceContext<V>) -> F, F: Future> Call<G> for Serving<V> {
    type Future = F;

    fn call(make: G, (context, before): Self::Given) -> F {
        drop(before);
        make(context)
    }
}

impl<V: 'static, G: FnMut(ServiceContext<V>) -> F, F: Future> CallAgain<G> for Serving<V> {
    type Future = F;

    fn call_again(make: &mut G, (context, before): Self::Given) -> F {
        drop(before);
        make(context)
    }
}

/// A service that is fed the outputs of other jobs.
pub(crate) type FedServing<V, O> = Serving<V, Values<O>>;

impl<V: 'static, O: Gather> Ask for FedServing<V, O> {
    type Given = (ServiceContext<V>, Before<V>, O::Values);

    const FALLIBLE: &'static str = "Job::service_with";

    fn feeders(&self, take: &mut dyn FnMut(Key)) {
        self.inputs.feeders(take);
    }

    fn gather(&mut self, start: &mut dyn Start) -> Option<Self::Given> {
        let values = self.inputs.gather(start)?;
        let (context, before) = self.next(start);
        Some((context, before, values))
    }

    fn offer(&mut self, column: &mut dyn Any, slot: u32) -> bool {
        Serving::<V>::put(&self.offer, column, slot)
    }

    fn dispose(&mut self) {
        Serving::<V>::withdraw(&self.offer);
    }

    fn is_spent(&self) -> bool {
        lock(&self.offer).value.is_none()
    }
}

impl<V: 'static, O: FeedsWith<ServiceContext<V>, G>, G> Call<G> for FedServing<V, O> {
    type Future = O::Future;

    fn call(make: G, (context, before, values): Self::Given) -> O::Future {
        drop(before);
        O::call(make, context, values)
    }
}

impl<V: 'static, O: FeedsWith<ServiceContext<V>, G>, G: Clone> CallAgain<G> for FedServing<V, O> {
    type Future = O::Future;

    fn call_again(make: &mut G, (context, before, values): Self::Given) -> O::Future {
        drop(before);
        O::call(make.clone(), context, values)
    }
}
