use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::vec::Vec;

use crate::orchestrator::{JobId, PoolId};

/// A job of a graph, whatever its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// That of the graph, or of the run that it was added to.
    pub(crate) scope: u64,
    pub(crate) id: JobId,
}

/// Which handles belong to a run: those of jobs that were built into its graph, and those of jobs that were
/// added while it went on. Each number is given out once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) graph: u64,
    pub(crate) run: u64,
}

impl Scope {
    /// That of a new graph, which does not run.
    pub(crate) fn of_graph() -> Self {
        let graph = Self::fresh();
        Self { graph, run: graph }
    }

    /// That of a new run of the graph.
    pub(crate) fn of_run(self) -> Self {
        Self { run: Self::fresh(), ..self }
    }

    fn fresh() -> u64 {
        static SCOPES: AtomicU64 = AtomicU64::new(1);
        SCOPES.fetch_add(1, Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn owns(self, key: Key) -> bool {
        self.has(key.scope)
    }

    #[inline]
    pub(crate) fn has(self, scope: u64) -> bool {
        scope == self.graph || scope == self.run
    }
}

/// A job that was added to a graph, and the type of its output.
///
/// Used to require the job, and to read its output from the report. `Copy`, whatever `T` is.
pub struct Handle<T> {
    pub(crate) key: Key,
    output: PhantomData<fn() -> T>,
}

impl<T> Handle<T> {
    pub(crate) const fn new(key: Key) -> Self {
        Self { key, output: PhantomData }
    }

    /// The job's id in its graph.
    #[must_use]
    pub const fn id(&self) -> JobId {
        self.key.id
    }

    /// The same, whatever the output is: to keep handles of different jobs in one list.
    ///
    /// ```
    /// use jobgraph::{Job, JobGraph};
    ///
    /// let mut graph = JobGraph::new();
    /// let before = vec![
    ///     graph.add(Job::new(async { 1 })).any(),
    ///     graph.add(Job::new(async { "two" })).any(),
    /// ];
    /// graph.add(Job::new(async {}).requires(&before));
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert!(before.iter().all(|job| report.is_done(job)));
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    #[must_use]
    pub const fn any(&self) -> AnyHandle {
        AnyHandle { key: self.key }
    }
}

/// A job that was added to a graph, whatever its output: see [`Handle::any`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AnyHandle {
    key: Key,
}

impl AnyHandle {
    /// The job's id in its graph.
    #[must_use]
    pub const fn id(&self) -> JobId {
        self.key.id
    }
}

impl fmt::Debug for AnyHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnyHandle({})", self.key.id)
    }
}

/// A [`Handle`], or an [`AnyHandle`].
pub trait JobHandle {
    #[doc(hidden)]
    fn key(&self) -> Key;
}

impl<T> JobHandle for Handle<T> {
    fn key(&self) -> Key {
        self.key
    }
}

impl JobHandle for AnyHandle {
    fn key(&self) -> Key {
        self.key
    }
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Handle<T> {}

impl<T> PartialEq for Handle<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<T> Eq for Handle<T> {}

impl<T> Hash for Handle<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({})", self.key.id)
    }
}

/// A limit by name, beside the window: made by [`Graph::pool`](crate::Graph::pool), and named by the jobs that
/// take from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pool {
    pub(crate) scope: u64,
    pub(crate) id: PoolId,
}

/// Jobs that can be required together: `&a`, `[&a, &b]`, `&vec_of_handles`, and tuples of these.
pub trait Requirements {
    #[doc(hidden)]
    fn each(self, take: &mut impl FnMut(Key));

    /// About how many they are.
    #[doc(hidden)]
    fn count(&self) -> usize {
        1
    }
}

// Only for references to handles: by value, clippy would call every `&` needless.
impl<H: JobHandle> Requirements for &H {
    fn each(self, take: &mut impl FnMut(Key)) {
        take(self.key());
    }
}

impl<H: JobHandle> Requirements for &[H] {
    fn each(self, take: &mut impl FnMut(Key)) {
        for handle in self {
            take(handle.key());
        }
    }

    fn count(&self) -> usize {
        self.len()
    }
}

impl<H: JobHandle, const N: usize> Requirements for &[H; N] {
    fn each(self, take: &mut impl FnMut(Key)) {
        self.as_slice().each(take);
    }
}

impl<H: JobHandle> Requirements for &Vec<H> {
    fn each(self, take: &mut impl FnMut(Key)) {
        self.as_slice().each(take);
    }

    fn count(&self) -> usize {
        self.len()
    }
}

impl<R: Requirements, const N: usize> Requirements for [R; N] {
    fn each(self, take: &mut impl FnMut(Key)) {
        for one in self {
            one.each(take);
        }
    }
}

impl<R: Requirements> Requirements for Vec<R> {
    fn each(self, take: &mut impl FnMut(Key)) {
        for one in self {
            one.each(take);
        }
    }

    fn count(&self) -> usize {
        self.len()
    }
}

impl Requirements for () {
    fn each(self, _: &mut impl FnMut(Key)) {}
}

macro_rules! tuples {
    ($($one:ident)*) => {
        impl<$($one: Requirements),*> Requirements for ($($one,)*) {
            fn each(self, take: &mut impl FnMut(Key)) {
                #[expect(non_snake_case, reason = "each type names its value")]
                let ($($one,)*) = self;
                $($one.each(take);)*
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
