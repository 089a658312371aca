//! What a job and a requirement cost in memory: exact figures, from an allocator that counts.
//!
//! The numbers of jobs are powers of two, so that arrays which double are full: elsewhere add up to as
//! much again for their reserve. The allocator's own overhead, often 8 to 16 bytes an allocation, is not
//! counted.
#![cfg(feature = "smol")]

use std::future::{Future, pending};
use std::num::NonZero;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use allocation_counter::{AllocationInfo, measure};
use async_executor::Executor;
use futures_lite::StreamExt;
use futures_util::stream::FuturesUnordered;
use jobgraph::{
    Attempt, Completion, Condition, Job, JobGraph, JobOptions, Orchestrator, Order, Retries,
    RunOptions, SendJobGraph, Signal, Timestamp,
};

const JOBS: usize = 1 << 14;

/// What is expected, by what is measured. An improvement is a change of this table.
mod expected {
    use super::Cost;

    /// A job of the core and its payload, which is none: 1 byte. Target: 64 bytes.
    pub(super) const CORE_JOB: Cost = Cost { bytes: 21, allocations: 0 };
    /// The same where a job requires another one.
    pub(super) const CORE_JOB_AMONG_REQUIREMENTS: Cost = Cost { bytes: 29, allocations: 0 };
    /// A job of the core with a label of one letter: 17 bytes more.
    pub(super) const CORE_LABELLED_JOB: Cost = Cost { bytes: 38, allocations: 1 };
    /// One with a time to end in, once it was asked to: 96 bytes more. Its options are gone once it was added.
    pub(super) const CORE_JOB_WITH_GRACE: Cost = Cost { bytes: 117, allocations: 2 };
    /// One that may be attempted again: 144 bytes more than that.
    pub(super) const CORE_JOB_WITH_RETRIES: Cost = Cost { bytes: 261, allocations: 3 };
    /// A requirement in the core, beside the first one. Target: 12 bytes.
    pub(super) const CORE_REQUIREMENT: Cost = Cost { bytes: 8, allocations: 0 };
    /// A job that runs in place and waits, as all others do: a future of 16 bytes, an output of 8, and a
    /// waker.
    pub(super) const IN_PLACE_JOB: Cost = Cost { bytes: 176 + NO_SPANS, allocations: 2 };
    /// A job that runs in place and never waits. Target: 1.
    pub(super) const IN_PLACE_ALLOCATIONS: usize = 1;
    /// A requirement of a job that runs in place, beside the first one.
    pub(super) const IN_PLACE_REQUIREMENT: Cost = Cost { bytes: 8, allocations: 0 };
    /// A job that runs in a task of an executor, the same future and output.
    pub(super) const PARALLEL_JOB: Cost = Cost { bytes: 237 + NO_SPANS, allocations: 2 };
    /// Where there could be spans of `tracing`.
    const NO_SPANS: usize = if cfg!(feature = "tracing") { 8 } else { 0 };
    /// The floor: the same futures in a `FuturesUnordered`, which knows no requirements.
    pub(super) const FUTURES_UNORDERED: Cost = Cost { bytes: 88, allocations: 1 };
}

/// Bytes that are alive while all jobs run, and allocations until then, each.
#[derive(Debug, PartialEq, Eq)]
struct Cost {
    bytes: usize,
    allocations: usize,
}

/// The cost of each of `JOBS`, rounded: what a whole graph costs once disappears.
fn each(info: AllocationInfo) -> Cost {
    let bytes = usize::try_from(info.bytes_current).unwrap();
    let allocations = usize::try_from(info.count_total).unwrap();
    let share = |whole| (whole + JOBS / 2) / JOBS;
    Cost { bytes: share(bytes), allocations: share(allocations) }
}

/// What the requirements of a last job on all others add to that on one, each.
fn each_requirement(with: AllocationInfo, without: AllocationInfo) -> Cost {
    each(AllocationInfo {
        bytes_current: with.bytes_current - without.bytes_current,
        count_total: with.count_total.saturating_sub(without.count_total),
        ..with
    })
}

/// What is allocated by making this and keeping it.
fn kept<T>(make: impl FnOnce() -> T) -> AllocationInfo {
    let mut kept = None;
    measure(|| kept = Some(make()))
}

/// The core, with all jobs handed out, but for the last if that requires some others.
fn core(required: usize) -> Orchestrator<()> {
    let mut core = Orchestrator::new(RunOptions::default());
    let mut add = |required: &[_]| core.add((), JobOptions::default(), required).unwrap();
    let others: Vec<_> = (1..JOBS).map(|_| (add(&[]), Condition::Succeeded)).collect();
    add(&others[..required]);
    core.start(Timestamp::ZERO).unwrap();
    assert_eq!(core.poll_ready_jobs(Timestamp::ZERO).count(), JOBS - usize::from(required > 0));
    core
}

#[test]
fn a_job_of_the_core() {
    assert_eq!(each(kept(|| core(0))), expected::CORE_JOB);
    assert_eq!(each(kept(|| core(1))), expected::CORE_JOB_AMONG_REQUIREMENTS);
}

#[test]
fn a_job_of_the_core_with_options() {
    let with = |options: JobOptions| {
        each(kept(|| {
            let mut core = Orchestrator::new(RunOptions::default());
            for _ in 0..JOBS {
                core.add((), options.clone(), &[]).unwrap();
            }
            core.start(Timestamp::ZERO).unwrap();
            assert_eq!(core.poll_ready_jobs(Timestamp::ZERO).count(), JOBS);
            core
        }))
    };
    assert_eq!(with(JobOptions::labelled("a")), expected::CORE_LABELLED_JOB);
    let grace = JobOptions { grace: None, ..JobOptions::default() };
    assert_eq!(with(grace), expected::CORE_JOB_WITH_GRACE);
    let retries = JobOptions { retries: Retries::new(1), ..JobOptions::default() };
    assert_eq!(with(retries), expected::CORE_JOB_WITH_RETRIES);
}

#[test]
fn a_requirement_in_the_core() {
    let (with, without) = (kept(|| core(JOBS - 1)), kept(|| core(1)));
    assert_eq!(each_requirement(with, without), expected::CORE_REQUIREMENT);
}

/// A job that says that it has begun, and goes on for ever: 16 bytes.
async fn job(begun: &AtomicUsize) -> u64 {
    begun.fetch_add(1, Ordering::Relaxed);
    pending().await
}

/// Polls a run until so many of its jobs have begun.
fn begin<F: Future>(mut run: Pin<Box<F>>, begun: &AtomicUsize, jobs: usize) -> Pin<Box<F>> {
    while begun.load(Ordering::Relaxed) < jobs {
        assert!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    run
}

/// A run in place, all of whose jobs have begun, but for the last if that requires some others.
fn in_place(begun: &AtomicUsize, required: usize) -> impl Future {
    let mut graph = JobGraph::new();
    let others: Vec<_> = (1..JOBS).map(|_| graph.add(Job::new(job(begun)))).collect();
    graph.add(Job::new(job(begun)).requires(&others[..required]));
    begin(Box::pin(jobgraph::smol::run(graph)), begun, JOBS - usize::from(required > 0))
}

#[test]
fn a_job_in_place() {
    let begun = AtomicUsize::new(0);
    assert_eq!(size_of_val(&job(&begun)), 16);
    assert_eq!(each(kept(|| in_place(&begun, 0))), expected::IN_PLACE_JOB);
}

/// The waker that one which waits needs is used again: no allocation beside that of the body.
#[test]
fn a_job_in_place_that_ends_at_its_first_poll() {
    let run = || {
        let mut graph = JobGraph::new();
        for number in 0..JOBS {
            graph.add(Job::new(async move { number }));
        }
        jobgraph::smol::block_on(graph).unwrap()
    };
    assert_eq!(each(kept(run)).allocations, expected::IN_PLACE_ALLOCATIONS);
}

#[test]
fn a_requirement_in_place() {
    let (with, without) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (with, without) = (kept(|| in_place(&with, JOBS - 1)), kept(|| in_place(&without, 1)));
    assert_eq!(each_requirement(with, without), expected::IN_PLACE_REQUIREMENT);
}

#[test]
fn a_job_in_parallel() {
    static BEGUN: AtomicUsize = AtomicUsize::new(0);
    let executor = Arc::new(Executor::new());
    let run = || {
        let mut graph = SendJobGraph::new();
        // The executor has a place for each task, those included that wait for something to start.
        let jobs = JOBS - 4;
        for _ in 0..jobs {
            graph.add(Job::new(job(&BEGUN)));
        }
        let run = jobgraph::smol::run_parallel(Arc::clone(&executor), graph);
        begin(Box::pin(executor.run(run)), &BEGUN, jobs)
    };
    assert_eq!(each(kept(run)), expected::PARALLEL_JOB);
}

#[test]
fn a_future_of_futures_unordered() {
    let begun = AtomicUsize::new(0);
    let run = || {
        let mut set: FuturesUnordered<_> = (0..JOBS).map(|_| job(&begun)).collect();
        begin(Box::pin(async move { while set.next().await.is_some() {} }), &begun, JOBS)
    };
    assert_eq!(each(kept(run)), expected::FUTURES_UNORDERED);
}

/// A run of a job and a service, with a place for one more job, after so many rounds of what happens in it.
fn after_rounds(
    rounds: usize,
    mut round: impl FnMut(&mut Orchestrator<()>, Attempt),
) -> AllocationInfo {
    kept(|| {
        let window = NonZero::new(2);
        let mut core = Orchestrator::new(RunOptions { window, ..RunOptions::default() });
        core.add((), JobOptions::default(), &[]).unwrap();
        core.add((), JobOptions::service(), &[]).unwrap();
        core.start(Timestamp::ZERO).unwrap();
        let attempts: Vec<Attempt> = core.poll_ready_jobs(Timestamp::ZERO).collect();
        core.on_job_ready(attempts[1], Timestamp::ZERO).unwrap();
        for _ in 0..rounds {
            round(&mut core, attempts[1]);
        }
        core
    })
}

#[test]
fn jobs_that_come_and_go_leave_nothing_behind() {
    let round = |core: &mut Orchestrator<()>, service: Attempt| {
        let required = [(service.job, Condition::Succeeded)];
        let first = core.add((), JobOptions::default(), &required).unwrap();
        let second = core.add((), JobOptions::default(), &[(first, Condition::Finished)]).unwrap();
        for job in [first, second] {
            let attempt = core.poll_ready_jobs(Timestamp::ZERO).next().unwrap();
            assert_eq!(attempt.job, job);
            core.on_job_complete(attempt, Completion::Success, Timestamp::ZERO).unwrap();
        }
        for job in [first, second] {
            core.remove(job).unwrap();
        }
    };
    let [few, many] = [100, 10_000].map(|rounds| after_rounds(rounds, round).bytes_current);
    assert_eq!(few, many);
}

#[test]
fn jobs_that_leave_the_queue_leave_nothing_behind() {
    let round = |core: &mut Orchestrator<()>, _: Attempt| {
        // The first one takes the second place or stands in the queue, all others stand behind it.
        if core.counts().queued == 0 {
            for _ in 0..2 {
                core.add((), JobOptions::default(), &[]).unwrap();
            }
            core.poll_ready_jobs(Timestamp::ZERO).for_each(drop);
        }
        let job = core.add((), JobOptions::default(), &[]).unwrap();
        core.cancel(job, Timestamp::ZERO).unwrap();
        assert_eq!(core.poll_signal(), Some(Signal::Discard(job)));
        core.remove(job).unwrap();
    };
    let [few, many] = [100, 10_000].map(|rounds| after_rounds(rounds, round).bytes_current);
    assert_eq!(few, many);
}

#[test]
fn what_only_building_needs_is_given_back_at_the_start() {
    let dense = |start: bool| {
        kept(|| {
            let mut core = Orchestrator::new(RunOptions::default());
            let [required, jobs] = [(); 2].map(|()| {
                let add = |_| core.add((), JobOptions::default(), &[]).unwrap();
                (0..64).map(add).collect::<Vec<_>>()
            });
            for &job in &jobs {
                for &required in &required {
                    core.require(job, required, Condition::Succeeded).unwrap();
                }
            }
            if start {
                core.start(Timestamp::ZERO).unwrap();
            }
            core
        })
    };
    assert!(dense(true).bytes_current < dense(false).bytes_current);
}

#[test]
fn jobs_that_run_one_after_the_other_share_what_a_running_job_needs() {
    let run = || {
        let mut graph = JobGraph::new().window(1);
        for _ in 0..JOBS {
            graph.add(Job::new(futures_lite::future::yield_now()));
        }
        jobgraph::smol::run(graph)
    };
    let mut future = Box::pin(run());
    let info = measure(|| drop(futures_lite::future::block_on(future.as_mut())));
    assert!(info.count_total < JOBS as u64 / 2, "{} allocations", info.count_total);
}

/// The most bytes that a run holds whose jobs come and go, each with an output of a kilobyte.
#[cfg(feature = "testing")]
fn peak_of_requests(requests: u32) -> u64 {
    use jobgraph::run;
    use jobgraph::testing::VirtualClock;

    let measured = measure(|| {
        let clock = VirtualClock::new();
        let mut graph = JobGraph::new();
        let adder = graph.adder();
        graph.add(Job::with_context(move |cx| async move {
            for request in 0..requests {
                let job = Job::new(async move { vec![request; 256] });
                let answered = adder.add(job.label("request")).await.unwrap();
                adder.remove(&answered);
                cx.sleep(std::time::Duration::from_millis(1)).await;
            }
        }));
        let report = clock.block_on(run(&clock, graph)).unwrap();
        assert_eq!(report.counts().removed, requests as usize);
    });
    measured.bytes_max
}

#[cfg(feature = "testing")]
#[test]
fn jobs_that_leave_a_run_leave_nothing_behind() {
    let [few, many] = [100, 10_000].map(peak_of_requests);
    assert!(many < few + few / 4, "{few} bytes for 100 requests, {many} for 10,000");
}

/// A thousand texts of a megabyte, each read by one job, of which four run at once: what is begun is finished first.
#[test]
fn outputs_that_were_read_are_not_kept() {
    const MEGABYTE: usize = 1 << 20;
    let measured = measure(|| {
        let mut graph = JobGraph::new().window(4).order(Order::DepthFirst);
        let lengths: Vec<_> = (0..1_000)
            .map(|_| {
                let text = graph.add(Job::new(async { vec![b'x'; MEGABYTE] }).transient());
                graph.add(Job::with(&text, |text| async move { text.len() }))
            })
            .collect();
        let report = jobgraph::smol::block_on(graph).unwrap();
        assert!(lengths.iter().all(|length| report.output(length) == Some(&MEGABYTE)));
    });
    let peak = measured.bytes_max / MEGABYTE as u64;
    assert!(peak < 32, "{peak} MiB");
}
