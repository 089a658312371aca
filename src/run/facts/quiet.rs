use std::any::{Any, TypeId};
use std::boxed::Box;
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::string::{String, ToString};
use std::sync::{Arc, Mutex, Once};
use std::vec::Vec;

use super::lock::lock;

/// A panic of the user's code: what it said, where, and with what. Clones share it.
///
/// ```
/// use jobgraph::{Job, JobError, JobGraph};
///
/// let mut graph = JobGraph::new();
/// let sum = graph.add(Job::new(async { panic!("oh no") }));
/// let report = jobgraph::smol::block_on(graph)?;
/// let Some(JobError::Panic(panic)) = report.error(&sum) else { unreachable!() };
/// assert_eq!(panic.message(), "oh no");
/// assert!(panic.location().is_some_and(|place| place.contains(".rs:")));
/// # Ok::<(), jobgraph::RunError>(())
/// ```
#[derive(Clone)]
pub struct Panic(Arc<Inner>);

struct Inner {
    message: String,
    location: Option<String>,
    payload: Mutex<Payload>,
}

/// What a panic carries. It may panic when it is dropped; then it is not.
struct Payload(Option<Box<dyn Any + Send>>);

impl Drop for Payload {
    fn drop(&mut self) {
        let payload = self.0.take();
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(again);
        }
    }
}

impl Panic {
    fn new(payload: Box<dyn Any + Send>) -> Self {
        let message = message(&*payload);
        let noted = LAST.try_with(|last| last.borrow_mut().take()).ok().flatten();
        // A payload that is passed on by `resume_unwind` is not seen by the hook.
        let of_this =
            |noted: &Noted| noted.message == message && noted.kind == (*payload).type_id();
        let location = noted.filter(of_this).and_then(|noted| noted.location);
        let payload = Mutex::new(Payload(Some(payload)));
        Self(Arc::new(Inner { message, location, payload }))
    }

    /// One of which somebody has told.
    #[cfg(feature = "serde")]
    pub(crate) fn told(message: String, location: Option<String>) -> Self {
        Self(Arc::new(Inner { message, location, payload: Mutex::new(Payload(None)) }))
    }

    /// What it said; `(no message)` if that was no text.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where it was raised: `src/main.rs:3:5`. `None` if that is not known, because the program has
    /// replaced the panic hook since the first run began.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    /// What it carries: the message, or the argument of [`panic_any`](std::panic::panic_any). One looks at
    /// it at a time: `look` must not ask the same panic, or a clone of it, for its payload again.
    pub fn with_payload<T>(&self, look: impl FnOnce(&(dyn Any + Send)) -> T) -> T {
        let payload = lock(&self.0.payload);
        match &payload.0 {
            Some(payload) => look(&**payload),
            None => look(&()),
        }
    }
}

impl fmt::Display for Panic {
    /// The message; with `{:#}` the place as well.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.location().filter(|_| f.alternate()) {
            Some(location) => write!(f, "{} ({location})", self.message()),
            None => f.write_str(self.message()),
        }
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#}")
    }
}

std::thread_local! {
    /// What the panic hook knows of the last panic of this thread.
    static LAST: RefCell<Option<Noted>> = const { RefCell::new(None) };
    /// What the value that this thread drops just now notes.
    static HEARD: RefCell<Option<Heard>> = const { RefCell::new(None) };
}

/// Where a panic was raised is known while it is raised only.
struct Noted {
    location: Option<String>,
    message: String,
    kind: TypeId,
}

/// From now on panics are known by their place in the code, until the program replaces the panic hook.
/// What the hook does otherwise stays as it is.
pub(crate) fn note_locations() {
    static HOOK: Once = Once::new();
    if std::thread::panicking() {
        return;
    }
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            let location = info.location().map(ToString::to_string);
            let (message, kind) = (message(info.payload()), info.payload().type_id());
            let noted = Noted { location, message, kind };
            let _ = LAST.try_with(|last| *last.borrow_mut() = Some(noted));
            before(info);
        }));
    });
}

/// Runs code of the user's, and returns what it panics with.
#[inline]
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(run)).map_err(Panic::new)
}

/// Drops a value of the user's. What its `Drop` panics with is returned.
pub(crate) fn drop_caught<T>(value: T) -> Option<Panic> {
    if std::mem::needs_drop::<T>() { caught(|| drop(value)).err() } else { None }
}

/// Drops a value of the user's. What its `Drop` panics with has nobody left to go to.
pub(crate) fn drop_quietly<T>(value: T) {
    drop(drop_caught(value));
}

/// What a panic says, if it says anything.
fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(no message)".to_string())
}

/// Values of the user's that are dropped one by one, whatever their `Drop` does.
pub(crate) struct Quiet<T>(pub(crate) Vec<T>);

impl<T> Drop for Quiet<T> {
    fn drop(&mut self) {
        drop_all_noted(self.0.drain(..));
    }
}

/// Drops values of the user's one by one, whatever their `Drop` does.
pub(crate) fn drop_all_noted<T>(values: impl IntoIterator<Item = T>) {
    if std::mem::needs_drop::<T>() {
        values.into_iter().for_each(drop_noted);
    }
}

/// Drops a value of the user's that is a part of another one. What its `Drop` panics with is noted, for
/// whoever drops the whole.
pub(crate) fn drop_noted<T>(value: T) {
    if let Some(panic) = drop_caught(value) {
        note_panic(panic);
    }
}

/// Drops a part of a value, in its place.
pub(crate) fn note_caught(drops: impl FnOnce()) {
    if let Err(panic) = caught(drops) {
        note_panic(panic);
    }
}

/// Notes what a part of a value panicked with.
pub(crate) fn note_panic(panic: Panic) {
    note(|heard| heard.panics.push(panic));
}

/// A run is dropped in which so many shutdown hooks were to run.
pub(crate) fn note_lost_hooks(hooks: usize) {
    note(|heard| heard.lost_hooks += hooks);
}

fn note(take: impl FnOnce(&mut Heard)) {
    let _ = HEARD.try_with(|heard| heard.borrow_mut().as_mut().map(take));
}

/// What is to be known of a value that was dropped.
#[derive(Default)]
pub(crate) struct Heard {
    /// What its `Drop`, and those of its parts, panicked with.
    pub(crate) panics: Vec<Panic>,
    /// How many shutdown hooks of a run inside will never run.
    pub(crate) lost_hooks: usize,
}

/// Drops a value of the user's, or lets it drop what it has to, and tells what is to be known of that.
pub(crate) fn heard(drops: impl FnOnce()) -> Heard {
    // Where the thread is ending nothing is noted.
    let exchange = |with| HEARD.try_with(|heard| heard.replace(with)).ok().flatten();
    let around = exchange(Some(Heard::default()));
    let panic = caught(drops).err();
    let mut heard = exchange(around).unwrap_or_default();
    heard.panics.extend(panic);
    heard
}
