//! What is known of a panic: what it said, where, and with what.
//!
//! Looked for: bodies of each constructor, closures that make futures, hooks, jobs inside, Drops; every way
//! to run; several threads at once; payloads that are no texts; panics that the job caught itself before,
//! and payloads that are passed on without a panic; a panic hook of the program's own, before and after.

use std::future::{pending, ready};
use std::panic::{catch_unwind, panic_any, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use jobgraph::{Context, Error, Handle, Job, JobError, RunJob, SendJobGraph, SendReport};

use crate::alone::{alone, alone_each};
use crate::stage::Stage;
use crate::ways::Way;

/// It panics in this line.
const fn line() -> u32 {
    line!() + 4
}

fn oh_no() -> u8 {
    panic!("oh no");
}

async fn panics() -> u8 {
    ready(()).await;
    oh_no()
}

fn place() -> String {
    format!("{}:{}:5", file!(), line())
}

#[track_caller]
fn assert_known(error: Option<&JobError>) {
    let Some(JobError::Panic(panic)) = error else { panic!("{error:?} is no panic") };
    assert_eq!((panic.message(), panic.location()), ("oh no", Some(&*place())));
    let message = panic.with_payload(|payload| payload.downcast_ref::<&str>().copied());
    assert_eq!(message, Some("oh no"));
    assert_eq!(panic.to_string(), "oh no");
    assert_eq!(format!("{panic:#}"), format!("oh no ({})", place()));
    assert_eq!(error.unwrap().to_string(), "panicked: oh no");
}

struct Custom;

impl RunJob for Custom {
    type Output = u8;

    async fn run(&self, _: Context) -> Result<u8, Error> {
        Ok(oh_no())
    }
}

#[test]
fn a_panic_is_known_by_its_message_and_its_place_in_all_ways() {
    for way in Way::ALL {
        let mut graph = SendJobGraph::new();
        let one = graph.add(Job::new(ready(1)));
        let jobs = [
            graph.add(Job::new(panics())),
            graph.add(Job::try_new(async { jobgraph::ok(panics().await) })),
            graph.add(Job::with_context(|_| panics())),
            graph.add(Job::with_context(|_| ready(oh_no()))),
            graph.add(Job::repeat(|| ready(jobgraph::ok(oh_no())))),
            graph.add(Job::with(&one, |_| panics())),
            graph.add(Job::custom(Custom)),
        ];
        let report = way.run(graph);
        for job in jobs {
            assert_known(report.error(&job));
        }
    }
}

/// A run of services alone goes on until they have ended.
#[test]
fn a_panic_of_a_service_is_known_in_all_ways() {
    for way in Way::ALL {
        let mut graph = SendJobGraph::new();
        let service = graph.add(Job::service(|cx| async move {
            cx.ready(1);
            oh_no();
            Ok(())
        }));
        let report = way.run(graph);
        assert_known(report.error(&service));
        assert_eq!(report.output(&service), Some(&1));
    }
}

#[test]
fn a_panic_inside_and_in_a_hook_is_known_as_well() {
    for way in Way::ALL {
        let mut inner = SendJobGraph::new();
        let deep = inner.add(Job::new(panics()));
        let mut graph = SendJobGraph::new();
        let nested = graph.add(Job::graph(inner));
        let hooked =
            graph.add(Job::new(async {}).on_shutdown(|| async { assert_eq!(panics().await, 1) }));
        let report = way.run(graph);
        assert_known(report.output(&nested).unwrap().error(&deep));
        assert_known(report.job(&hooked).unwrap().hook().unwrap().error());
    }
}

#[test]
fn the_last_of_several_attempts_is_the_one_that_is_known() {
    for way in Way::ALL {
        let mut graph = SendJobGraph::new();
        let mut attempts = 0;
        let job = Job::repeat(move || {
            attempts += 1;
            let last = attempts == 3;
            async move {
                assert!(last, "attempt {attempts}");
                jobgraph::ok(oh_no())
            }
        });
        let job = graph.add(job.retries(2));
        assert_known(way.run(graph).error(&job));
    }
}

/// Two that panic at the same time, at different places.
#[test]
fn each_thread_has_panics_of_its_own() {
    let stage = Stage::new(3);
    let mut graph = SendJobGraph::new();
    let meeting = Arc::new(Barrier::new(2));
    let both = [0, 1].map(|number| {
        let meeting = Arc::clone(&meeting);
        graph.add(Job::new(async move {
            meeting.wait();
            if number == 0 {
                return panics().await;
            }
            panic!("other")
        }))
    });
    let report = stage.begin(graph).report();
    assert_known(report.error(&both[0]));
    let Some(JobError::Panic(other)) = report.error(&both[1]) else { panic!("{report}") };
    assert_eq!(other.message(), "other");
    assert!(other.location().is_some_and(|at| at.starts_with(file!()) && at != place()));
}

fn panic_of(report: &SendReport, job: &Handle<u8>) -> jobgraph::Panic {
    match report.error(job) {
        Some(JobError::Panic(panic)) => panic.clone(),
        error => panic!("{error:?} is no panic"),
    }
}

#[test]
fn a_payload_is_kept_whatever_it_is() {
    #[derive(Debug, PartialEq)]
    struct Code(u32);

    for way in Way::ALL {
        let mut graph = SendJobGraph::new();
        let code = graph.add(Job::new(async { panic_any(Code(42)) }));
        let text = graph.add(Job::new(async { panic_any(String::from("owned")) }));
        let number = 7;
        let formatted = graph.add(Job::new(async move { panic!("number {number}") }));
        let report = way.run(graph);
        let code = panic_of(&report, &code);
        assert!(code.with_payload(|payload| payload.downcast_ref() == Some(&Code(42))));
        assert_eq!(code.message(), "(no message)");
        assert!(code.location().is_some_and(|at| at.starts_with(file!())));
        assert_eq!(panic_of(&report, &text).message(), "owned");
        assert_eq!(panic_of(&report, &formatted).message(), "number 7");
        // It outlives the report, and clones share it.
        let clone = code.clone();
        drop((code, report));
        assert!(clone.with_payload(|payload| payload.downcast_ref() == Some(&Code(42))));
    }
}

/// It was raised nowhere, so it has no place: least of all that of a panic which a job has caught itself.
#[test]
fn a_payload_that_is_passed_on_has_no_place_of_another_panic() {
    for way in [Way::Virtual, Way::VirtualTasks, Way::Smol, Way::Tokio] {
        let mut graph = SendJobGraph::new();
        let caught = graph.add(Job::new(async { catch_unwind(oh_no).unwrap_or(3) }));
        let resumes = Job::new(async { resume_unwind(Box::new("passed on")) });
        let resumes = graph.add(resumes.requires(&caught));
        let report = way.run(graph);
        assert_eq!(report.output(&caught), Some(&3));
        let panic = panic_of(&report, &resumes);
        assert_eq!((panic.message(), panic.location()), ("passed on", None), "{way:?}");
    }
}

/// One that caught a panic and passes it on is at the place of that.
#[test]
fn a_job_that_caught_a_panic_and_fails_with_an_error_has_no_panic() {
    let mut graph = SendJobGraph::new();
    let fails = graph.add(Job::try_new(async {
        catch_unwind(oh_no).map_err(|_| "it panicked").map(|_: u8| ())
    }));
    let panics = graph.add(Job::new(panics()).after(&fails));
    let report = Way::Virtual.run(graph);
    assert_eq!(report.error(&fails).unwrap().to_string(), "it panicked");
    assert_known(report.error(&panics));
}

#[test]
fn the_hook_of_the_program_is_called_for_each_panic() {
    alone_each(&Way::ALL, |way| {
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        std::panic::set_hook(Box::new(move |info| {
            assert!(info.location().is_some());
            count.fetch_add(1, Ordering::SeqCst);
        }));
        for runs in 1..=3 {
            let mut graph = SendJobGraph::new();
            let jobs = [(); 4].map(|()| graph.add(Job::new(panics())));
            let report = way.run(graph);
            for job in jobs {
                assert_known(report.error(&job));
            }
            assert_eq!(calls.load(Ordering::SeqCst), 4 * runs);
        }
    });
}

/// Then the place may be unknown, but nothing else is.
#[test]
fn the_program_may_replace_the_panic_hook_later() {
    alone(|| {
        for _ in 0..3 {
            let mut graph = SendJobGraph::new();
            let job = graph.add(Job::new(panics()));
            let report = Way::Virtual.run(graph);
            let panic = panic_of(&report, &job);
            assert_eq!(panic.message(), "oh no");
            assert!(panic.location().is_none_or(|at| at == place()), "{panic:?}");
            std::panic::set_hook(Box::new(|_| {}));
        }
    });
}

#[cfg(feature = "progress")]
#[test]
fn the_progress_names_what_a_panic_said() {
    use jobgraph::view::Monitor;

    let mut graph = SendJobGraph::new();
    graph.add(Job::new(panics()).label("sum"));
    let mut facts = graph.facts();
    let _ = Way::Virtual.run(graph);
    let mut monitor = Monitor::new();
    while let Some(fact) = facts.try_next() {
        monitor.apply(&fact);
    }
    let shown = [monitor.failures(), monitor.summary()].concat();
    assert!(shown.iter().any(|line| line.contains("#1 sum: panicked: oh no")), "{shown:#?}");
}

/// A job that never ends beside one that panics is no reason to lose it.
#[test]
fn a_critical_panic_is_known_too() {
    for way in Way::ALL {
        let mut graph = SendJobGraph::new();
        graph.add(Job::new(pending::<()>()));
        let job = graph.add(Job::new(panics()).critical());
        let report = way.run(graph);
        assert_known(report.error(&job));
        assert!(report.check().unwrap_err().to_string().contains("oh no"));
    }
}
