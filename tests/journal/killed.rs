use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jobgraph::journal::Journal;
use jobgraph::{Context, Handle, Job, SendJobGraph, ServiceContext};

use crate::Folder;
use crate::real::Way;

const VICTIM: &str = "JOBGRAPH_TEST_JOURNAL";
const JOBS: u64 = 300;

/// Not a test of its own: the program that is killed, and started again.
#[test]
fn victim() {
    let Ok(given) = std::env::var(VICTIM) else { return };
    let (way, folder) = given.split_once(' ').unwrap();
    let folder = Path::new(folder);
    let mut graph = SendJobGraph::new().journal(Journal::resume(folder.join("journal")).unwrap());
    let db = graph.add(Job::service(|cx: ServiceContext<u64>| async move {
        cx.ready(7);
        cx.cancelled().await;
        Ok(())
    }));
    let effects = fs::OpenOptions::new().append(true).create(true).open(folder.join("effects"));
    let effects = Arc::new(effects.unwrap());
    let mut jobs: Vec<Handle<u64>> = Vec::new();
    for number in 0..JOBS {
        let of_job = Arc::clone(&effects);
        let does = move |cx: Context, inputs: Vec<Arc<u64>>, db: Arc<u64>| {
            let effects = Arc::clone(&of_job);
            async move {
                cx.sleep(Duration::from_micros(300)).await;
                let output = inputs.iter().map(|input| **input).sum::<u64>() + number + *db;
                // In one write, so that none is torn.
                (&*effects).write_all(format!("{number}\n").as_bytes()).unwrap();
                jobgraph::ok(output % 1_000_003)
            }
        };
        let inputs: Vec<_> = [1, 7, 30]
            .into_iter()
            .filter_map(|back| jobs.get(usize::try_from(number.checked_sub(back)?).unwrap()))
            .copied()
            .collect();
        if number % 50 == 49 {
            let mut inner = SendJobGraph::new();
            let effects = Arc::clone(&effects);
            inner.add(
                Job::new(async move {
                    (&*effects).write_all(format!("inner {number}\n").as_bytes()).unwrap();
                })
                .durable("inner"),
            );
            graph.add(Job::graph(inner).label(format!("graph {number}")));
        }
        let job = Job::repeat_with((&inputs, &db), does).retries(1);
        jobs.push(graph.add(job.durable(number.to_string())));
    }
    let way = Way::ALL[way.parse::<usize>().unwrap()];
    let last = jobs[jobs.len() - 1];
    let report = way.run(graph);
    report.check().unwrap();
    fs::write(folder.join("result"), report.result(&last).unwrap().to_string()).unwrap();
}

fn start(way: usize, folder: &Folder) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::victim"])
        .env(VICTIM, format!("{way} {}", folder.0.display()))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// What it comes to.
fn expected() -> u64 {
    let mut jobs: Vec<u64> = Vec::new();
    for number in 0..JOBS {
        let inputs = [1, 7, 30]
            .into_iter()
            .filter_map(|back| jobs.get(usize::try_from(number.checked_sub(back)?).unwrap()));
        jobs.push((inputs.sum::<u64>() + number + 7) % 1_000_003);
    }
    jobs[jobs.len() - 1]
}

/// `KILLED_RUNS=200` makes it many.
#[test]
fn a_run_survives_being_killed_again_and_again() {
    let runs = std::env::var("KILLED_RUNS").map_or(8, |runs| runs.parse().unwrap());
    let (mut random, mut kills) = (1_u64, 0);
    for run in 0..runs {
        let folder = Folder::new();
        // What was recorded, and how much had been done, whenever it was killed.
        let mut seen: Vec<(Vec<String>, usize)> = Vec::new();
        let effects = || fs::read_to_string(folder.0.join("effects")).unwrap_or_default();
        loop {
            let mut victim = start(run % 4, &folder);
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let until = std::time::Instant::now() + Duration::from_millis(10 + (random >> 33) % 90);
            let ended = loop {
                if let Some(status) = victim.try_wait().unwrap() {
                    break Some(status);
                }
                if std::time::Instant::now() > until {
                    break None;
                }
                std::thread::sleep(Duration::from_millis(1));
            };
            if let Some(status) = ended {
                assert!(status.success());
                break;
            }
            kills += 1;
            victim.kill().unwrap();
            victim.wait().unwrap();
            let recorded = folder.resume().keys().map(str::to_owned).collect();
            seen.push((recorded, effects().lines().count()));
        }
        let result = fs::read_to_string(folder.0.join("result")).unwrap();
        assert_eq!(result, expected().to_string());
        // Between an effect and its record lies a moment: only what was done in that is done twice.
        let effects = effects();
        let mut done: Vec<_> = effects.lines().collect();
        for (recorded, before) in seen {
            let later: HashSet<_> = done[before..].iter().copied().collect();
            let again = recorded.iter().find(|key| later.contains(&*name_of(key)));
            assert_eq!(again, None, "it was recorded");
        }
        done.sort_unstable();
        done.dedup();
        assert_eq!(done.len(), 306);
    }
    assert!(kills > 0);
}

/// What a job of this key says when it is done.
fn name_of(key: &str) -> String {
    match key.strip_suffix("/inner").and_then(|path| path.strip_prefix("graph ")) {
        Some(number) => format!("inner {number}"),
        None => key.to_owned(),
    }
}

/// The file cannot grow: its jobs fail, and say so.
#[test]
fn what_cannot_be_recorded_has_failed() {
    let folder = Folder::new();
    let own = std::env::current_exe().unwrap();
    let limited =
        format!("trap '' XFSZ; ulimit -f 8; exec '{}' --exact killed::victim", own.display());
    let output = Command::new("sh")
        .args(["-c", &limited])
        .env(VICTIM, format!("0 {}", folder.0.display()))
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("journal: File too large"), "{text}");
    // Room is made, and it goes on.
    let status = start(0, &folder).wait().unwrap();
    assert!(status.success());
    assert_eq!(fs::read_to_string(folder.0.join("result")).unwrap(), expected().to_string());
}
