use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::vec::Vec;

use crate::orchestrator::Attempt;
use crate::run::facts::lock::lock;

/// The attempts that run in one task: each has a waker of its own, which tells which one to poll.
///
/// A waker is used again for another attempt once nobody else holds it, so a job that ends at its
/// first poll allocates none, and a waker that is kept too long wakes nobody.
pub(crate) struct Tasks {
    woken: Arc<Woken>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// By place of the job in the core: its slot.
    by_job: Vec<u32>,
}

struct Slot {
    job_waker: Arc<JobWaker>,
    waker: Waker,
    attempt: Option<Attempt>,
}

/// Which slots were woken, and whom to tell.
#[derive(Default)]
struct Woken {
    /// Whether there are any, for those who do not want to lock.
    any: AtomicBool,
    inner: Mutex<WokenInner>,
}

#[derive(Default)]
struct WokenInner {
    slots: Vec<u32>,
    driver: Option<Waker>,
}

struct JobWaker {
    slot: u32,
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
        woken.slots.push(self.slot);
        self.woken.any.store(true, Ordering::Release);
        let driver = woken.driver.take();
        drop(woken);
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

const NO_SLOT: u32 = u32::MAX;

impl Tasks {
    pub(crate) fn new() -> Self {
        Self { woken: Arc::default(), slots: Vec::new(), free: Vec::new(), by_job: Vec::new() }
    }

    /// A slot that is nobody's: to be assigned, or freed again.
    #[inline]
    pub(crate) fn free_slot(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| self.grow())
    }

    /// Gives an attempt a slot.
    pub(crate) fn assign(&mut self, slot: u32, attempt: Attempt) {
        self.slots[slot as usize].attempt = Some(attempt);
        let place = attempt.job.index();
        if place >= self.by_job.len() {
            self.by_job.resize(place + 1, NO_SLOT);
        }
        self.by_job[place] = slot;
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "no more slots than jobs, of which the core refuses 2^30"
    )]
    fn grow(&mut self) -> u32 {
        let slot = self.slots.len() as u32;
        let made = self.make_slot(slot);
        self.slots.push(made);
        slot
    }

    fn make_slot(&self, slot: u32) -> Slot {
        let job_waker = Arc::new(JobWaker {
            slot,
            queued: AtomicBool::new(false),
            woken: Arc::clone(&self.woken),
        });
        Slot { waker: Waker::from(Arc::clone(&job_waker)), job_waker, attempt: None }
    }

    /// The attempt is over: its slot is free.
    pub(crate) fn remove(&mut self, attempt: Attempt) {
        let Some(slot) =
            self.by_job.get(attempt.job.index()).copied().filter(|&slot| slot != NO_SLOT)
        else {
            return;
        };
        if self.slots[slot as usize].attempt != Some(attempt) {
            return;
        }
        self.by_job[attempt.job.index()] = NO_SLOT;
        self.slots[slot as usize].attempt = None;
        self.free(slot);
    }

    /// A slot is nobody's any more.
    #[inline]
    pub(crate) fn free(&mut self, slot: u32) {
        // One reference is the slot's own, one its waker's.
        if Arc::strong_count(&self.slots[slot as usize].job_waker) > 2 {
            self.slots[slot as usize].job_waker.queued.store(true, Ordering::Release);
            self.slots[slot as usize] = self.make_slot(slot);
        }
        self.free.push(slot);
    }

    /// Whose slot it is.
    pub(crate) fn attempt(&self, slot: u32) -> Option<Attempt> {
        self.slots[slot as usize].attempt
    }

    /// The waker of a slot that is to be polled. A wake from now on counts again.
    pub(crate) fn begin_poll(&self, slot: u32) -> &Waker {
        let slot = &self.slots[slot as usize];
        if slot.job_waker.queued.load(Ordering::Acquire) {
            // Swapped, not stored: what the one who woke it wrote before has to be seen by the poll.
            slot.job_waker.queued.swap(false, Ordering::AcqRel);
        }
        &slot.waker
    }

    /// Whether slots were woken since they were taken. Costs one load.
    #[inline]
    pub(crate) fn has_woken(&self) -> bool {
        self.woken.any.load(Ordering::Acquire)
    }

    /// Moves the slots that were woken to the end of `batch`.
    pub(crate) fn take_woken(&self, batch: &mut Vec<u32>) {
        let mut woken = lock(&self.woken.inner);
        self.woken.any.store(false, Ordering::Release);
        batch.append(&mut woken.slots);
    }

    /// Whether something is to be polled; if not, `driver` is woken once there is.
    pub(crate) fn watch(&self, driver: &Waker) -> bool {
        let mut woken = lock(&self.woken.inner);
        if !woken.slots.is_empty() {
            return true;
        }
        let before = match &woken.driver {
            Some(watching) if watching.will_wake(driver) => None,
            _ => woken.driver.replace(driver.clone()),
        };
        drop(woken);
        drop(before);
        false
    }
}
