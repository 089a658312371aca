use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::string::ToString as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll, ready};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::run::{Again, Boxed, Column, Execute, Inside, Keep, Kept, Key, Occasion, Start};
use crate::{Body, Clock as _, Context, Error, Permanent, Repeat};

/// The body of a job whose output outlives the run: made by [`Job::durable`](crate::Job::durable).
pub struct Durable<B: Body> {
    inner: Boxed<B>,
    held: Held<B::Output>,
    /// How its attempt is kept, once that has begun.
    keep: Option<Keep>,
    /// Says what becomes of it.
    context: Option<Context>,
    kept: Option<Arc<Mutex<Kept>>>,
}

/// How far an attempt is.
enum Held<T> {
    Nothing,
    /// What is recorded, unless it turns out to be of another type.
    Recorded(Arc<str>),
    Restored(T),
    /// It is done, and recorded, and not yet safe.
    Written {
        output: T,
        ticket: u64,
    },
    Done(T),
}

// None of it is pinned but what is on the heap.
impl<B: Body> Unpin for Durable<B> {}

impl<B: Body> fmt::Debug for Durable<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Durable").field("keep", &self.keep).finish_non_exhaustive()
    }
}

impl<B: Body> Durable<B> {
    pub(super) fn new(inner: Boxed<B>) -> Self {
        Self { inner, held: Held::Nothing, keep: None, context: None, kept: None }
    }

    /// Says what a journal has to do with it; that there is no record of it yet, goes without saying.
    fn tell(&self, kept: Kept) {
        if let Some(context) =
            self.context.as_ref().filter(|_| kept != Kept::Again(Again::NoRecord))
        {
            context.note(kept.to_string());
        }
        if let Some(of_job) = &self.kept {
            *of_job.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        }
    }
}

impl<B: Body<Output: Serialize + DeserializeOwned>> Durable<B> {
    /// Takes what is recorded, if it can be read.
    fn read(&mut self, recorded: &str) -> bool {
        match serde_json::from_str(recorded) {
            Ok(output) => {
                self.held = Held::Restored(output);
                true
            }
            Err(_) => false,
        }
    }

    /// The attempt has succeeded: takes its output from it, and records it.
    fn record(&mut self) -> Result<(), Error> {
        let mut column = Column::<B::Output>::new(None);
        self.inner.as_mut().body_mut().deliver(Occasion::Succeeded, &mut column, 0);
        let Some(output) = column.take_first() else { return Ok(()) };
        let Some(keep) = &self.keep else {
            self.held = Held::Done(output);
            return Ok(());
        };
        let json = serde_json::to_string(&output)
            .map_err(|error| Permanent::new(std::format!("journal: {error}")))?;
        let recorded = keep.keeping.keeper.record(keep, &json);
        let ticket = recorded.map_err(|error| std::format!("journal: {error}"))?;
        self.held = Held::Written { output, ticket };
        Ok(())
    }

    fn poll_safe(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        let is_virtual = self.context.as_ref().is_some_and(|cx| cx.clock().is_virtual());
        match (std::mem::replace(&mut self.held, Held::Nothing), &self.keep) {
            (Held::Written { output, ticket }, Some(keep)) => {
                match keep.keeping.keeper.poll_safe(ticket, is_virtual, cx) {
                    Poll::Pending => {
                        self.held = Held::Written { output, ticket };
                        Poll::Pending
                    }
                    Poll::Ready(Err(error)) => {
                        Poll::Ready(Err(std::format!("journal: {error}").into()))
                    }
                    Poll::Ready(Ok(())) => {
                        self.held = Held::Done(output);
                        Poll::Ready(Ok(()))
                    }
                }
            }
            (held, _) => {
                self.held = held;
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl<B: Body<Output: Serialize + DeserializeOwned>> Body for Durable<B> {
    type Output = B::Output;
}

impl<B: Repeat<Output: Serialize + DeserializeOwned>> Repeat for Durable<B> {}

impl<B: Body<Output: Serialize + DeserializeOwned>> Execute for Durable<B> {
    fn prepare(self: Pin<&mut Self>, start: &mut dyn Start) {
        let this = self.get_mut();
        this.keep = start.keep();
        if this.keep.is_none() {
            return this.inner.as_mut().body_mut().prepare(start);
        }
        (this.context, this.kept) = (Some(start.context()), Some(start.kept(Kept::Restored)));
        if let Held::Restored(_) = this.held {
            // It was planned so.
            this.tell(Kept::Restored);
            return;
        }
        this.inner.as_mut().body_mut().prepare(start);
        let Some(keep) = &this.keep else { return };
        match keep.keeping.keeper.restore(keep) {
            Ok(recorded) => this.held = Held::Recorded(recorded),
            Err(again) => this.tell(Kept::Again(again)),
        }
    }

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        match std::mem::replace(&mut this.held, Held::Nothing) {
            Held::Restored(output) => {
                this.held = Held::Restored(output);
                return Poll::Ready(Ok(()));
            }
            Held::Recorded(recorded) => {
                if this.read(&recorded) {
                    this.tell(Kept::Restored);
                    this.inner.as_mut().body_mut().clear();
                    return Poll::Ready(Ok(()));
                }
                if let Some(keep) = &this.keep {
                    keep.keeping.keeper.reject(&keep.key);
                }
                this.tell(Kept::Again(Again::Unreadable));
            }
            written @ Held::Written { .. } => {
                this.held = written;
                return this.poll_safe(cx);
            }
            // An output that nobody took is of the attempt before.
            Held::Nothing | Held::Done(_) => {}
        }
        ready!(this.inner.as_mut().body_mut().poll(cx))?;
        this.record()?;
        this.poll_safe(cx)
    }

    fn deliver(self: Pin<&mut Self>, occasion: Occasion, column: &mut dyn Any, slot: u32) -> bool {
        let this = self.get_mut();
        if occasion != Occasion::Succeeded {
            return this.inner.as_mut().body_mut().deliver(occasion, column, slot);
        }
        match (
            std::mem::replace(&mut this.held, Held::Nothing),
            column.downcast_mut::<Column<B::Output>>(),
        ) {
            (Held::Restored(output) | Held::Done(output), Some(column)) => column.put(slot, output),
            (held, _) => {
                this.held = held;
                false
            }
        }
    }

    fn clear(self: Pin<&mut Self>) {
        let this = self.get_mut();
        this.held = Held::Nothing;
        this.inner.as_mut().body_mut().clear();
    }

    fn can_repeat(&self) -> bool {
        // A second run would restore what the first did.
        false
    }

    fn feeders(&self, take: &mut dyn FnMut(Key)) {
        self.inner.body().feeders(take);
    }

    fn is_spent(&self) -> bool {
        matches!(self.held, Held::Nothing) && self.inner.body().is_spent()
    }

    fn inside(&self) -> Option<&dyn Inside> {
        self.inner.body().inside()
    }

    fn restore(self: Pin<&mut Self>, recorded: &str) -> bool {
        self.get_mut().read(recorded)
    }
}
