use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::vec::Vec;

use crate::orchestrator::Attempt;
use crate::run::facts::bell::Bell;
use crate::run::facts::lock::lock;

/// The attempts that run in one task: each has a waker of its own, which tells which one to poll.
///
/// A waker is used again for another attempt once nobody else holds it, so a job that ends at its
/// first poll allocates none, and a waker that is kept too long wakes nobody.
pub(crate) struct Tasks {
    woken: Arc<Woken>,
    entries: Vec<Entry>,
    /// The entry that is used next, if it is nobody's.
    free: u32,
    /// By index of the job in the core: its entry.
    by_job: Vec<u32>,
}

struct Entry {
    job_waker: Arc<JobWaker>,
    waker: Waker,
    attempt: Option<Attempt>,
    /// While it is nobody's: the one that is used after it.
    next: u32,
}

/// Which entries were woken, and whom to tell.
#[derive(Default)]
struct Woken {
    /// Whether there are any, for those who do not want to lock.
    any: AtomicBool,
    inner: Mutex<WokenInner>,
}

#[derive(Default)]
struct WokenInner {
    entries: Vec<u32>,
    driver: Option<Bell>,
}

struct JobWaker {
    entry: u32,
    /// Whether it is in the list already; for good, once the waker was given up.
    queued: AtomicBool,
    woken: Arc<Woken>,
}

impl Wake for JobWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut woken = lock(&self.woken.inner);
        woken.entries.push(self.entry);
        self.woken.any.store(true, Ordering::Release);
        let driver = woken.driver.take();
        drop(woken);
        driver.into_iter().for_each(Bell::ring);
    }
}

const NO_ENTRY: u32 = u32::MAX;

impl Tasks {
    pub(crate) fn new() -> Self {
        Self {
            woken: Arc::default(),
            entries: Vec::with_capacity(4),
            free: NO_ENTRY,
            by_job: Vec::new(),
        }
    }

    /// An entry that is nobody's: to be assigned, or freed again.
    #[inline]
    pub(crate) fn free_entry(&mut self) -> u32 {
        match self.free {
            NO_ENTRY => self.grow(),
            entry => {
                self.free = self.entries[entry as usize].next;
                entry
            }
        }
    }

    /// Gives an attempt an entry.
    pub(crate) fn assign(&mut self, entry: u32, attempt: Attempt) {
        self.entries[entry as usize].attempt = Some(attempt);
        let index = attempt.job.index();
        if index >= self.by_job.len() {
            self.by_job.resize(index + 1, NO_ENTRY);
        }
        self.by_job[index] = entry;
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "no more entries than jobs, of which the core refuses 2^30"
    )]
    fn grow(&mut self) -> u32 {
        let entry = self.entries.len() as u32;
        let made = self.make_entry(entry);
        self.entries.push(made);
        entry
    }

    fn make_entry(&self, entry: u32) -> Entry {
        let job_waker = Arc::new(JobWaker {
            entry,
            queued: AtomicBool::new(false),
            woken: Arc::clone(&self.woken),
        });
        let waker = Waker::from(Arc::clone(&job_waker));
        Entry { waker, job_waker, attempt: None, next: NO_ENTRY }
    }

    /// The attempt is over: its entry is free.
    pub(crate) fn remove(&mut self, attempt: Attempt) {
        let Some(entry) =
            self.by_job.get(attempt.job.index()).copied().filter(|&entry| entry != NO_ENTRY)
        else {
            return;
        };
        if self.entries[entry as usize].attempt != Some(attempt) {
            return;
        }
        self.by_job[attempt.job.index()] = NO_ENTRY;
        self.entries[entry as usize].attempt = None;
        self.free(entry);
    }

    /// An entry is nobody's any more.
    #[inline]
    pub(crate) fn free(&mut self, entry: u32) {
        // One reference is the entry's own, one its waker's.
        if Arc::strong_count(&self.entries[entry as usize].job_waker) > 2 {
            self.entries[entry as usize].job_waker.queued.store(true, Ordering::Release);
            self.entries[entry as usize] = self.make_entry(entry);
        }
        self.entries[entry as usize].next = self.free;
        self.free = entry;
    }

    /// Whose entry it is.
    pub(crate) fn attempt(&self, entry: u32) -> Option<Attempt> {
        self.entries[entry as usize].attempt
    }

    /// The waker of an entry that is to be polled. A wake from now on counts again.
    pub(crate) fn begin_poll(&self, entry: u32) -> &Waker {
        let entry = &self.entries[entry as usize];
        if entry.job_waker.queued.load(Ordering::Acquire) {
            // Swapped, not stored: what the one who woke it wrote before has to be seen by the poll.
            entry.job_waker.queued.swap(false, Ordering::AcqRel);
        }
        &entry.waker
    }

    /// Whether entries were woken since they were taken. Costs one load.
    #[inline]
    pub(crate) fn has_woken(&self) -> bool {
        self.woken.any.load(Ordering::Acquire)
    }

    /// Moves the entries that were woken to the end of `batch`.
    pub(crate) fn take_woken(&self, batch: &mut Vec<u32>) {
        let mut woken = lock(&self.woken.inner);
        self.woken.any.store(false, Ordering::Release);
        batch.append(&mut woken.entries);
    }

    /// Whether something is to be polled; if not, `driver` is woken once there is.
    pub(crate) fn watch(&self, driver: &Waker) -> bool {
        let driver = Bell::of(driver);
        let mut woken = lock(&self.woken.inner);
        let before = woken.driver.replace(driver);
        let has_woken = !woken.entries.is_empty();
        drop(woken);
        drop(before);
        has_woken
    }
}
