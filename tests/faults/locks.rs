//! Code of the user's that blocks until another job of the run has run: on several threads it may.
//!
//! Looked for: each place where a run drops what is the user's ([`Site`]); wakers of the run, of its
//! tasks, of those who wait for a cancellation, for an addition or for facts, when they are woken and when
//! they are dropped; observers at each kind of fact, in the graph and in one around it; clocks and timers
//! at each time that they are asked; each callback of a layer of `tracing`.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use jobgraph::{FactKind, Handle, Job, JobState, SendJobGraph};

use crate::alone::{alone_each, pairs};
use crate::others::{Others, assert_ran};
use crate::sites::{Bomb, Site};
use crate::ways::{Beside, Touched, Way};

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(3_600);

#[test]
fn a_drop_may_wait_for_another_job() {
    alone_each(&pairs(&Site::ALL, &Way::THREADS), |(site, way)| {
        let others = Others::new();
        let mut graph = SendJobGraph::new();
        let waits = others.clone();
        site.plant(&mut graph, Bomb::new(move || waits.wait()));
        let other = others.add_to(&mut graph);
        assert_ran(&way.run(graph), &other);
    });
}

/// Several at once, as many as there are threads but one.
#[test]
fn several_drops_may_wait_for_another_job() {
    alone_each(&pairs(&Site::ALL, &Way::THREADS), |(site, way)| {
        let others = Others::new();
        let mut graph = SendJobGraph::new();
        for _ in 0..2 {
            let waits = others.clone();
            site.plant(&mut graph, Bomb::new(move || waits.wait()));
        }
        let other = others.add_to(&mut graph);
        assert_ran(&way.run(graph), &other);
    });
}

/// What a job has left behind that leaves the run.
#[derive(Clone, Copy, Debug)]
enum Kept {
    Output,
    Error,
    /// What its attempt panicked with.
    Payload,
    /// What the Drop of its body panicked with.
    PayloadOfDrop,
}

/// Panics with a bomb when it is dropped.
struct PanicsWith(Option<Bomb>);

impl Drop for PanicsWith {
    fn drop(&mut self) {
        if let Some(bomb) = self.0.take() {
            std::panic::resume_unwind(Box::new(bomb));
        }
    }
}

#[test]
fn what_a_job_that_leaves_has_kept_may_wait_for_another_job() {
    let all = [Kept::Output, Kept::Error, Kept::Payload, Kept::PayloadOfDrop];
    alone_each(&pairs(&all, &Way::THREADS), |(kept, way)| {
        let others = Others::new();
        let mut graph = SendJobGraph::new();
        let waits = others.clone();
        let bomb = Bomb::new(move || waits.wait());
        let adder = graph.adder();
        match kept {
            Kept::Output => adder.remove(&graph.add(Job::new(async move { bomb }))),
            Kept::Error => {
                adder.remove(&graph.add(Job::try_new(async move { Err::<(), _>(bomb) })));
            }
            Kept::Payload => adder.remove(&graph.add(Job::new(async move {
                std::panic::resume_unwind(Box::new(bomb));
            }))),
            Kept::PayloadOfDrop => {
                let held = PanicsWith(Some(bomb));
                let aborted = Job::new(async move {
                    let _held = held;
                    pending::<()>().await;
                });
                adder.remove(&graph.add(aborted.timeout(SHORT)));
            }
        }
        let other = others.add_to(&mut graph);
        let report = way.run(graph);
        assert_ran(&report, &other);
        assert_eq!(report.counts().removed, 1);
    });
}

/// A chain of jobs that goes on beside the others. The first arms them, and the last calls them if nobody
/// has. The second is returned.
fn add_chain(graph: &mut SendJobGraph, others: &Others, timeout: Option<Duration>) -> Handle<()> {
    let [arms, calls] = [others.clone(), others.clone()];
    let first = graph.add(Job::new(async move { arms.arm() }).label("first"));
    let mut second = Job::new(async {}).label("second").requires(&first);
    if let Some(timeout) = timeout {
        second = second.timeout(timeout);
    }
    let second = graph.add(second);
    graph.add(Job::new(async move { calls.wait_once() }).label("third").requires(&second));
    second
}

/// With a timeout, the caller has to be woken for that. Timers drop wakers as they like.
#[test]
fn a_waker_may_wait_for_another_job() {
    let cases = [(Touched::Woken, Some(LONG)), (Touched::Woken, None), (Touched::Dropped, None)];
    alone_each(&pairs(&cases, &Way::THREADS), |((touched, timeout), way)| {
        let others = Others::new();
        let mut graph = SendJobGraph::new();
        let second = add_chain(&mut graph, &others, timeout);
        let other = others.add_after(&mut graph, &[second]);
        let waits = others.clone();
        let beside = Beside::waker(move |what| {
            if what == touched {
                waits.wait_once();
            }
        });
        assert_ran(&way.run_beside(graph, &beside), &other);
    });
}

struct OnWake(Box<dyn Fn() + Send + Sync>);

impl Wake for OnWake {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

/// Waits for this with a waker that waits for others, and wakes who waits here after that.
fn woken_late<F: Future + Send>(
    future: F,
    others: &Others,
) -> impl Future<Output = F::Output> + Send + use<F> {
    let others = others.clone();
    async move {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let (waker, waits) = (cx.waker().clone(), others.clone());
            let waker = Arc::new(OnWake(Box::new(move || {
                waits.wait();
                waker.wake_by_ref();
            })));
            future.as_mut().poll(&mut Context::from_waker(&Waker::from(waker)))
        })
        .await
    }
}

#[test]
fn the_waker_of_who_waits_for_a_cancellation_may_wait_for_another_job() {
    alone_each(&Way::THREADS, |way| {
        let others = Others::new();
        let mut graph = SendJobGraph::new();
        let waits = others.clone();
        let polite = Job::with_context(|cx| async move {
            woken_late(cx.cancelled(), &waits).await;
            // If it was asked before it could wait.
            waits.wait();
        });
        graph.add(polite.timeout(SHORT).grace(LONG));
        let other = others.add_to(&mut graph);
        assert_ran(&way.run(graph), &other);
    });
}

#[test]
fn the_waker_of_who_waits_for_an_addition_may_wait_for_another_job() {
    alone_each(&Way::THREADS, |way| {
        let others = Others::new();
        let mut graph = SendJobGraph::new();
        let (adder, waits) = (graph.adder(), others.clone());
        graph.add(Job::new(async move {
            let add = async { adder.add(Job::new(async {})).await.is_ok() };
            assert!(woken_late(add, &waits).await);
        }));
        let other = others.add_to(&mut graph);
        // For who answers at once, and wakes nobody.
        others.arm();
        add_chain(&mut graph, &others, None);
        assert_ran(&way.run(graph), &other);
    });
}

#[test]
fn the_waker_of_who_reads_facts_may_wait_for_another_job() {
    alone_each(&Way::THREADS, |way| {
        let others = Others::new();
        let mut graph = SendJobGraph::new();
        let mut facts = graph.facts();
        let waits = others.clone();
        let waker = Waker::from(Arc::new(OnWake(Box::new(move || waits.wait()))));
        // It is woken by the first one.
        let first = pin!(facts.next()).poll(&mut Context::from_waker(&waker));
        assert!(first.is_pending());
        let second = add_chain(&mut graph, &others, None);
        let other = others.add_after(&mut graph, &[second]);
        assert_ran(&way.run(graph), &other);
    });
}

/// What an observer waits at.
#[derive(Clone, Copy, Debug)]
enum Heard {
    Begun,
    Added,
    Queued,
    Running,
    Ended,
    Inside,
}

impl Heard {
    const ALL: [Self; 6] =
        [Self::Begun, Self::Added, Self::Queued, Self::Running, Self::Ended, Self::Inside];

    fn is(self, what: &FactKind, inside: bool) -> bool {
        match (self, what) {
            (Self::Begun, FactKind::Begun { .. })
            | (Self::Added, FactKind::Added(_))
            | (Self::Queued, FactKind::State { to: JobState::Queued, .. })
            | (Self::Running, FactKind::State { to: JobState::Running { .. }, .. })
            | (Self::Ended, FactKind::State { to: JobState::Ended(_), .. }) => true,
            (Self::Inside, _) => inside,
            _ => false,
        }
    }
}

#[test]
fn an_observer_may_wait_for_another_job() {
    alone_each(&pairs(&Heard::ALL, &Way::THREADS), |(heard, way)| {
        let others = Others::new();
        let mut graph = SendJobGraph::new();
        let second = add_chain(&mut graph, &others, None);
        let other = others.add_after(&mut graph, &[second]);
        let waits = others.clone();
        graph.observe(move |fact| {
            if heard.is(&fact.what, !fact.within.is_empty()) {
                waits.wait();
            }
        });
        let mut inner = SendJobGraph::new();
        inner.add(Job::new(async {}));
        graph.add(Job::graph(inner));
        assert_ran(&way.run(graph), &other);
        assert!(others.were_waited_for());
    });
}

/// The so-manieth time that the clock is asked after the first job has begun, whoever asks.
#[test]
fn a_clock_may_wait_for_another_job() {
    let times: Vec<usize> = (0..10).collect();
    alone_each(&pairs(&times, &Way::THREADS), |(time, way)| {
        let others = Others::new();
        let mut graph = SendJobGraph::new();
        let (left, waits) = (AtomicUsize::new(time), others.clone());
        let beside = Beside::now(move || {
            if waits.is_armed() && left.fetch_sub(1, Ordering::SeqCst) == 0 {
                waits.wait_once();
            }
        });
        add_chain(&mut graph, &others, Some(LONG));
        let other = others.add_to(&mut graph);
        assert_ran(&way.run_beside(graph, &beside), &other);
    });
}

/// Before anything was taken: the task that is sent for in place of the one that looks is not to stay with its
/// thread.
#[test]
fn a_clock_may_wait_for_a_job_that_is_ready() {
    alone_each(&Way::THREADS, |way| {
        let caller = std::thread::current().id();
        let (has_run, runs) = channel();
        let runs = Mutex::new(Some(runs));
        let beside = Beside::now(move || {
            let is_first = std::thread::current().id() != caller;
            let runs = if is_first { runs.lock().unwrap().take() } else { None };
            if let Some(runs) = runs {
                runs.recv().unwrap();
            }
        });
        let mut graph = SendJobGraph::new();
        for _ in 0..3 {
            let has_run = has_run.clone();
            graph.add(Job::new(async move {
                let _ = has_run.send(());
            }));
        }
        let report = way.run_beside(graph, &beside);
        assert!(report.is_completed(), "{report}");
        assert_eq!(report.mishaps().count(), 0, "{report}");
    });
}

/// It is polled when the run waits for a deadline.
#[test]
fn a_timer_may_wait_for_another_job() {
    let times: Vec<usize> = (0..4).collect();
    alone_each(&pairs(&times, &Way::THREADS), |(time, way)| {
        let others = Others::new();
        let mut graph = SendJobGraph::new();
        let (left, waits) = (AtomicUsize::new(time), others.clone());
        let beside = Beside::sleep(move |_| {
            if waits.is_armed() && left.fetch_sub(1, Ordering::SeqCst) == 0 {
                waits.wait_once();
            }
        });
        add_chain(&mut graph, &others, None);
        for times in 1..4 {
            graph.add(Job::new(pending::<()>()).timeout(SHORT * times));
        }
        let other = others.add_to(&mut graph);
        assert_ran(&way.run_beside(graph, &beside), &other);
    });
}

/// It is not asked to run anything: it asks others.
#[test]
fn a_body_may_wait_for_another_job_in_its_poll() {
    alone_each(&Way::THREADS, |way| {
        let others = Others::new();
        let mut graph = SendJobGraph::new();
        let waits = others.clone();
        graph.add(Job::new(poll_fn(move |_| {
            waits.wait();
            Poll::Ready(())
        })));
        let other = others.add_to(&mut graph);
        assert_ran(&way.run(graph), &other);
    });
}
