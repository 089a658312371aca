//! Today's code against that of an older commit, in one session.
//!
//! `cargo against REV [shape ..] [way ..] [--turns N] [--jobs N]`; shapes: `independent`, `chain`, `fan`,
//! `layered`; ways: `core`, `place`, `smol` and `tokio` (in tasks of one thread), `smol-2` and `tokio-2`
//! (of two). Each measurement is a process of its own; those of a row take turns, old and new.
//!
//! Old is measured with the `benches/support` of its own tree, which knows its API, by today's
//! `contestant.rs`. So what that uses of `benches/support` has to stay as it is.

#[path = "../../../../support/callgrind.rs"]
mod callgrind;
mod contestant;

use contestant::{Contestant, Row};

const SHAPES: [&str; 4] = ["independent", "chain", "fan", "layered"];
const WAYS: [&str; 6] = ["core", "place", "smol", "tokio", "smol-2", "tokio-2"];
/// Where also a larger core is measured, and how many jobs it has.
const LARGE: (&str, [usize; 2]) = ("layered", [100_000, 1_000_000]);

struct Arguments {
    revision: String,
    rows: Vec<Row>,
    turns: usize,
}

fn main() {
    let Arguments { revision, rows, turns } = arguments();
    let (tree, title) = contestant::check_out(&revision);
    let contestants = [Contestant::build(&tree), Contestant::build(&contestant::root())];
    println!("old: {title}; new: this working tree");
    println!("Medians and quartiles of {turns} turns, on two threads of five times as many.");
    println!("On one thread its CPU time, on two the time on the wall.");
    let measured = measure(&contestants, &rows, turns);
    let counts = contestant::can_count();
    if !counts {
        println!("Instructions are not counted: there is no valgrind.");
    }
    println!(
        "\n| what | old ns/job | new ns/job | time new/old | quartiles | instructions new/old |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    for (row, measured) in rows.iter().zip(measured) {
        let instructions = if counts { row.instructions(&contestants) } else { None };
        print(row, &measured, instructions);
    }
}

fn arguments() -> Arguments {
    let (mut turns, mut jobs) = (9, 10_000);
    let (mut shapes, mut ways, mut revision) = (vec![], vec![], None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|n| n.parse().ok()).expect("a number");
        let known = |names: &[&'static str]| names.iter().copied().find(|name| *name == argument);
        match argument.as_str() {
            "--turns" => turns = number(),
            "--jobs" => jobs = number(),
            _ if revision.is_none() => revision = Some(argument),
            _ => match (known(&SHAPES), known(&WAYS)) {
                (Some(shape), _) => shapes.push(shape),
                (_, Some(way)) => ways.push(way),
                _ => panic!("no shape or way {argument}"),
            },
        }
    }
    let revision = revision.expect("cargo against REV [shape ..] [way ..] [--turns N] [--jobs N]");
    let mut rows = rows(jobs);
    rows.retain(|row| shapes.is_empty() || shapes.contains(&row.shape));
    rows.retain(|row| ways.is_empty() || ways.contains(&row.way));
    Arguments { revision, rows, turns: turns.max(1) }
}

fn rows(jobs: usize) -> Vec<Row> {
    let mut rows = vec![];
    for way in WAYS {
        rows.extend(SHAPES.map(|shape| Row { way, shape, jobs }));
        if way == "core" {
            rows.extend(LARGE.1.map(|jobs| Row { way, shape: LARGE.0, jobs }));
        }
    }
    rows
}

/// Nanoseconds a job, of the old and of the new.
type Pair = [f64; 2];

/// All rows, turn after turn, so that what disturbs the machine for a while disturbs few turns of each.
fn measure(contestants: &[Contestant; 2], rows: &[Row], turns: usize) -> Vec<Vec<Pair>> {
    let mut measured = vec![vec![]; rows.len()];
    for turn in 0..turns {
        for (row, measured) in rows.iter().zip(&mut measured) {
            for pair in 0..row.pairs() {
                let [old, new] = contestants;
                measured.push(if (turn + pair) % 2 == 0 {
                    [old, new].map(|contestant| contestant.time(row))
                } else {
                    let [new, old] = [new, old].map(|contestant| contestant.time(row));
                    [old, new]
                });
            }
        }
    }
    measured
}

fn print(row: &Row, pairs: &[Pair], instructions: Option<f64>) {
    let [old, new] = [0, 1].map(|who| quantile(pairs.iter().map(|pair| pair[who]), 0.5));
    let [first, median, third] =
        [0.25, 0.5, 0.75].map(|q| quantile(pairs.iter().map(|[old, new]| new / old), q));
    let instructions = instructions.map_or(String::new(), |ratio| format!("{ratio:.3}"));
    let Row { way, shape, jobs } = row;
    println!(
        "| {way}, {shape}, {jobs} | {old:.1} | {new:.1} | {median:.3} | {first:.3} to {third:.3} \
         | {instructions} |"
    );
}

/// A quantile of some numbers, between two of them if need be.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index is small, and positive"
)]
fn quantile(numbers: impl Iterator<Item = f64>, q: f64) -> f64 {
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    let place = (numbers.len() - 1) as f64 * q;
    let (below, above) = (numbers[place.floor() as usize], numbers[place.ceil() as usize]);
    below + (above - below) * place.fract()
}
