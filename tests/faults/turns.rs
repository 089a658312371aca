//! Code of the user's that takes long holds up its own thread, and no job.
//!
//! Looked for: an observer at a gate, at each kind of fact, while jobs can start, end, be retried and time
//! out; how many facts a thread tells in one go; a Drop at a gate, at each place where a run drops what is
//! the user's ([`Site`]), beside jobs that start then or later, with a window and without; a thread that
//! looks at the clock for long; the return of the run, which waits for all of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jobgraph::{FactKind, Handle, Job, JobState, Outcome, SendJobGraph, Verdict};

use crate::sites::{Bomb, Site};
use crate::stage::{Gate, Runtime, Stage};
use crate::ways::Beside;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Stands at a gate at the first fact of a kind.
fn observe_slowly(graph: &mut SendJobGraph, gate: &Gate, kind: &'static str) {
    let (gate, mut first) = (gate.clone(), true);
    graph.observe(move |fact| {
        let is = match &fact.what {
            FactKind::Begun { .. } => "begun",
            FactKind::Added(_) => "added",
            FactKind::State { to: JobState::Running { .. }, .. } => "running",
            FactKind::State { to: JobState::Ended(_), .. } => "ended",
            _ => return,
        };
        if is == kind && std::mem::replace(&mut first, false) {
            gate.pass();
        }
    });
}

#[test]
fn an_observer_that_blocks_leaves_the_other_threads_to_the_jobs() {
    for kind in ["begun", "added", "running", "ended"] {
        let stage = Stage::new(4);
        let (gate, done) = (stage.gate(), Arc::new(AtomicUsize::new(0)));
        let mut graph = SendJobGraph::new().window(3);
        observe_slowly(&mut graph, &gate, kind);
        let mut facts = graph.facts();
        let mut last = None::<Handle<usize>>;
        for number in 0..300 {
            let done = Arc::clone(&done);
            let job = Job::new(async move { done.fetch_add(1, Ordering::SeqCst) });
            let before: Vec<_> = last.iter().filter(|_| number % 3 > 0).collect();
            last = Some(graph.add(job.requires(before)));
        }
        let run = stage.begin(graph);
        assert_eq!((gate.reached(), done.load(Ordering::SeqCst)), (1, 300), "{kind}");
        // It returns when all is told.
        assert!(!run.is_over(), "{kind}");
        gate.open();
        run.report().check().unwrap();
        let told = std::iter::from_fn(|| facts.try_next()).count();
        // Begun, added, queued, running, succeeded, over.
        assert_eq!(told, 1 + 4 * 300 + 1, "{kind}");
    }
}

/// Three threads of four go on with jobs that block, while the fourth tells.
#[test]
fn no_other_thread_is_idle_while_an_observer_blocks() {
    let stage = Stage::new(5);
    let (tells, works) = (stage.gate(), stage.gate());
    let mut graph = SendJobGraph::new();
    observe_slowly(&mut graph, &tells, "ended");
    let first = graph.add(Job::new(async {}));
    for _ in 0..3 {
        let works = works.clone();
        graph.add(Job::new(async move { works.pass() }).requires(&first));
    }
    let run = stage.begin(graph);
    assert_eq!((tells.reached(), works.reached()), (1, 3));
    works.open();
    tells.open();
    run.report().check().unwrap();
}

#[test]
fn no_job_times_out_unpolled_while_an_observer_blocks() {
    for kind in ["begun", "running", "ended"] {
        let stage = Stage::new(4);
        let gate = stage.gate();
        let mut graph = SendJobGraph::new();
        observe_slowly(&mut graph, &gate, kind);
        let first = graph.add(Job::new(async {}).timeout(millis(1)));
        let second = graph.add(Job::new(async {}).requires(&first).timeout(millis(1)));
        let run = stage.begin(graph);
        stage.advance(millis(100));
        assert_eq!(gate.reached(), 1);
        gate.open();
        let report = run.report();
        let outcomes = [first, second].map(|job| report.outcome(&job).unwrap());
        assert_eq!(outcomes, [Outcome::Succeeded; 2], "{kind}");
    }
}

#[test]
fn timeouts_and_retries_go_on_while_an_observer_blocks() {
    let stage = Stage::new(4);
    let (gate, attempts) = (stage.gate(), Arc::new(AtomicUsize::new(0)));
    let mut graph = SendJobGraph::new();
    observe_slowly(&mut graph, &gate, "begun");
    let count = Arc::clone(&attempts);
    let job = Job::repeat(move || {
        count.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<Result<(), jobgraph::Error>>()
    });
    graph.add(job.timeout(millis(10)).retries(3).backoff(millis(10), millis(10)));
    let run = stage.begin(graph);
    for _ in 0..8 {
        stage.advance(millis(10));
    }
    assert_eq!((gate.reached(), attempts.load(Ordering::SeqCst)), (1, 4));
    gate.open();
    assert_eq!(run.report().counts().failed, 1);
}

/// How many facts were told in a row, in each turn of a task: now, and at most.
#[derive(Clone, Default)]
struct Rows(Arc<Mutex<BTreeMap<Turn, Row>>>);

type Turn = Option<usize>;
type Row = (usize, usize);

impl Rows {
    fn told(&self) {
        let mut rows = self.0.lock().unwrap();
        let (now, most) = rows.entry(Runtime::turn()).or_default();
        *now += 1;
        *most = (*most).max(*now);
    }

    fn polled(&self) {
        self.0.lock().unwrap().entry(Runtime::turn()).or_default().0 = 0;
    }

    fn longest(&self) -> usize {
        self.0.lock().unwrap().values().map(|&(_, most)| most).max().unwrap()
    }
}

/// Between two polls, or two turns of its task.
#[test]
fn a_thread_tells_256_facts_at_a_time() {
    const JOBS: usize = 5_000;
    let stage = Stage::new(3);
    let (rows, mut graph) = (Rows::default(), SendJobGraph::new());
    let told = rows.clone();
    graph.observe(move |_| told.told());
    let job = || {
        let rows = rows.clone();
        Job::new(async move { rows.polled() })
    };
    let first = graph.add(job());
    for _ in 1..JOBS {
        graph.add(job().requires(&first));
    }
    let mut facts = graph.facts();
    stage.begin(graph).report().check().unwrap();
    assert!(rows.longest() <= 256, "{} facts", rows.longest());
    assert_eq!(std::iter::from_fn(|| facts.try_next()).count(), 4 * JOBS + 2);
}

/// They do not wait until all is told, where there is one thread as well.
#[test]
fn jobs_run_before_all_has_been_told() {
    let stage = Stage::new(1);
    let mut graph = SendJobGraph::new();
    let (told, before) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tells = Arc::clone(&told);
    graph.observe(move |_| _ = tells.fetch_add(1, Ordering::SeqCst));
    let seen = Arc::clone(&before);
    graph.add(Job::new(async move { seen.store(told.load(Ordering::SeqCst), Ordering::SeqCst) }));
    for _ in 0..5_000 {
        graph.add(Job::new(async {}));
    }
    stage.begin(graph).report().check().unwrap();
    let before = before.load(Ordering::SeqCst);
    assert!(before <= 1_024, "{before} facts were told before the first job");
}

/// Jobs that can start at once, that are freed, and that start later.
fn add_others(stage: &Stage, graph: &mut SendJobGraph) -> Arc<AtomicUsize> {
    let done = Arc::new(AtomicUsize::new(0));
    let count = |nap: u64| {
        let (done, runtime) = (Arc::clone(&done), stage.runtime().clone());
        Job::new(async move {
            jobgraph::Clock::sleep(&runtime, millis(nap)).await;
            done.fetch_add(1, Ordering::SeqCst);
        })
    };
    for nap in [0, 2, 30] {
        let first = graph.add(count(nap));
        let second = graph.add(count(nap).requires(&first));
        let [_, _] = [(); 2].map(|()| graph.add(count(0).requires(&second)));
    }
    done
}

const OTHERS: usize = 12;

#[test]
fn a_drop_that_blocks_holds_up_no_other_job() {
    for site in Site::ALL {
        let stage = Stage::new(4);
        let (gate, mut graph) = (stage.gate(), SendJobGraph::new());
        let stands = gate.clone();
        let subject = site.plant(&mut graph, Bomb::new(move || stands.pass()));
        let done = add_others(&stage, &mut graph);
        let run = stage.begin(graph);
        for _ in 0..20 {
            stage.advance(millis(5));
        }
        assert_eq!((gate.reached(), done.load(Ordering::SeqCst)), (1, OTHERS), "{site:?}");
        gate.open();
        let report = run.report();
        let outcome = report.jobs().find(|job| job.id() == subject).unwrap().outcome();
        let ended = site.is_the_jobs_own() || site.expects(outcome.unwrap());
        assert!(ended && report.verdict() == Verdict::Completed, "{site:?}: {outcome:?}");
    }
}

/// Two of three seats are left.
#[test]
fn a_drop_that_blocks_holds_up_its_own_seat_alone() {
    let stage = Stage::new(4);
    let (gate, mut graph) = (stage.gate(), SendJobGraph::new().window(3));
    let stands = gate.clone();
    Site::AbortedBody.plant(&mut graph, Bomb::new(move || stands.pass()));
    let done = add_others(&stage, &mut graph);
    let run = stage.begin(graph);
    for _ in 0..40 {
        stage.advance(millis(5));
    }
    assert_eq!((gate.reached(), done.load(Ordering::SeqCst)), (1, OTHERS));
    gate.open();
    assert_eq!(run.report().verdict(), Verdict::Completed);
}

/// As many as there are threads but two.
#[test]
fn several_drops_that_block_hold_up_no_other_job() {
    let stage = Stage::new(6);
    let (gate, mut graph) = (stage.gate(), SendJobGraph::new());
    for site in
        [Site::AbortedBody, Site::SucceededFactory, Site::SkippedBody, Site::RefusedAddition]
    {
        let stands = gate.clone();
        site.plant(&mut graph, Bomb::new(move || stands.pass()));
    }
    let done = add_others(&stage, &mut graph);
    let run = stage.begin(graph);
    for _ in 0..20 {
        stage.advance(millis(5));
    }
    assert_eq!(done.load(Ordering::SeqCst), OTHERS);
    gate.open();
    assert_eq!(run.report().verdict(), Verdict::Completed);
}

/// Nothing of a run is alive when it has returned.
#[test]
fn a_run_does_not_return_while_something_of_it_is_being_dropped() {
    for site in Site::ALL {
        let stage = Stage::new(4);
        let (gate, mut graph) = (stage.gate(), SendJobGraph::new());
        let stands = gate.clone();
        site.plant(&mut graph, Bomb::new(move || stands.pass()));
        graph.add(Job::with_context(|cx| async move { cx.sleep(millis(8)).await }));
        let run = stage.begin(graph);
        for _ in 0..4 {
            stage.advance(millis(5));
        }
        assert_eq!((gate.reached(), run.is_over()), (1, false), "{site:?}");
        gate.open();
        assert_eq!(run.report().verdict(), Verdict::Completed, "{site:?}");
    }
}

/// It was spawned to take what can start next, and has not come to it; others must not count on it.
#[test]
fn a_thread_that_looks_at_the_clock_for_long_holds_up_no_job() {
    // One at first, so that the first job arms before anybody else looks.
    let stage = Stage::new(1);
    let (looks, mut graph) = (stage.gate(), SendJobGraph::new());
    let armed = Arc::new(Mutex::new(None));
    let (stands, own) = (looks.clone(), Arc::clone(&armed));
    let beside = Beside::now(move || {
        let mut own = own.lock().unwrap();
        if own.is_some_and(|turn| Runtime::turn() != Some(turn)) {
            *own = None;
            drop(own);
            stands.pass();
        }
    });
    let (arms, parked) = (Arc::clone(&armed), async_channel::bounded::<()>(1));
    let waits = parked.1;
    graph.add(Job::new(async move {
        *arms.lock().unwrap() = Runtime::turn();
        let _ = waits.recv().await;
    }));
    let mut tried = false;
    let again = Job::repeat(move || {
        let before = std::mem::replace(&mut tried, true);
        std::future::ready(if before { Ok(()) } else { Err("try again") })
    });
    let again = graph.add(again.retries(1).backoff(millis(10), millis(10)));
    let done = Arc::new(AtomicBool::new(false));
    let is_done = Arc::clone(&done);
    graph.add(Job::new(async move { is_done.store(true, Ordering::SeqCst) }).requires(&again));
    let run = stage.begin_on(&beside.with(stage.runtime().clone()), graph);
    assert_eq!(looks.reached(), 1);
    stage.add_threads(3);
    stage.advance(millis(10));
    assert!(done.load(Ordering::SeqCst));
    looks.open();
    drop(parked.0);
    run.report().check().unwrap();
}
