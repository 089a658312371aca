use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{self, Poll};

use super::body::{Body, Execute, Inside, Occasion, Start};
use super::job::Job;
use super::payload::{Local, Payload, Sendable, to_heap};
use crate::run::facts::error::Error;
use crate::run::facts::handle::Key;

/// A body of which only the output is known: made by [`Job::boxed`](crate::Job::boxed) and
/// [`boxed_local`](crate::Job::boxed_local).
pub struct BoxedBody<T, P = Sendable> {
    body: P,
    output: PhantomData<fn() -> T>,
}

/// A [`BoxedBody`] that stays on one thread, and may borrow for `'a`.
pub type LocalBoxedBody<'a, T> = BoxedBody<T, Local<'a>>;

impl<T, P> BoxedBody<T, P> {
    pub(crate) const fn new(body: P) -> Self {
        Self { body, output: PhantomData }
    }
}

impl<T, P: Payload + Unpin> BoxedBody<T, P> {
    fn inner(self: Pin<&mut Self>) -> Pin<&mut (dyn Execute + '_)> {
        self.get_mut().body.parts().0
    }
}

impl<T, P: Payload> fmt::Debug for BoxedBody<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxedBody")
    }
}

impl<T: 'static, P: Payload + Unpin> Body for BoxedBody<T, P> {
    type Output = T;
}

impl<T: 'static, P: Payload + Unpin> Execute for BoxedBody<T, P> {
    fn prepare(self: Pin<&mut Self>, start: &mut dyn Start) {
        self.inner().prepare(start);
    }

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        self.inner().poll(cx)
    }

    fn deliver(self: Pin<&mut Self>, occasion: Occasion, column: &mut dyn Any, slot: u32) -> bool {
        self.inner().deliver(occasion, column, slot)
    }

    fn clear(self: Pin<&mut Self>) {
        self.inner().clear();
    }

    fn can_repeat(&self) -> bool {
        self.body.peek().can_repeat()
    }

    fn feeders(&self, take: &mut dyn FnMut(Key)) {
        self.body.peek().feeders(take);
    }

    fn is_spent(&self) -> bool {
        self.body.peek().is_spent()
    }

    fn inside(&self) -> Option<&dyn Inside> {
        self.body.peek().inside()
    }

    #[cfg(feature = "journal")]
    fn restore(self: Pin<&mut Self>, recorded: &super::keep::Recorded) -> bool {
        self.inner().restore(recorded)
    }
}

impl<B: Body> Job<B> {
    /// Forgets what makes it, so that jobs made in different ways have one type; one allocation. Retries and a
    /// shutdown hook are asked for before and after, in this order.
    ///
    /// ```
    /// use jobgraph::{BoxedBody, Job, SendJobGraph};
    ///
    /// fn fetch(url: &'static str) -> Job<BoxedBody<usize>> {
    ///     match url.strip_prefix("cached:") {
    ///         Some(page) => Job::new(async move { page.len() }).boxed(),
    ///         None => Job::repeat(move || async move { url.parse::<usize>() }).retries(3).boxed(),
    ///     }
    /// }
    ///
    /// let mut graph = SendJobGraph::new();
    /// let pages = ["cached:page", "4"].map(|url| graph.add(fetch(url)));
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert_eq!(pages.map(|page| report.output(&page).copied()), [Some(4), Some(4)]);
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn boxed(self) -> Job<BoxedBody<B::Output>>
    where
        B: Send + 'static,
    {
        let Self { body, hook, particulars, requirements, show } = self;
        let body = to_heap(BoxedBody::new(Sendable::new(body)));
        Job { body, hook, particulars, requirements, show }
    }

    /// Like [`boxed`](Self::boxed), for a [`JobGraph`](crate::JobGraph): the job may borrow, and need not be
    /// `Send`.
    pub fn boxed_local<'a>(self) -> Job<LocalBoxedBody<'a, B::Output>>
    where
        B: 'a,
    {
        let Self { body, hook, particulars, requirements, show } = self;
        let body = to_heap(BoxedBody::new(Local::new(body)));
        Job { body, hook, particulars, requirements, show }
    }
}
