//! Code of the user's that waits for other jobs of its run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use jobgraph::{Handle, Job, SendJobGraph, SendReport};

/// Jobs of a run: pairs of one that waits to be woken, and one that can start when that has ended. There
/// are several: whoever waits for one may have another in hand.
#[derive(Clone)]
pub(crate) struct Others(Arc<Inner>);

struct Inner {
    /// Somebody waits for them.
    call: Mutex<Sender<()>>,
    called: async_channel::Receiver<()>,
    have_run: Mutex<bool>,
    changed: Condvar,
    armed: AtomicBool,
}

impl Others {
    pub(crate) fn new() -> Self {
        let ((call, calls), (wake, called)) = (channel(), async_channel::bounded(1));
        // Not by a thread of the runtime: what that wakes it may keep to itself.
        std::thread::spawn(move || {
            let _ = calls.recv();
            wake.close();
        });
        Self(Arc::new(Inner {
            call: Mutex::new(call),
            called,
            have_run: Mutex::new(false),
            changed: Condvar::new(),
            armed: AtomicBool::new(false),
        }))
    }

    /// Adds them. The output of each second one is 7.
    pub(crate) fn add_to(&self, graph: &mut SendJobGraph) -> Handle<u8> {
        self.add_after(graph, &[])
    }

    /// The same, the second ones after these.
    pub(crate) fn add_after(
        &self,
        graph: &mut SendJobGraph,
        required: &[Handle<()>],
    ) -> Handle<u8> {
        let pairs = [(); 3].map(|()| self.add_pair(graph, required));
        pairs[0]
    }

    fn add_pair(&self, graph: &mut SendJobGraph, required: &[Handle<()>]) -> Handle<u8> {
        let woken = Arc::clone(&self.0);
        let woken = graph.add(Job::new(async move {
            let _ = woken.called.recv().await;
        }));
        let started = Arc::clone(&self.0);
        let started = Job::new(async move {
            *started.have_run.lock().unwrap_or_else(PoisonError::into_inner) = true;
            started.changed.notify_all();
            7
        });
        graph.add(started.label("other").requires(&woken).requires(required))
    }

    /// Blocks this thread until a pair has run. Again: not at all.
    pub(crate) fn wait(&self) {
        let call = self.0.call.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = call.send(());
        drop(call);
        let have_run = self.0.have_run.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.0.changed.wait_while(have_run, |have_run| !*have_run));
    }

    /// From now on [`wait_once`](Self::wait_once) waits.
    pub(crate) fn arm(&self) {
        self.0.armed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_armed(&self) -> bool {
        self.0.armed.load(Ordering::SeqCst)
    }

    /// Waits for them if this is the first time since it was armed.
    pub(crate) fn wait_once(&self) {
        if self.0.armed.swap(false, Ordering::SeqCst) {
            self.wait();
        }
    }

    /// Whether one has run, because somebody waited.
    pub(crate) fn were_waited_for(&self) -> bool {
        *self.0.have_run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the run went well, and this other job ran in it.
#[track_caller]
pub(crate) fn assert_ran(report: &SendReport, other: &Handle<u8>) {
    assert!(report.is_completed(), "{report}");
    assert_eq!(report.output(other), Some(&7), "{report}");
}
