//! One time a decision: what reports and facts say of times agree, and nobody is charged with what others
//! took.
//!
//! Looked for: a thread that looked at the clock and then was put off, so that another one's later time
//! was heard first, with a job that starts, one that ends, a retry, and a hook of it; a clock that goes
//! back; a job's timeout, its retry's pause and a hook's budget beside a slow Drop, a slow observer and a
//! slow poll of others; in place and in parallel.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jobgraph::testing::VirtualClock;
use jobgraph::{
    Clock, Fact, FactKind, Facts, Handle, Job, JobState, Outcome, SendJobGraph, SendReport, Spawn,
    Timestamp,
};

use crate::sites::Bomb;
use crate::stage::{Gate, Stage};
use crate::ways::Beside;

const SECOND: Duration = Duration::from_secs(1);

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// When each job first started and last ended, by its facts.
fn told(facts: &mut Facts) -> BTreeMap<jobgraph::JobId, (Option<Duration>, Option<Duration>)> {
    let mut times = BTreeMap::<_, (Option<Duration>, Option<Duration>)>::new();
    let mut begun = Timestamp::ZERO;
    let mut last = Timestamp::ZERO;
    while let Some(Fact { at, what, .. }) = facts.try_next() {
        assert!(at >= last, "time goes back from {last} to {at}");
        last = at;
        let since = at.saturating_since(begun);
        match what {
            FactKind::Begun { .. } => begun = at,
            FactKind::State { id, to: JobState::Running { .. }, .. } => {
                times.entry(id).or_default().0.get_or_insert(since);
            }
            FactKind::State { id, to: JobState::Ended(_), .. } => {
                let (started, ended) = times.entry(id).or_default();
                *ended = started.and(Some(since));
            }
            _ => {}
        }
    }
    times
}

/// The report and the facts say the same, and no job starts before what it requires has ended.
#[track_caller]
fn assert_times(report: &SendReport, facts: &mut Facts) {
    let told = told(facts);
    let ends: BTreeMap<_, _> = report.jobs().map(|job| (job.id(), job.ended())).collect();
    for job in report.jobs() {
        let name = job.name();
        let (started, ended) = told.get(&job.id()).copied().unwrap_or_default();
        assert_eq!((job.started(), job.ended()), (started, ended), "{name}: the report, the facts");
        assert!(job.started() <= job.ended(), "{name} ends before it starts");
        for (required, _) in job.requirements() {
            let before = ends[&required];
            assert!(job.started().is_none() || before <= job.started(), "{name} starts too early");
        }
    }
}

/// A clock that has been looked at, by a thread that stands at a gate before it says so.
fn late_looker(gate: &Gate, armed: &Arc<AtomicBool>) -> Beside {
    let (gate, armed) = (gate.clone(), Arc::clone(armed));
    Beside::now(move || {
        if armed.swap(false, Ordering::SeqCst) {
            gate.pass();
        }
    })
}

/// The thread of the job that arms has read the clock when it ended; time passes, and others end.
fn put_off(ends: bool) {
    let stage = Stage::new(6);
    let (looked, hold, armed) = (stage.gate(), stage.gate(), Arc::new(AtomicBool::new(false)));
    let (go, gone) = async_channel::bounded::<()>(1);
    let mut graph = SendJobGraph::new().window(2);
    let arms = Arc::clone(&armed);
    let early = Job::new(async move {
        futures_lite::future::yield_now().await;
        arms.store(true, Ordering::SeqCst);
        if !ends {
            pending::<()>().await;
        }
    });
    graph.add(early.label("early").timeout(SECOND));
    let late = graph.add(Job::new(async move { gone.recv().await.is_err() }).label("late"));
    let stands = hold.clone();
    // What the thread that ends `late` goes on with; then there is something for the other one.
    let holds = Job::new(async move { stands.pass() }).label("holds").requires(&late);
    graph.add(holds.priority(1));
    let next = graph.add(Job::new(async {}).label("next").requires(&late));
    graph.add(Job::new(async {}).label("last").requires(&next));
    let mut facts = graph.facts();
    let run = stage.begin_on(&late_looker(&looked, &armed).with(stage.runtime().clone()), graph);
    assert_eq!(looked.reached(), 1);
    stage.advance(millis(10));
    drop(go);
    stage.settle();
    looked.open();
    hold.open();
    if !ends {
        stage.advance(SECOND);
    }
    assert_times(&run.report(), &mut facts);
}

#[test]
fn a_thread_that_looked_at_the_clock_early_does_not_set_time_back() {
    put_off(true);
    put_off(false);
}

/// Each look is a little earlier than the one before, as by several threads that are put off.
#[derive(Clone)]
struct GoesBack<R> {
    runtime: R,
    looks: Arc<AtomicU64>,
}

impl<R: Clock> Clock for GoesBack<R> {
    fn now(&self) -> Timestamp {
        let looks = self.looks.fetch_add(1, Ordering::SeqCst);
        let ahead = millis(if looks.is_multiple_of(2) { 7 } else { 0 });
        self.runtime.now() + ahead
    }

    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send {
        self.runtime.sleep_until(at)
    }
}

impl<R: Spawn> Spawn for GoesBack<R> {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    fn publish(&self) {
        self.runtime.publish();
    }
}

#[test]
fn a_clock_that_goes_back_is_not_believed() {
    for parallel in [false, true] {
        let clock = VirtualClock::new();
        let mut graph = SendJobGraph::new().window(2);
        let mut last = None::<Handle<()>>;
        for number in 0..20 {
            let (nap, fails) = (clock.clone(), number % 3 == 0);
            let job = Job::repeat(move || {
                let nap = nap.clone();
                async move {
                    nap.sleep(millis(number % 4)).await;
                    if fails { Err("no") } else { Ok(()) }
                }
            });
            let job = job.retries(1).timeout(millis(20)).on_shutdown(|| async {});
            let before: Vec<_> = last.iter().filter(|_| number % 5 > 0).collect();
            last = Some(graph.add(job.after(before)));
        }
        let mut facts = graph.facts();
        let runtime = GoesBack { runtime: clock.clone(), looks: Arc::default() };
        let report = if parallel {
            clock.block_on(jobgraph::run_parallel(&runtime, graph))
        } else {
            clock.block_on(jobgraph::run(&runtime, graph))
        };
        assert_times(&report.unwrap(), &mut facts);
    }
}

/// Runs a graph in virtual time, in place or in parallel.
fn run(clock: &VirtualClock, parallel: bool, graph: SendJobGraph) -> SendReport {
    if parallel {
        clock.block_on(jobgraph::run_parallel(clock, graph)).unwrap()
    } else {
        clock.block_on(jobgraph::run(clock, graph)).unwrap()
    }
}

/// It takes a second, and has two.
fn modest(clock: &VirtualClock) -> Job<impl jobgraph::Body<Output = ()> + Send + use<>> {
    let clock = clock.clone();
    Job::new(async move { clock.sleep(SECOND).await }).label("modest").timeout(2 * SECOND)
}

#[test]
fn a_timeout_is_not_charged_with_the_drop_of_another_job() {
    for parallel in [false, true] {
        let clock = VirtualClock::new();
        let mut graph = SendJobGraph::new();
        let slow = clock.clone();
        let slow = Bomb::new(move || slow.advance(5 * SECOND));
        let late = Job::new(async move {
            let _slow = slow;
            pending::<()>().await;
        });
        let late = graph.add(late.timeout(SECOND));
        let modest = graph.add(modest(&clock).after(&late));
        let report = run(&clock, parallel, graph);
        assert_eq!(report.outcome(&modest), Some(Outcome::Succeeded), "parallel: {parallel}");
    }
}

#[test]
fn a_timeout_is_not_charged_with_the_closure_of_another_job() {
    for parallel in [false, true] {
        let clock = VirtualClock::new();
        let mut graph = SendJobGraph::new();
        let slow = clock.clone();
        let slow = Bomb::new(move || slow.advance(5 * SECOND));
        let first = graph.add(Job::repeat(move || {
            let _slow = &slow;
            std::future::ready(jobgraph::ok(()))
        }));
        let modest = graph.add(modest(&clock).requires(&first));
        let report = run(&clock, parallel, graph);
        assert_eq!(report.outcome(&modest), Some(Outcome::Succeeded), "parallel: {parallel}");
    }
}

/// Whatever it hears of before the job has started.
#[test]
fn a_timeout_is_not_charged_with_an_observer() {
    for (parallel, to) in
        [(false, "succeeded"), (true, "succeeded"), (false, "queued"), (true, "queued")]
    {
        let clock = VirtualClock::new();
        let mut graph = SendJobGraph::new();
        let first = graph.add(Job::new(async {}));
        let modest = graph.add(modest(&clock).requires(&first));
        let (slow, id) = (clock.clone(), if to == "queued" { modest.id() } else { first.id() });
        graph.observe(move |fact| {
            if matches!(&fact.what, FactKind::State { id: of, to: is, .. } if *of == id && is.to_string() == to) {
                slow.advance(5 * SECOND);
            }
        });
        let report = run(&clock, parallel, graph);
        assert_eq!(report.outcome(&modest), Some(Outcome::Succeeded), "{to}, parallel: {parallel}");
    }
}

/// What is polled before it, in the same turn.
#[test]
fn a_timeout_is_not_charged_with_the_poll_of_another_job() {
    for parallel in [false, true] {
        let clock = VirtualClock::new();
        let mut graph = SendJobGraph::new().window(2);
        let slow = clock.clone();
        graph.add(Job::new(async move { slow.advance(5 * SECOND) }));
        let slow = clock.clone();
        let first = graph.add(Job::new(async move { slow.advance(5 * SECOND) }));
        let modest = graph.add(modest(&clock).requires(&first));
        let report = run(&clock, parallel, graph);
        assert_eq!(report.outcome(&modest), Some(Outcome::Succeeded), "parallel: {parallel}");
    }
}

/// The budget of a hook is its own, too.
#[test]
fn a_hook_is_not_charged_with_the_drop_of_another_hook() {
    for parallel in [false, true] {
        let clock = VirtualClock::new();
        let mut graph = SendJobGraph::new();
        let nap = clock.clone();
        let below =
            Job::new(async {}).on_shutdown(move || async move { nap.sleep(8 * SECOND).await });
        let below = graph.add(below);
        let slow = clock.clone();
        let slow = Bomb::new(move || slow.advance(60 * SECOND));
        let above = Job::new(async {}).requires(&below).on_shutdown(move || async move {
            let _slow = slow;
            pending::<()>().await;
        });
        graph.add(above);
        let report = run(&clock, parallel, graph);
        let hook = report.job(&below).unwrap().hook().unwrap().outcome();
        assert_eq!(hook, Outcome::Succeeded, "parallel: {parallel}");
    }
}

/// Who waits for a seat is not on the clock.
#[test]
fn a_job_that_starts_late_has_all_of_its_time() {
    let stage = Stage::new(4);
    let gate = stage.gate();
    let mut graph = SendJobGraph::new().window(1);
    let stands = gate.clone();
    graph.add(Job::new(async move { stands.pass() }).timeout(millis(50)));
    let work = stage.runtime().clone();
    let job = Job::new(async move { work.sleep(millis(40)).await }).timeout(millis(50));
    let job = graph.add(job);
    let run = stage.begin(graph);
    for _ in 0..10 {
        stage.advance(millis(60));
    }
    gate.open();
    stage.advance(millis(40));
    assert_eq!(run.report().outcome(&job), Some(Outcome::Succeeded));
}
