use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;

use super::ask::{Ask, Call, CallAgain};
use super::body::{Inside, Start};
use crate::run::facts::handle::Key;
use crate::run::facts::quiet::note_caught;

/// Where the futures of attempts come from.
pub trait Make {
    type Future: Future;

    /// The constructor of jobs that may fail, of the same kind.
    const FALLIBLE: &'static str = "Job::try_new";

    /// Takes what the next future needs. Runs none of the user's code.
    fn gather(&mut self, start: &mut dyn Start);

    /// The next future; `None` if what it was made of is used up.
    fn make(&mut self) -> Option<Self::Future>;

    /// The jobs whose outputs it gathers.
    fn feeders(&self, _: &mut dyn FnMut(Key)) {}

    /// Drops what was gathered, if no future was made of it.
    fn forget(&mut self);

    /// Drops all that it holds for an attempt, each part by itself.
    fn dispose(&mut self) {}

    /// Moves what a service is ready with to its slot. Whether it replaced anything there.
    fn offer(&mut self, _: &mut dyn Any, _: u32) -> bool {
        false
    }

    /// Whether nothing of the user's is left in it.
    fn is_spent(&self) -> bool;

    /// Whether any number of futures can be made.
    const REPEATS: bool = false;

    /// The graph that it is, if that has not begun.
    fn inside(&self) -> Option<&dyn Inside> {
        None
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

    fn gather(&mut self, _: &mut dyn Start) {}

    fn make(&mut self) -> Option<F> {
        None
    }

    fn forget(&mut self) {}

    fn is_spent(&self) -> bool {
        true
    }
}

/// Futures made by a closure, which is called [`Once`] or [`Again`] with what it asks for.
pub struct Maker<A: Ask, T> {
    ask: A,
    given: Option<A::Given>,
    closure: T,
}

/// A closure that is called once.
#[derive(Debug)]
pub struct Once<G>(Option<G>);

/// A closure that is called for each attempt.
#[derive(Debug)]
pub struct Again<G>(G);

impl<A: Ask, G> Maker<A, Once<G>> {
    pub(crate) const fn once(ask: A, make: G) -> Self {
        Self { ask, given: None, closure: Once(Some(make)) }
    }
}

impl<A: Ask, G> Maker<A, Again<G>> {
    pub(crate) const fn again(ask: A, make: G) -> Self {
        Self { ask, given: None, closure: Again(make) }
    }
}

/// How often a closure is called.
pub trait Times<A: Ask> {
    type Future: Future;

    /// Whether any number of times.
    const REPEATS: bool;

    /// Calls the closure; `None` if that was done as often as it can be, or nothing was gathered for it.
    fn call(&mut self, given: &mut Option<A::Given>) -> Option<Self::Future>;

    /// Whether the closure is gone.
    fn is_spent(&self) -> bool;
}

impl<A: Call<G>, G> Times<A> for Once<G> {
    type Future = A::Future;

    const REPEATS: bool = false;

    fn call(&mut self, given: &mut Option<A::Given>) -> Option<A::Future> {
        Some(A::call(self.0.take()?, given.take()?))
    }

    fn is_spent(&self) -> bool {
        self.0.is_none()
    }
}

impl<A: CallAgain<G>, G> Times<A> for Again<G> {
    type Future = A::Future;

    const REPEATS: bool = true;

    fn call(&mut self, given: &mut Option<A::Given>) -> Option<A::Future> {
        Some(A::call_again(&mut self.0, given.take()?))
    }

    fn is_spent(&self) -> bool {
        false
    }
}

impl<A: Ask, T: Times<A>> Make for Maker<A, T> {
    type Future = T::Future;

    const FALLIBLE: &'static str = A::FALLIBLE;

    fn gather(&mut self, start: &mut dyn Start) {
        self.given = self.ask.gather(start);
    }

    fn feeders(&self, take: &mut dyn FnMut(Key)) {
        self.ask.feeders(take);
    }

    fn make(&mut self) -> Option<T::Future> {
        self.closure.call(&mut self.given)
    }

    fn forget(&mut self) {
        self.given = None;
    }

    fn dispose(&mut self) {
        note_caught(|| self.forget());
        note_caught(|| self.ask.dispose());
    }

    fn offer(&mut self, column: &mut dyn Any, slot: u32) -> bool {
        self.ask.offer(column, slot)
    }

    fn is_spent(&self) -> bool {
        self.closure.is_spent() && self.given.is_none() && self.ask.is_spent()
    }

    const REPEATS: bool = T::REPEATS;
}

impl<A: Ask, T> fmt::Debug for Maker<A, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maker").field("gathered", &self.given.is_some()).finish_non_exhaustive()
    }
}
