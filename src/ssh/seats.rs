use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_lock::{Semaphore, SemaphoreGuardArc};

/// How many sessions of a connection may be in use: as many as the server takes, which is found out.
#[derive(Debug)]
pub(super) struct Seats {
    free: Arc<Semaphore>,
    all: AtomicUsize,
    /// Who has one, and uses it.
    used: AtomicUsize,
    /// As many as were in use at once.
    proved: AtomicUsize,
    /// Those of services, which end when nobody needs them any more.
    served: AtomicUsize,
}

/// A seat, until dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    permit: Option<SemaphoreGuardArc>,
    used: bool,
    serves: bool,
}

impl Seats {
    pub(super) fn new(seats: usize) -> Arc<Self> {
        let [all, used, proved, served] = [seats, 0, 0, 0].map(AtomicUsize::new);
        Arc::new(Self { free: Arc::new(Semaphore::new(seats)), all, used, proved, served })
    }

    /// In turn.
    pub(super) async fn take(self: &Arc<Self>) -> Seat {
        let permit = Some(self.free.acquire_arc().await);
        Seat { seats: Arc::clone(self), permit, used: false, serves: false }
    }

    /// Whether none will be free, as far as is known.
    pub(super) fn are_all_served(&self) -> bool {
        self.served.load(Ordering::SeqCst) >= self.all.load(Ordering::SeqCst)
    }

    /// Whether anybody has a seat beside the one who asks.
    pub(super) fn are_taken_by_others(&self) -> bool {
        self.all.load(Ordering::SeqCst) > self.free.available_permits() + 1
    }
}

impl Seat {
    /// The server gave a session for it.
    pub(super) fn begin(&mut self) {
        self.used = true;
        let used = self.seats.used.fetch_add(1, Ordering::SeqCst) + 1;
        self.seats.proved.fetch_max(used, Ordering::SeqCst);
    }

    /// It is that of a service from now on.
    pub(super) fn serve(&mut self) {
        self.serves = true;
        self.seats.served.fetch_add(1, Ordering::SeqCst);
    }

    /// The server refused. There is one seat less, unless there were as many as that before: then the server has not noticed yet
    /// that somebody left. True if this seat is gone.
    pub(super) fn refuse(&mut self) -> bool {
        let Seats { all, proved, .. } = &*self.seats;
        let least = proved.load(Ordering::SeqCst).max(1);
        let lowered = all
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |all| (all > least).then(|| all - 1));
        let is_gone = lowered.is_ok();
        if is_gone && let Some(permit) = self.permit.take() {
            permit.forget();
        }
        is_gone
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.used {
            self.seats.used.fetch_sub(1, Ordering::SeqCst);
        }
        if self.serves {
            self.seats.served.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
