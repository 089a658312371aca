//! The calls of an engine that wait for their answers, and what is heard of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::subjects::Id;
use crate::wire::Begun;

/// Who has not begun after this, is asked for.
const SLOW: Duration = Duration::from_secs(2);

/// What is heard of a call.
pub(crate) enum News {
    Begun(Begun),
    Done(Option<HeaderMap>, Bytes),
    /// Nobody is there who would handle it.
    Nobody,
    /// Somebody has removed what was kept of calls.
    Lost,
}

struct Waits {
    task: &'static str,
    since: Instant,
    has_begun: bool,
    /// Boxed: channels keep room for some, for each call.
    news: mpsc::UnboundedSender<Box<News>>,
}

impl Waits {
    fn is_slow(&self) -> bool {
        self.since.elapsed() > SLOW
    }

    /// Whether nobody seems to be there who would begin it.
    fn is_alone(&self) -> bool {
        !self.has_begun && self.is_slow()
    }

    fn tell(&self, news: News) {
        let _ = self.news.send(Box::new(news));
    }
}

/// All of them, by what they are called. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Waiting(Arc<Mutex<HashMap<String, Waits>>>);

/// A call under its name, until dropped.
pub(crate) struct Slot {
    waiting: Waiting,
    pub(crate) task: &'static str,
    pub(crate) id: String,
    /// Whether it is to be found by whoever comes back.
    pub(crate) comes_back: bool,
    /// Whether what it was given is in an object.
    pub(crate) is_large: bool,
    pub(crate) news: mpsc::UnboundedReceiver<Box<News>>,
}

impl Slot {
    /// The same call under another name.
    pub(crate) fn rename(&mut self, id: String) {
        *self = self.waiting.enter(self.task, id, self.comes_back);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.waiting.calls().get(&self.id).is_some_and(|waits| waits.has_begun)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.waiting.calls().remove(&self.id);
    }
}

impl Waiting {
    fn calls(&self) -> MutexGuard<'_, HashMap<String, Waits>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn enter(&self, task: &'static str, id: String, comes_back: bool) -> Slot {
        let (tell, news) = mpsc::unbounded_channel();
        let waits = Waits { task, since: Instant::now(), has_begun: false, news: tell };
        self.calls().insert(id.clone(), waits);
        Slot { waiting: self.clone(), task, id, comes_back, is_large: false, news }
    }

    /// A worker has begun.
    pub(crate) fn begun(&self, begun: Begun) {
        if let Some(waits) = self.calls().get_mut(&begun.id) {
            waits.has_begun = true;
            waits.tell(News::Begun(begun));
        }
    }

    /// An answer is there.
    pub(crate) fn done(&self, id: &Id, headers: Option<HeaderMap>, payload: Bytes) {
        if let Some(waits) = self.calls().get(id) {
            waits.tell(News::Done(headers, payload));
        }
    }

    /// Somebody has removed what was kept of them.
    pub(crate) fn lost(&self) {
        self.calls().values().for_each(|waits| waits.tell(News::Lost));
    }

    /// Nobody handles that task.
    pub(crate) fn nobody(&self, task: &str) {
        let calls = self.calls();
        let alone = calls.values().filter(|waits| waits.task == task && waits.is_alone());
        alone.for_each(|waits| waits.tell(News::Nobody));
    }

    /// Whether any has waited for long.
    pub(crate) fn is_any_slow(&self) -> bool {
        self.calls().values().any(Waits::is_slow)
    }

    /// The tasks of those that have waited for long, and that nobody has begun.
    pub(crate) fn alone(&self) -> BTreeSet<&'static str> {
        let calls = self.calls();
        calls.values().filter(|waits| waits.is_alone()).map(|waits| waits.task).collect()
    }

    /// All of them, with their tasks.
    pub(crate) fn all(&self) -> Vec<(&'static str, String)> {
        self.calls().iter().map(|(id, waits)| (waits.task, id.clone())).collect()
    }
}
