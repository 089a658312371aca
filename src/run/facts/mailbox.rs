use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::string::String;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::vec::Vec;

use super::bell::Bell;
use super::handle::{JobHandle, Key};
use super::lock::lock;
use crate::orchestrator::{Attempt, JobId};

/// What reaches a run from its jobs, and from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// An attempt of a service is ready.
    Ready { attempt: Attempt, run: u64 },
    /// An attempt has said something of itself: see [`Mailbox::take_note`].
    Note { attempt: Attempt, run: u64 },
    /// Somebody wants the next step of the ladder: the run ends, what is left of it, its shutdown hooks.
    Stop,
    /// The run is to end, unless it is ending already.
    StopInOrder,
    /// The run is to end at once; if its shutdown hooks run, these are.
    Abort,
    /// A job is to end, or not to start.
    Cancel(Key),
    /// A job is to be added.
    Add,
    /// A job is to leave the run once it has ended.
    Remove(Key),
}

impl Message {
    pub(crate) fn is_stop(self) -> bool {
        matches!(self, Self::Stop | Self::StopInOrder | Self::Abort | Self::Cancel(_))
    }
}

/// The messages that a run has not read yet, numbered in the order in which they came. Nobody holds a lock
/// of the run to post one.
///
/// What else a run hears, the ends of polls above all, it can put in order with these: it happened after all
/// messages whose number is below [`posted`](Self::posted) by then. The numbers wrap around.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    /// How many were ever posted. Written under the lock.
    posted: AtomicUsize,
    /// How many of them were taken. Written under the lock, by the run alone.
    taken: AtomicUsize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    messages: Vec<Message>,
    /// What attempts have said of themselves, which is not read yet.
    notes: VecDeque<(Attempt, u64, String)>,
    reader: Option<Bell>,
}

std::thread_local! {
    /// The mailbox of the run of which this thread polls a job, as an address; 0 if there is none.
    static POLLED: Cell<usize> = const { Cell::new(0) };
    /// The job that this thread polls, and the mailbox of its run as an address, where that is to be known.
    static ADDS: Cell<(usize, JobId)> = const { Cell::new((0, JobId::NOBODY)) };
    /// The stops that it has asked for, which are to be heard after the poll, and its mailbox. There may be
    /// several, where a task of one run is polled inside the poll of a job of another one.
    static HELD: RefCell<Vec<(usize, Message)>> = const { RefCell::new(Vec::new()) };
    /// Whether there is any.
    static HOLDS: Cell<bool> = const { Cell::new(false) };
}

/// While this is there, a thread polls a job of which is to be known what it adds.
pub(crate) struct Polls((usize, JobId));

impl Drop for Polls {
    #[cold]
    fn drop(&mut self) {
        ADDS.set(self.0);
    }
}

impl Mailbox {
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Runs a poll of a job of this run, on one of several threads. A stop that it asks for is not posted
    /// but held: it is to be heard after the end of the job.
    #[expect(clippy::inline_always, reason = "once for each poll")]
    #[inline(always)]
    pub(crate) fn polling<T>(&self, poll: impl FnOnce() -> T) -> T {
        let before = POLLED.replace(self.address());
        let polled = poll();
        POLLED.set(before);
        polled
    }

    /// Until the guard is dropped, what is added on this thread is added by this job.
    #[cold]
    pub(crate) fn adding(&self, job: JobId) -> Polls {
        Polls(ADDS.replace((self.address(), job)))
    }

    /// The job of this run that this thread polls, as far as that is to be known.
    pub(crate) fn adding_job(&self) -> Option<JobId> {
        let (address, job) = ADDS.get();
        (address == self.address()).then_some(job)
    }

    pub(crate) fn post(&self, message: Message) {
        if message.is_stop() && POLLED.get() == self.address() {
            HOLDS.set(true);
            HELD.with_borrow_mut(|held| held.push((self.address(), message)));
            return;
        }
        self.put(message, None);
    }

    /// Posts what an attempt says of itself.
    pub(crate) fn post_note(&self, attempt: Attempt, run: u64, text: String) {
        self.put(Message::Note { attempt, run }, Some((attempt, run, text)));
    }

    /// What an attempt has said of itself, earliest first.
    pub(crate) fn take_note(&self, attempt: Attempt, run: u64) -> Option<String> {
        let notes = &mut lock(&self.inner).notes;
        // Nearly always the first of all.
        let first = notes.iter().position(|note| (note.0, note.1) == (attempt, run))?;
        notes.remove(first).map(|note| note.2)
    }

    /// What is not read is for nobody.
    pub(crate) fn clear(&self) {
        drop(self.take(self.posted()));
        lock(&self.inner).notes.clear();
    }

    fn put(&self, message: Message, note: Option<(Attempt, u64, String)>) {
        let mut inner = lock(&self.inner);
        inner.messages.push(message);
        inner.notes.extend(note);
        self.posted.store(self.posted().wrapping_add(1), Ordering::Release);
        let reader = inner.reader.take();
        drop(inner);
        reader.into_iter().for_each(Bell::ring);
    }

    /// Whether the job that this thread has just polled may have asked for a stop.
    #[inline]
    pub(crate) fn may_hold() -> bool {
        HOLDS.get()
    }

    /// The stops that the job has asked for that this thread has just polled.
    pub(crate) fn take_held(&self) -> Vec<Message> {
        if !Self::may_hold() {
            return Vec::new();
        }
        HELD.with_borrow_mut(|held| {
            let of_this = |entry: &mut (usize, Message)| entry.0 == self.address();
            let taken = held.extract_if(.., of_this).map(|(_, message)| message).collect();
            HOLDS.set(!held.is_empty());
            taken
        })
    }

    /// How many messages were ever posted: the number of the next one.
    #[inline]
    pub(crate) fn posted(&self) -> usize {
        self.posted.load(Ordering::Acquire)
    }

    /// Whether there are messages with numbers below that one. Costs one load.
    #[inline]
    pub(crate) fn has_any(&self, below: usize) -> bool {
        // Somebody may have read further already, for what was heard before.
        below.wrapping_sub(self.taken.load(Ordering::Acquire)).cast_signed() > 0
    }

    /// The messages with numbers below that one.
    pub(crate) fn take(&self, below: usize) -> Vec<Message> {
        let mut inner = lock(&self.inner);
        let missing = below.wrapping_sub(self.taken.load(Ordering::Acquire)).cast_signed();
        let taken = missing.max(0).cast_unsigned().min(inner.messages.len());
        self.taken.fetch_add(taken, Ordering::Release);
        if taken == inner.messages.len() {
            return std::mem::take(&mut inner.messages);
        }
        inner.messages.drain(..taken).collect()
    }

    /// Whether there are messages; if not, `reader` is woken by the next one.
    pub(crate) fn watch(&self, reader: &Waker) -> bool {
        let reader = Bell::of(reader);
        let mut inner = lock(&self.inner);
        let before = inner.reader.replace(reader);
        let has_messages = !inner.messages.is_empty();
        drop(inner);
        drop(before);
        has_messages
    }
}

/// Ends a run, or one of its jobs, from outside or from inside. Clones end the same run. With the feature `signal`,
/// `jobgraph::tokio::signals` and `jobgraph::smol::signals` wire it to Ctrl-C and SIGTERM.
///
/// ```
/// use jobgraph::{Job, JobGraph, Verdict};
///
/// let mut graph = JobGraph::new();
/// let stop = graph.stop_handle();
/// graph.add(Job::new(async move {
///     stop.stop();
///     std::future::pending::<()>().await;
/// }));
/// let report = jobgraph::smol::block_on(graph)?;
/// assert_eq!(report.verdict(), Verdict::Stopped);
/// # Ok::<(), jobgraph::RunError>(())
/// ```
#[derive(Clone, Debug)]
pub struct StopHandle(pub(crate) Arc<Mailbox>);

impl StopHandle {
    /// The first call stops the run in order, the second aborts what is left of it, the third aborts
    /// the shutdown hooks. Asked for by a job, it is heard when the poll of that is over. In a run that is
    /// ending already, for whatever cause, the first call aborts. One before the run begins ends it at its
    /// beginning, also one between two runs of a [`Repeatable`](crate::Repeatable) the second of them; one after
    /// the last run does nothing. The same holds of the other methods.
    pub fn stop(&self) {
        self.0.post(Message::Stop);
    }

    /// Stops the run in order, unless it is ending already: any number of calls do the same. Its shutdown hooks
    /// go on.
    pub fn stop_in_order(&self) {
        self.0.post(Message::StopInOrder);
    }

    /// Ends the run if need be, and aborts what is left of it: its jobs, then those of its shutdown hooks that
    /// run when this is called.
    pub fn abort(&self) {
        self.0.post(Message::Abort);
    }

    /// Asks one job to stop, or keeps it from starting; it ends as cancelled then, and what requires it is
    /// skipped. A critical job that is cancelled ends nothing. Nothing happens if the job has ended, or is of
    /// another graph or run, one inside or around this one included.
    ///
    /// ```
    /// use jobgraph::{Job, JobGraph, Outcome};
    ///
    /// let mut graph = JobGraph::new();
    /// let stop = graph.stop_handle();
    /// let slow = graph.add(Job::new(std::future::pending::<()>()));
    /// graph.add(Job::new(async move { stop.cancel(&slow) }));
    /// let report = jobgraph::smol::block_on(graph)?;
    /// assert_eq!(report.outcome(&slow), Some(Outcome::Cancelled));
    /// # Ok::<(), jobgraph::RunError>(())
    /// ```
    pub fn cancel(&self, job: &impl JobHandle) {
        self.0.post(Message::Cancel(job.key()));
    }
}
