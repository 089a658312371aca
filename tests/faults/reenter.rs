//! Code of the user's that calls the run it is called by.
//!
//! Looked for: adding a job, stopping the run, reading its facts, and dropping it, in a Drop at each place
//! where a run drops what is the user's ([`Site`]), in an observer, a clock, a timer and a waker; every way
//! to run a graph.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use async_channel::{Receiver, bounded};
use jobgraph::testing::VirtualClock;
use jobgraph::{Body, Clock, Facts, Job, SendJobGraph, StopHandle, Verdict};

use crate::alone::{alone_each, pairs};
use crate::sites::{Bomb, Site};
use crate::ways::{Beside, Way};

const SHORT: Duration = Duration::from_millis(5);

/// What is done to a run from inside.
struct Inside {
    adder: jobgraph::Adder<jobgraph::Sendable>,
    stop: StopHandle,
    /// A reader keeps the errors that it is told of.
    facts: Option<Mutex<Facts>>,
    done: AtomicBool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Add,
    Stop,
}

const CALLS: [Call; 2] = [Call::Add, Call::Stop];

impl Inside {
    fn of(graph: &mut SendJobGraph) -> Arc<Self> {
        let (adder, stop) = (graph.adder(), graph.stop_handle());
        Arc::new(Self { adder, stop, facts: None, done: AtomicBool::new(false) })
    }

    fn of_told(graph: &mut SendJobGraph) -> Arc<Self> {
        let facts = Some(Mutex::new(graph.facts()));
        let inside = Arc::into_inner(Self::of(graph)).unwrap();
        Arc::new(Self { facts, ..inside })
    }

    /// Once. What is added says that it runs.
    fn call(&self, call: Call, runs: &async_channel::Sender<()>) {
        if self.done.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Some(facts) = &self.facts {
            let mut facts = facts.lock().unwrap();
            while facts.try_next().is_some() {}
        }
        let runs = runs.clone();
        match call {
            Call::Add => drop(self.adder.add(Job::new(async move { runs.send(()).await.is_ok() }))),
            Call::Stop => self.stop.stop(),
        }
    }
}

/// The run goes on until a job that was added has run, or it is stopped.
fn waiting(ran: Receiver<()>) -> Job<impl Body<Output = bool> + Send> {
    Job::new(async move { ran.recv().await.is_ok() }).label("waits")
}

fn expected(call: Call) -> Verdict {
    if call == Call::Add { Verdict::Completed } else { Verdict::Stopped }
}

#[test]
fn a_drop_may_call_its_run() {
    alone_each(&pairs(&pairs(&Site::ALL, &CALLS), &Way::ALL), |((site, call), way)| {
        let (mut graph, (runs, ran)) = (SendJobGraph::new(), bounded(1));
        let _open = runs.clone();
        let inside = Inside::of(&mut graph);
        site.plant(&mut graph, Bomb::new(move || inside.call(call, &runs)));
        graph.add(waiting(ran));
        assert_eq!(way.run(graph).verdict(), expected(call));
    });
}

#[test]
fn an_observer_may_call_its_run() {
    alone_each(&pairs(&CALLS, &Way::ALL), |(call, way)| {
        for time in [1, 2, 3, 5] {
            let (mut graph, (runs, ran)) = (SendJobGraph::new(), bounded(1));
            let _open = runs.clone();
            let inside = Inside::of_told(&mut graph);
            graph.add(waiting(ran));
            graph.add(Job::new(async {}));
            let mut left = time;
            graph.observe(move |_| {
                left -= 1;
                if left == 0 {
                    inside.call(call, &runs);
                }
            });
            assert_eq!(way.run(graph).verdict(), expected(call), "fact {time}");
        }
    });
}

/// After the first job has begun.
#[test]
fn a_clock_a_timer_and_a_waker_may_call_their_run() {
    let callers = ["clock", "timer", "waker"];
    alone_each(&pairs(&pairs(&callers, &CALLS), &Way::ALL), |((caller, call), way)| {
        let (mut graph, (runs, ran)) = (SendJobGraph::new(), bounded(1));
        let _open = runs.clone();
        let inside = Inside::of_told(&mut graph);
        let begun = Arc::new(AtomicBool::new(false));
        let (begins, adder) = (Arc::clone(&begun), graph.adder());
        let first = graph.add(Job::new(async move {
            begins.store(true, Ordering::SeqCst);
            // The run has to wake somebody.
            adder.add(Job::new(async {})).await.is_ok()
        }));
        // The caller has to be woken for the deadline, and a job for its time.
        graph.add(waiting(ran).timeout(Duration::from_secs(3_600)).after(&first));
        let nap = Job::with_context(|cx| async move { cx.sleep(SHORT).await });
        graph.add(nap.after(&first));
        let act = move || {
            if begun.load(Ordering::SeqCst) {
                inside.call(call, &runs);
            }
        };
        let beside = match caller {
            "clock" => Beside::now(act),
            "timer" => Beside::sleep(move |_| act()),
            _ => Beside::waker(move |_| act()),
        };
        assert_eq!(way.run_beside(graph, &beside).verdict(), expected(call));
    });
}

type Run = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A run, while nobody polls it.
type Slot = Arc<Mutex<Option<Run>>>;

/// Polls what is in the slot, until it is done or gone.
async fn poll_in(slot: &Slot) {
    poll_fn(|cx: &mut Context<'_>| {
        let Some(mut run) = slot.lock().unwrap().take() else { return Poll::Ready(()) };
        let polled = run.as_mut().poll(cx);
        if polled.is_pending() {
            *slot.lock().unwrap() = Some(run);
        }
        polled
    })
    .await;
}

/// It drops all other bodies; those whose Drop is called by the run itself find it busy.
#[test]
fn a_drop_may_drop_its_run() {
    alone_each(&Site::ALL, |site| {
        let clock = VirtualClock::new();
        let (slot, alive) = (Slot::default(), Arc::new(()));
        let mut graph = SendJobGraph::new();
        let drops = Arc::clone(&slot);
        let bomb = Bomb::new(move || {
            let run = drops.lock().unwrap().take();
            drop(run);
        });
        site.plant(&mut graph, bomb);
        let (held, nap) = (Arc::clone(&alive), clock.clone());
        graph.add(Job::new(async move {
            let _held = held;
            nap.sleep(20 * SHORT).await;
        }));
        let run = jobgraph::run_parallel(&clock, graph);
        *slot.lock().unwrap() = Some(Box::pin(async move { drop(run.await) }));
        clock.block_on(async {
            // Nobody else wakes who waits for a run that is gone.
            futures_lite::future::or(poll_in(&slot), clock.sleep(40 * SHORT)).await;
        });
        assert_eq!((Arc::strong_count(&alive), clock.tasks_left()), (1, 0));
    });
}
