//! Large graphs: no recursion, and nothing quadratic. What is asserted is what happens, in how many
//! steps; a quadratic algorithm would not come to an end here.

use std::num::NonZero;
use std::time::Duration;

use jobgraph::{
    Attempt, Completion, Condition, JobId, JobOptions, JobState, Orchestrator, Order, Outcome,
    RunOptions, Signal, SkipReason, Timestamp, Verdict,
};

const MILLION: usize = 1_000_000;
const HUNDRED_THOUSAND: usize = 100_000;
const NOW: Timestamp = Timestamp::ZERO;

type Graph = Orchestrator<()>;

fn new() -> Graph {
    Orchestrator::new(RunOptions::default())
}

fn windowed(window: usize) -> Graph {
    Orchestrator::new(RunOptions { window: NonZero::new(window), ..RunOptions::default() })
}

fn add(graph: &mut Graph, required: &[JobId]) -> JobId {
    add_with(graph, JobOptions::default(), required)
}

fn add_with(graph: &mut Graph, options: JobOptions, required: &[JobId]) -> JobId {
    let requirements: Vec<_> = required.iter().map(|&job| (job, Condition::Succeeded)).collect();
    graph.add((), options, &requirements).unwrap()
}

fn succeed(graph: &mut Graph, attempt: Attempt) {
    graph.on_job_complete(attempt, Completion::Success, NOW).unwrap();
}

/// All that may start, until nothing more is handed out; returns how many jobs ran, in how many rounds.
fn run(graph: &mut Graph) -> (usize, usize) {
    let (mut jobs, mut rounds) = (0, 0);
    let mut round = Vec::new();
    loop {
        round.extend(graph.poll_ready_jobs(NOW));
        if round.is_empty() {
            return (jobs, rounds);
        }
        jobs += round.len();
        rounds += 1;
        for attempt in round.drain(..) {
            succeed(graph, attempt);
        }
    }
}

fn count_signals(graph: &mut Graph) -> usize {
    std::iter::from_fn(|| graph.poll_signal()).count()
}

fn chain(graph: &mut Graph, length: usize) -> (JobId, JobId) {
    let first = add(graph, &[]);
    let mut last = first;
    for _ in 1..length {
        last = add(graph, &[last]);
    }
    (first, last)
}

#[test]
fn a_chain_of_a_million() {
    let mut graph = new();
    chain(&mut graph, MILLION);
    graph.start(NOW).unwrap();
    assert_eq!(run(&mut graph), (MILLION, MILLION));
    assert_eq!(graph.verdict(), Some(Verdict::Completed));
}

/// One failure skips all, without recursion.
#[test]
fn a_chain_of_a_million_that_is_skipped() {
    let mut graph = new();
    let (first, last) = chain(&mut graph, MILLION);
    graph.start(NOW).unwrap();
    let attempt = graph.poll_ready_jobs(NOW).next().unwrap();
    assert_eq!(attempt.job, first);
    graph.on_job_complete(attempt, Completion::Error, NOW).unwrap();
    assert_eq!(graph.counts().skipped, MILLION - 1);
    let Some(JobState::Ended(Outcome::Skipped(SkipReason::Requirement(culprit)))) =
        graph.state(last)
    else {
        panic!()
    };
    assert_eq!(culprit.number() + 1, last.number());
    assert_eq!(graph.verdict(), Some(Verdict::Completed));
}

/// Here the cycle has to be looked for: each job requires one that was created later.
#[test]
fn a_chain_that_is_linked_against_the_order_of_creation() {
    let length = 300_000;
    let mut graph = new();
    let jobs: Vec<_> = (0..length).map(|_| add(&mut graph, &[])).collect();
    for pair in jobs.windows(2) {
        graph.require(pair[0], pair[1], Condition::Succeeded).unwrap();
    }
    assert_eq!(graph.all_requirements(jobs[0]).len(), length - 1);
    assert_eq!(graph.all_dependents(jobs[0]).len(), 0);
    graph.start(NOW).unwrap();
    assert_eq!(run(&mut graph), (length, length));
    assert_eq!(graph.verdict(), Some(Verdict::Completed));
}

/// Each job has what it requires in several parts, between those of others.
#[test]
fn requirements_that_are_made_in_turns_and_taken_back() {
    let mut graph = new();
    let jobs: Vec<_> = (0..HUNDRED_THOUSAND).map(|_| add(&mut graph, &[])).collect();
    let pairs = |distance: usize| jobs[distance..].iter().zip(&jobs);
    for distance in 1..=3 {
        for (&job, &required) in pairs(distance) {
            graph.require(job, required, Condition::Succeeded).unwrap();
        }
    }
    for distance in 2..=3 {
        for (&job, &required) in pairs(distance) {
            graph.remove_requirement(job, required).unwrap();
        }
    }
    assert_eq!(graph.requirement_count(), HUNDRED_THOUSAND - 1);
    graph.start(NOW).unwrap();
    assert_eq!(run(&mut graph), (HUNDRED_THOUSAND, HUNDRED_THOUSAND));
}

/// One requirement is made and taken back again and again, and another one slides over all jobs.
#[test]
fn a_requirement_that_comes_and_goes() {
    let mut graph = new();
    let jobs: Vec<_> = (0..HUNDRED_THOUSAND).map(|_| add(&mut graph, &[])).collect();
    let [first, second] = [jobs[0], jobs[1]];
    for pair in jobs[2..].windows(2) {
        graph.require(first, second, Condition::Succeeded).unwrap();
        graph.remove_requirement(first, second).unwrap();
        graph.require(second, pair[1], Condition::Succeeded).unwrap();
        let _ = graph.remove_requirement(second, pair[0]);
    }
    assert_eq!(graph.requirement_count(), 1);
}

/// What they required of one another was taken back before.
#[test]
fn jobs_that_are_removed_one_by_one() {
    let mut graph = new();
    let jobs: Vec<_> = (0..HUNDRED_THOUSAND).map(|_| add(&mut graph, &[])).collect();
    for &job in &jobs[1..] {
        graph.require(job, jobs[0], Condition::Succeeded).unwrap();
    }
    for &job in &jobs[1..] {
        graph.remove_requirement(job, jobs[0]).unwrap();
    }
    for &job in &jobs[1..] {
        graph.remove(job).unwrap();
    }
    assert_eq!((graph.len(), graph.requirement_count()), (1, 0));
}

#[test]
fn a_long_cycle_is_named() {
    let length = 300_000;
    let mut graph = new();
    let (first, last) = chain(&mut graph, length);
    graph.require(first, last, Condition::Succeeded).unwrap();
    let Err(jobgraph::GraphError::Cycle { jobs }) = graph.start(NOW) else { panic!() };
    assert_eq!(jobs.len(), length);
    assert_eq!((jobs[0].id, jobs[1].id), (Some(first), Some(last)));
}

#[test]
fn a_million_that_require_one() {
    let mut graph = new();
    let hub = add(&mut graph, &[]);
    for _ in 0..MILLION {
        add(&mut graph, &[hub]);
    }
    graph.start(NOW).unwrap();
    assert_eq!(run(&mut graph), (MILLION + 1, 2));
    assert_eq!(graph.verdict(), Some(Verdict::Completed));
}

#[test]
fn one_that_requires_a_million() {
    let mut graph = new();
    let jobs: Vec<_> = (0..MILLION).map(|_| add(&mut graph, &[])).collect();
    // Half of them at once, the others one by one.
    let (listed, others) = jobs.split_at(MILLION / 2);
    let hub = add(&mut graph, listed);
    for &job in others {
        graph.require(hub, job, Condition::Succeeded).unwrap();
    }
    assert_eq!(graph.requirement_count(), MILLION);
    graph.start(NOW).unwrap();
    assert_eq!(run(&mut graph), (MILLION + 1, 2));
    assert_eq!(graph.verdict(), Some(Verdict::Completed));
}

#[test]
fn layers() {
    run_layers(100, 1_000);
}

/// `cargo test --release --test scale -- --ignored`
#[test]
#[ignore = "takes 1 GB and some seconds"]
fn ten_million_jobs_in_layers() {
    run_layers(100, 100_000);
}

fn run_layers(layers: usize, width: usize) {
    let required = 3;
    let mut graph = new();
    let mut above: Vec<JobId> = (0..width).map(|_| add(&mut graph, &[])).collect();
    for _ in 1..layers {
        above = (0..width)
            .map(|place| {
                let required: Vec<_> =
                    (0..required).map(|step| above[(place + step * 331) % width]).collect();
                add(&mut graph, &required)
            })
            .collect();
    }
    graph.start(NOW).unwrap();
    assert_eq!(run(&mut graph), (layers * width, layers));
    assert_eq!(graph.verdict(), Some(Verdict::Completed));
}

/// Made one by one, and once more, which changes nothing.
#[test]
fn complete_bipartite() {
    let width = 1_000;
    let mut graph = new();
    let left: Vec<_> = (0..width).map(|_| add(&mut graph, &[])).collect();
    let right: Vec<_> = (0..width).map(|_| add(&mut graph, &[])).collect();
    for &job in &right {
        for &required in &left {
            graph.require(job, required, Condition::Succeeded).unwrap();
        }
    }
    for &job in right.iter().step_by(10) {
        for &required in &left {
            graph.require(job, required, Condition::Succeeded).unwrap();
        }
    }
    assert_eq!(graph.requirement_count(), width * width);
    graph.start(NOW).unwrap();
    assert_eq!(run(&mut graph), (2 * width, 2));
    assert_eq!(graph.verdict(), Some(Verdict::Completed));
}

#[test]
fn a_window_of_ten_over_a_million() {
    let mut graph = windowed(10);
    for _ in 0..MILLION {
        add(&mut graph, &[]);
    }
    graph.start(NOW).unwrap();
    assert_eq!(run(&mut graph), (MILLION, MILLION / 10));
    assert_eq!(graph.verdict(), Some(Verdict::Completed));
}

/// Priorities, and a window that makes all but ten wait.
#[test]
fn a_window_over_many_priorities() {
    let mut graph = windowed(10);
    for number in 0..HUNDRED_THOUSAND {
        let priority = i32::try_from(number * 7_919 % 1_009).unwrap();
        add_with(&mut graph, JobOptions { priority, ..JobOptions::default() }, &[]);
    }
    graph.start(NOW).unwrap();
    assert_eq!(run(&mut graph), (HUNDRED_THOUSAND, HUNDRED_THOUSAND / 10));
}

/// The chain goes on while the others wait, run, or are armed.
#[test]
fn a_chain_beside_many_parked_jobs() {
    let mut graph = new();
    let gate = add(&mut graph, &[]);
    let timeout = Some(Duration::from_secs(60));
    for number in 0..HUNDRED_THOUSAND {
        match number % 3 {
            0 => add(&mut graph, &[gate]),
            1 => add_with(&mut graph, JobOptions::forever(), &[]),
            _ => add_with(&mut graph, JobOptions { timeout, ..JobOptions::forever() }, &[]),
        };
    }
    graph.start(NOW).unwrap();
    let gate = graph.poll_ready_jobs(NOW).next().unwrap();
    graph.poll_ready_jobs(NOW).for_each(drop);
    let deadline = NOW + Duration::from_secs(60);
    let mut last = add(&mut graph, &[]);
    for _ in 0..1_000 {
        let attempt = graph.poll_ready_jobs(NOW).next().unwrap();
        assert_eq!(attempt.job, last);
        assert_eq!(graph.next_deadline(), Some(deadline));
        succeed(&mut graph, attempt);
        graph.on_deadline(NOW);
        last = add(&mut graph, &[last]);
    }
    succeed(&mut graph, gate);
    assert_eq!(run(&mut graph).1, 1);
    assert_eq!(graph.verdict(), Some(Verdict::Completed));
    assert_eq!(count_signals(&mut graph), HUNDRED_THOUSAND - HUNDRED_THOUSAND.div_ceil(3));
}

/// A chain before start, whose links become free one by one beside a full window.
#[test]
fn a_chain_of_forever_jobs_beside_a_full_window() {
    let mut graph = windowed(1);
    for _ in 0..HUNDRED_THOUSAND {
        add(&mut graph, &[]);
    }
    let mut last = add_with(&mut graph, JobOptions::service(), &[]);
    for _ in 1..1_000 {
        last = add_with(&mut graph, JobOptions::service(), &[last]);
    }
    graph.start(NOW).unwrap();
    graph.poll_ready_jobs(NOW).next().unwrap();
    for _ in 0..1_000 {
        let attempt = graph.poll_ready_jobs(NOW).next().unwrap();
        assert_eq!(graph.poll_ready_jobs(NOW).next(), None);
        graph.on_job_ready(attempt, NOW).unwrap();
    }
    assert_eq!(graph.poll_ready_jobs(NOW).next(), None);
}

/// Nothing but ended jobs lies between the service and its stop.
#[test]
fn a_service_under_a_million_ended_jobs_stops() {
    let mut graph = new();
    let service = add_with(&mut graph, JobOptions::service(), &[]);
    // Half of them in a chain, half beside one another.
    let mut last = service;
    for _ in 0..MILLION / 2 {
        last = add(&mut graph, &[last]);
        add(&mut graph, &[service]);
    }
    graph.start(NOW).unwrap();
    let attempt = graph.poll_ready_jobs(NOW).next().unwrap();
    graph.on_job_ready(attempt, NOW).unwrap();
    assert_eq!(run(&mut graph).0, MILLION);
    assert_eq!(graph.poll_signal(), Some(Signal::Abort(attempt)));
    assert_eq!(graph.verdict(), Some(Verdict::Completed));
}

/// Each is asked when the one above it has ended, and each of these steps is small.
#[test]
fn a_tower_of_services_stops_storey_by_storey() {
    let storeys = 50_000;
    let options = || JobOptions { grace: None, ..JobOptions::service() };
    let mut graph = new();
    let mut last = add_with(&mut graph, options(), &[]);
    for _ in 1..storeys {
        last = add_with(&mut graph, options(), &[last]);
    }
    graph.start(NOW).unwrap();
    let mut tower = Vec::new();
    while let Some(attempt) = graph.poll_ready_jobs(NOW).next() {
        graph.on_job_ready(attempt, NOW).unwrap();
        tower.push(attempt);
    }
    graph.stop(NOW);
    for &attempt in tower.iter().rev() {
        assert_eq!(graph.poll_signal(), Some(Signal::Cancel(attempt)));
        assert_eq!(graph.poll_signal(), None);
        succeed(&mut graph, attempt);
    }
    assert_eq!(graph.verdict(), Some(Verdict::Stopped));
}

#[test]
fn many_that_run_are_stopped_in_order() {
    let mut graph = new();
    let service = add_with(&mut graph, JobOptions::service(), &[]);
    for _ in 0..HUNDRED_THOUSAND {
        add(&mut graph, &[service]);
    }
    graph.start(NOW).unwrap();
    let service = graph.poll_ready_jobs(NOW).next().unwrap();
    graph.on_job_ready(service, NOW).unwrap();
    let users: Vec<_> = graph.poll_ready_jobs(NOW).collect();
    graph.stop(NOW);
    for attempt in users.into_iter().chain([service]) {
        assert_eq!(graph.poll_signal(), Some(Signal::Abort(attempt)));
    }
    assert_eq!(graph.verdict(), Some(Verdict::Stopped));
}

/// A deadline each, due one after the other, then many at once.
#[test]
fn many_deadlines() {
    let mut graph = new();
    let count = u64::try_from(HUNDRED_THOUSAND).unwrap();
    for number in 0..count {
        let nanos = if number % 2 == 0 { 1 + number * 7_919 % count } else { count };
        let timeout = Some(Duration::from_nanos(nanos));
        add_with(&mut graph, JobOptions { timeout, ..JobOptions::default() }, &[]);
    }
    graph.start(NOW).unwrap();
    graph.poll_ready_jobs(NOW).for_each(drop);
    let mut calls = 0;
    while let Some(deadline) = graph.next_deadline() {
        graph.on_deadline(deadline);
        calls += 1;
    }
    assert!((count / 4..=count / 2 + 1).contains(&calls), "{calls}");
    assert_eq!(graph.counts().failed, HUNDRED_THOUSAND);
    assert_eq!(count_signals(&mut graph), HUNDRED_THOUSAND);
}

#[test]
fn cancelling_from_the_middle_of_a_long_queue() {
    let mut graph = windowed(1);
    let jobs: Vec<_> = (0..HUNDRED_THOUSAND).map(|_| add(&mut graph, &[])).collect();
    graph.start(NOW).unwrap();
    for &job in jobs.iter().rev().step_by(2) {
        graph.cancel(job, NOW).unwrap();
    }
    assert_eq!(run(&mut graph).0, HUNDRED_THOUSAND / 2);
    assert_eq!(graph.counts().cancelled, HUNDRED_THOUSAND / 2);
}

/// Memory is bounded: places are used again, and so are the edges between them.
#[test]
fn a_long_lived_run() {
    let mut graph = new();
    let service = add_with(&mut graph, JobOptions::service(), &[]);
    let parked = JobOptions { grace: None, ..JobOptions::forever() };
    for _ in 0..1_000 {
        add_with(&mut graph, parked.clone(), &[]);
    }
    add(&mut graph, &[]);
    graph.start(NOW).unwrap();
    let attempts: Vec<_> = graph.poll_ready_jobs(NOW).collect();
    graph.on_job_ready(attempts[0], NOW).unwrap();
    let rounds = 200_000;
    let mut highest = 0;
    for round in 0..rounds {
        let work = add(&mut graph, &[service]);
        let then = add(&mut graph, &[work, service]);
        highest = highest.max(work.index()).max(then.index());
        assert_eq!(run(&mut graph), (2, 2));
        // In either order.
        let (first, second) = if round % 2 == 0 { (work, then) } else { (then, work) };
        graph.remove(first).unwrap();
        graph.remove(second).unwrap();
    }
    assert!(highest < 1_010, "{highest}");
    assert_eq!(graph.counts().removed, 2 * rounds);
    assert_eq!((graph.len(), graph.requirement_count()), (1_002, 0));
    assert_eq!(graph.dependents(service).count(), 0);
}

/// The dependents that are gone are not visited for ever: the list of the service is swept.
#[test]
fn what_is_removed_leaves_no_trace_in_what_it_required() {
    let mut graph = new();
    let service = add_with(&mut graph, JobOptions::service(), &[]);
    add(&mut graph, &[]);
    graph.start(NOW).unwrap();
    let attempts: Vec<_> = graph.poll_ready_jobs(NOW).collect();
    graph.on_job_ready(attempts[0], NOW).unwrap();
    for _ in 0..100_000 {
        let work = add(&mut graph, &[service]);
        assert_eq!(run(&mut graph), (1, 1));
        graph.remove(work).unwrap();
        // A walk over the list: with all that ever was in it, this would be quadratic.
        assert_eq!(graph.dependents(service).count(), 0);
    }
}

#[test]
fn edits_of_a_large_graph() {
    let mut graph = new();
    let hub = add(&mut graph, &[]);
    let jobs: Vec<_> = (0..HUNDRED_THOUSAND).map(|_| add(&mut graph, &[hub])).collect();
    let sink = add(&mut graph, &jobs);
    assert_eq!(graph.topological_order().unwrap().len(), HUNDRED_THOUSAND + 2);
    let dropped = graph.keep_between(&[jobs[7]], &[sink]).unwrap();
    assert_eq!(dropped.len(), HUNDRED_THOUSAND);
    assert_eq!(graph.requirement_count(), 1);
    graph.bypass(jobs[7]).unwrap();
    graph.start(NOW).unwrap();
    assert_eq!(run(&mut graph), (1, 1));
}

/// A heavy job that is queued first among light ones that keep coming starts when those have ended that
/// were under way.
#[test]
fn a_heavy_job_among_a_hundred_thousand_light_ones() {
    let mut graph = new();
    let disk = graph.add_pool("disk", 10).unwrap();
    let takes = |amount| JobOptions { pools: [(disk, amount)].into(), ..JobOptions::default() };
    for _ in 0..10 {
        add_with(&mut graph, takes(1), &[]);
    }
    let heavy = add_with(&mut graph, takes(10), &[]);
    for _ in 0..HUNDRED_THOUSAND {
        add_with(&mut graph, takes(1), &[]);
    }
    graph.start(NOW).unwrap();
    let first: Vec<_> = graph.poll_ready_jobs(NOW).collect();
    assert_eq!(first.len(), 10);
    for attempt in first {
        succeed(&mut graph, attempt);
    }
    let second: Vec<_> = graph.poll_ready_jobs(NOW).map(|attempt| attempt.job).collect();
    assert_eq!(second, [heavy]);
    succeed(&mut graph, Attempt { job: heavy, number: 1 });
    assert_eq!(run(&mut graph), (HUNDRED_THOUSAND, HUNDRED_THOUSAND / 10));
}

/// Two at once on each of a thousand hosts, ten on a shared disk, a hundred in all.
#[test]
fn a_thousand_hosts_a_disk_and_a_window() {
    let (hosts, each) = (1_000, 100);
    let mut graph = windowed(100);
    let disk = graph.add_pool("disk", 10).unwrap();
    let pools: Vec<_> =
        (0..hosts).map(|host| graph.add_pool(format!("host {host}"), 2).unwrap()).collect();
    for number in 0..each {
        for &host in &pools {
            let needs = [(host, 1), (disk, 1)];
            let pools = if number % 4 == 0 { &needs[..] } else { &needs[..1] };
            let options = JobOptions { pools: pools.into(), ..JobOptions::default() };
            add_with(&mut graph, options, &[]);
        }
    }
    graph.start(NOW).unwrap();
    let mut begun = 0;
    loop {
        let ready: Vec<_> = graph.poll_ready_jobs(NOW).collect();
        if ready.is_empty() {
            break;
        }
        begun += ready.len();
        assert!(graph.counts().running <= 100);
        for attempt in ready {
            succeed(&mut graph, attempt);
        }
    }
    assert_eq!(begun, hosts * each);
    assert!(graph.pools().all(|pool| pool.free == pool.capacity));
    assert_eq!(graph.verdict(), Some(Verdict::Completed));
}

/// Each of ten thousand kinds waits for the same pool, which has room for one.
#[test]
fn many_kinds_that_wait_for_one_pool() {
    let mut graph = new();
    let disk = graph.add_pool("disk", 1).unwrap();
    for host in 0..10_000 {
        let host = graph.add_pool(format!("host {host}"), 1).unwrap();
        let pools = [(host, 1), (disk, 1)].into();
        add_with(&mut graph, JobOptions { pools, ..JobOptions::default() }, &[]);
    }
    graph.start(NOW).unwrap();
    assert_eq!(run(&mut graph), (10_000, 10_000));
}

#[test]
fn a_million_jobs_depth_first() {
    let options =
        RunOptions { order: Order::DepthFirst, window: NonZero::new(1), ..RunOptions::default() };
    let mut graph = Orchestrator::new(options);
    let firsts: Vec<_> = (0..MILLION / 2).map(|_| add(&mut graph, &[])).collect();
    for first in firsts {
        add(&mut graph, &[first]);
    }
    graph.start(NOW).unwrap();
    let mut last = None;
    while let Some(attempt) = graph.poll_ready_jobs(NOW).next() {
        let required = graph.requirements(attempt.job).next().map(|(required, _)| required);
        assert!(required.is_none() || required == last, "what was begun is finished");
        last = Some(attempt.job);
        succeed(&mut graph, attempt);
    }
    assert_eq!(graph.verdict(), Some(Verdict::Completed));
}
