use std::future::Future;
use std::sync::Arc;
use std::vec::Vec;

use super::body::Start;
use crate::orchestrator::Condition;
use crate::run::facts::column::Column;
use crate::run::facts::handle::{Handle, Key};
use crate::run::facts::latest::Latest;
use crate::run::facts::missing::Missing;

/// What feeds a job: a handle, `&a`; a list of handles, `&hosts`, which the closure gets as a `Vec`; either of
/// these as [`settled`] or [`optional`]; or a tuple of up to eight of all these, `(&config, settled(&hosts))`,
/// each an argument of the closure.
pub trait Inputs {
    /// The same handles, owned.
    type Owned;

    #[doc(hidden)]
    fn owned(self) -> Self::Owned;
}

/// Handles whose outputs can be gathered.
pub trait Gather {
    /// What the closure is fed.
    type Values;

    #[doc(hidden)]
    fn keys(&self, take: &mut dyn FnMut(Key, Condition));
    #[doc(hidden)]
    fn gather(&self, start: &mut dyn Start) -> Option<Self::Values>;
}

/// What makes one argument of a closure.
pub trait Input: Gather {}

/// Inputs that fit the arguments of the closure `G`.
pub trait Feeds<G>: Gather {
    /// What the closure returns.
    type Future: Future;

    #[doc(hidden)]
    fn call(make: G, values: Self::Values) -> Self::Future;
}

/// Inputs that fit the arguments of the closure `G` after the first, which is a context `C`.
pub trait FeedsWith<C, G>: Gather {
    /// What the closure returns.
    type Future: Future;

    #[doc(hidden)]
    fn call(make: G, context: C, values: Self::Values) -> Self::Future;
}

/// Inputs that a job is fed however it went: see [`settled`].
#[derive(Clone, Copy, Debug)]
pub struct Settled<I>(I);

/// Inputs that a job is fed if there are any: see [`optional`].
#[derive(Clone, Copy, Debug)]
pub struct Optional<I>(I);

/// Feeds a job what became of others: each a `Result`, of the output as an `Arc`, or of why it is
/// [`Missing`]: it failed, was cancelled, or never ran. The job starts as soon as that is decided, and is not
/// skipped. What failed makes [`Report::check`](crate::Report::check) fail all the same.
///
/// ```
/// use jobgraph::{Job, JobGraph, settled};
///
/// let mut graph = JobGraph::new();
/// let hosts = ["a", "b", "?"].map(|host| {
///     graph.add(Job::try_new(async move {
///         if host == "?" { Err("no such host") } else { Ok(host) }
///     }).label(host))
/// });
/// let survey = graph.add(Job::with(settled(&hosts), |hosts| async move {
///     let down = hosts.iter().filter_map(|host| host.as_ref().err());
///     down.map(ToString::to_string).collect::<Vec<_>>()
/// }));
/// let report = jobgraph::smol::block_on(graph)?;
/// assert_eq!(report.output(&survey).unwrap(), &["#3 ? failed: no such host"]);
/// # Ok::<(), jobgraph::RunError>(())
/// ```
pub fn settled<I: Inputs>(inputs: I) -> Settled<I::Owned> {
    Settled(inputs.owned())
}

/// Feeds a job an `Option` of the output of another one, as an `Arc`: what that left behind, if it did. Of a
/// nested graph that is its report, however it ended. Otherwise like [`settled`].
pub fn optional<I: Inputs>(inputs: I) -> Optional<I::Owned> {
    Optional(inputs.owned())
}

/// An input that a job is fed as a [`Latest`]: see [`latest`].
#[derive(Clone, Copy, Debug)]
pub struct LatestOf<I>(I);

/// Feeds a job a [`Latest`], which has the value of a [restarted](crate::Job::restartable) service also once that
/// is ready again, with another one: it goes on with the new connection, say. Otherwise like the handle.
///
/// ```
/// use jobgraph::{Job, JobGraph, Latest, latest};
///
/// let mut graph = JobGraph::new();
/// let db = graph.add(Job::restartable(|cx| async move {
///     let number = cx.attempt().number;
///     cx.ready(number);
///     if number == 1 {
///         return Err("connection lost".into());
///     }
///     cx.cancelled().await;
///     Ok(())
/// }).retries(3));
/// let uses = graph.add(Job::with(latest(&db), |db: Latest<u32>| async move {
///     while *db.get() == 1 {
///         futures_lite::future::yield_now().await;
///     }
///     *db.get()
/// }));
/// assert_eq!(jobgraph::smol::block_on(graph)?.output(&uses), Some(&2));
/// # Ok::<(), jobgraph::RunError>(())
/// ```
#[must_use]
pub fn latest<T>(service: &Handle<T>) -> LatestOf<Handle<T>> {
    LatestOf(*service)
}

fn shared<T: 'static>(handle: &Handle<T>, start: &mut dyn Start) -> Option<Arc<T>> {
    let (column, slot) = start.output(handle.key)?;
    column.downcast_mut::<Column<T>>()?.share(slot)
}

fn outcome<T: 'static>(handle: &Handle<T>, start: &mut dyn Start) -> Result<Arc<T>, Missing> {
    match start.missing(handle.key) {
        Some(missing) => Err(missing),
        None => shared(handle, start).ok_or_else(|| Missing::gone(handle.id())),
    }
}

impl<A> Inputs for Handle<A> {
    type Owned = Self;

    fn owned(self) -> Self {
        self
    }
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

impl<A> Inputs for Vec<Handle<A>> {
    type Owned = Self;

    fn owned(self) -> Self {
        self
    }
}

impl<A, const N: usize> Inputs for &[Handle<A>; N] {
    type Owned = Vec<Handle<A>>;

    fn owned(self) -> Vec<Handle<A>> {
        self.to_vec()
    }
}

impl<I> Inputs for Settled<I> {
    type Owned = Self;

    fn owned(self) -> Self {
        self
    }
}

impl<I> Inputs for Optional<I> {
    type Owned = Self;

    fn owned(self) -> Self {
        self
    }
}

impl<I> Inputs for LatestOf<I> {
    type Owned = Self;

    fn owned(self) -> Self {
        self
    }
}

impl<A: 'static> Gather for LatestOf<Handle<A>> {
    type Values = Latest<A>;

    fn keys(&self, take: &mut dyn FnMut(Key, Condition)) {
        self.0.keys(take);
    }

    fn gather(&self, start: &mut dyn Start) -> Option<Latest<A>> {
        let (column, slot) = start.output(self.0.key)?;
        column.downcast_mut::<Column<A>>()?.watch(slot)
    }
}

impl<A: 'static> Gather for Handle<A> {
    type Values = Arc<A>;

    fn keys(&self, take: &mut dyn FnMut(Key, Condition)) {
        take(self.key, Condition::Succeeded);
    }

    fn gather(&self, start: &mut dyn Start) -> Option<Arc<A>> {
        shared(self, start)
    }
}

impl<A: 'static> Gather for Vec<Handle<A>> {
    type Values = Vec<Arc<A>>;

    fn keys(&self, take: &mut dyn FnMut(Key, Condition)) {
        for handle in self {
            handle.keys(take);
        }
    }

    fn gather(&self, start: &mut dyn Start) -> Option<Vec<Arc<A>>> {
        self.iter().map(|handle| shared(handle, start)).collect()
    }
}

/// Those of these, once they are settled.
fn settled_keys(inputs: &impl Gather, take: &mut dyn FnMut(Key, Condition)) {
    inputs.keys(&mut |key, _| take(key, Condition::Settled));
}

impl<A: 'static> Gather for Settled<Handle<A>> {
    type Values = Result<Arc<A>, Missing>;

    fn keys(&self, take: &mut dyn FnMut(Key, Condition)) {
        settled_keys(&self.0, take);
    }

    fn gather(&self, start: &mut dyn Start) -> Option<Self::Values> {
        Some(outcome(&self.0, start))
    }
}

impl<A: 'static> Gather for Settled<Vec<Handle<A>>> {
    type Values = Vec<Result<Arc<A>, Missing>>;

    fn keys(&self, take: &mut dyn FnMut(Key, Condition)) {
        settled_keys(&self.0, take);
    }

    fn gather(&self, start: &mut dyn Start) -> Option<Self::Values> {
        Some(self.0.iter().map(|handle| outcome(handle, start)).collect())
    }
}

impl<A: 'static> Gather for Optional<Handle<A>> {
    type Values = Option<Arc<A>>;

    fn keys(&self, take: &mut dyn FnMut(Key, Condition)) {
        settled_keys(&self.0, take);
    }

    fn gather(&self, start: &mut dyn Start) -> Option<Self::Values> {
        Some(shared(&self.0, start))
    }
}

impl<A: 'static> Gather for Optional<Vec<Handle<A>>> {
    type Values = Vec<Option<Arc<A>>>;

    fn keys(&self, take: &mut dyn FnMut(Key, Condition)) {
        settled_keys(&self.0, take);
    }

    fn gather(&self, start: &mut dyn Start) -> Option<Self::Values> {
        Some(self.0.iter().map(|handle| shared(handle, start)).collect())
    }
}

impl<A: 'static> Input for Handle<A> {}
impl<A: 'static> Input for Vec<Handle<A>> {}
impl<I> Input for Settled<I> where Self: Gather {}
impl<I> Input for Optional<I> where Self: Gather {}
impl<I> Input for LatestOf<I> where Self: Gather {}

impl<I: Input, G: FnOnce(I::Values) -> F, F: Future> Feeds<G> for I {
    type Future = F;

    fn call(make: G, values: I::Values) -> F {
        make(values)
    }
}

impl<I: Input, C, G: FnOnce(C, I::Values) -> F, F: Future> FeedsWith<C, G> for I {
    type Future = F;

    fn call(make: G, context: C, values: I::Values) -> F {
        make(context, values)
    }
}

macro_rules! tuples {
    ($($one:ident)*) => {
        impl<$($one: Inputs),*> Inputs for ($($one,)*) {
            type Owned = ($($one::Owned,)*);

            #[expect(non_snake_case, reason = "each type names its value")]
            fn owned(self) -> Self::Owned {
                let ($($one,)*) = self;
                ($($one.owned(),)*)
            }
        }

        #[expect(non_snake_case, reason = "each type names its value")]
        impl<$($one: Input),*> Gather for ($($one,)*) {
            type Values = ($($one::Values,)*);

            fn keys(&self, take: &mut dyn FnMut(Key, Condition)) {
                let ($($one,)*) = self;
                $($one.keys(take);)*
            }

            fn gather(&self, start: &mut dyn Start) -> Option<Self::Values> {
                let ($($one,)*) = self;
                Some(($($one.gather(start)?,)*))
            }
        }

        #[expect(non_snake_case, reason = "each type names its value")]
        impl<$($one: Input,)* Make: FnOnce($($one::Values),*) -> Fut, Fut: Future> Feeds<Make> for ($($one,)*) {
            type Future = Fut;

            fn call(make: Make, values: Self::Values) -> Fut {
                let ($($one,)*) = values;
                make($($one),*)
            }
        }

        #[expect(non_snake_case, reason = "each type names its value")]
        impl<$($one: Input,)* Cx, Make, Fut> FeedsWith<Cx, Make> for ($($one,)*)
        where
            Make: FnOnce(Cx, $($one::Values),*) -> Fut,
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
