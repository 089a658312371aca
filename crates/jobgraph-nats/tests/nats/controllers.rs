//! What becomes of calls when the one who makes them dies, and perhaps comes back.

use jobgraph::journal::Journal;

use super::*;
use crate::real::eventually;

const CONTROLLER: &str = "JOBGRAPH_TEST_NATS_CONTROLLER";

const JOBS: u64 = 60;

/// Not a test of its own: a program that is killed, and started again.
#[test]
fn controller() {
    let Ok(given) = std::env::var(CONTROLLER) else { return };
    let [url, folder, millis] = given.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let mut graph = SendJobGraph::new().window(9);
    if millis != "0" {
        let journal = Journal::resume(std::path::Path::new(folder).join("journal")).unwrap();
        graph = graph.journal(journal);
    }
    let engine = graph.add(quick(url).engine());
    if millis == "0" {
        graph.add(WAIT.of(&engine, ()));
    } else {
        let millis = millis.parse().unwrap();
        let jobs: Vec<_> = (0..JOBS)
            .map(|number| {
                graph.add(EFFECT.of(&engine, (number, millis)).durable(number.to_string()))
            })
            .collect();
        let sum = Job::with(&jobs, async |jobs| jobs.iter().map(|job| **job).sum::<u64>());
        let sum = graph.add(sum);
        let report = Way::SmolInPlace.run(graph);
        std::fs::write(
            std::path::Path::new(folder).join("sum"),
            report.result(&sum).unwrap().to_string(),
        )
        .unwrap();
        return;
    }
    let _ = Way::TokioThreads.run(graph);
}

fn start_controller(server: &Server, folder: &Folder, millis: u64) -> Killed {
    let command = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "controllers::controller"])
        .env(CONTROLLER, format!("{} {} {millis}", server.url(), folder.0.display()))
        .stdout(Stdio::null())
        .spawn();
    Killed(command.unwrap())
}

#[test]
fn with_a_journal_it_comes_back_and_finds_its_answers() {
    let (server, folder) = (Server::start(), Folder::new());
    let _worker = start_worker(&server, &folder, 8);
    for kill_at in [10, 25, 40] {
        let controller = start_controller(&server, &folder, 60);
        let what = format!("{kill_at} are begun");
        eventually(&what, Duration::from_secs(30), || effects(&folder).len() >= kill_at);
        drop(controller);
        // What was begun goes on meanwhile.
        std::thread::sleep(Duration::from_millis(100));
    }
    let mut last = start_controller(&server, &folder, 60);
    assert!(last.0.wait().unwrap().success());
    let sum = std::fs::read_to_string(folder.0.join("sum")).unwrap();
    assert_eq!(sum, (0..JOBS).sum::<u64>().to_string());
    let mut done = effects(&folder);
    done.sort_by_key(|number| number.parse::<u64>().unwrap());
    assert_eq!(done, (0..JOBS).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(server.messages("jg-work"), 0);
}

#[test]
fn without_a_journal_what_it_wanted_is_cancelled() {
    let (server, folder) = (Server::start(), Folder::new());
    let _worker = start_worker(&server, &folder, 8);
    let controller = start_controller(&server, &folder, 0);
    eventually("it waits", Duration::from_secs(20), || effects(&folder).len() == 1);
    drop(controller);
    eventually("it is cancelled", Duration::from_secs(20), || {
        effects(&folder) == ["waits", "cancelled"]
    });
    eventually("nothing is left", Duration::from_secs(20), || server.messages("jg-work") == 0);
}
