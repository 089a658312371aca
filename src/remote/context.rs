use std::fmt;
use std::format;
use std::ops::Deref;
use std::string::String;
use std::sync::{Arc, OnceLock};

use crate::Context;

/// What a handler sees of its call: a [`Context`], that of the job itself where it is handled in the same process, of the worker's
/// service elsewhere; but [`cancelled`](Context::cancelled) is always of the call.
#[derive(Clone)]
pub struct CallContext {
    context: Context,
    id: Id,
    delivery: u32,
}

#[derive(Clone)]
enum Id {
    Given(Arc<str>),
    /// It is that of the attempt, once somebody asks.
    OfAttempt(OnceLock<String>),
}

impl CallContext {
    pub(super) fn of_job(cx: &Context, key: Option<&str>) -> Self {
        let id = key.map_or_else(|| Id::OfAttempt(OnceLock::new()), |key| Id::Given(key.into()));
        Self { context: cx.clone(), id, delivery: 1 }
    }

    /// For adapters: one of a call that a service handles for somebody elsewhere, and that is [cancelled](Self::cancel) by itself, not with
    /// the service. The delivery counts from 1.
    #[must_use]
    pub fn apart(cx: &Context, id: &str, delivery: u32) -> Self {
        Self { context: cx.apart(), id: Id::Given(id.into()), delivery }
    }

    /// Asks the handler to end.
    pub fn cancel(&self) {
        for bell in self.context.cancel() {
            bell.ring();
        }
    }

    /// What names the work: the same in all deliveries of it, and in all attempts and resumptions of a durable job. An effect that is
    /// known by it, as a payment by its number, is not had twice.
    #[must_use]
    pub fn id(&self) -> &str {
        match &self.id {
            Id::Given(id) => id,
            Id::OfAttempt(id) => id.get_or_init(|| {
                let attempt = self.context.attempt();
                format!("{}-{}", attempt.job, attempt.number)
            }),
        }
    }

    /// How often the call was brought to a handler, this time included: more than once if a worker was lost with it.
    #[must_use]
    pub fn delivery(&self) -> u32 {
        self.delivery
    }
}

impl Deref for CallContext {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

impl fmt::Debug for CallContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallContext")
            .field("id", &self.id())
            .field("delivery", &self.delivery)
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}
