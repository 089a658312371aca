//! Instructions per job, counted by callgrind: the same on a busy machine, so that they can be checked.
//!
//! `cargo instructions` compares with `benches/instructions.txt`, and fails where the difference is above
//! 5 %, be it more or less, so that an improvement is committed as well; `--within 0.5` asks for another
//! tolerance in per cent, `--write` writes the file. What a job costs the core has to be the same, within 10 %, at 10^4, 10^5 and 10^6
//! jobs. Arguments that name cases choose these. The counts hold for one version of the compiler and of
//! the C library: a change of these may need a `--write`, too.
#![expect(clippy::print_stdout, reason = "it is a command")]

#[path = "support/callgrind.rs"]
mod callgrind;
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::{env, fs};

use support::shapes::{self, Shape};
use support::{by_hand, floors, kahn, ours};

/// How far a count may be off, in per cent, unless another tolerance is asked for.
const TOLERANCE: f64 = 5.0;
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt");

/// What is counted: a name, what is executed, on which shape, of how many jobs.
type Case = (&'static str, fn(&Shape), shapes::Make, usize);

const CASES: [Case; 16] = [
    ("core-independent-100000", core, shapes::independent, 100_000),
    ("core-chain-100000", core, shapes::chain, 100_000),
    ("core-fan-100000", core, shapes::fan, 100_000),
    ("core-layered-10000", core, shapes::layered, 10_000),
    ("core-layered-100000", core, shapes::layered, 100_000),
    ("core-layered-1000000", core, shapes::layered, 1_000_000),
    ("place-independent-10000", ours::in_place_without_clock, shapes::independent, 10_000),
    ("place-chain-10000", ours::in_place_without_clock, shapes::chain, 10_000),
    ("place-fan-10000", ours::in_place_without_clock, shapes::fan, 10_000),
    ("place-layered-10000", ours::in_place_without_clock, shapes::layered, 10_000),
    ("tasks-independent-10000", ours::on_this_thread, shapes::independent, 10_000),
    ("tasks-chain-10000", ours::on_this_thread, shapes::chain, 10_000),
    ("tasks-layered-10000", ours::on_this_thread, shapes::layered, 10_000),
    // What stands beside them: it changes with the compiler and with dependencies alone.
    ("kahn-layered-100000", kahn::order, shapes::layered, 100_000),
    ("unordered-independent-10000", unordered, shapes::independent, 10_000),
    ("by-hand-layered-10000", by_hand::in_place, shapes::layered, 10_000),
];

fn unordered(shape: &Shape) {
    floors::futures_unordered(shape.jobs());
}

fn core(shape: &Shape) {
    ours::core(shape, None);
}

fn main() {
    let arguments: Vec<_> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match &arguments[..] {
        [run, name] if run == "run" => {
            let (_, run, shape, jobs) = case(name);
            // What is done once a process does not count.
            let _ = jobgraph::smol::SmolClock::new();
            counted(*run, &shape(*jobs));
        }
        _ => check(&arguments),
    }
}

fn case(name: &str) -> &'static Case {
    CASES.iter().find(|case| case.0 == name).unwrap_or_else(|| panic!("no case {name}"))
}

/// The only function in which callgrind counts.
#[inline(never)]
fn counted(run: fn(&Shape), shape: &Shape) {
    run(shape);
}

/// Counts all cases, or those that are named, and compares.
fn check(arguments: &[String]) {
    let (mut write, mut tolerance, mut named) = (false, TOLERANCE, vec![]);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--write" => write = true,
            "--within" => {
                let asked = rest.next().and_then(|per_cent| per_cent.parse().ok());
                tolerance = asked.expect("--within PER_CENT");
            }
            name => named.push(case(name).0),
        }
    }
    let chosen = CASES.iter().filter(|case| named.is_empty() || named.contains(&case.0));
    let mut committed = read();
    let mut off = 0;
    println!("{:<28} {:>10} {:>10}", "instructions per job", "now", "change");
    for (name, _, _, jobs) in chosen {
        let now = count(name) / f64::from(u32::try_from(*jobs).expect("few jobs"));
        let change = committed.insert((*name).to_owned(), now).map(|before| now / before - 1.0);
        off += usize::from(change.is_none_or(|change| change.abs() * 100.0 > tolerance));
        let change = change.map_or("new".into(), |change| format!("{:+.1} %", change * 100.0));
        println!("{name:<28} {now:>10.1} {change:>10}");
    }
    off += usize::from(!is_flat(&committed));
    if write {
        let lines = committed.iter().fold(String::new(), |mut lines, (name, count)| {
            let _ = writeln!(lines, "{name} {count:.1}");
            lines
        });
        fs::write(COMMITTED, lines).expect("the file can be written");
    } else if off > 0 {
        println!("\n{off} are off: see benches/instructions.rs");
        std::process::exit(1);
    }
}

/// Whether what a job costs does not depend on how many there are, within 10 %.
fn is_flat(counts: &BTreeMap<String, f64>) -> bool {
    let layered = counts.iter().filter(|(name, _)| name.starts_with("core-layered-"));
    let (least, most) = layered.fold((f64::INFINITY, 0.0_f64), |(least, most), (_, &count)| {
        (least.min(count), most.max(count))
    });
    let flat = most <= least * 1.1;
    println!("\ncore-layered: {}", if flat { "flat" } else { "NOT flat: it grows" });
    flat
}

fn read() -> BTreeMap<String, f64> {
    let text = fs::read_to_string(COMMITTED).unwrap_or_default();
    let parse = |line: &str| {
        let (name, count) = line.split_once(' ')?;
        Some((name.to_owned(), count.parse().ok()?))
    };
    text.lines().filter_map(parse).collect()
}

/// The instructions of a case, without those that prepare it.
fn count(name: &str) -> f64 {
    let program = env::current_exe().expect("it has a path");
    callgrind::count(&program, &["run", name], "instructions::counted*")
}
