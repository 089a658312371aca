//! jobgraph beside its peers, in one run.
//!
//! `cargo peers [section ...] [--jobs N] [--rounds N]`, sections: `place`, `smol`, `tokio`.
#![allow(dead_code, reason = "what is shared with the other benchmarks is not all used here")]

#[path = "../../support/clock.rs"]
mod clock;
#[path = "../../support/ours.rs"]
mod ours;
mod peers;
#[path = "../../support/race.rs"]
mod race;
#[path = "../../support/shapes.rs"]
mod shapes;
#[path = "../../support/threads.rs"]
mod threads;

use std::hint::black_box;

use race::{Race, Target, print_head};
use shapes::Shape;
use tokio::runtime::Runtime;

/// The job of every benchmark: it does nothing, so that what is measured is what surrounds it.
async fn job(number: usize) -> usize {
    black_box(number)
}

type Section = fn(&[(&str, Shape)], usize) -> usize;

const SECTIONS: [(&str, Section); 3] = [("place", in_place), ("smol", smol), ("tokio", tokio)];

fn main() {
    let (mut rounds, mut jobs) = (7, 10_000);
    let mut chosen = vec![];
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|n| n.parse().ok()).expect("a number");
        match argument.as_str() {
            "--rounds" => rounds = number(),
            "--jobs" => jobs = number(),
            name => {
                let section = SECTIONS.iter().find(|section| section.0 == name);
                chosen.push(*section.unwrap_or_else(|| panic!("no section {name}")));
            }
        }
    }
    if chosen.is_empty() {
        chosen.extend(SECTIONS);
    }
    let shapes = shapes::SHAPES.map(|(name, shape)| (name, shape(jobs)));
    println!(
        "Nanoseconds a job, build + run + drop: medians of {rounds} interleaved rounds, {jobs}"
    );
    println!("jobs. On one thread its CPU time, on two the time on the wall.\n");
    print_head();
    let missed: usize = chosen.iter().map(|(_, section)| section(&shapes, rounds)).sum();
    println!("\n{missed} missed");
}

/// Who is measured, and how it runs a shape.
type Contestant<'a> = (&'a str, Box<dyn Fn(&Shape) + 'a>);

/// Measures ours and theirs on every shape.
fn measure(
    (what, parallel): (&str, bool),
    shapes: &[(&str, Shape)],
    ours: impl Fn(&Shape),
    theirs: &[Contestant<'_>],
    rounds: usize,
) -> usize {
    let measured = |run: &dyn Fn()| match parallel {
        true => clock::waiting(run),
        false => clock::computing(run),
    };
    let mut race = Race::new();
    for (name, shape) in shapes {
        let ours = race.enter_timed(shape.jobs(), 2, || measured(&|| ours(shape)));
        for (peer, run) in theirs {
            let theirs = race.enter_timed(shape.jobs(), 2, || measured(&|| run(shape)));
            // In place, and where there is a requirement, more is asked than elsewhere.
            let most = if what == "in place" && *name != "independent" { 1.0 / 3.0 } else { 0.5 };
            let target = Target::Ratio((most * 100.0_f64).round() / 100.0);
            race.row(format!("{what}, {name}"), *peer, (ours, theirs), target);
        }
    }
    race.run(rounds)
}

fn in_place(shapes: &[(&str, Shape)], rounds: usize) -> usize {
    let theirs: [Contestant<'_>; 3] = [
        ("async_dag 0.1", Box::new(peers::async_dag::in_place)),
        ("futures-dagtask 0.3", Box::new(peers::futures_dagtask::in_place)),
        ("operese-dagx 0.4", Box::new(peers::operese_dagx::in_place)),
    ];
    measure(("in place", false), shapes, |shape| ours::in_place(shape, None), &theirs, rounds)
}

fn smol(shapes: &[(&str, Shape)], rounds: usize) -> usize {
    threads::with_smol_threads(2, |executor| {
        let theirs: [Contestant<'_>; 1] =
            [("operese-dagx 0.4", Box::new(|shape| peers::operese_dagx::on_smol(executor, shape)))];
        let run = ours::on_smol(executor);
        let ours = |shape: &Shape| ours::life(&run, shape, None);
        measure(("2 threads of smol", true), shapes, ours, &theirs, rounds)
    })
}

fn tokio(shapes: &[(&str, Shape)], rounds: usize) -> usize {
    let current = ("tokio current thread", false);
    let two = ("2 workers of tokio", true);
    on_tokio(&threads::tokio_current_thread(), current, shapes, rounds)
        + on_tokio(&threads::tokio_workers(2), two, shapes, rounds)
}

fn on_tokio(
    runtime: &Runtime,
    what: (&str, bool),
    shapes: &[(&str, Shape)],
    rounds: usize,
) -> usize {
    let theirs: [Contestant<'_>; 3] = [
        ("operese-dagx 0.4", Box::new(|shape| peers::operese_dagx::on_tokio(runtime, shape))),
        ("dagx 0.3", Box::new(|shape| peers::dagx::on_tokio(runtime, shape))),
        ("dagrs 0.9", Box::new(|shape| peers::dagrs::on_tokio(runtime, shape))),
    ];
    let run = ours::on_tokio(runtime);
    let ours = |shape: &Shape| ours::life(&run, shape, None);
    measure(what, shapes, ours, &theirs, rounds)
}
