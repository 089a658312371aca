//! What a job delivers, and what it does not.
//!
//! Looked for: the report of a nested graph that completes, fails or stops in the grace after its own
//! timeout, after a stop, and after that of the run; a service that is ready too late, once and before it
//! is restarted; futures that have returned and panic when they are dropped, in each constructor, with
//! retries, and what requires them; `ready` a second time, for those who hold the first value and for
//! those who come later; a job that stops the run in its last poll, alone and beside others, and fails.

use std::future::{pending, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use jobgraph::{
    Body, Failure, Handle, Job, JobError, Outcome, SendJobGraph, SendReport, ServiceContext,
    SkipReason, Verdict,
};

use crate::alone::pairs;
use crate::stage::Stage;
use crate::ways::Way;

const VIRTUAL: [Way; 2] = [Way::Virtual, Way::VirtualTasks];
const ONE_THREAD: [Way; 4] = [Way::Virtual, Way::VirtualTasks, Way::Smol, Way::Tokio];
const LONG: Duration = Duration::from_secs(3_600);

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What becomes of a graph that is asked to stop, and takes its time.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Completes,
    Fails,
    Stops,
}

fn polite(ending: Ending) -> (SendJobGraph, Handle<u8>) {
    let mut inner = SendJobGraph::new();
    let first = inner.add(Job::new(ready(7)));
    if let Ending::Completes = ending {
        // All finite jobs have ended by then, and it waits for this.
        let service = Job::service(|cx| async move {
            cx.ready(());
            cx.cancelled().await;
            cx.sleep(millis(20)).await;
            Ok(())
        });
        let service = inner.add(service.grace(LONG));
        inner.add(Job::new(ready(())).requires(&service));
        return (inner, first);
    }
    let polite = Job::try_with_context(move |cx| async move {
        cx.cancelled().await;
        cx.sleep(millis(5)).await;
        if let Ending::Fails = ending { Err("no luck") } else { Ok(()) }
    });
    inner.add(polite.grace(LONG).critical());
    (inner, first)
}

fn assert_report(report: &SendReport, nested: &Handle<SendReport>, first: &Handle<u8>) {
    let inside = report.output(nested).expect("the report inside is there");
    assert_eq!(inside.output(first), Some(&7));
    assert_eq!(inside.counts().unfinished(), 0);
}

#[test]
fn a_nested_graph_that_ends_in_its_grace_has_a_report() {
    for (way, ending) in pairs(&VIRTUAL, &[Ending::Completes, Ending::Fails, Ending::Stops]) {
        // After its own timeout, that of the run, and a stop.
        for cause in ["own", "run", "stop"] {
            let (inner, first) = polite(ending);
            let (mut outer, mut nested) = (SendJobGraph::new(), Job::graph(inner));
            match cause {
                "own" => nested = nested.timeout(millis(10)),
                "run" => outer = outer.timeout(millis(10)),
                _ => {
                    let stop = outer.stop_handle();
                    outer.add(Job::with_context(|cx| async move {
                        cx.sleep(millis(10)).await;
                        stop.stop();
                    }));
                }
            }
            let nested = outer.add(nested);
            let report = way.run(outer);
            assert_report(&report, &nested, &first);
            let completed = report.output(&nested).unwrap().verdict() == Verdict::Completed;
            assert_eq!(completed, matches!(ending, Ending::Completes), "{way:?} {ending:?}");
            if cause == "own" {
                let timed_out = Outcome::Failed(Failure::TimedOut);
                assert_eq!(report.outcome(&nested), Some(timed_out), "{way:?} {ending:?}");
            }
        }
    }
}

#[test]
fn a_nested_graph_that_is_aborted_has_none() {
    for way in VIRTUAL {
        let (inner, _) = polite(Ending::Stops);
        let mut outer = SendJobGraph::new();
        let nested = Job::graph(inner).timeout(millis(10)).grace(millis(1));
        let nested = outer.add(nested);
        assert!(way.run(outer).output(&nested).is_none());
    }
}

/// It was asked to stop before that: by its own timeout, or at the end of the run. It ends well, or not.
#[test]
fn what_a_service_is_ready_with_too_late_is_no_output() {
    for (way, fails) in pairs(&VIRTUAL, &[false, true]) {
        for own_timeout in [false, true] {
            let value = Arc::new(());
            let held = Arc::clone(&value);
            let mut graph = SendJobGraph::new();
            let mut late = Job::service(move |cx| async move {
                cx.cancelled().await;
                cx.ready(held);
                cx.sleep(millis(1)).await;
                if fails { Err("no luck".into()) } else { Ok(()) }
            });
            if own_timeout {
                late = late.timeout(millis(5));
            }
            let late = graph.add(late.grace(LONG));
            graph.add(Job::with_context(|cx| async move { cx.sleep(millis(20)).await }));
            let report = way.run(graph);
            let case = format!("{way:?}, fails: {fails}, its own timeout: {own_timeout}");
            assert!(report.output(&late).is_none(), "{case}");
            assert_ne!(report.outcome(&late), Some(Outcome::Succeeded), "{case}");
            assert_eq!(Arc::strong_count(&value), 1, "{case}: somebody keeps it");
        }
    }
}

#[test]
fn what_was_refused_is_not_the_output_of_the_next_attempt_either() {
    for way in VIRTUAL {
        let mut graph = SendJobGraph::new();
        let service = Job::restartable(|cx: ServiceContext<u32>| async move {
            let number = cx.attempt().number;
            if number == 1 {
                cx.cancelled().await;
                cx.ready(number);
                return Ok(());
            }
            // Long enough for the value before to be taken for this one.
            cx.sleep(millis(1)).await;
            cx.ready(number);
            pending().await
        });
        let service = graph.add(service.retries(1).timeout(millis(5)).grace(LONG));
        let user = graph.add(Job::with(&service, |number| async move { *number }));
        let report = way.run(graph);
        assert_eq!(
            (report.output(&user), report.output(&service)),
            (Some(&2), Some(&2)),
            "{way:?}"
        );
    }
}

/// It has returned, and panics when it is dropped; unless it is the last of so many attempts.
struct Lasting<T>(Option<T>, bool);

impl<T: Unpin> Future for Lasting<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        Poll::Ready(self.0.take().expect("it is polled once"))
    }
}

impl<T> Drop for Lasting<T> {
    fn drop(&mut self) {
        assert!(!self.1 || self.0.is_some(), "a Drop");
    }
}

fn lasting<T>(value: T) -> Lasting<T> {
    Lasting(Some(value), true)
}

fn assert_no_output<B>(way: Way, make: impl Fn(&mut SendJobGraph) -> Job<B>)
where
    B: Body<Output = u8> + Send + 'static,
{
    let mut graph = SendJobGraph::new();
    let job = make(&mut graph);
    let job = graph.add(job);
    let user = graph.add(Job::with(&job, |value| async move { *value }));
    let after = graph.add(Job::new(ready(7)).after(&job));
    let report = way.run(graph);
    assert_eq!(report.outcome(&job), Some(Outcome::Failed(Failure::Panic)), "{way:?}");
    assert_eq!(report.output(&job), None, "{way:?}");
    let panic = report.error(&job).unwrap();
    assert!(matches!(panic, JobError::Panic(panic) if panic.message() == "a Drop"), "{panic:?}");
    assert_eq!(report.outcome(&user), Some(Outcome::Skipped(SkipReason::Requirement(job.id()))));
    assert_eq!((report.output(&after), report.verdict()), (Some(&7), Verdict::Completed));
}

#[test]
fn a_body_that_has_returned_and_panics_when_it_is_dropped_has_failed() {
    for way in Way::ALL {
        assert_no_output(way, |_| Job::new(lasting(1)));
        assert_no_output(way, |_| Job::try_new(lasting(Ok::<_, jobgraph::Error>(1))));
        assert_no_output(way, |_| Job::with_context(|_| lasting(1)));
        assert_no_output(way, |_| Job::repeat(|| lasting(jobgraph::ok(1))));
        assert_no_output(way, |graph| {
            let fed = graph.add(Job::new(ready(1)));
            Job::with(&fed, |one| lasting(*one))
        });
        assert_no_output(way, |graph| {
            let fed = graph.add(Job::new(ready(1)));
            Job::try_with(&fed, |one| lasting(jobgraph::ok(*one)))
        });
    }
}

#[test]
fn it_is_attempted_again_as_after_any_other_failure() {
    for way in Way::ALL {
        let mut graph = SendJobGraph::new();
        let mut attempts = 0;
        let job = Job::repeat(move || {
            attempts += 1;
            Lasting(Some(jobgraph::ok(attempts)), attempts < 3)
        });
        let job = graph.add(job.retries(5));
        let report = way.run(graph);
        assert_eq!((report.output(&job), report.job(&job).unwrap().attempts()), (Some(&3), 3));
        report.check().unwrap();
    }
}

/// What others hold stays what it is; what comes second is dropped where it is said.
#[test]
fn a_second_ready_changes_nothing() {
    for way in VIRTUAL {
        let second = Arc::new(2);
        let (given, left) = (Arc::clone(&second), Arc::new(AtomicUsize::new(9)));
        let (count, first) = (Arc::clone(&left), Arc::new(1));
        let mut graph = SendJobGraph::new();
        let service = graph.add(Job::service(move |cx| async move {
            cx.ready(first);
            cx.sleep(millis(5)).await;
            let other = Arc::downgrade(&given);
            cx.ready(given);
            count.store(other.strong_count(), Ordering::SeqCst);
            pending().await
        }));
        let early = graph.add(Job::with(&service, |value| async move {
            pause(millis(20)).await;
            **value
        }));
        let waits = graph.add(Job::with_context(|cx| async move { cx.sleep(millis(10)).await }));
        let late = graph.add(Job::with(&service, |value| async move { **value }).requires(&waits));
        let report = way.run(graph);
        assert_eq!((report.output(&early), report.output(&late)), (Some(&1), Some(&1)), "{way:?}");
        assert_eq!(report.output(&service).map(|value| **value), Some(1), "{way:?}");
        // The test's own is the only one.
        assert_eq!((left.load(Ordering::SeqCst), Arc::strong_count(&second)), (1, 1), "{way:?}");
    }
}

/// Lets others go on for a while, without a clock.
async fn pause(_: Duration) {
    for _ in 0..3 {
        futures_lite::future::yield_now().await;
    }
}

#[test]
fn what_a_restarted_service_is_ready_with_is_for_those_who_start_later() {
    for way in VIRTUAL {
        let mut graph = SendJobGraph::new();
        let service = Job::restartable(|cx: ServiceContext<u32>| async move {
            let number = cx.attempt().number;
            cx.ready(number);
            if number < 3 {
                cx.sleep(millis(10)).await;
                return Err("lost the connection".into());
            }
            pending().await
        });
        let service = graph.add(service.retries(2));
        let readers = [0, 5, 15, 25].map(|starts| {
            let waits = Job::with_context(move |cx| async move { cx.sleep(millis(starts)).await });
            let waits = graph.add(waits);
            graph.add(Job::with(&service, |value| async move { value }).requires(&waits))
        });
        let report = way.run(graph);
        let read = readers.map(|reader| report.output(&reader).map(|value| **value));
        assert_eq!(read, [Some(1), Some(1), Some(2), Some(3)], "{way:?}");
        assert_eq!(report.output(&service), Some(&3), "{way:?}");
    }
}

/// The end of the job is heard before the stop: it was there first.
#[test]
fn a_job_that_stops_the_run_in_its_last_poll_has_ended_before() {
    for (way, stops) in pairs(&ONE_THREAD, &[1, 2, 3]) {
        for others in [0, 1] {
            let mut graph = SendJobGraph::new();
            let stop = graph.stop_handle();
            let job = graph.add(Job::new(async move {
                (0..stops).for_each(|_| stop.stop());
                42
            }));
            for _ in 0..others {
                graph.add(Job::new(pending::<()>()));
            }
            let report = way.run(graph);
            let verdict = if others == 0 { Verdict::Completed } else { Verdict::Stopped };
            assert_eq!((report.verdict(), report.output(&job)), (verdict, Some(&42)), "{way:?}");
        }
    }
}

#[test]
fn a_critical_job_that_stops_the_run_in_its_last_poll_has_failed_before() {
    for way in ONE_THREAD {
        for others in [0, 1] {
            let mut graph = SendJobGraph::new();
            let stop = graph.stop_handle();
            let job = graph.add(
                Job::try_new(async move {
                    stop.stop();
                    Err::<(), _>("no luck")
                })
                .critical(),
            );
            for _ in 0..others {
                graph.add(Job::new(pending::<()>()));
            }
            let verdict = way.run(graph).verdict();
            assert_eq!(verdict, Verdict::CriticalFailure(job.id()), "{way:?}");
        }
    }
}

/// Other threads may be there, and have nothing else to do than to hear it.
#[test]
fn a_stop_is_not_heard_by_others_before_the_end_of_the_job_that_asked_for_it() {
    for (others, critical) in pairs(&[0, 1], &[false, true]) {
        let stage = Stage::new(4);
        let (gate, mut graph) = (stage.gate(), SendJobGraph::new());
        let (stop, stands) = (graph.stop_handle(), gate.clone());
        let mut job = Job::try_new(async move {
            stop.stop();
            stands.pass();
            if critical { Err("no luck") } else { Ok(42) }
        });
        if critical {
            job = job.critical();
        }
        let job = graph.add(job);
        for _ in 0..others {
            graph.add(Job::new(pending::<()>()));
        }
        let run = stage.begin(graph);
        assert_eq!(gate.reached(), 1);
        gate.open();
        let report = run.report();
        let verdict = match (critical, others) {
            (true, _) => Verdict::CriticalFailure(job.id()),
            (false, 0) => Verdict::Completed,
            (false, _) => Verdict::Stopped,
        };
        assert_eq!(report.verdict(), verdict);
        assert_eq!(report.output(&job), (!critical).then_some(&42));
    }
}
