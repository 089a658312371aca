//! Panics that change no outcome are told all the same.
//!
//! Looked for: a Drop that panics at each place where a run drops what is the user's ([`Site`]), once and
//! twice, in the report, in `check`, the listing, the facts and the history; inside a nested graph; in a
//! hook; a clock and a timer that panic; observers, wakers, and runs in which nothing panics.

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jobgraph::view::History;
use jobgraph::{
    FactKind, Job, JobId, Mishap, MishapKind, Outcome, SendJobGraph, SendReport, Verdict,
};

use crate::alone::{alone_each, pairs};
use crate::sites::{Bomb, Site};
use crate::ways::{Beside, Timer, Way};

const WAYS: [Way; 3] = [Way::Virtual, Way::VirtualTasks, Way::TokioThreads];

fn bomb(tell: &async_channel::Sender<()>) -> Bomb {
    let tell = tell.clone();
    Bomb::new(move || {
        let _ = tell.try_send(());
        panic!("a Drop");
    })
}

/// A graph in which so many bombs are dropped before the run ends, and whose they are.
fn planted(site: Site, bombs: usize) -> (SendJobGraph, Vec<JobId>) {
    let (tell, told) = async_channel::unbounded();
    let mut graph = SendJobGraph::new();
    let subjects = (0..bombs).map(|_| site.plant(&mut graph, bomb(&tell))).collect();
    graph.add(Job::new(async move {
        for _ in 0..bombs {
            told.recv().await.unwrap();
        }
    }));
    (graph, subjects)
}

/// Whether the job that [`Site::plant`] names is the one whose value it is.
fn is_known(site: Site) -> bool {
    !matches!(
        site,
        Site::RefusedAddition | Site::SkippedAddition | Site::AbortedInside | Site::SkippedInside
    )
}

#[test]
fn a_drop_that_panics_is_a_mishap_of_its_job() {
    let sites: Vec<Site> = Site::ALL.into_iter().filter(|site| !site.is_the_jobs_own()).collect();
    alone_each(&pairs(&pairs(&sites, &[1, 2]), &WAYS), |((site, bombs), way)| {
        let (graph, subjects) = planted(site, bombs);
        let report = way.run(graph);
        let mishaps: Vec<Mishap> = report.mishaps().collect();
        assert_eq!(mishaps.len(), bombs, "{mishaps:?}");
        for mishap in &mishaps {
            assert_eq!((mishap.what, mishap.panic.message()), (MishapKind::Drop, "a Drop"));
            assert!(mishap.panic.location().is_some_and(|at| at.starts_with(file!())));
            let known = mishap.job.is_some_and(|job| subjects.contains(&job));
            assert!(known || !is_known(site), "whose is {mishap}?");
        }
        let check = report.check().unwrap_err().to_string();
        assert!(check.contains("a Drop"), "{check}");
        assert!(report.to_string().contains("a Drop"), "{report}");
    });
}

/// It is told when it happens, and remembered.
#[test]
fn the_facts_and_the_history_know_mishaps() {
    for way in WAYS {
        let (mut graph, subjects) = planted(Site::AbortedBody, 1);
        let mut facts = graph.facts();
        let report = way.run(graph);
        let facts: Vec<_> = std::iter::from_fn(|| facts.try_next()).collect();
        let is_told = |what: &FactKind| matches!(what, FactKind::Mishap(mishap) if mishap.job == Some(subjects[0]));
        assert_eq!(facts.iter().filter(|fact| is_told(&fact.what)).count(), 1);
        let exact: History = facts.into_iter().collect();
        for (source, history) in [("facts", exact), ("report", History::from(&report))] {
            let job = history.job(&[], subjects[0]).unwrap();
            let said: Vec<_> = job.mishaps.iter().map(|mishap| mishap.panic.message()).collect();
            assert_eq!(said, ["a Drop"], "{way:?}, from the {source}");
        }
    }
}

#[test]
fn a_mishap_inside_is_one_of_the_run_outside() {
    alone_each(
        &pairs(&[Site::AbortedBody, Site::EarlierError, Site::SkippedBody], &WAYS),
        |(site, way)| {
            let (inner, subjects) = planted(site, 1);
            let mut outer = SendJobGraph::new();
            let nested = outer.add(Job::graph(inner).label("deploy"));
            let report = way.run(outer);
            let inside = report.output(&nested).unwrap();
            let mishaps: Vec<_> = inside.mishaps().map(|mishap| mishap.job).collect();
            assert_eq!(mishaps, [Some(subjects[0])]);
            assert_eq!(report.outcome(&nested), Some(Outcome::Succeeded));
            let check = report.check().map_err(|failed| failed.to_string()).unwrap_err();
            assert!(check.contains("deploy") && check.contains("a Drop"), "{check}");
        },
    );
}

#[test]
fn what_an_aborted_hook_holds_may_be_a_mishap() {
    alone_each(&WAYS, |way| {
        let mut graph = SendJobGraph::new().hook_timeout(Duration::from_millis(5));
        let bomb = Bomb::new(|| panic!("a Drop"));
        let job = Job::new(ready(7)).on_shutdown(move || async move {
            let _bomb = bomb;
            pending::<()>().await;
        });
        let job = graph.add(job.label("db"));
        let report = way.run(graph);
        let mishaps: Vec<Mishap> = report.mishaps().collect();
        let [mishap] = &mishaps[..] else { panic!("{report}") };
        assert_eq!((mishap.job, mishap.panic.message()), (Some(job.id()), "a Drop"));
        assert_eq!(report.output(&job), Some(&7));
    });
}

/// It waits for deadlines that are far away, until the clock fails.
fn waiting() -> (SendJobGraph, Arc<()>) {
    const LONG: Duration = Duration::from_secs(3_600);
    let (mut graph, alive) = (SendJobGraph::new().timeout(LONG), Arc::new(()));
    for times in 1..4 {
        let held = Arc::clone(&alive);
        let job = Job::new(async move {
            let _held = held;
            pending::<()>().await;
        });
        graph.add(job.timeout(LONG / times).label("waits"));
    }
    (graph, alive)
}

#[track_caller]
fn assert_stopped(report: &SendReport, alive: &Arc<()>, message: &str) {
    assert_eq!(report.verdict(), Verdict::Stopped);
    let clocks: Vec<_> = report.mishaps().filter(|one| one.what == MishapKind::Clock).collect();
    let [mishap] = &clocks[..] else { panic!("{clocks:?}") };
    assert_eq!((mishap.job, mishap.panic.message()), (None, message));
    assert!(mishap.panic.location().is_some());
    let check = report.check().unwrap_err().to_string();
    assert!(check.contains(message), "{check}");
    assert_eq!((report.counts().unfinished(), Arc::strong_count(alive)), (0, 1));
}

#[test]
fn a_clock_that_panics_is_a_mishap_and_stops_the_run() {
    alone_each(&pairs(&[2, 3, 4], &Way::ALL), |(time, way)| {
        let (graph, alive) = waiting();
        let asked = AtomicUsize::new(0);
        let beside = Beside::now(move || {
            assert!(asked.fetch_add(1, Ordering::SeqCst) + 1 < time, "a clock");
        });
        assert_stopped(&way.run_beside(graph, &beside), &alive, "a clock");
    });
}

#[test]
fn a_timer_that_panics_is_a_mishap_and_stops_the_run() {
    alone_each(&pairs(&[Timer::Made, Timer::Polled], &Way::ALL), |(timer, way)| {
        let (graph, alive) = waiting();
        let beside = Beside::sleep(move |what| assert!(what != timer, "a timer"));
        assert_stopped(&way.run_beside(graph, &beside), &alive, "a timer");
    });
}

#[test]
fn what_is_nobodys_failure_is_no_mishap() {
    for way in Way::ALL {
        let mut graph = SendJobGraph::new();
        graph.observe(|_| panic!("an observer"));
        let value = graph.add(Job::new(ready(7)).on_shutdown(|| ready(())));
        graph.add(Job::with(&value, |value| async move { *value }));
        let report = way.run(graph);
        report.check().unwrap();
        assert_eq!(report.mishaps().count(), 0);
    }
}
