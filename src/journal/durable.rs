use std::any::Any;
use std::fmt;
use std::format;
use std::pin::Pin;
use std::string::ToString as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll, ready};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::run::{
    Again, Boxed, Column, Execute, Inside, Keep, Kept, Key, Occasion, Recorded, Start, caught,
};
use crate::{Body, Clock as _, Context, Error, Permanent, Repeat};

/// The body of a job whose output outlives the run: made by [`Job::durable`](crate::Job::durable).
pub struct Durable<B: Body> {
    inner: Boxed<B>,
    held: Held<B::Output>,
    /// What its attempt knows of the journal, if there is one.
    kept: Option<Attempt>,
}

/// How far an attempt is.
enum Held<T> {
    Nothing,
    /// What is recorded, unless it turns out to be of another type.
    Recorded(Recorded),
    /// The same, read.
    Restored(T, u128),
    /// It is done, and recorded, and not yet safe.
    Written(T, u64),
    Done(T),
}

/// An attempt of a job that is kept.
struct Attempt {
    keep: Arc<Keep>,
    context: Context,
    told: Arc<Mutex<Kept>>,
}

impl Attempt {
    /// Says what a journal has to do with it; that there is no record of it yet, goes without saying.
    fn tell(&self, kept: Kept) {
        if kept != Kept::Again(Again::NoRecord) {
            self.context.note(kept.to_string());
        }
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = kept;
    }
}

// None of it is pinned but what is on the heap.
impl<B: Body> Unpin for Durable<B> {}

impl<B: Body> fmt::Debug for Durable<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Durable").finish_non_exhaustive()
    }
}

impl<B: Body> Durable<B> {
    pub(super) fn new(inner: Boxed<B>) -> Self {
        Self { inner, held: Held::Nothing, kept: None }
    }

    fn inner(&mut self) -> Pin<&mut B> {
        self.inner.as_mut().body_mut()
    }
}

impl<B: Body<Output: Serialize + DeserializeOwned>> Durable<B> {
    /// Reads what is recorded; false if that cannot be done.
    fn read(&mut self, recorded: &Recorded) -> bool {
        // It runs code of the user's.
        let read = caught(|| serde_json::from_str(&recorded.output));
        if let Ok(Ok(output)) = read {
            self.held = Held::Restored(output, recorded.digest);
        }
        matches!(self.held, Held::Restored(..))
    }

    /// The attempt has succeeded: takes its output from it, and records it. In doubt that is not done: if it was asked to end,
    /// it may have left something out.
    fn record(&mut self) -> Result<(), Error> {
        let mut column = Column::<B::Output>::new(None);
        self.inner().deliver(Occasion::Succeeded, &mut column, 0);
        let Some(output) = column.take_first() else { return Ok(()) };
        let Some(Attempt { keep, context, .. }) = &self.kept else {
            self.held = Held::Done(output);
            return Ok(());
        };
        if context.is_cancelled() {
            keep.keeper.note(&keep.key, None);
            self.held = Held::Done(output);
            return Ok(());
        }
        let json = serde_json::to_string(&output)
            .map_err(|error| Permanent::new(format!("journal: {error}")))?;
        let ticket =
            keep.keeper.record(keep, &json).map_err(|error| format!("journal: {error}"))?;
        self.held = Held::Written(output, ticket);
        Ok(())
    }

    fn poll_safe(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        let (Held::Written(_, ticket), Some(Attempt { keep, context, .. })) =
            (&self.held, &self.kept)
        else {
            return Poll::Ready(Ok(()));
        };
        let safe = ready!(keep.keeper.poll_safe(*ticket, context.clock().is_virtual(), cx));
        let held = std::mem::replace(&mut self.held, Held::Nothing);
        if let (Held::Written(output, _), Ok(())) = (held, &safe) {
            self.held = Held::Done(output);
        }
        Poll::Ready(safe.map_err(|error| format!("journal: {error}").into()))
    }

    /// What was recorded is what it leaves behind.
    fn adopt(&mut self) -> Poll<Result<(), Error>> {
        if let Held::Restored(output, digest) = std::mem::replace(&mut self.held, Held::Nothing) {
            self.held = Held::Done(output);
            if let Some(attempt) = &self.kept {
                attempt.keep.keeper.note(&attempt.keep.key, Some(digest));
                attempt.tell(Kept::Restored);
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_attempt(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        if let Held::Recorded(recorded) = &self.held {
            let recorded = recorded.clone();
            if self.read(&recorded) {
                self.inner().clear();
            } else if let Some(attempt) = &self.kept {
                attempt.tell(Kept::Again(Again::Unreadable));
            }
        }
        match self.held {
            Held::Restored(..) => return self.adopt(),
            Held::Written(..) => return self.poll_safe(cx),
            // An output that nobody took is of the attempt before.
            Held::Recorded(_) | Held::Done(_) => self.held = Held::Nothing,
            Held::Nothing => {}
        }
        ready!(self.inner().poll(cx))?;
        self.record()?;
        self.poll_safe(cx)
    }
}

impl<B: Body<Output: Serialize + DeserializeOwned>> Body for Durable<B> {
    type Output = B::Output;
}

impl<B: Repeat<Output: Serialize + DeserializeOwned>> Repeat for Durable<B> {}

impl<B: Body<Output: Serialize + DeserializeOwned>> Execute for Durable<B> {
    fn prepare(self: Pin<&mut Self>, start: &mut dyn Start) {
        let this = self.get_mut();
        let Some(keep) = start.keep() else { return this.inner().prepare(start) };
        let (context, told) = (start.context(), start.kept(Kept::Again(Again::NoRecord)));
        let attempt = Attempt { keep, context, told };
        // Otherwise it was planned.
        if !matches!(this.held, Held::Restored(..)) {
            this.inner().prepare(start);
            match attempt.keep.keeper.look_up(&attempt.keep) {
                Ok(recorded) => this.held = Held::Recorded(recorded),
                Err(again) => attempt.tell(Kept::Again(again)),
            }
        }
        this.kept = Some(attempt);
    }

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        let polled = this.poll_attempt(cx);
        if polled.is_ready() {
            // It would hold the journal, as long as the body is anywhere.
            this.kept = None;
        }
        polled
    }

    fn deliver(self: Pin<&mut Self>, occasion: Occasion, column: &mut dyn Any, slot: u32) -> bool {
        let this = self.get_mut();
        if occasion != Occasion::Succeeded {
            return this.inner().deliver(occasion, column, slot);
        }
        let column = column.downcast_mut::<Column<B::Output>>();
        match (std::mem::replace(&mut this.held, Held::Nothing), column) {
            (Held::Done(output), Some(column)) => column.put(slot, output),
            (held, _) => {
                this.held = held;
                false
            }
        }
    }

    fn clear(self: Pin<&mut Self>) {
        let this = self.get_mut();
        (this.held, this.kept) = (Held::Nothing, None);
        this.inner().clear();
    }

    fn can_repeat(&self) -> bool {
        self.inner.body().can_repeat()
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

    fn restore(self: Pin<&mut Self>, recorded: &Recorded) -> bool {
        self.get_mut().read(recorded)
    }
}
