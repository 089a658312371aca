//! Wishes to end a run: signals, on smol and on tokio, and whatever else.
#![cfg(all(feature = "signal", feature = "smol", feature = "tokio", feature = "testing"))]

use std::cell::RefCell;
use std::future::{Future, pending};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use jobgraph::testing::VirtualClock;
use jobgraph::{Clock, Job, JobGraph, Outcome, SendJobGraph, SendReport, Verdict, stopped_by};

/// Wishes at these times, in milliseconds.
fn at(clock: &VirtualClock, times: &[u64]) -> impl FnMut(&mut Context<'_>) -> Poll<()> + use<> {
    let mut sleeps = times
        .iter()
        .map(|&time| {
            let at = jobgraph::Timestamp::ZERO + Duration::from_millis(time);
            let clock = clock.clone();
            Box::pin(async move { clock.sleep_until(at).await })
        })
        .collect::<Vec<_>>();
    move |cx| {
        let Some(first) = sleeps.first_mut() else { return Poll::Pending };
        first.as_mut().poll(cx).map(|()| drop(sleeps.remove(0)))
    }
}

/// When a run ends, in milliseconds, whose job takes a minute to stop, and whether it was aborted.
fn ended(wishes: &[u64]) -> (u64, bool) {
    let (clock, cleaned) = (VirtualClock::new(), Rc::new(RefCell::new(false)));
    let mut graph = JobGraph::new();
    let clean = Rc::clone(&cleaned);
    let slow = Job::with_context(|cx| async move {
        cx.cancelled().await;
        cx.sleep(Duration::from_secs(60)).await;
        *clean.borrow_mut() = true;
    });
    graph.add(slow.unlimited_grace());
    let stop = graph.stop_handle();
    let run = stopped_by(at(&clock, wishes), &clock, stop, jobgraph::run(&clock, graph));
    let report = clock.block_on(run).unwrap();
    assert_eq!(report.verdict(), Verdict::Stopped);
    assert!(report.check().is_err() && report.check_stopped().is_ok());
    (u64::try_from(report.elapsed().as_millis()).unwrap(), !cleaned.take())
}

#[test]
fn the_first_wish_stops_in_order_and_a_later_one_aborts() {
    assert_eq!(ended(&[100]), (60_100, false));
    // Those that come at once, or shortly after, are the same wish.
    assert_eq!(ended(&[100, 100, 101, 1_099]), (60_100, false));
    assert_eq!(ended(&[100, 1_100]), (1_100, true));
    assert_eq!(ended(&[100, 500, 2_000]), (2_000, true));
    assert_eq!(ended(&[0]), (0, true));
}

/// A server, and a job that has a signal sent once it is up, and goes on.
fn server(signal: rustix::process::Signal) -> SendJobGraph {
    let mut graph = SendJobGraph::new();
    let up = Job::service(|cx: jobgraph::ServiceContext<()>| async move {
        cx.ready(());
        cx.cancelled().await;
        Ok(())
    });
    let up = graph.add(up.unlimited_grace().label("server"));
    let user = async move {
        let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
        pending::<()>().await;
    };
    graph.add(Job::new(user).requires(&up));
    graph
}

fn check(report: &SendReport) {
    assert_eq!(report.verdict(), Verdict::Stopped, "{report}");
    let ends: Vec<_> = report.jobs().map(|job| job.outcome()).collect();
    assert_eq!(ends, [Some(Outcome::Succeeded), Some(Outcome::Cancelled)]);
}

/// In one test, since signals are those of the process.
#[test]
fn signals_end_a_run() {
    use rustix::process::Signal;
    for signal in [Signal::INT, Signal::TERM] {
        let graph = server(signal);
        let signals = jobgraph::smol::signals().unwrap();
        let run = signals.around(graph.stop_handle(), jobgraph::smol::run(graph));
        check(&async_io::block_on(run).unwrap());
    }
    for workers in [0, 2] {
        let mut runtime = match workers {
            0 => tokio::runtime::Builder::new_current_thread(),
            _ => tokio::runtime::Builder::new_multi_thread(),
        };
        let runtime = runtime.enable_all().build().unwrap();
        for signal in [Signal::INT, Signal::TERM] {
            let report = runtime.block_on(async {
                let graph = server(signal);
                let signals = jobgraph::tokio::signals().unwrap();
                signals.around(graph.stop_handle(), jobgraph::tokio::run_parallel(graph)).await
            });
            check(&report.unwrap());
        }
    }
}

#[test]
fn a_run_that_ends_by_itself_is_not_held_up() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    graph.add(Job::new(async {}));
    let stop = graph.stop_handle();
    let run = stopped_by(at(&clock, &[5_000]), &clock, stop, jobgraph::run(&clock, graph));
    let report = clock.block_on(async { pin!(run).await }).unwrap();
    assert_eq!((report.verdict(), report.elapsed()), (Verdict::Completed, Duration::ZERO));
}
