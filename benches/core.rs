//! The core alone, beside Kahn's algorithm over arrays: a graph's build, run and drop.
//!
//! `cargo bench -p jobgraph-benches --bench core`; up to 10^5 jobs, and up to 10^6 with `LARGE=1`.

#[path = "support/settings.rs"]
mod settings;
mod support;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use settings::sizes;
use support::{kahn, ours, shapes};

const WINDOW: usize = 10;
const CHAIN: usize = 1_000;

fn main() {
    let mut criterion = settings::criterion();
    for (name, make) in shapes::SHAPES {
        let mut group = criterion.benchmark_group(format!("core/{name}"));
        for jobs in sizes() {
            let shape = make(jobs);
            group.throughput(Throughput::Elements(jobs as u64));
            let mut bench = |who: &str, run: &dyn Fn()| {
                group.bench_function(BenchmarkId::new(who, jobs), |bencher| bencher.iter(run));
            };
            bench("kahn", &|| kahn::order(&shape));
            bench("jobgraph", &|| ours::core(&shape, None));
            if name == "independent" {
                bench("jobgraph, window", &|| ours::core(&shape, Some(WINDOW)));
            }
        }
    }
    parked(&mut criterion);
    criterion.final_summary();
}

/// What a chain takes beside jobs that are parked; these are not measured.
fn parked(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("core/parked");
    group.throughput(Throughput::Elements(CHAIN as u64));
    for parked in [0, 100_000] {
        group.bench_function(BenchmarkId::new("jobgraph", parked), |bencher| {
            bencher.iter_custom(|times| -> Duration {
                (0..times).map(|_| ours::core_chain_beside_parked(CHAIN, parked)).sum()
            });
        });
    }
}
