use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{self, Poll};

use pin_project_lite::pin_project;

use super::ask::CallAgain;
use super::body::{Body, Execute, Inside, Occasion, Repeat, Start};
use super::make::{Again, Given, Make, Maker};
use crate::run::facts::column::Column;
use crate::run::facts::error::{Error, Permanent};
use crate::run::facts::handle::Key;
use crate::run::facts::quiet::note_caught;

/// What a future's output means.
pub trait Settle<R> {
    type Output: 'static;

    /// The output, if there is one, and whether the attempt succeeded.
    fn settle(result: R) -> (Option<Self::Output>, Result<(), Error>);

    /// Whether the output counts although the attempt did not succeed.
    const ALWAYS: bool = false;

    /// Whether a `Result` is an output like any other, though nobody said so.
    fn mistakes_results() -> bool {
        false
    }
}

/// The output is the job's output; one that is a `Result` only if that is meant.
#[derive(Debug)]
pub struct Plain<const MEANT: bool = false>;

impl<T: 'static, const MEANT: bool> Settle<T> for Plain<MEANT> {
    type Output = T;

    fn settle(result: T) -> (Option<T>, Result<(), Error>) {
        (Some(result), Ok(()))
    }

    // There is no other way to see of any type that it is a `Result`. Of a type that is known this folds away.
    fn mistakes_results() -> bool {
        !MEANT && std::any::type_name::<T>().starts_with("core::result::Result<")
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

/// The output is what the service was ready with.
#[derive(Debug)]
pub struct Served<V>(PhantomData<fn() -> V>);

impl<V: 'static> Settle<Result<(), Error>> for Served<V> {
    type Output = V;

    fn settle(result: Result<(), Error>) -> (Option<V>, Result<(), Error>) {
        (None, result)
    }
}

pin_project! {
    /// The body of every job: one future at a time, where futures come from, and what their output means.
    pub struct Simple<M: Make, K: Settle<<M::Future as Future>::Output>> {
        make: M,
        #[pin]
        held: Held<M::Future, K::Output>,
    }

    impl<M: Make, K: Settle<<M::Future as Future>::Output>> PinnedDrop for Simple<M, K> {
        // Each part by itself: two panics at once would abort.
        fn drop(this: Pin<&mut Self>) {
            if !this.is_spent() {
                let mut this = this.project();
                note_caught(|| this.held.set(Held::Nothing));
                this.make.dispose();
            }
        }
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

// Apart from where a future is polled: in a debug build the frame of a function has room for all that it
// moves, and a future may be large.
impl<F, T> Held<F, T> {
    #[inline]
    fn begin(mut self: Pin<&mut Self>, make: &mut impl Make<Future = F>) {
        if let Some(future) = make.make() {
            self.set(Self::Future { future });
        }
    }

    #[inline]
    fn keep(mut self: Pin<&mut Self>, output: Option<T>) {
        match output {
            Some(output) => self.set(Self::Output { output }),
            None => self.set(Self::Nothing),
        }
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

    #[inline]
    fn mistaken() -> Option<&'static str> {
        K::mistakes_results().then_some(M::FALLIBLE)
    }
}

impl<A: CallAgain<G>, G, K: Settle<<A::Future as Future>::Output>> Repeat
    for Simple<Maker<A, Again<G>>, K>
{
}

impl<M: Make, K: Settle<<M::Future as Future>::Output>> Execute for Simple<M, K> {
    fn prepare(self: Pin<&mut Self>, start: &mut dyn Start) {
        self.project().make.gather(start);
    }

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        let mut this = self.project();
        // An output that nobody took is of the attempt before.
        if !matches!(this.held.as_mut().project(), HeldProjection::Future { .. }) {
            this.held.as_mut().begin(this.make);
        }
        let HeldProjection::Future { future } = this.held.as_mut().project() else {
            return Poll::Ready(Err(ran_before()));
        };
        let Poll::Ready(result) = future.poll(cx) else { return Poll::Pending };
        let (output, result) = K::settle(result);
        this.held.keep(output);
        Poll::Ready(result)
    }

    fn deliver(self: Pin<&mut Self>, occasion: Occasion, column: &mut dyn Any, slot: u32) -> bool {
        let this = self.project();
        let mut held = this.held;
        match occasion {
            Occasion::Ready => return this.make.offer(column, slot),
            Occasion::Failed if !K::ALWAYS => return false,
            Occasion::Succeeded | Occasion::Failed => {}
        }
        if let HeldProjection::Output { .. } = held.as_mut().project()
            && let Some(column) = column.downcast_mut::<Column<K::Output>>()
            && let HeldReplaced::Output { output } = held.project_replace(Held::Nothing)
        {
            return column.put(slot, output);
        }
        false
    }

    fn clear(self: Pin<&mut Self>) {
        let mut this = self.project();
        this.make.forget();
        this.held.set(Held::Nothing);
    }

    fn can_repeat(&self) -> bool {
        M::REPEATS
    }

    fn feeders(&self, take: &mut dyn FnMut(Key)) {
        self.make.feeders(take);
    }

    fn is_spent(&self) -> bool {
        matches!(self.held, Held::Nothing) && self.make.is_spent()
    }

    fn inside(&self) -> Option<&dyn Inside> {
        self.make.inside()
    }
}

#[cold]
fn ran_before() -> Error {
    Permanent::new("a job that can run only once was started again").into()
}
