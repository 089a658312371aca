use std::fmt;
use std::format;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::engine::{Call, Engine};
use crate::{Context, Error, Handle, Job, Permanent, Repeat};

/// How long a call has to end in order where it is handled, unless its job says otherwise.
const GRACE: Duration = Duration::from_secs(5);

/// A task that can be handled elsewhere: its name, what it is given, and what it answers. Both sides share it, best as a constant
/// of a crate that both depend on.
///
/// The name is all that travels. Another meaning of it, or another type, is another name: `resize.v2`.
pub struct Remote<I, O> {
    name: &'static str,
    of: PhantomData<fn(I) -> O>,
}

impl<I, O> Remote<I, O> {
    /// A task of this name.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self { name, of: PhantomData }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<I: Serialize, O: DeserializeOwned> Remote<I, O> {
    /// A job that has this handled by an engine, given what another job left behind. It requires both, and is otherwise a job as
    /// any: with a timeout, retries, pools, [`durable`](Job::durable) where there is a journal. Its label is the task's name, and it
    /// has five seconds of grace, unless it is given others.
    pub fn job(
        self,
        engine: &Handle<Engine>,
        input: &Handle<I>,
    ) -> Job<impl Repeat<Output = O> + use<I, O>>
    where
        I: 'static,
        O: 'static,
    {
        let call = async move |cx: Context, engine: Arc<Engine>, input: Arc<I>| {
            self.call(&cx, &engine, &input).await
        };
        Job::repeat_with((engine, input), call).label(self.name).grace(GRACE)
    }

    /// The same, given a value that is known already.
    pub fn of(self, engine: &Handle<Engine>, input: I) -> Job<impl Repeat<Output = O> + use<I, O>>
    where
        I: 'static,
        O: 'static,
    {
        let input = Arc::new(input);
        let call = move |cx: Context, engine: Arc<Engine>| {
            let input = Arc::clone(&input);
            async move { self.call(&cx, &engine, &input).await }
        };
        Job::repeat_with(engine, call).label(self.name).grace(GRACE)
    }

    /// Has it handled, from within an attempt of a job: when that is asked to end, so is this; when it is dropped, this is.
    ///
    /// # Errors
    /// [`CallError`](super::CallError), marked as [`Permanent`] if the handler's was; [`Cancelled`](crate::Cancelled) if it was asked to end.
    pub async fn call(self, cx: &Context, engine: &Engine, input: &I) -> Result<O, Error> {
        let name = self.name;
        let input = serde_json::to_vec(input)
            .map_err(|error| Permanent::new(format!("{name}: its input: {error}")))?;
        let answer = engine.call(cx, Call::new(name, cx, input)).await?;
        serde_json::from_slice(&answer).map_err(|error| {
            Permanent::new(format!("{name}: its answer is of another type: {error}")).into()
        })
    }
}

impl<I, O> Clone for Remote<I, O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I, O> Copy for Remote<I, O> {}

impl<I, O> fmt::Debug for Remote<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remote").field(&self.name).finish()
    }
}
