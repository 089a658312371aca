//! How a parallel run grows with the threads, beside the same by hand and with the fastest peer.
//!
//! `cargo scale [shape ..] [--threads N] [--work NS ..] [--jobs N] [--rounds N] [--csv]`, shapes:
//! `independent`, `chains` (64 of them), `layered`, `fan`. It needs nothing but itself, so it can be carried
//! to another machine.
#![expect(dead_code, reason = "what is shared with the other benchmarks is not all used here")]

#[path = "../../../support/by_hand.rs"]
mod by_hand;
#[path = "../../../support/clock.rs"]
mod clock;
#[path = "../../../support/kahn.rs"]
mod kahn;
#[path = "../../../support/ours.rs"]
mod ours;
#[path = "../peers/mod.rs"]
mod peers;
#[path = "../../../support/race.rs"]
mod race;
#[path = "../../../support/shapes.rs"]
mod shapes;
#[path = "../../../support/threads.rs"]
mod threads;
#[path = "../../../support/work.rs"]
mod work;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::available_parallelism;
use std::time::Duration;

use async_executor::Executor;
use by_hand::Freed;
use futures_lite::future::block_on;
use race::Race;
use shapes::{Make, Shape};
use tokio::runtime::Runtime;
use work::{WORK, job};

const USAGE: &str = "scale [independent | chains | layered | fan ..] [--threads N] [--work NS ..] \
     [--jobs N] [--rounds N] [--csv]";
const SHAPES: [(&str, Make); 4] = [
    ("independent", shapes::independent),
    ("chains", shapes::chains),
    ("layered", shapes::layered),
    ("fan", shapes::fan),
];
/// For so many ns a job computes.
const WORKS: [u32; 4] = [0, 1_000, 10_000, 100_000];
/// For about so many ns the jobs of a measurement compute, on each thread.
const COMPUTE: usize = 100_000_000;

/// Runs a shape on these threads.
type Run = fn(&Threads, &Shape);

const CONTESTANTS: [(&str, Run); 6] = [
    ("jobgraph on tokio", |on, shape| ours::life(&ours::on_tokio(&on.tokio), shape, None)),
    ("jobgraph on smol", |on, shape| ours::life(&ours::on_smol(&on.smol), shape, None)),
    ("by hand on tokio", |on, shape| {
        let spawner = on.tokio.handle().clone();
        on.tokio.block_on(by_hand::decided_in_the_job(spawner, shape, Freed::GoOn));
    }),
    ("operese-dagx 0.4 on tokio", |on, shape| peers::operese_dagx::on_tokio(&on.tokio, shape)),
    ("jobgraph without the run", |_, shape| drop(ours::build_send(shape))),
    ("the work alone", only_the_work),
];

struct Arguments {
    shapes: Vec<(&'static str, Make)>,
    works: Vec<u32>,
    threads: usize,
    jobs: Option<usize>,
    rounds: usize,
    csv: bool,
}

/// Runtimes of so many threads.
struct Threads {
    count: usize,
    tokio: Runtime,
    smol: Arc<Executor<'static>>,
}

fn main() {
    let cores = available_parallelism().map_or(1, usize::from);
    let arguments = arguments(cores);
    if arguments.csv {
        println!("contestant,shape,jobs,work_ns,threads,ns_per_job");
    } else {
        print_introduction(&arguments, cores);
    }
    let powers = (0..).map(|power| 1 << power).take_while(|&count| count < arguments.threads);
    let counts: Vec<_> = powers.chain([arguments.threads]).collect();
    with_threads(&counts, vec![], &|all| {
        for &work in &arguments.works {
            measure(&arguments, work, all);
        }
    });
}

fn arguments(cores: usize) -> Arguments {
    let (mut threads, mut jobs, mut rounds, mut csv) = (cores, None, 5, false);
    let (mut shapes, mut works) = (vec![], vec![]);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|n| n.parse::<u32>().ok()).expect("a number");
        match argument.as_str() {
            "--threads" => threads = number().max(1) as usize,
            "--work" => works.push(number()),
            "--jobs" => jobs = Some(number().max(1) as usize),
            "--rounds" => rounds = number().max(1) as usize,
            "--csv" => csv = true,
            name => {
                let shape = SHAPES.into_iter().find(|shape| shape.0 == name);
                shapes.push(shape.unwrap_or_else(|| panic!("no shape {name}: {USAGE}")));
            }
        }
    }
    if shapes.is_empty() {
        shapes.extend(SHAPES);
    }
    if works.is_empty() {
        works.extend(WORKS);
    }
    Arguments { shapes, works, threads, jobs, rounds, csv }
}

fn print_introduction(arguments: &Arguments, cores: usize) {
    let rounds = arguments.rounds;
    println!("{cores} cores. Nanoseconds a job on the wall, build + run + drop: the medians of");
    println!("{rounds} interleaved rounds. One more thread builds, and awaits the run.\n");
    println!("Without the run a graph is only built and dropped: more threads do not help there.");
    println!("Where they do not help the work alone either, others keep the machine busy.");
    if arguments.shapes.iter().any(|shape| shape.0 == "fan") {
        println!("operese-dagx cannot express the sink of a fan, which requires all the others:");
        println!("it requires three there, so there is less to do.");
    }
}

/// Calls this with runtimes of each of these numbers of threads, made one inside the other.
fn with_threads(counts: &[usize], mut made: Vec<Threads>, call: &dyn Fn(&[Threads])) {
    let Some((&count, others)) = counts.split_first() else { return call(&made) };
    threads::with_smol_threads(count, |smol| {
        let tokio = threads::tokio_workers(count);
        made.push(Threads { count, tokio, smol: Arc::clone(smol) });
        with_threads(others, made, call);
    });
}

impl Arguments {
    /// How many jobs are measured: more on more threads, so that a layer has enough for all of these.
    fn jobs(&self, work: u32, threads: usize) -> usize {
        let jobs = COMPUTE * threads / work.max(1) as usize;
        self.jobs.unwrap_or(jobs.clamp(1_000, 20_000))
    }
}

/// What the machine gives: no graph, and one task a thread.
fn only_the_work(on: &Threads, shape: &Shape) {
    let task = |first| {
        let jobs = (first..shape.jobs()).step_by(on.count);
        on.smol.spawn(async {
            for number in jobs {
                job(number).await;
            }
        })
    };
    let tasks: Vec<_> = (0..on.count).map(task).collect();
    tasks.into_iter().for_each(block_on);
}

/// Measures jobs that compute for so many ns.
fn measure(arguments: &Arguments, work: u32, all: &[Threads]) {
    WORK.store(work.into(), Ordering::Relaxed);
    if !arguments.csv {
        print_head(arguments, work, all);
    }
    for &(name, make) in &arguments.shapes {
        let shapes: Vec<_> = all.iter().map(|on| make(arguments.jobs(work, on.count))).collect();
        let mut race = Race::new();
        for (on, shape) in all.iter().zip(&shapes) {
            for (_, run) in CONTESTANTS {
                race.enter_timed(shape.jobs(), 1, move || clock::waiting(|| run(on, shape)));
            }
        }
        let medians = race.medians(arguments.rounds);
        for (place, (contestant, _)) in CONTESTANTS.into_iter().enumerate() {
            let of_contestant = medians.iter().skip(place).step_by(CONTESTANTS.len());
            if arguments.csv {
                for ((taken, on), shape) in of_contestant.zip(all).zip(&shapes) {
                    let (jobs, threads) = (shape.jobs(), on.count);
                    println!("{contestant},{name},{jobs},{work},{threads},{taken:.1}");
                }
            } else {
                print!("| {name} | {contestant} |");
                of_contestant.for_each(|taken| print!(" {taken:.0} |"));
                println!();
            }
        }
    }
}

fn print_head(arguments: &Arguments, work: u32, all: &[Threads]) {
    println!("\nJobs that compute for {:?}:\n", Duration::from_nanos(work.into()));
    print!("| shape | contestant, on so many threads: |");
    for on in all {
        print!(" {} ({} jobs) |", on.count, arguments.jobs(work, on.count));
    }
    println!("\n|---|---|{}", "---:|".repeat(all.len()));
}
