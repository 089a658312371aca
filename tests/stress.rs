//! Random graphs with random bodies on real threads, checked as a user counts.
#![cfg(all(feature = "smol", feature = "tokio"))]

#[path = "stress/bodies.rs"]
mod bodies;
#[path = "stress/check.rs"]
mod check;
#[path = "stress/plan.rs"]
mod plan;
#[path = "stress/pool.rs"]
mod pool;

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use jobgraph::SendJobGraph;

use bodies::{Alive, World, put};
use plan::Plan;
use pool::{Pool, Watchdog};

/// Makes the graph of a seed, runs it, and checks what came of it. Returns how many jobs it had.
fn one(seed: u64, pool: &Pool) -> Result<usize, String> {
    let plan = Plan::new(seed);
    let mut graph = SendJobGraph::new();
    if let Some(window) = plan.window {
        graph = graph.window(window);
    }
    if let Some(timeout) = plan.timeout {
        graph = graph.timeout(timeout);
    }
    let world = World::new(plan, &mut graph);
    let in_graph = world.plan.jobs.iter().take_while(|job| !job.added).count();
    let mut handles = Vec::new();
    for job in 0..in_graph {
        let handle = put(&mut graph, &world, job, &handles);
        handles.push(handle);
    }
    let (sender, facts) = channel();
    if world.plan.observed {
        let alive = Alive::new(&world);
        graph.observe(move |fact| {
            let _ = (&alive, sender.send(fact.clone()));
        });
    }
    let report = pool.run(graph, &world)?;
    // A body that is being polled when the run is dropped goes when the poll returns.
    while world.alive() > 0 {
        std::thread::sleep(Duration::from_micros(50));
    }
    check::lives(&world)?;
    if let Some(report) = report {
        check::report(&world, &report, &handles)?;
        if world.plan.observed {
            check::facts(&world, &facts.try_iter().collect::<Vec<_>>(), &report)?;
        }
    }
    Ok(world.jobs.len())
}

/// Runs seeds for so long, several at once. Returns how many runs and jobs there were.
fn stress(pool: &Pool, seeds: &AtomicU64, time: Duration) -> (usize, usize) {
    let watchdog = Watchdog::new();
    let until = Instant::now() + time;
    let work = || {
        let (mut runs, mut jobs) = (0, 0);
        loop {
            let seed = seeds.fetch_add(1, SeqCst);
            let done = watchdog.watch(Some(seed), || one(seed, pool));
            match done {
                Ok(done) => (runs, jobs) = (runs + 1, jobs + done),
                Err(what) => panic!("STRESS_SEED={seed}: {what}\n{:#?}", Plan::new(seed)),
            }
            if Instant::now() >= until {
                return (runs, jobs);
            }
        }
    };
    let done = std::thread::scope(|scope| {
        let workers = [(); 3].map(|()| scope.spawn(work));
        workers.map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    watchdog.watch(None, || pool.wait_for_tasks());
    done.into_iter().fold((0, 0), |(runs, jobs), (more, of)| (runs + more, jobs + of))
}

/// `STRESS_SECONDS=120 STRESS_THREADS=16 STRESS_SEED=1` for more.
#[test]
fn random_graphs_on_real_threads() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    let threads = number("STRESS_THREADS").map_or(vec![2, 4, 8], |threads| vec![threads]);
    let time = Duration::from_secs(number("STRESS_SECONDS").unwrap_or(2));
    let each = time / u32::try_from(threads.len() * 2).unwrap();
    let seeds = AtomicU64::new(number("STRESS_SEED").unwrap_or(1));
    pool::hush_planned_panics();
    for threads in threads.into_iter().map(|threads| usize::try_from(threads).unwrap()) {
        for pool in [Pool::tokio(threads), Pool::smol(threads)] {
            let (runs, jobs) = stress(&pool, &seeds, each);
            let _ = writeln!(std::io::stderr(), "{pool}: {runs} runs, {jobs} jobs");
        }
    }
}
