//! tokio without its timers, and outside of its threads.
//!
//! Looked for: a runtime without `enable_time`, in place and in parallel, with deadlines and without, with
//! hooks, of one thread and of several; the budget of a task, in place, spent by the jobs and by what stands
//! beside the run; a kept `TokioRuntime` elsewhere: its clock, its timers, a run in
//! place and in parallel, a job that takes its clock to another thread.

use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_lite::future::block_on;
use jobgraph::tokio::TokioRuntime;
use jobgraph::{Body, Clock, Failure, Job, Outcome, SendJobGraph, Timestamp};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use crate::alone::{alone, alone_each, pairs};

const SHORT: Duration = Duration::from_millis(5);

fn builder(threads: usize) -> Builder {
    if threads == 0 {
        return Builder::new_current_thread();
    }
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(threads);
    builder
}

/// A job that counts that it has begun, and what else a graph may have.
fn graph(begun: &Arc<AtomicUsize>, deadlines: bool) -> SendJobGraph {
    let mut graph = SendJobGraph::new();
    let [jobs, hooks] = [(); 2].map(|()| Arc::clone(begun));
    let mut job = Job::new(async move { jobs.fetch_add(1, Ordering::SeqCst) });
    if deadlines {
        job = job.timeout(Duration::from_secs(60));
        graph = graph.timeout(Duration::from_secs(3_600));
    }
    graph.add(job.on_shutdown(move || {
        hooks.fetch_add(1, Ordering::SeqCst);
        ready(())
    }));
    graph
}

/// It cannot wait for anything, so it does not begin.
#[test]
fn a_runtime_without_timers_is_refused_before_anything_begins() {
    let cases = pairs(&pairs(&[false, true], &[false, true]), &[0, 1, 4]);
    alone_each(&cases, |((parallel, deadlines), threads)| {
        let runtime = builder(threads).build().unwrap();
        let begun = Arc::new(AtomicUsize::new(0));
        let graph = graph(&begun, deadlines);
        let ran = catch_unwind(AssertUnwindSafe(|| {
            if parallel {
                runtime.block_on(jobgraph::tokio::run_parallel(graph)).map(drop)
            } else {
                runtime.block_on(jobgraph::tokio::run(graph)).map(drop)
            }
        }));
        let panic = ran.expect_err("it was to be refused");
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap();
        assert!(text.contains("enable_time"), "{text}");
        assert_eq!(begun.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_runtime_with_timers_alone_is_enough() {
    for (parallel, threads) in pairs(&[false, true], &[0, 2]) {
        let runtime = builder(threads).enable_time().build().unwrap();
        let begun = Arc::new(AtomicUsize::new(0));
        let graph = graph(&begun, true);
        let report = if parallel {
            runtime.block_on(jobgraph::tokio::run_parallel(graph))
        } else {
            runtime.block_on(jobgraph::tokio::run(graph))
        };
        report.unwrap().check().unwrap();
        assert_eq!(begun.load(Ordering::SeqCst), 2);
    }
}

/// A runtime of two threads, and its clock and tasks.
fn kept() -> (Runtime, TokioRuntime) {
    let runtime = builder(2).enable_time().build().unwrap();
    let kept = {
        let _inside = runtime.enter();
        TokioRuntime::current()
    };
    (runtime, kept)
}

#[test]
fn the_clock_of_a_runtime_works_outside_of_it() {
    alone(|| {
        let (_runtime, clock) = kept();
        let before = clock.now();
        block_on(clock.sleep(SHORT));
        assert!(clock.now() >= before + SHORT);
        block_on(clock.sleep_until(Timestamp::ZERO));
    });
}

fn timed() -> SendJobGraph {
    let mut graph = SendJobGraph::new().timeout(Duration::from_secs(3_600));
    graph.add(Job::new(pending::<()>()).timeout(SHORT).on_shutdown(|| ready(())));
    graph.add(Job::with_context(|cx| async move { cx.sleep(SHORT).await }));
    graph
}

#[test]
fn a_run_outside_of_its_runtime_has_timers() {
    alone_each(&[false, true], |parallel| {
        let (_runtime, clock) = kept();
        let report = if parallel {
            block_on(jobgraph::run_parallel(&clock, timed()))
        } else {
            block_on(jobgraph::run(&clock, timed()))
        };
        let report = report.unwrap();
        let outcomes: Vec<_> = report.jobs().map(|job| job.outcome().unwrap()).collect();
        assert_eq!(outcomes, [Outcome::Failed(Failure::TimedOut), Outcome::Succeeded]);
        let hook = report.jobs().next().unwrap().hook().unwrap().outcome();
        assert_eq!(hook, Outcome::Succeeded);
    });
}

/// Also where a runtime of another kind drives it, without timers of its own.
#[test]
fn a_run_inside_another_runtime_has_the_timers_of_its_own() {
    alone_each(&[false, true], |parallel| {
        let (_runtime, clock) = kept();
        let other = builder(0).build().unwrap();
        let report = if parallel {
            other.block_on(jobgraph::run_parallel(&clock, timed()))
        } else {
            other.block_on(jobgraph::run(&clock, timed()))
        };
        assert_eq!(report.unwrap().counts().succeeded, 1);
    });
}

#[test]
fn a_job_may_take_the_clock_of_its_run_to_another_thread() {
    alone_each(&[false, true], |parallel| {
        let (_runtime, clock) = kept();
        let mut graph = SendJobGraph::new();
        let slept = graph.add(Job::with_context(|cx| async move {
            let (send, receive) = async_channel::bounded(1);
            let (clock, before) = (cx.clock().clone(), cx.now());
            std::thread::spawn(move || {
                block_on(clock.sleep(SHORT));
                send.try_send(clock.now()).unwrap();
            });
            receive.recv().await.unwrap() >= before + SHORT
        }));
        let report = if parallel {
            block_on(jobgraph::run_parallel(&clock, graph))
        } else {
            block_on(jobgraph::run(&clock, graph))
        };
        assert_eq!(report.unwrap().output(&slept), Some(&true));
    });
}

/// A job whose polls are counted, and that waits for a permit of tokio's, which costs one of a task's budget.
fn waits_for(
    permits: &Arc<Semaphore>,
    polls: &Arc<AtomicUsize>,
) -> Job<impl Body<Output = ()> + Send + use<>> {
    let (permits, polls) = (Arc::clone(permits), Arc::clone(polls));
    Job::new(async move {
        let mut permit = pin!(permits.acquire());
        let permit = poll_fn(|cx| {
            polls.fetch_add(1, Ordering::SeqCst);
            permit.as_mut().poll(cx)
        });
        permit.await.unwrap().forget();
    })
}

/// Whoever is polled after that is polled in vain.
#[test]
fn a_turn_ends_when_the_budget_of_tokio_is_spent() {
    const JOBS: usize = 2_000;
    for threads in [0, 2] {
        let runtime = builder(threads).enable_time().build().unwrap();
        let (permits, polls) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut graph = SendJobGraph::new();
        for _ in 0..JOBS {
            graph.add(waits_for(&permits, &polls));
        }
        graph.add(Job::new(async move {
            tokio::task::yield_now().await;
            permits.add_permits(JOBS);
        }));
        let report = runtime.block_on(jobgraph::tokio::run(graph)).unwrap();
        assert!(report.is_completed());
        // Once before there are permits, once after; and a few at the end of each turn.
        let polls = polls.load(Ordering::SeqCst);
        assert!(polls <= 2 * JOBS + JOBS / 10, "{polls}");
    }
}

/// Beside something in the same task that leaves nothing of its budget.
#[test]
fn a_run_beside_one_that_spends_the_budget_goes_on() {
    let runtime = builder(0).enable_time().build().unwrap();
    let mut graph = SendJobGraph::new();
    let mut last = graph.add(Job::new(ready(())));
    for _ in 0..100 {
        last = graph.add(Job::new(tokio::task::yield_now()).requires(&last));
    }
    let report = runtime.block_on(async {
        let mut run = pin!(jobgraph::tokio::run(graph));
        poll_fn(|cx| {
            while tokio::task::coop::has_budget_remaining() {
                let spent = pin!(tokio::task::coop::consume_budget()).poll(cx);
                assert!(spent.is_ready());
            }
            run.as_mut().poll(cx)
        })
        .await
    });
    assert!(report.unwrap().is_completed());
}
