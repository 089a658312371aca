use std::future::Future;
use std::sync::Arc;
use std::vec::Vec;

use super::body::Start;
use crate::run::facts::handle::{Handle, Key};
use crate::run::facts::output::Column;

/// Handles whose outputs feed a job: `&a`; a tuple of up to eight, `(&a, &b)`; or a list, `&handles`,
/// which the closure gets as a `Vec`.
pub trait Inputs {
    /// The same handles, owned.
    type Owned;

    #[doc(hidden)]
    fn owned(self) -> Self::Owned;
}

/// Handles whose outputs can be gathered.
pub trait Gather {
    /// The outputs, shared.
    type Values;

    #[doc(hidden)]
    fn keys(&self, take: &mut dyn FnMut(Key));
    #[doc(hidden)]
    fn gather(&self, start: &mut dyn Start) -> Option<Self::Values>;
}

/// Handles whose outputs fit the arguments of the closure `G`.
pub trait Feeds<G>: Gather {
    /// What the closure returns.
    type Future: Future;

    #[doc(hidden)]
    fn call(make: G, values: Self::Values) -> Self::Future;
}

/// Handles whose outputs fit the arguments of the closure `G` after the first, which is a context `C`.
pub trait FeedsWith<C, G>: Gather {
    /// What the closure returns.
    type Future: Future;

    #[doc(hidden)]
    fn call(make: G, context: C, values: Self::Values) -> Self::Future;
}

fn shared<T: 'static>(handle: &Handle<T>, start: &mut dyn Start) -> Option<Arc<T>> {
    let (column, slot) = start.output(handle.key)?;
    column.downcast_mut::<Column<T>>()?.share(slot)
}

impl<A> Inputs for &Handle<A> {
    type Owned = Handle<A>;

    fn owned(self) -> Handle<A> {
        *self
    }
}

impl<A> Inputs for &[Handle<A>] {
    type Owned = Vec<Handle<A>>;

    fn owned(self) -> Vec<Handle<A>> {
        self.to_vec()
    }
}

impl<A> Inputs for &Vec<Handle<A>> {
    type Owned = Vec<Handle<A>>;

    fn owned(self) -> Vec<Handle<A>> {
        self.clone()
    }
}

impl<A, const N: usize> Inputs for &[Handle<A>; N] {
    type Owned = Vec<Handle<A>>;

    fn owned(self) -> Vec<Handle<A>> {
        self.to_vec()
    }
}

impl<A: 'static> Gather for Vec<Handle<A>> {
    type Values = Vec<Arc<A>>;

    fn keys(&self, take: &mut dyn FnMut(Key)) {
        for handle in self {
            take(handle.key);
        }
    }

    fn gather(&self, start: &mut dyn Start) -> Option<Vec<Arc<A>>> {
        self.iter().map(|handle| shared(handle, start)).collect()
    }
}

impl<A: 'static, G: FnOnce(Vec<Arc<A>>) -> F, F: Future> Feeds<G> for Vec<Handle<A>> {
    type Future = F;

    fn call(make: G, values: Vec<Arc<A>>) -> F {
        make(values)
    }
}

impl<A: 'static, C, G: FnOnce(C, Vec<Arc<A>>) -> F, F: Future> FeedsWith<C, G> for Vec<Handle<A>> {
    type Future = F;

    fn call(make: G, context: C, values: Vec<Arc<A>>) -> F {
        make(context, values)
    }
}

impl<A: 'static> Gather for Handle<A> {
    type Values = Arc<A>;

    fn keys(&self, take: &mut dyn FnMut(Key)) {
        take(self.key);
    }

    fn gather(&self, start: &mut dyn Start) -> Option<Arc<A>> {
        shared(self, start)
    }
}

impl<A: 'static, G: FnOnce(Arc<A>) -> F, F: Future> Feeds<G> for Handle<A> {
    type Future = F;

    fn call(make: G, value: Arc<A>) -> F {
        make(value)
    }
}

impl<A: 'static, C, G: FnOnce(C, Arc<A>) -> F, F: Future> FeedsWith<C, G> for Handle<A> {
    type Future = F;

    fn call(make: G, context: C, value: Arc<A>) -> F {
        make(context, value)
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

        #[expect(non_snake_case, reason = "each type names its value")]
        impl<$($one: 'static),*> Gather for ($(Handle<$one>,)*) {
            type Values = ($(Arc<$one>,)*);

            fn keys(&self, take: &mut dyn FnMut(Key)) {
                let ($($one,)*) = self;
                $(take($one.key);)*
            }

            fn gather(&self, start: &mut dyn Start) -> Option<Self::Values> {
                let ($($one,)*) = self;
                Some(($(shared($one, start)?,)*))
            }
        }

        #[expect(non_snake_case, reason = "each type names its value")]
        impl<$($one: 'static,)* Make: FnOnce($(Arc<$one>),*) -> Fut, Fut: Future> Feeds<Make> for ($(Handle<$one>,)*) {
            type Future = Fut;

            fn call(make: Make, values: Self::Values) -> Fut {
                let ($($one,)*) = values;
                make($($one),*)
            }
        }

        #[expect(non_snake_case, reason = "each type names its value")]
        impl<$($one: 'static,)* Cx, Make, Fut> FeedsWith<Cx, Make> for ($(Handle<$one>,)*)
        where
            Make: FnOnce(Cx, $(Arc<$one>),*) -> Fut,
            Fut: Future,
        {
            type Future = Fut;

            fn call(make: Make, context: Cx, values: Self::Values) -> Fut {
                let ($($one,)*) = values;
                make(context, $($one),*)
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
