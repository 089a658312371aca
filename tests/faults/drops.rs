//! Drops that panic: everybody else goes on, and the report is there.
//!
//! Looked for: each place where a run drops what is the user's ([`Site`]), once and twice in the same
//! run; what shutdown hooks capture and hold; wakers of `tracing` and clocks are elsewhere; bodies,
//! outputs, errors, additions of a graph, a run, and a report that are dropped: two of each, so that one
//! panic does not meet the other. Every way to run a graph.

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use jobgraph::testing::VirtualClock;
use jobgraph::{Clock, Handle, Job, SendJobGraph, Verdict};

use crate::alone::{alone, alone_each, pairs};
use crate::sites::{Bomb, Site, made_by_a_holder};
use crate::ways::Way;

const SHORT: Duration = Duration::from_millis(5);

fn panics() -> Bomb {
    Bomb::new(|| panic!("a Drop"))
}

/// A bomb that panics once others were told.
fn telling_bomb(tell: &async_channel::Sender<()>) -> Bomb {
    let tell = tell.clone();
    Bomb::new(move || {
        let _ = tell.try_send(());
        panic!("a Drop");
    })
}

#[test]
fn a_drop_that_panics_changes_nothing_for_others() {
    let cases = pairs(&pairs(&Site::ALL, &[1, 2]), &Way::ALL);
    alone_each(&cases, |((site, bombs), way)| {
        let (tell, told) = async_channel::unbounded();
        let mut graph = SendJobGraph::new();
        let subjects: Vec<_> =
            (0..bombs).map(|_| site.plant(&mut graph, telling_bomb(&tell))).collect();
        // The run goes on until all are dropped.
        let waits = graph.add(Job::new(async move {
            for _ in 0..bombs {
                told.recv().await.unwrap();
            }
        }));
        let last = graph.add(Job::new(async { 7 }).requires(&waits));
        let report = way.run(graph);
        assert_eq!((report.verdict(), report.output(&last)), (Verdict::Completed, Some(&7)));
        for job in report.jobs().filter(|job| subjects.contains(&job.id())) {
            assert!(site.expects(job.outcome().unwrap()), "{job:?}");
        }
    });
}

#[derive(Clone, Copy, Debug)]
enum InHook {
    Closure,
    Future,
    Aborted,
    NeverRun,
}

/// A hook that panics has failed; others run.
#[test]
fn what_a_hook_holds_may_panic_when_it_is_dropped() {
    let places = [InHook::Closure, InHook::Future, InHook::Aborted, InHook::NeverRun];
    alone_each(&pairs(&places, &Way::ALL), |(place, way)| {
        let mut graph = SendJobGraph::new();
        let stop = graph.stop_handle();
        let stop_thrice = move || (0..3).for_each(|_| stop.stop());
        let job = Job::new(async {});
        let mut bomb = Some(panics());
        let below = match place {
            InHook::Closure => graph.add(job.on_shutdown(move || {
                let _bomb = &bomb;
                ready(())
            })),
            InHook::Future => graph.add(job.on_shutdown(move || {
                let bomb = bomb.take();
                async move { drop(bomb) }
            })),
            InHook::Aborted => graph.add(job.on_shutdown(move || {
                let (bomb, stop_thrice) = (bomb.take(), stop_thrice.clone());
                async move {
                    let _bomb = bomb;
                    stop_thrice();
                    pending::<()>().await;
                }
            })),
            InHook::NeverRun => {
                let job = graph.add(job.on_shutdown(move || {
                    let _bomb = &bomb;
                    ready(())
                }));
                let above = Job::new(async {}).requires(&job).on_shutdown(move || {
                    stop_thrice();
                    pending::<()>()
                });
                graph.add(above)
            }
        };
        let report = way.run(graph);
        assert_eq!(report.verdict(), Verdict::Completed);
        assert!(report.job(&below).unwrap().hook().is_some());
    });
}

/// Adds two of all that can panic when it is dropped, of which some is only there when it runs; and what
/// says that it is there.
fn full_of_bombs(graph: &mut SendJobGraph, dropped: &Arc<AtomicUsize>) -> Vec<Handle<()>> {
    let mut there = Vec::new();
    let bomb = || {
        let dropped = Arc::clone(dropped);
        Bomb::new(move || {
            dropped.fetch_add(1, Ordering::SeqCst);
            panic!("a Drop");
        })
    };
    for _ in 0..2 {
        let [body, output, error, captured, hook, observer] = [(); 6].map(|()| bomb());
        graph.add(Job::new(async move {
            let _body = body;
            pending::<()>().await;
        }));
        let output = graph.add(Job::new(async move { output }));
        there.push(graph.add(Job::new(async {}).requires(&output)));
        there.push(graph.add(Job::try_new(async move { Err::<(), _>(error) })));
        graph.add(Job::repeat(move || {
            let _captured = &captured;
            pending::<Result<(), jobgraph::Error>>()
        }));
        graph.add(Job::new(pending::<()>()).on_shutdown(move || {
            let _hook = &hook;
            ready(())
        }));
        graph.observe(move |_| {
            let _observer = &observer;
        });
    }
    there
}

const BOMBS: usize = 12;

#[test]
fn a_graph_that_is_dropped_drops_all_that_is_in_it() {
    alone(|| {
        let dropped = Arc::default();
        let mut graph = SendJobGraph::new();
        full_of_bombs(&mut graph, &dropped);
        drop(graph);
        assert_eq!(dropped.load(Ordering::SeqCst), BOMBS);
    });
}

#[test]
fn a_run_that_is_dropped_drops_all_that_is_in_it() {
    let parallel = [false, true];
    alone_each(&parallel, |parallel| {
        let dropped = Arc::default();
        let mut graph = SendJobGraph::new();
        full_of_bombs(&mut graph, &dropped);
        let clock = VirtualClock::new();
        let give_up = async {
            clock.sleep(SHORT).await;
            None
        };
        let report = if parallel {
            let run = async { jobgraph::run_parallel(&clock, graph).await.ok() };
            clock.block_on(async { futures_lite::future::or(run, give_up).await })
        } else {
            let run = async { jobgraph::run(&clock, graph).await.ok() };
            clock.block_on(async { futures_lite::future::or(run, give_up).await })
        };
        assert!(report.is_none());
        assert_eq!((dropped.load(Ordering::SeqCst), clock.tasks_left()), (BOMBS, 0));
    });
}

/// Outputs and errors are the report's, and go with it one by one.
#[test]
fn a_report_that_is_dropped_drops_all_that_is_in_it() {
    alone_each(&Way::ALL, |way| {
        let dropped = Arc::default();
        let mut graph = SendJobGraph::new();
        let there = full_of_bombs(&mut graph, &dropped);
        let stop = graph.stop_handle();
        graph.add(Job::new(async move { stop.stop() }).after(&there));
        let report = way.run(graph);
        assert_eq!(report.verdict(), Verdict::Stopped);
        // Bodies, what is captured, and observers are gone.
        assert_eq!(dropped.load(Ordering::SeqCst), BOMBS - 4);
        drop(report);
        assert_eq!(dropped.load(Ordering::SeqCst), BOMBS);
    });
}

/// Its closure, its future, what it was fed, its hook, and what that waits for.
#[test]
fn what_one_job_holds_is_dropped_piece_by_piece() {
    alone_each(&Way::ALL, |way| {
        let dropped = Arc::<AtomicUsize>::default();
        let bomb = || {
            let dropped = Arc::clone(&dropped);
            Bomb::new(move || {
                dropped.fetch_add(1, Ordering::SeqCst);
                panic!("a Drop");
            })
        };
        let (begins, begun) = async_channel::unbounded();
        let mut graph = SendJobGraph::new();
        let ([captured, hook], mut held) = ([(); 2].map(|()| bomb()), Some(bomb()));
        let begin = begins.clone();
        let job = Job::repeat(move || {
            let (_captured, held, begin) = (&captured, held.take(), begin.clone());
            async move {
                let _held = held;
                begin.send(()).await?;
                pending::<Result<(), jobgraph::Error>>().await
            }
        });
        graph.add(job.on_shutdown(move || {
            let _hook = &hook;
            ready(())
        }));
        let [value, body] = [(); 2].map(|()| bomb());
        let value = graph.add(Job::new(ready(value)));
        graph.add(Job::with(&value, move |value| async move {
            let _both = (value, body);
            begins.send(()).await.unwrap();
            pending::<()>().await;
        }));
        let stop = graph.stop_handle();
        graph.add(Job::new(async move {
            for _ in 0..2 {
                begun.recv().await.unwrap();
            }
            stop.stop();
        }));
        let mut report = way.run(graph);
        assert_eq!(dropped.load(Ordering::SeqCst), 4);
        assert!(report.take_output(&value).map(std::mem::forget).is_some());
    });
}

/// What waits to be added when there is no run any more.
#[test]
fn additions_that_come_too_late_are_dropped_one_by_one() {
    alone(|| {
        let dropped = Arc::<AtomicUsize>::default();
        let graph = SendJobGraph::new();
        let adder = graph.adder();
        let mut additions: Vec<_> = (0..3)
            .map(|_| {
                let (adder, dropped) = (adder.clone(), Arc::clone(&dropped));
                let bomb = Bomb::new(move || {
                    dropped.fetch_add(1, Ordering::SeqCst);
                    panic!("a Drop");
                });
                let job = Job::new(async move {
                    let _bomb = bomb;
                });
                let mut add = Box::pin(async move { adder.add(job).await.is_err() });
                let polled = add.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                assert!(polled.is_pending());
                add
            })
            .collect();
        drop(graph);
        assert_eq!(dropped.load(Ordering::SeqCst), 3);
        for add in &mut additions {
            assert!(futures_lite::future::block_on(add.as_mut()));
        }
    });
}

/// Bodies of jobs that were added go with each run.
#[test]
fn what_a_run_of_many_has_added_may_panic_when_it_is_dropped() {
    alone_each(&[false, true], |parallel| {
        let mut graph = SendJobGraph::new();
        let adder = graph.adder();
        let adds = graph.add(Job::repeat(move || {
            let adder = adder.clone();
            async move {
                for _ in 0..2 {
                    adder.add(made_by_a_holder(panics(), Ok(()))).await?;
                }
                jobgraph::ok(7)
            }
        }));
        let mut graph = graph.repeatable().unwrap();
        let clock = VirtualClock::new();
        for _ in 0..3 {
            let report = if parallel {
                clock.block_on(graph.run_parallel(&clock))
            } else {
                clock.block_on(graph.run(&clock))
            };
            let report = report.unwrap();
            assert_eq!((report.output(&adds), report.counts().succeeded), (Some(&7), 3));
        }
    });
}
