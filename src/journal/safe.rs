//! What is written is on the disk: one `fdatasync` for all that wait for it.

use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::vec::Vec;

/// A thread of its own that says so, until dropped.
#[derive(Debug)]
pub(super) struct Syncer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    wanted: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Tickets up to this are written, and up to that on the disk.
    written: u64,
    safe: u64,
    failed: Option<(io::ErrorKind, std::string::String)>,
    waiting: Vec<Waker>,
    ends: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, file: &File) {
        let mut state = self.state();
        while !state.ends {
            if state.written == state.safe || state.failed.is_some() {
                state = self.wanted.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let written = state.written;
            drop(state);
            let synced = file.sync_data();
            state = self.state();
            match synced {
                Ok(()) => state.safe = written,
                // What the system has failed to write once it may drop: nothing after that is safe either.
                Err(error) => state.failed = Some((error.kind(), std::format!("{error}"))),
            }
            let waiting = std::mem::take(&mut state.waiting);
            drop(state);
            waiting.into_iter().for_each(Waker::wake);
            state = self.state();
        }
    }
}

impl Syncer {
    pub(super) fn start(file: File) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let works = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("jobgraph-journal".into());
        let thread = Some(thread.spawn(move || works.work(&file))?);
        Ok(Self { shared, thread })
    }

    /// So much is written.
    pub(super) fn note(&self, ticket: u64) {
        self.shared.state().written = ticket;
        self.shared.wanted.notify_one();
    }

    pub(super) fn poll(&self, ticket: u64, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.shared.state();
        if state.safe >= ticket {
            return Poll::Ready(Ok(()));
        }
        if let Some((kind, text)) = &state.failed {
            return Poll::Ready(Err(io::Error::new(*kind, text.clone())));
        }
        state.waiting.push(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.shared.state().ends = true;
        self.shared.wanted.notify_one();
        // It has the file, and with it the lock.
        let is_own = |thread: &JoinHandle<()>| thread.thread().id() == std::thread::current().id();
        // Unless it is this one, which has woken somebody who drops the run.
        if let Some(thread) = self.thread.take().filter(|thread| !is_own(thread)) {
            let _ = thread.join();
        }
    }
}
