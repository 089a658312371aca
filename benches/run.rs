//! Whole runs beside their floors and the versions by hand: a graph's build, run and drop.
//!
//! `cargo bench -p jobgraph-benches --bench run`; up to 10^5 jobs, and up to 10^6 with `LARGE=1`. A filter
//! chooses: `... --bench run -- smol/chain`.

#[path = "support/settings.rs"]
mod settings;
mod support;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use futures_lite::future::block_on;
use settings::sizes;
use support::by_hand::Freed;
use support::clock::wall_time;
use support::shapes::{self, Shape};
use support::{by_hand, floors, ours, threads};

const WINDOW: usize = 10;
const CHAIN: usize = 1_000;

/// Whom to measure: a name, and how it runs a shape.
type Contestant<'a> = (&'a str, Box<dyn Fn(&Shape) + 'a>);

fn main() {
    let mut criterion = settings::criterion();
    in_place(&mut criterion);
    smol(&mut criterion);
    tokio(&mut criterion);
    criterion.final_summary();
}

/// Measures these on every shape and size, and those that know no requirements on independent jobs.
fn measure(
    criterion: &mut Criterion,
    runtime: &str,
    floors: &[Contestant<'_>],
    others: &[Contestant<'_>],
) {
    for (name, make) in shapes::SHAPES {
        let mut group = criterion.benchmark_group(format!("{runtime}/{name}"));
        let floors = if name == "independent" { floors } else { &[] };
        for jobs in sizes() {
            let shape = make(jobs);
            group.throughput(Throughput::Elements(jobs as u64));
            for (who, run) in floors.iter().chain(others) {
                let id = BenchmarkId::new(*who, jobs);
                group.bench_function(id, |bencher| bencher.iter(|| run(&shape)));
            }
        }
    }
}

fn in_place(criterion: &mut Criterion) {
    let floors: [Contestant<'_>; 2] = [
        ("boxed futures in order", Box::new(|shape| floors::boxed_in_order(shape.jobs()))),
        ("FuturesUnordered", Box::new(|shape| floors::futures_unordered(shape.jobs()))),
    ];
    let others: [Contestant<'_>; 2] = [
        ("by hand", Box::new(by_hand::in_place)),
        ("jobgraph", Box::new(|shape| ours::in_place(shape, None))),
    ];
    measure(criterion, "place", &floors, &others);
    limits(criterion, "place", &ours::here);
}

/// Independent jobs with a window; and what a chain takes beside jobs that are parked, which are not
/// measured themselves.
fn limits(criterion: &mut Criterion, runtime: &str, run: ours::Run<'_>) {
    let mut group = criterion.benchmark_group(format!("{runtime}/window"));
    for jobs in sizes() {
        let shape = shapes::independent(jobs);
        group.throughput(Throughput::Elements(jobs as u64));
        group.bench_function(BenchmarkId::new("jobgraph", jobs), |bencher| {
            bencher.iter(|| ours::life(run, &shape, Some(WINDOW)));
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group(format!("{runtime}/parked"));
    group.throughput(Throughput::Elements(CHAIN as u64));
    for parked in [0, 100_000] {
        group.bench_function(BenchmarkId::new("jobgraph", parked), |bencher| {
            let chain = || ours::chain_beside_parked(run, CHAIN, parked, wall_time);
            bencher.iter_custom(|times| -> Duration { (0..times).map(|_| chain()).sum() });
        });
    }
}

fn smol(criterion: &mut Criterion) {
    let floors: [Contestant<'_>; 1] =
        [("LocalExecutor", Box::new(|shape| floors::local_executor(shape.jobs())))];
    let others: [Contestant<'_>; 1] = [("by hand, driver", Box::new(by_hand::local_executor))];
    measure(criterion, "smol local", &floors, &others);
    for (runtime, number) in [("smol 1 thread", 1), ("smol 2 threads", 2)] {
        threads::with_smol_threads(number, |executor| {
            let run = &ours::on_smol(executor);
            let decided = |shape: &Shape, freed| {
                block_on(by_hand::decided_in_the_job(executor.clone(), shape, freed));
            };
            let others: [Contestant<'_>; 3] = [
                ("by hand, spawning", Box::new(move |shape| decided(shape, Freed::Spawn))),
                ("by hand, going on", Box::new(move |shape| decided(shape, Freed::GoOn))),
                ("jobgraph", Box::new(|shape| ours::life(run, shape, None))),
            ];
            measure(criterion, runtime, &[], &others);
            limits(criterion, runtime, run);
        });
    }
}

fn tokio(criterion: &mut Criterion) {
    let runtimes = [
        ("tokio current thread", threads::tokio_current_thread()),
        ("tokio 2 workers", threads::tokio_workers(2)),
    ];
    for (name, runtime) in &runtimes {
        let floors: [Contestant<'_>; 1] =
            [("JoinSet", Box::new(|shape| floors::join_set(runtime, shape.jobs())))];
        let run = &ours::on_tokio(runtime);
        let decided = |shape: &Shape, freed| {
            let spawner = runtime.handle().clone();
            runtime.block_on(by_hand::decided_in_the_job(spawner, shape, freed));
        };
        let others: [Contestant<'_>; 4] = [
            ("by hand, driver", Box::new(|shape| by_hand::join_set(runtime, shape))),
            ("by hand, spawning", Box::new(move |shape| decided(shape, Freed::Spawn))),
            ("by hand, going on", Box::new(move |shape| decided(shape, Freed::GoOn))),
            ("jobgraph", Box::new(|shape| ours::life(run, shape, None))),
        ];
        measure(criterion, name, &floors, &others);
        limits(criterion, name, run);
    }
}
