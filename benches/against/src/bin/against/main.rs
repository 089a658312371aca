//! Today's code against that of an older commit, in one session.
//!
//! `cargo against REV [shape ..] [way ..] [--turns N] [--jobs N] [--work NS | --waits]`; shapes: `independent`,
//! `chain`, `fan`, `layered`, and if asked for `chains` (64 of them); ways: `core`, `place`, `smol` and `tokio`
//! (in tasks of one thread), `smol-2` and `tokio-2` (of two), and if asked for of any other number, such as
//! `tokio-16`. Each job computes for so many ns, or waits once. Each measurement is a process of its own; those
//! of a row take turns, old and new.
//!
//! Old is measured with the `benches/support/ours.rs` of its own tree, which knows its API, by today's
//! `contestant.rs`. So what that uses of it has to stay as it is.

#[path = "../../../../support/callgrind.rs"]
mod callgrind;
mod contestant;

use contestant::{Contestant, Row};

const USAGE: &str =
    "cargo against REV [shape ..] [way ..] [--turns N] [--jobs N] [--work NS | --waits]";
const SHAPES: [&str; 4] = ["independent", "chain", "fan", "layered"];
/// Measured if they are asked for.
const MORE_SHAPES: [&str; 1] = ["chains"];
const WAYS: [&str; 6] = ["core", "place", "smol", "tokio", "smol-2", "tokio-2"];
/// Where also a larger core is measured, and how many jobs it has.
const LARGE: (&str, [usize; 2]) = ("layered", [100_000, 1_000_000]);

struct Arguments {
    revision: String,
    rows: Vec<Row>,
    turns: usize,
    waits: bool,
}

fn main() {
    let Arguments { revision, rows, turns, waits } = arguments();
    let (tree, title) = contestant::check_out(&revision);
    let contestants = [tree, contestant::root()].map(|tree| Contestant::build(&tree, waits));
    println!("old: {title}; new: this working tree");
    println!("Medians and quartiles of {turns} turns, on several threads of five times as many.");
    if waits {
        println!("Each job waits once.");
    }
    println!("On one thread its CPU time, on several the time on the wall.");
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
    let (mut turns, mut jobs, mut work, mut waits) = (9, 10_000, 0, false);
    let (mut shapes, mut ways, mut revision) = (vec![], vec![], None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|n| n.parse::<u32>().ok()).expect("a number");
        let mut all_shapes = SHAPES.into_iter().chain(MORE_SHAPES);
        match argument.as_str() {
            "--turns" => turns = number() as usize,
            "--jobs" => jobs = number() as usize,
            "--work" => work = number(),
            "--waits" => waits = true,
            _ if revision.is_none() => revision = Some(argument),
            _ if is_way(&argument) => ways.push(argument),
            _ => {
                let shape = all_shapes.find(|shape| *shape == argument);
                shapes.push(shape.unwrap_or_else(|| panic!("no shape or way {argument}")));
            }
        }
    }
    let rows = rows(&ways, &shapes, jobs, work);
    Arguments { revision: revision.expect(USAGE), rows, turns: turns.max(1), waits }
}

fn is_way(name: &str) -> bool {
    let threads = |runtime| name.strip_prefix(runtime)?.strip_prefix('-')?.parse::<u16>().ok();
    WAYS.contains(&name) || threads("smol").or(threads("tokio")).is_some_and(|threads| threads > 0)
}

/// All ways and shapes where none are named.
fn rows(ways: &[String], shapes: &[&'static str], jobs: usize, work: u32) -> Vec<Row> {
    let shapes = if shapes.is_empty() { &SHAPES } else { shapes };
    let all = WAYS.map(str::to_owned);
    let mut rows = vec![];
    for way in if ways.is_empty() { &all } else { ways } {
        let row = |shape, jobs| Row { way: way.clone(), shape, jobs, work };
        rows.extend(shapes.iter().map(|shape| row(shape, jobs)));
        if way == "core" && shapes.contains(&LARGE.0) {
            rows.extend(LARGE.1.map(|jobs| row(LARGE.0, jobs)));
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
    let Row { way, shape, jobs, work } = row;
    let work = if *work == 0 { String::new() } else { format!(", {work} ns of work") };
    println!(
        "| {way}, {shape}, {jobs}{work} | {old:.1} | {new:.1} | {median:.3} | {first:.3} to {third:.3} \
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
