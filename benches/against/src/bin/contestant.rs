//! A row of `cargo against`, with the library and with `benches/support` of the tree in which this is built.
//!
//! `contestant WAY SHAPE JOBS WORK` prints nanoseconds a job, each of which computes for `WORK` ns, or waits once
//! if it was built so. With a last argument `once` it runs once, to be counted by callgrind or strace.
#![allow(dead_code, reason = "what is shared with the other benchmarks is not all used here")]

#[path = "../../../support/clock.rs"]
mod clock;
#[path = "../../../support/ours.rs"]
mod ours;
#[path = "../../../support/shapes.rs"]
mod shapes;
#[path = "../../../support/threads.rs"]
mod threads;
#[path = "../../../support/work.rs"]
mod work;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use work::WORK;
#[cfg(not(feature = "waits"))]
use work::job;

/// A row is repeated until it has done about so many jobs, or for so long.
const JOBS: usize = 200_000;
const TIME: Duration = Duration::from_millis(400);

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let (way, shape, jobs, work, once) = match arguments[..] {
        [way, shape, jobs, work] => (way, shape, jobs, work, false),
        [way, shape, jobs, work, "once"] => (way, shape, jobs, work, true),
        _ => panic!("WAY SHAPE JOBS WORK [once]"),
    };
    WORK.store(work.parse().expect("nanoseconds"), Ordering::Relaxed);
    let more: (&str, shapes::Make) = ("chains", shapes::chains);
    let mut shapes = shapes::SHAPES.into_iter().chain([more]);
    let (_, make) = shapes.find(|(name, _)| *name == shape).expect("a shape");
    let shape = &make(jobs.parse().expect("a number of jobs"));
    let on_one_thread = |run: &dyn Fn()| {
        if once { counted(run) } else { measure(shape.jobs(), || clock::computing(run)) }
    };
    let on_threads = |run: &dyn Fn()| {
        if once { run() } else { measure(shape.jobs(), || clock::waiting(run)) }
    };
    let on_tokio = |runtime| ours::life(&ours::on_tokio(runtime), shape, None);
    // What is done once a process does not count.
    let _ = jobgraph::smol::SmolClock::new();
    match (way, way.rsplit_once('-')) {
        ("core", _) => on_one_thread(&|| ours::core(shape, None)),
        ("place", _) => on_one_thread(&|| ours::in_place(shape, None)),
        ("smol", _) => on_one_thread(&|| ours::on_this_thread(shape)),
        ("tokio", _) => {
            let runtime = threads::tokio_current_thread();
            on_one_thread(&|| on_tokio(&runtime));
        }
        (_, Some(("smol", threads))) => {
            threads::with_smol_threads(threads.parse().expect("threads"), |executor| {
                on_threads(&|| ours::life(&ours::on_smol(executor), shape, None));
            });
        }
        (_, Some(("tokio", threads))) => {
            let runtime = threads::tokio_workers(threads.parse().expect("threads"));
            on_threads(&|| on_tokio(&runtime));
        }
        _ => panic!("no way {way}"),
    }
}

#[cfg(feature = "waits")]
async fn job(number: usize) -> usize {
    let computes = work::job(number);
    futures_lite::future::yield_now().await;
    computes.await
}

/// The only function in which callgrind counts.
#[inline(never)]
fn counted(run: &dyn Fn()) {
    run();
}

/// Prints the median of some runs, after one that does not count: it finds fresh memory.
fn measure(jobs: usize, run: impl Fn() -> Duration) {
    let begun = Instant::now();
    run();
    let mut taken = vec![run()];
    while taken.len() < (JOBS / jobs).max(1) && begun.elapsed() < TIME {
        taken.push(run());
    }
    taken.sort();
    let jobs = u32::try_from(jobs).expect("fewer than 2^32 jobs");
    println!("{}", taken[taken.len() / 2].as_secs_f64() * 1e9 / f64::from(jobs));
}
