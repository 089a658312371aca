//! The table of ratios against the targets: `jobgraph` beside floors and hand-written versions.
//!
//! `cargo ratios [section ...] [--rounds N]`, sections: `core`, `place`, `threads`, `limits`, `growth`. Each
//! is measured in a process of its own, so that none finds the memory as another left it.
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

mod support;

use std::process::Command;

use futures_lite::future::block_on;
use support::by_hand::Freed;
use support::clock::cpu_time;
use support::race::Target::{self, Nanoseconds, Ratio};
use support::race::{Entry, Race, print_head};
use support::shapes::{self, Shape};
use support::{by_hand, floors, kahn, ours, threads};

const THOUSAND: usize = 1_000;
const TEN_THOUSAND: usize = 10_000;
const HUNDRED_THOUSAND: usize = 100_000;
const MILLION: usize = 1_000_000;

type Section = fn(usize) -> usize;

const SECTIONS: [(&str, Section); 5] = [
    ("core", core),
    ("place", in_place),
    ("threads", two_threads),
    ("limits", limits),
    ("growth", growth),
];

fn main() {
    let mut rounds = 7;
    let mut chosen = vec![];
    let mut only = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // Cargo says this to every benchmark.
            "--bench" => {}
            "--rounds" => {
                rounds = arguments.next().and_then(|n| n.parse().ok()).expect("--rounds N");
            }
            "--only" => only = arguments.next().as_deref().map(section),
            name => chosen.push(section(name).0),
        }
    }
    if let Some((_, section)) = only {
        std::process::exit(section(rounds).try_into().expect("not that many"));
    }
    if chosen.is_empty() {
        chosen.extend(SECTIONS.map(|section| section.0));
    }
    println!(
        "Nanoseconds a job, build + run + drop: medians of {rounds} interleaved rounds. On one thread"
    );
    println!("its CPU time, on two the time on the wall.\n");
    print_head();
    let missed: i32 = chosen.iter().map(|name| in_a_process(name, rounds)).sum();
    println!("\n{missed} missed");
}

fn section(name: &str) -> (&'static str, Section) {
    let section = SECTIONS.iter().find(|section| section.0 == name);
    *section.unwrap_or_else(|| panic!("no section {name}"))
}

/// How many rows of a section missed their targets.
fn in_a_process(section: &str, rounds: usize) -> i32 {
    let program = std::env::current_exe().expect("its own path");
    let mut process = Command::new(program);
    process.args(["--only", section, "--rounds", &rounds.to_string()]);
    process.status().expect("it can be started").code().expect("it was not killed")
}

/// The core against Kahn's algorithm, which does nothing else.
fn core(rounds: usize) -> usize {
    let sizes = [(TEN_THOUSAND, Target::None), (MILLION, Ratio(2.5))];
    let shapes = sizes.map(|(jobs, target)| (jobs, target, shapes::layered(jobs)));
    let mut race = Race::new();
    for (jobs, target, shape) in &shapes {
        let floor = race.enter(*jobs, || kahn::order(shape));
        let ours = race.enter(*jobs, || ours::core(shape, None));
        let what = format!("core, layered, {}", power(*jobs));
        race.row(what, "Kahn over CSR, built first", (ours, floor), *target);
    }
    race.run(rounds)
}

/// In the task that awaits the run, against what executes futures without knowing requirements.
fn in_place(rounds: usize) -> usize {
    let sizes = [(TEN_THOUSAND, 2.0), (HUNDRED_THOUSAND, 4.0)];
    let diamond = shapes::diamond();
    sizes.map(|(jobs, layered)| in_place_of(rounds, jobs, layered)).into_iter().sum::<usize>() + {
        let mut race = Race::new();
        let by_hand = race.enter(1, || by_hand::in_place(&diamond));
        let ours = race.enter(1, || ours::in_place(&diamond, None));
        race.row("in place, a diamond's life", "by hand", (ours, by_hand), Ratio(2.0));
        race.run(rounds)
    }
}

fn in_place_of(rounds: usize, jobs: usize, layered: f64) -> usize {
    let tokio = threads::tokio_current_thread();
    let shapes = shapes_of(jobs);
    let mut race = Race::new();
    let unordered = race.enter(jobs, || floors::futures_unordered(jobs));
    let local = race.enter(jobs, || floors::local_executor(jobs));
    let join_set = race.enter(jobs, || floors::join_set(&tokio, jobs));
    for (name, shape) in &shapes {
        let by_hand = race.enter(jobs, || by_hand::in_place(shape));
        let ours = race.enter(jobs, || ours::in_place(shape, None));
        let target = if *name == "layered" { layered } else { 1.5 };
        let what = format!("in place, {name}, {}", power(jobs));
        let mut row = |against, theirs, target| race.row(&what, against, (ours, theirs), target);
        row("FuturesUnordered, independent", unordered, Ratio(target));
        row("by hand, FuturesUnordered", by_hand, Target::None);
        row("LocalExecutor, spawn + await", local, Ratio(0.6));
        row("tokio current thread, JoinSet", join_set, Ratio(0.3));
    }
    race.run(rounds)
}

/// In tasks of two threads, awaited in `block_on`, against versions by hand without a driver.
fn two_threads(rounds: usize) -> usize {
    let tokio = &threads::tokio_workers(2);
    let shapes = shapes_of(TEN_THOUSAND);
    threads::with_smol_threads(2, |smol| {
        let (on_tokio, on_smol) = (&ours::on_tokio(tokio), &ours::on_smol(smol));
        let mut race = Race::new();
        for (name, shape) in &shapes {
            let by_hand = [Freed::Spawn, Freed::GoOn].map(|freed| {
                race.enter_parallel(TEN_THOUSAND, move || {
                    let spawner = tokio.handle().clone();
                    tokio.block_on(by_hand::decided_in_the_job(spawner, shape, freed));
                })
            });
            let ours = race.enter_parallel(TEN_THOUSAND, || ours::life(on_tokio, shape, None));
            parallel_rows(&mut race, &format!("2 workers of tokio, {name}, 10^4"), ours, by_hand);

            let by_hand = [Freed::Spawn, Freed::GoOn].map(|freed| {
                race.enter_parallel(TEN_THOUSAND, move || {
                    block_on(by_hand::decided_in_the_job(smol.clone(), shape, freed));
                })
            });
            let ours = race.enter_parallel(TEN_THOUSAND, || ours::life(on_smol, shape, None));
            parallel_rows(&mut race, &format!("2 threads of smol, {name}, 10^4"), ours, by_hand);
        }
        race.run(rounds)
    })
}

fn parallel_rows(race: &mut Race<'_>, what: &str, ours: Entry, [spawns, goes_on]: [Entry; 2]) {
    race.row(what, "by hand, decided in the job, which spawns", (ours, spawns), Ratio(1.2));
    race.row(what, "by hand, the same, going on with one", (ours, goes_on), Target::None);
    if what.contains("chain") {
        race.row(what, "an absolute target", (ours, spawns), Nanoseconds(200.0));
    }
}

/// What must not matter: a window, parked jobs, a huge fan-in.
fn limits(rounds: usize) -> usize {
    const PARKED: usize = HUNDRED_THOUSAND;
    let (independent, fan_in) = (shapes::independent(MILLION), shapes::fan_in(MILLION));
    let mut race = Race::new();

    let without = race.enter(MILLION, || ours::core(&independent, None));
    let window = race.enter(MILLION, || ours::core(&independent, Some(10)));
    let sink = race.enter(MILLION, || ours::core(&fan_in, None));
    race.row("core, window of 10, 10^6", "without a window", (window, without), Ratio(1.3));
    race.row("core, fan-in of 10^6", "the same without the sink", (sink, without), Ratio(1.3));

    let without = race.enter(MILLION, || ours::in_place(&independent, None));
    let window = race.enter(MILLION, || ours::in_place(&independent, Some(10)));
    let sink = race.enter(MILLION, || ours::in_place(&fan_in, None));
    race.row("in place, window of 10, 10^6", "without a window", (window, without), Ratio(1.3));
    race.row("in place, fan-in of 10^6", "the same without the sink", (sink, without), Ratio(1.3));

    let core = ours::core_chain_beside_parked;
    let alone = race.enter_timed(THOUSAND, 100, || core(THOUSAND, 0));
    let beside = race.enter_timed(THOUSAND, 3, || core(THOUSAND, PARKED));
    let what = "core, chain of 10^3 beside 10^5 parked jobs, a link";
    race.row(what, "the chain alone", (beside, alone), Ratio(1.3));

    let chain = |parked| ours::chain_beside_parked(&ours::here, THOUSAND, parked, cpu_time);
    let alone = race.enter_timed(THOUSAND, 100, move || chain(0));
    let beside = race.enter_timed(THOUSAND, 3, move || chain(PARKED));
    let what = "in place, chain of 10^3 beside 10^5 parked jobs, a link";
    race.row(what, "the chain alone", (beside, alone), Ratio(1.3));
    race.run(rounds)
}

/// A hundred times as many jobs: what a job costs then.
fn growth(rounds: usize) -> usize {
    let (small, large) = (shapes_of(TEN_THOUSAND), shapes_of(MILLION));
    let mut race = Race::new();
    for ((name, small), (_, large)) in small.iter().zip(&large) {
        let mut row = |what: &str, run: fn(&Shape)| {
            let few = race.enter(TEN_THOUSAND, move || run(small));
            let many = race.enter(MILLION, move || run(large));
            race.row(format!("{what}, {name}, 10^6"), "10^4", (many, few), Target::None);
        };
        row("Kahn over CSR", kahn::order);
        row("core", |shape| ours::core(shape, None));
        row("by hand in place", by_hand::in_place);
        row("in place", |shape| ours::in_place(shape, None));
    }
    race.run(rounds)
}

fn shapes_of(jobs: usize) -> Vec<(&'static str, Shape)> {
    shapes::SHAPES.map(|(name, shape)| (name, shape(jobs))).into()
}

fn power(jobs: usize) -> String {
    format!("10^{}", jobs.ilog10())
}
