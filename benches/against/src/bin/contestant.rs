//! A row of `cargo against`, with the library and with `benches/support` of the tree in which this is built.
//!
//! `contestant WAY SHAPE JOBS` prints nanoseconds a job. With a last argument `once` it runs once, to be
//! counted by callgrind.
#![allow(dead_code, reason = "what is shared with the other benchmarks is not all used here")]

#[path = "../../../support/clock.rs"]
mod clock;
#[path = "../../../support/ours.rs"]
mod ours;
#[path = "../../../support/shapes.rs"]
mod shapes;
#[path = "../../../support/threads.rs"]
mod threads;

use std::hint::black_box;
use std::time::Duration;

/// A row is repeated until it has done about so many jobs.
const JOBS: usize = 200_000;

/// The job of every benchmark: it does nothing, so that what is measured is what surrounds it.
async fn job(number: usize) -> usize {
    black_box(number)
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (way, shape, jobs, once) = match &arguments[..] {
        [way, shape, jobs] => (way, shape, jobs, false),
        [way, shape, jobs, once] if once == "once" => (way, shape, jobs, true),
        _ => panic!("WAY SHAPE JOBS [once]"),
    };
    let (_, make) = shapes::SHAPES.into_iter().find(|(name, _)| name == shape).expect("a shape");
    let shape = &make(jobs.parse().expect("a number of jobs"));
    let on_one_thread = |run: &dyn Fn()| {
        if once { counted(run) } else { measure(shape.jobs(), || clock::computing(run)) }
    };
    let on_two_threads = |run: &dyn Fn()| measure(shape.jobs(), || clock::waiting(run));
    let on_tokio = |runtime| ours::life(&ours::on_tokio(runtime), shape, None);
    match way.as_str() {
        "core" => on_one_thread(&|| ours::core(shape, None)),
        "place" => on_one_thread(&|| ours::in_place(shape, None)),
        "smol" => on_one_thread(&|| ours::on_this_thread(shape)),
        "tokio" => {
            let runtime = threads::tokio_current_thread();
            on_one_thread(&|| on_tokio(&runtime));
        }
        "smol-2" => threads::with_smol_threads(2, |executor| {
            on_two_threads(&|| ours::life(&ours::on_smol(executor), shape, None));
        }),
        "tokio-2" => {
            let runtime = threads::tokio_workers(2);
            on_two_threads(&|| on_tokio(&runtime));
        }
        way => panic!("no way {way}"),
    }
}

/// The only function in which callgrind counts.
#[inline(never)]
fn counted(run: &dyn Fn()) {
    run();
}

/// Prints the median of some runs, after one that does not count: it finds fresh memory.
fn measure(jobs: usize, run: impl Fn() -> Duration) {
    run();
    let mut taken: Vec<_> = (0..(JOBS / jobs).max(1)).map(|_| run()).collect();
    taken.sort();
    let jobs = u32::try_from(jobs).expect("fewer than 2^32 jobs");
    println!("{}", taken[taken.len() / 2].as_secs_f64() * 1e9 / f64::from(jobs));
}
