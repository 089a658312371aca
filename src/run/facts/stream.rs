use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{self, Poll};

use super::bell::Bell;
use super::fact::Fact;
use super::lock::lock;
use super::quiet::drop_quietly;

/// What happens in a run, in order: made by [`Graph::facts`](crate::Graph::facts).
pub struct Facts(Arc<Channel>);

#[derive(Default)]
struct Channel(Mutex<Unread>);

#[derive(Default)]
struct Unread {
    facts: VecDeque<Fact>,
    closed: bool,
    reader: Option<Bell>,
}

/// Where the facts of a stream come from; it ends when this is dropped.
pub(crate) struct Sender(Arc<Channel>);

/// Both ends of a stream.
pub(crate) fn stream() -> (Sender, Facts) {
    let channel = Arc::<Channel>::default();
    (Sender(Arc::clone(&channel)), Facts(channel))
}

impl Sender {
    /// Whether anybody is left to read.
    pub(crate) fn send(&self, fact: &Fact) -> bool {
        let fact = fact.clone();
        let mut unread = lock(&self.0.0);
        if unread.closed {
            return false;
        }
        unread.facts.push_back(fact);
        let reader = unread.reader.take();
        drop(unread);
        reader.into_iter().for_each(Bell::ring);
        true
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let mut unread = lock(&self.0.0);
        unread.closed = true;
        let reader = unread.reader.take();
        drop(unread);
        reader.into_iter().for_each(Bell::ring);
    }
}

impl Drop for Facts {
    fn drop(&mut self) {
        let mut unread = lock(&self.0.0);
        unread.closed = true;
        let left = (std::mem::take(&mut unread.facts), unread.reader.take());
        drop(unread);
        drop_quietly(left);
    }
}

impl Facts {
    /// The next fact, once there is one; `None` when all of the run was told: after its end, or once it
    /// was dropped. A graph that can run again tells of all its runs, until it is dropped.
    pub async fn next(&mut self) -> Option<Fact> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The next fact, if there is one by now.
    pub fn try_next(&mut self) -> Option<Fact> {
        lock(&self.0.0).facts.pop_front()
    }

    /// [`next`](Self::next) for those who poll: what `Stream::poll_next` wants to know.
    pub fn poll_next(&mut self, cx: &task::Context<'_>) -> Poll<Option<Fact>> {
        let reader = Bell::of(cx.waker());
        let mut unread = lock(&self.0.0);
        if let Some(fact) = unread.facts.pop_front() {
            return Poll::Ready(Some(fact));
        }
        if unread.closed {
            return Poll::Ready(None);
        }
        let before = unread.reader.replace(reader);
        drop(unread);
        drop(before);
        Poll::Pending
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unread = lock(&self.0.0).facts.len();
        f.debug_struct("Facts").field("unread", &unread).finish_non_exhaustive()
    }
}
