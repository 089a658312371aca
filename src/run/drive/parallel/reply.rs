use super::sync::{AtomicBool, Mutex, Ordering, lock};

/// Where one who has reported something finds the answer, once.
pub(super) struct Reply<A> {
    /// Whether there is an answer. Written under the lock; stale at most.
    given: AtomicBool,
    /// Taken inside the state, never the other way round.
    answer: Mutex<Answer<A>>,
}

enum Answer<A> {
    Awaited,
    Given(A),
    /// Nobody waits for one any more, or it was taken.
    Unwanted,
}

impl<A> Reply<A> {
    pub(super) fn new() -> Self {
        Self { given: AtomicBool::new(false), answer: Mutex::new(Answer::Awaited) }
    }

    /// Whether an answer would be taken, or one is there.
    pub(super) fn is_awaited(&self) -> bool {
        !matches!(*lock(&self.answer), Answer::Unwanted)
    }

    /// Answers, if that is awaited. If not, nothing is decided.
    pub(super) fn give(&self, answer: impl FnOnce() -> A) {
        let mut slot = lock(&self.answer);
        if let Answer::Awaited = *slot {
            *slot = Answer::Given(answer());
            self.given.store(true, Ordering::Release);
        }
    }

    /// The answer, if it is there.
    #[inline]
    pub(super) fn take(&self) -> Option<A> {
        if self.given.load(Ordering::Acquire) { self.withdraw() } else { None }
    }

    /// No answer is awaited any more. Returns one that was given before.
    pub(super) fn withdraw(&self) -> Option<A> {
        let mut slot = lock(&self.answer);
        match std::mem::replace(&mut *slot, Answer::Unwanted) {
            Answer::Given(answer) => Some(answer),
            Answer::Awaited | Answer::Unwanted => None,
        }
    }
}
