use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use jobgraph::ssh::Ssh;
use jobgraph::{Job, SendJobGraph};

use crate::real::{Folder, Mark, Way, eventually, processes_with, program, zombies};
use crate::sshd::{Sshd, sockets};
use crate::{SECOND, marked};

const VICTIM: &str = "JOBGRAPH_TEST_SSH";

/// Not a test of its own: programs that others start, with an environment of their own.
#[test]
fn victim() {
    let Ok(given) = std::env::var(VICTIM) else { return };
    let (what, rest) = given.split_once(' ').unwrap();
    let (mark, config) = rest.split_once(' ').unwrap();
    let (mark, ssh) = (Mark(mark.into()), Ssh::to("box").config(config));
    if what == "random" {
        return random_runs(&mark, &ssh);
    }
    let mut graph = SendJobGraph::new();
    let mut session = graph.add(ssh.clone().service());
    if what == "via" {
        session = graph.add(ssh.via(&session).service());
    }
    let script = if what == "waits" { "(sleep 100; echo) & sleep 100; echo" } else { "true" };
    for _ in 0..6 {
        graph.add(Job::command_on(&session, marked(script, &mark)));
    }
    Way::TokioThreads.run(graph).check().unwrap();
}

fn victim_of(what: &str, mark: &Mark, server: &Sshd, env: &[(&str, &Path)]) -> Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "left::victim", "--nocapture"])
        .env(VICTIM, format!("{what} {} {}", mark.0, server.config().display()))
        .envs(env.iter().copied())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// The processes that were begun with this folder for temporary files: all that a victim has begun here.
fn begun_with(folder: &Path) -> usize {
    processes_with(&format!("TMPDIR={}", folder.display())).len()
}

#[test]
fn nothing_is_left_of_a_program_that_was_killed() {
    let Some(server) = Sshd::start(&[]) else { return };
    let (mark, folder) = (Mark::new(), Folder::new());
    let mut victim = victim_of("waits", &mark, &server, &[("TMPDIR", &folder.0)]);
    let sleeps = || mark.processes().iter().filter(|(_, line)| line.starts_with("sleep")).count();
    eventually("they run", 10 * SECOND, || sleeps() == 12);
    assert_eq!(sockets(&folder.0).len(), 1);
    victim.kill().unwrap();
    victim.wait().unwrap();
    mark.assert_gone();
    eventually("the clients are gone", SECOND, || begun_with(&folder.0) == 0);
    assert!(sockets(&folder.0).is_empty());
    server.assert_connections(1);
}

#[test]
fn home_and_the_folder_for_temporary_files_may_have_long_names() {
    let Some(server) = Sshd::start(&[]) else { return };
    let (mark, folder) = (Mark::new(), Folder::named(&"-long".repeat(40)));
    let env = [("TMPDIR", &*folder.0), ("HOME", &*folder.0)];
    let mut victim = victim_of("ends", &mark, &server, &env);
    assert!(victim.wait().unwrap().success());
    assert!(sockets(&folder.0).is_empty());
    server.assert_connections(1);
}

/// It is the shell of who runs this that starts what leads through a gateway.
#[test]
fn a_gateway_is_gone_through_by_any_shell_and_from_any_folder() {
    let Some(server) = Sshd::start(&[]) else { return };
    let shells = ["sh", "bash", "zsh", "fish", "tcsh", "mksh"];
    for (count, shell) in shells.into_iter().filter_map(program).enumerate() {
        let (mark, folder) = (Mark::new(), Folder::named(" a $b%c"));
        let env = [("TMPDIR", &*folder.0), ("SHELL", &*shell)];
        let mut victim = victim_of("via", &mark, &server, &env);
        assert!(victim.wait().unwrap().success(), "{}", shell.display());
        server.assert_connections(2 * count + 2);
    }
}

/// As many open files as this process has.
fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Random commands, random cancels, on all four ways. `RANDOM_RUNS=100` makes a hundred of it.
#[test]
fn random_runs_leave_nothing() {
    let Some(server) = Sshd::start(&[]) else { return };
    let (mark, folder) = (Mark::new(), Folder::new());
    // In a process of its own, whose open files are counted.
    let mut victim = victim_of("random", &mark, &server, &[("TMPDIR", &folder.0)]);
    assert!(victim.wait().unwrap().success());
    // What is in the background of a command that was not stopped is let alone.
    mark.assert_gone();
    // One that is dropped just when it is being opened is closed without a word.
    eventually("all are closed", 10 * SECOND, || server.connections().is_empty());
    eventually("their sockets are gone", 10 * SECOND, || sockets(&folder.0).is_empty());
}

fn random_runs(mark: &Mark, ssh: &Ssh) {
    let mut random = 1_u64;
    let mut next = move |below: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let runs = std::env::var("RANDOM_RUNS").map_or(12, |runs| runs.parse().unwrap());
    let mut before = None;
    for run in 0..runs {
        let mut graph = SendJobGraph::new();
        let session = graph.add(ssh.clone().service());
        let stop = graph.stop_handle();
        let mut jobs = Vec::new();
        for _ in 0..20 {
            let script = match next(6) {
                0 => "sleep 0.1; echo done",
                1 => "sleep 100; echo",
                2 => "trap 'sleep 0.1; exit' TERM; while :; do sleep 0.02; done",
                3 => "(sleep 2; echo) & sleep 0.05; exit 3",
                4 => "head -c 100000 /dev/zero; sleep 0.05",
                _ => "kill -KILL $$; sleep 1",
            };
            let command = marked(script, mark).grace(SECOND);
            let job = Job::command_on(&session, command).retries(1);
            let timeout = Duration::from_millis(300 + next(600));
            jobs.push(graph.add(job.timeout(timeout)));
        }
        let cancels: Vec<_> =
            (0..5).map(|_| (next(500), jobs[usize::try_from(next(20)).unwrap()])).collect();
        let how = next(3);
        let after = Duration::from_millis(next(1500));
        let cancelling = async move {
            let begun = std::time::Instant::now();
            for (at, job) in cancels {
                async_io::Timer::at(begun + Duration::from_millis(at)).await;
                stop.cancel(&job);
            }
            async_io::Timer::at(begun + after).await;
            match how {
                0 => {}
                1 => {
                    stop.stop();
                    std::future::pending::<()>().await;
                }
                _ => std::future::pending().await,
            }
        };
        drop(Way::ALL[run % 4].run_beside(graph, cancelling));
        if run == 7 {
            before = Some(descriptors());
        }
    }
    eventually("all are waited for", 10 * SECOND, || zombies().is_empty());
    assert!(descriptors() <= before.unwrap() + 4, "{} {before:?}", descriptors());
}
