//! Adding jobs: before a run, dropped before the answer, and of all kinds to a run on several threads.
//!
//! Looked for: an addition before the run that is awaited in it, beside it, and not at all; several, that
//! require one another and what was built; one that is refused, that of a graph that cannot start, that
//! times out at once, that is dropped, and of an empty one; of a nested graph before it begins; of a graph
//! that runs again; services, jobs with hooks, fed, fallible inline, supervised, nested and custom ones; what
//! `add` returns as a value of its own: kept in a struct, sent to another thread, awaited later.

use std::future::{pending, ready};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_lite::future::{block_on, zip};
use jobgraph::testing::VirtualClock;
use jobgraph::{
    Adder, Adding, Clock, Handle, Job, JobGraph, Outcome, RunError, SendJobGraph, Sendable,
    ServiceContext, Verdict,
};

use crate::ways::Way;

const SECOND: Duration = Duration::from_secs(1);

/// In virtual time: a run that would hang ends then.
const NEVER: Duration = Duration::from_secs(3_600);

fn poll<T>(adding: &mut Adding<T>) -> Poll<Result<Handle<T>, RunError>> {
    pin!(adding).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn what_is_added_before_the_run_runs_in_it() {
    for way in Way::ALL {
        let mut graph = SendJobGraph::new();
        let adder = graph.adder();
        let built = graph.add(Job::new(ready(20)));
        drop(adder.add(Job::new(ready(1)).label("dropped")));
        let mut kept = adder.add(Job::with(&built, |built| async move { *built + 22 }));
        let report = way.run(graph);
        report.check().unwrap();
        assert_eq!(report.jobs().count(), 3, "{way:?}");
        let Poll::Ready(Ok(kept)) = poll(&mut kept) else { panic!("it was answered") };
        assert_eq!(report.output(&kept), Some(&42), "{way:?}");
    }
}

/// It completes once the run has begun, and not before.
#[test]
fn an_addition_that_is_awaited_before_the_run_completes_in_it() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new().timeout(NEVER);
    let adder = graph.adder();
    graph.add(Job::new(clock.sleep(SECOND)));
    let mut adding = adder.add(Job::new(ready(42)));
    assert!(poll(&mut adding).is_pending());
    let (report, added) = clock.block_on(zip(jobgraph::run(&clock, graph), adding));
    let (report, added) = (report.unwrap(), added.unwrap());
    assert_eq!((report.verdict(), report.output(&added)), (Verdict::Completed, Some(&42)));
    assert_eq!(report.job(&added).unwrap().started(), Some(Duration::ZERO));
}

/// Those who wait inside the run, for what was added before it.
#[test]
fn a_job_may_await_what_was_added_before_the_run() {
    for way in Way::ALL {
        let mut graph = SendJobGraph::new();
        let adding = graph.adder().add(Job::new(ready(42)));
        let awaits = graph.add(Job::try_new(adding));
        let report = way.run(graph);
        let added = *report.output(&awaits).unwrap();
        assert_eq!(report.output(&added), Some(&42), "{way:?}");
    }
}

#[test]
fn an_addition_to_a_graph_without_jobs_is_one_of_its_jobs() {
    for way in Way::ALL {
        let graph = SendJobGraph::new();
        let mut adding = graph.adder().add(Job::new(ready(42)));
        let report = way.run(graph);
        let Poll::Ready(Ok(added)) = poll(&mut adding) else { panic!("it was answered") };
        assert_eq!((report.verdict(), report.output(&added)), (Verdict::Completed, Some(&42)));
    }
}

/// What is refused is refused by its answer; the run goes on.
#[test]
fn an_addition_before_the_run_may_be_refused() {
    for way in Way::ALL {
        let foreign = SendJobGraph::new().add(Job::new(ready(1)));
        let mut graph = SendJobGraph::new();
        let well = graph.add(Job::new(ready(7)));
        let mut refused = graph.adder().add(Job::new(ready(1)).requires(&foreign));
        let report = way.run(graph);
        assert_eq!((report.output(&well), report.jobs().count()), (Some(&7), 1), "{way:?}");
        let Poll::Ready(answer) = poll(&mut refused) else { panic!("it was answered") };
        assert!(matches!(answer, Err(RunError::ForeignHandle { .. })), "{way:?}: {answer:?}");
    }
}

/// A graph that is dropped, or cannot start.
#[test]
fn an_addition_is_answered_when_there_is_no_run() {
    let clock = VirtualClock::new();
    let endings: [fn(&VirtualClock, SendJobGraph); 3] = [
        |_, graph| drop(graph),
        |clock, graph| assert!(clock.block_on(jobgraph::run(clock, graph.window(0))).is_err()),
        |clock, graph| drop(jobgraph::run_parallel(clock, graph)),
    ];
    for (number, end) in endings.into_iter().enumerate() {
        let mut graph = SendJobGraph::new();
        graph.add(Job::new(pending::<()>()));
        let (adder, mut early) = (graph.adder(), graph.adder().add(Job::new(ready(1))));
        end(&clock, graph);
        let early = poll(&mut early);
        assert!(matches!(early, Poll::Ready(Err(_))), "{number}: {early:?}");
        assert_eq!(block_on(adder.add(Job::new(ready(1)))), Err(RunError::Over), "{number}");
    }
}

/// It is one of the jobs that are skipped.
#[test]
fn an_addition_to_a_run_that_times_out_at_once_is_one_of_its_jobs() {
    let clock = VirtualClock::new();
    let graph = SendJobGraph::new().timeout(Duration::ZERO);
    let mut early = graph.adder().add(Job::new(ready(1)));
    let report = clock.block_on(jobgraph::run(&clock, graph)).unwrap();
    assert_eq!((report.verdict(), report.counts().skipped), (Verdict::TimedOut, 1));
    assert!(matches!(poll(&mut early), Poll::Ready(Ok(_))));
}

/// Dropped or not: the job was handed over.
#[test]
fn an_addition_that_is_dropped_before_its_answer_has_added() {
    for way in Way::ALL {
        let mut graph = SendJobGraph::new();
        let adder = graph.adder();
        graph.add(Job::new(async move {
            drop(adder.add(Job::new(ready(1)).label("dropped")));
            let mut polled = adder.add(Job::new(ready(1)).label("polled"));
            let _ = poll(&mut polled);
        }));
        let report = way.run(graph);
        report.check().unwrap();
        let labels: Vec<_> = report.jobs().filter_map(|job| job.label()).collect();
        assert_eq!(labels, ["dropped", "polled"], "{way:?}");
    }
}

#[test]
fn additions_to_a_nested_graph_before_it_begins_are_answered_when_it_does() {
    for way in [Way::Virtual, Way::VirtualTasks] {
        let mut inner = SendJobGraph::new();
        inner.add(Job::new(ready(1)));
        let adder = inner.adder();
        let mut graph = SendJobGraph::new().timeout(NEVER);
        let waits = graph.add(Job::with_context(|cx| async move { cx.sleep(SECOND).await }));
        let nested = graph.add(Job::graph(inner).requires(&waits));
        let adds = graph.add(Job::try_new(async move { adder.add(Job::new(ready(42))).await }));
        let report = way.run(graph);
        let (inside, added) = (report.output(&nested).unwrap(), report.output(&adds).unwrap());
        assert_eq!(inside.output(added), Some(&42), "{way:?}");
        assert_eq!(report.job(&adds).unwrap().ended(), Some(SECOND), "{way:?}");
    }
}

#[test]
fn what_is_added_before_the_first_of_many_runs_is_of_that_one() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    graph.add(Job::repeat(|| ready(jobgraph::ok(()))));
    let mut adding = graph.adder().add(Job::new(ready(42)));
    let mut graph = graph.repeatable().unwrap();
    let [first, second] = [(); 2].map(|()| clock.block_on(graph.run(&clock)).unwrap());
    let Poll::Ready(Ok(added)) = poll(&mut adding) else { panic!("it was answered") };
    assert_eq!((first.output(&added), second.output(&added)), (Some(&42), None));
    assert_eq!((first.jobs().count(), second.jobs().count()), (2, 1));
}

/// What `add` returns has a name, and may be sent.
struct Pool {
    adder: Adder<Sendable>,
    adding: Vec<Adding<u32>>,
}

#[test]
fn additions_may_be_kept_and_sent() {
    const fn is_send<T: Send>(_: &T) {}

    for way in Way::ALL {
        let mut graph = SendJobGraph::new();
        let pool = Pool { adder: graph.adder(), adding: Vec::new() };
        let sum = graph.add(Job::try_new(async move {
            let mut pool = pool;
            for number in 0..3 {
                pool.adding.push(pool.adder.add(Job::new(ready(number))));
            }
            is_send(&pool.adding);
            let mut handles = Vec::new();
            for adding in pool.adding {
                handles.push(adding.await?);
            }
            jobgraph::ok(handles)
        }));
        let report = way.run(graph);
        let outputs =
            report.output(&sum).unwrap().iter().map(|handle| *report.output(handle).unwrap());
        assert_eq!(outputs.collect::<Vec<_>>(), [0, 1, 2], "{way:?}");
    }
}

struct Custom;

impl jobgraph::RunJob for Custom {
    type Output = u8;

    async fn run(&self, _: jobgraph::Context) -> Result<u8, jobgraph::Error> {
        Ok(8)
    }
}

/// Each in an inline expression, in a job of a run on several threads.
#[test]
fn jobs_of_all_kinds_may_be_added_to_a_run_on_several_threads() {
    for way in Way::ALL {
        let cleaned = Arc::new(Mutex::new(Vec::new()));
        let hook = |what: &'static str| {
            let cleaned = Arc::clone(&cleaned);
            move || async move { cleaned.lock().unwrap().push(what) }
        };
        let hooks = [hook("service"), hook("job"), hook("repeat")];
        let mut graph = SendJobGraph::new();
        let adder = graph.adder();
        let last = graph.add(Job::try_new(async move {
            let [of_service, of_job, of_repeat] = hooks;
            let service = adder
                .add(
                    Job::service(|cx| async move {
                        cx.ready(1);
                        cx.cancelled().await;
                        Ok(())
                    })
                    .grace(SECOND)
                    .on_shutdown(of_service),
                )
                .await?;
            let fed = adder.add(Job::with(&service, |one| async move { *one + 1 })).await?;
            let fallible = Job::try_with(&fed, |two| async move {
                let text = two.to_string();
                jobgraph::ok(text.parse::<u8>()? + 1)
            });
            let fallible = adder.add(fallible.on_shutdown(of_job)).await?;
            let inline = adder.add(Job::try_new(async { Ok::<_, std::io::Error>(4) })).await?;
            let mut tries = 0;
            let repeat = adder.add(
                Job::repeat(move || {
                    tries += 1;
                    async move { if tries < 2 { Err("once more") } else { Ok(tries) } }
                })
                .retries(1)
                .on_shutdown(of_repeat),
            );
            let repeat = repeat.await?;
            let supervised = adder.add(Job::restartable(|cx: ServiceContext<u8>| async move {
                cx.ready(5);
                pending().await
            }));
            let supervised = supervised.await?;
            let with_context = adder.add(Job::with_context(|cx| async move {
                cx.sleep(Duration::from_millis(1)).await;
            }));
            let with_context = with_context.await?;
            let mut inner = SendJobGraph::new();
            inner.add(Job::new(ready(6)));
            let nested = adder.add(Job::graph(inner)).await?;
            let custom = adder.add(Job::custom(Custom)).await?;
            let after = (&fallible, &inline, &repeat, &supervised, &with_context, &nested);
            adder.add(Job::with(&custom, |eight| async move { *eight }).requires(after)).await
        }));
        let report = way.run(graph);
        report.check().unwrap();
        let added = *report.output(&last).unwrap();
        assert_eq!(report.output(&added), Some(&8), "{way:?}");
        assert_eq!(report.outcome(&added), Some(Outcome::Succeeded));
        cleaned.lock().unwrap().sort_unstable();
        assert_eq!(*cleaned.lock().unwrap(), ["job", "repeat", "service"], "{way:?}");
    }
}
