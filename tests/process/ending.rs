use std::time::{Duration, Instant};

use jobgraph::process::{Command, Line};
use jobgraph::{Job, Outcome, SendJobGraph};
use rustix::process::Signal;

use crate::real::{MARK, Mark, Way, eventually, send, zombies};
use crate::{each, marked, verdict};

const SECOND: Duration = Duration::from_secs(1);

async fn sleep(duration: Duration) {
    async_io::Timer::after(duration).await;
}

/// Says when a script is about to wait.
fn when_it_waits(command: Command, then: impl Fn() + Send + Sync + 'static) -> Command {
    command.lines(move |line| {
        if line.text == "waits" {
            then();
        }
    })
}

/// What was heard, but for what `dash` says of a program that a signal has killed.
fn all(heard: &async_channel::Receiver<String>) -> Vec<String> {
    let heard = std::iter::from_fn(|| heard.try_recv().ok());
    heard.filter(|line| line != "Terminated").collect()
}

#[test]
fn a_command_that_is_stopped_cleans_up() {
    each(|way, on| {
        let (mark, begun) = (Mark::new(), Instant::now());
        let mut graph = SendJobGraph::new();
        let stop = graph.stop_handle();
        let said = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let saying = said.clone();
        let script = "trap 'sleep 0.3; echo cleaned up; exit 0' TERM; echo waits; while :; do sleep 0.05; done";
        let command = marked(script, &mark).lines(move |line: &Line| {
            // What `dash` says of a program that a signal has killed.
            if line.text != "Terminated" {
                saying.lock().unwrap().push(line.text.clone());
            }
            if line.text == "waits" {
                stop.stop();
            }
        });
        let job = graph.add(Job::command(on(command)));
        let report = way.run(graph);
        assert_eq!(*said.lock().unwrap(), ["waits", "cleaned up"], "{way:?}");
        assert_eq!(report.outcome(&job), Some(Outcome::Cancelled));
        assert!(begun.elapsed() < 10 * SECOND, "{:?}", begun.elapsed());
        mark.assert_gone();
    });
}

/// One that stands still goes on to hear it.
#[test]
fn a_command_that_was_halted_is_stopped() {
    each(|way, on| {
        let mark = Mark::new();
        let mut graph = SendJobGraph::new();
        let stop = graph.stop_handle();
        let (tell, heard) = async_channel::unbounded();
        let script = "trap 'echo cleaned up; exit 0' TERM; (sleep 0.2; echo waits) & kill -STOP $$; while :; do sleep 0.05; done";
        // On a leash, its `$$` would be that of the leash.
        let command = Command::new("sh").args(["-c", script]).env(MARK, &mark.0);
        let command = command.grace(30 * SECOND).lines(move |line: &Line| {
            tell.try_send(line.text.clone()).unwrap();
            if line.text == "waits" {
                stop.stop();
            }
        });
        graph.add(Job::command(on(command)));
        let _ = way.run(graph);
        assert_eq!(all(&heard), ["waits", "cleaned up"], "{way:?}");
        mark.assert_gone();
    });
}

/// The shell in between would be gone before what it has started, which cleans up for a while.
#[test]
fn a_script_waits_for_what_it_has_started() {
    each(|way, on| {
        let mark = Mark::new();
        for begin in ["", "& wait", "& echo > /dev/null; wait"] {
            let inner = "sh -c \"trap \\\"sleep 0.3; echo cleaned up; exit\\\" TERM; echo waits; while :; do sleep 0.05; done\"";
            let mut graph = SendJobGraph::new();
            let stop = graph.stop_handle();
            let (tell, heard) = async_channel::unbounded();
            let command =
                marked(&format!("{inner} {begin}; echo never"), &mark).lines(move |line: &Line| {
                    tell.try_send(line.text.clone()).unwrap();
                    if line.text == "waits" {
                        stop.stop();
                    }
                });
            graph.add(Job::command(on(command)));
            let _ = way.run(graph);
            let said: Vec<_> = all(&heard);
            assert_eq!(said, ["waits", "cleaned up"], "{way:?} {begin}");
        }
        mark.assert_gone();
    });
}

#[test]
fn what_does_not_heed_is_killed_after_the_grace() {
    each(|way, on| {
        let (mark, begun) = (Mark::new(), Instant::now());
        let mut graph = SendJobGraph::new().timeout(SECOND / 2);
        let script = "trap '' TERM; (while :; do sleep 0.1; done) & while :; do sleep 0.1; done";
        let deaf = graph.add(Job::command(on(marked(script, &mark).grace(SECOND))));
        let report = way.run(graph);
        assert_eq!(verdict(&report), "timed out");
        assert_eq!(report.outcome(&deaf), Some(Outcome::Cancelled));
        let took = begun.elapsed();
        assert!(took >= 3 * SECOND / 2 && took < 10 * SECOND, "{way:?} {took:?}");
        mark.assert_gone();
    });
}

#[test]
fn a_timeout_of_its_own_is_a_failure() {
    each(|way, on| {
        let mark = Mark::new();
        let mut graph = SendJobGraph::new();
        let job = graph.add(Job::command(on(marked("sleep 100", &mark))).timeout(SECOND / 5));
        let report = way.run(graph);
        assert_eq!(report.error(&job).unwrap().to_string(), "timed out");
        mark.assert_gone();
    });
}

/// Grandchildren too, and without a word.
#[test]
fn a_run_that_is_dropped_kills_all_of_it() {
    each(|way, on| {
        let mark = Mark::new();
        let mut graph = SendJobGraph::new();
        let (tell, waits) = async_channel::bounded(9);
        let script = "trap '' TERM; (sleep 100; echo) & sh -c 'echo waits; sleep 100; echo'; echo";
        for _ in 0..2 {
            let tell = tell.clone();
            let command = when_it_waits(marked(script, &mark), move || tell.try_send(()).unwrap());
            graph.add(Job::command(on(command)));
        }
        let end = async {
            let _ = waits.recv().await;
            let _ = waits.recv().await;
        };
        assert!(way.run_beside(graph, end).is_none());
        mark.assert_gone();
    });
}

/// `server &`, as people write it: what is left in the background keeps the output open.
#[test]
fn what_is_left_in_the_background_holds_nothing_up() {
    each(|way, on| {
        let (mark, begun) = (Mark::new(), Instant::now());
        let mut graph = SendJobGraph::new();
        let command = marked("sleep 30 & echo started", &mark);
        let job = graph.add(Job::command(on(command)));
        let report = way.run(graph);
        assert_eq!(report.result(&job).unwrap().stdout.text(), "started\n");
        assert!(begun.elapsed() < 10 * SECOND, "{way:?} {:?}", begun.elapsed());
        assert_eq!(mark.processes().len(), 1, "it is let alone");
        mark.processes().into_iter().for_each(|(pid, _)| send(Signal::KILL, pid));
    });
}

#[test]
fn a_service_is_ready_when_it_says_so_and_stops_in_order() {
    each(|way, on| {
        let mark = Mark::new();
        let mut graph = SendJobGraph::new();
        let script = "trap 'echo closes; exit 0' TERM; echo starting >&2; echo listening on 81; while :; do sleep 0.05; done";
        let (tell, heard) = async_channel::unbounded();
        let server = marked(script, &mark).ready_when(|line| line.text.starts_with("listening"));
        let server = server.lines(move |line: &Line| tell.try_send(line.text.clone()).unwrap());
        let server = graph.add(Job::serve(on(server)).label("server"));
        let client = graph.add(Job::with(&server, |line| async move { line.text.clone() }));
        let plain = graph.add(Job::serve(on(marked("sleep 100", &mark))).requires(&server));
        graph.add(Job::new(sleep(SECOND / 10)).requires((&client, &plain)));
        let report = way.run(graph);
        report.check().unwrap();
        assert_eq!(report.result(&client).unwrap(), "listening on 81");
        assert_eq!(report.outcome(&server), Some(Outcome::Cancelled));
        let said = all(&heard);
        assert!(said.ends_with(&["closes".to_owned()]), "{said:?}");
        mark.assert_gone();
    });
}

#[test]
fn a_service_that_exits_has_failed_and_is_restarted() {
    for way in Way::ALL {
        let mut graph = SendJobGraph::new();
        let never = Command::sh("echo bye; exit 0").ready_when(|line| line.text == "hello");
        let never = graph.add(Job::serve(never).label("never"));
        let dies = graph.add(Job::serve(Command::sh("exit 3")).retries(2).awaited());
        graph.add(Job::new(sleep(SECOND)).requires(&dies));
        let report = way.run(graph);
        assert_eq!(report.error(&never).unwrap().to_string(), "ended without having been ready");
        assert_eq!(report.error(&dies).unwrap().to_string(), "exit code 3");
        assert_eq!(report.job(&dies).unwrap().attempts(), 3);
    }
}

/// Also when the runtime is shut down with the run.
#[test]
fn nobody_is_left_unwaited_for() {
    for way in Way::ALL {
        let mark = Mark::new();
        let mut graph = SendJobGraph::new().window(16);
        for _ in 0..40 {
            graph.add(Job::command(marked("exit 1", &mark)));
            graph.add(Job::command(marked("sleep 100", &mark)).timeout(SECOND / 100));
        }
        let _ = way.run_beside(graph, sleep(SECOND / 5));
        mark.assert_gone();
        eventually("all are waited for", 10 * SECOND, || zombies().is_empty());
    }
}
