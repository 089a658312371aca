use std::sync::{PoisonError, TryLockError};
use std::vec::Vec;

use super::reply::Reply;
use super::sync::{
    AtomicBool, AtomicUsize, LOOKS, Mutex, MutexGuard, Ordering, fence, lock, pretend_taken,
    spin_loop,
};

/// A state upon which one at a time decides, and the one queue of what the others have to report.
///
/// Who finds the state free goes in. Who does not puts down what it has to say, and whoever is inside, or comes
/// next, hears all of that and answers; this is known as flat combining. Nobody sleeps to report something. No
/// report is left behind: who goes away without an answer has said so before it looked whether the state is
/// free once more, and who leaves the state looks for that after it did.
pub(super) struct Combine<S, R> {
    state: Mutex<S>,
    /// Locked for as long as it takes to push, or to take all there is. No other lock is taken under it.
    queue: Mutex<Vec<R>>,
    /// Whether there is anything in the queue. Written under its lock; may be stale without it, and orders
    /// nothing: the lock does.
    any: AtomicBool,
    /// Whether somebody went away whose report may still be in the queue. Written after that was put there, and
    /// before a fence.
    left: AtomicBool,
    /// How often somebody was inside. Written inside.
    entries: AtomicUsize,
}

/// How waiting for an answer ended.
pub(super) enum Waited<'a, S, A> {
    Answered(A),
    /// The state is free. Whether there is an answer by now is to be seen.
    Entered(MutexGuard<'a, S>),
    /// Nobody answers. Somebody hears the report, if it has anything to say.
    Left,
}

impl<S, R> Combine<S, R> {
    pub(super) fn new(state: S) -> Self {
        Self {
            state: Mutex::new(state),
            queue: Mutex::new(Vec::new()),
            any: AtomicBool::new(false),
            left: AtomicBool::new(false),
            entries: AtomicUsize::new(0),
        }
    }

    /// Goes in, however long others are inside.
    #[inline]
    pub(super) fn enter(&self) -> MutexGuard<'_, S> {
        lock(&self.state)
    }

    /// Goes in if nobody else is inside, or else reports.
    #[inline]
    pub(super) fn try_enter(&self) -> Option<MutexGuard<'_, S>> {
        if pretend_taken() { None } else { self.enter_if_free() }
    }

    /// Goes in if nobody else is inside, who would look for those who have gone away then.
    #[inline]
    pub(super) fn enter_if_free(&self) -> Option<MutexGuard<'_, S>> {
        match self.state.try_lock() {
            Ok(state) => Some(state),
            Err(TryLockError::Poisoned(state)) => Some(PoisonError::into_inner(state)),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Moves all that was reported to an empty list, in the order in which it came. For whoever is inside.
    #[inline]
    pub(super) fn take(&self, reports: &mut Vec<R>) {
        self.entries.store(self.entries.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        // Before what is in the queue is taken. Of those who have said so this need not see that they pushed.
        let left = self.left.load(Ordering::Relaxed) && self.left.swap(false, Ordering::Relaxed);
        if left || self.any.load(Ordering::Relaxed) {
            let mut queue = lock(&self.queue);
            std::mem::swap(&mut *queue, reports);
            self.any.store(false, Ordering::Relaxed);
        }
    }

    /// Goes out. Whether somebody else has gone away whose report is to be heard: go in again, if nobody is
    /// there, and take what there is.
    #[inline]
    pub(super) fn leave(&self, state: MutexGuard<'_, S>) -> bool {
        drop(state);
        // Either the one who went away sees that the state is free, or this sees that it went away.
        fence(Ordering::SeqCst);
        self.left.load(Ordering::Relaxed)
    }

    /// Puts down a report. Whoever pushes either waits for an answer or leaves it behind.
    pub(super) fn push(&self, report: R) {
        let mut queue = lock(&self.queue);
        queue.push(report);
        self.any.store(true, Ordering::Relaxed);
    }

    /// Before one goes away who has pushed a report. If the state is free by now, this goes in.
    pub(super) fn leave_behind(&self) -> Option<MutexGuard<'_, S>> {
        self.left.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.enter_if_free()
    }

    /// Waits for an answer for a short while, and goes in if nobody has done so for a moment. While others go in
    /// again and again it stays away: what they have in their caches would have to come here.
    pub(super) fn wait<A>(&self, reply: &Reply<A>) -> Waited<'_, S, A> {
        let mut entries = self.entries.load(Ordering::Relaxed);
        for looks in LOOKS {
            for _ in 0..looks {
                if let Some(answer) = reply.take() {
                    return Waited::Answered(answer);
                }
                spin_loop();
            }
            let before = std::mem::replace(&mut entries, self.entries.load(Ordering::Relaxed));
            if before == entries
                && let Some(state) = self.try_enter()
            {
                return Waited::Entered(state);
            }
        }
        match reply.withdraw() {
            Some(answer) => Waited::Answered(answer),
            None => self.leave_behind().map_or(Waited::Left, Waited::Entered),
        }
    }
}
