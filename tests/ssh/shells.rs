use jobgraph::process::Command;
use jobgraph::{Job, SendJobGraph};

use crate::real::{Folder, Mark, Way, program};
use crate::sshd::Sshd;
use crate::{connected, marked};

/// Something of everything, on this server.
fn works(server: &Sshd) {
    let (mark, mut graph) = (Mark::new(), SendJobGraph::new());
    let session = connected(&mut graph, server);
    let given = Command::sh("printf '%s|' \"$@\" \"$V\"; printf 'no end' >&2; exit 3");
    let given = given.args(["it's", "!!", "$HOME", "a\\n"]).env("V", "v w").allow_codes([3]);
    let given = graph.add(Job::command_on(&session, given));
    let script =
        "trap 'sleep 0.2; echo cleaned up; exit' TERM; echo waits; while :; do sleep 0.05; done";
    let (tell, heard) = async_channel::unbounded();
    let stopped =
        marked(script, &mark).lines(move |line| tell.try_send(line.text.clone()).unwrap());
    let stopped = stopped.ready_when(|line| line.text == "waits");
    let stopped = graph.add(Job::serve_on(&session, stopped));
    graph.add(Job::with(&stopped, |_| async {}).after(&given));
    let report = Way::SmolInPlace.run(graph);
    report.check().unwrap();
    let ran = report.result(&given).unwrap();
    assert_eq!((&*ran.stdout.text(), &*ran.stderr.text()), ("it's|!!|$HOME|a\\n|v w|", "no end"));
    let said: Vec<_> = std::iter::from_fn(|| heard.try_recv().ok()).collect();
    assert_eq!(said.last().unwrap(), "cleaned up", "{said:?}");
    mark.assert_gone();
    server.assert_connections(1);
}

/// A login shell that says something, on both streams, and takes its time.
#[test]
fn what_a_login_shell_says_is_not_the_commands() {
    let login = "ForceCommand echo welcome; echo 'no newline' >&2; printf x; sleep 0.3; eval \"$SSH_ORIGINAL_COMMAND\"";
    let Some(server) = Sshd::start(&[login]) else { return };
    works(&server);
}

/// Whichever of them are here.
#[test]
fn any_login_shell_will_do() {
    for shell in ["sh", "bash", "dash", "zsh", "mksh", "ksh", "fish", "tcsh", "csh", "yash"] {
        let Some(shell) = program(shell) else { continue };
        let login = format!("ForceCommand {} -c \"$SSH_ORIGINAL_COMMAND\"", shell.display());
        let Some(server) = Sshd::start(&[&login]) else { return };
        works(&server);
    }
}

/// What `sh` is there may be any of these.
#[test]
fn any_sh_will_do() {
    for shell in ["bash", "dash", "zsh", "mksh", "busybox", "yash"] {
        let (Some(path), folder) = (program(shell), Folder::new()) else { continue };
        std::os::unix::fs::symlink(path, folder.0.join("sh")).unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.0.display());
        let login =
            format!("ForceCommand PATH={path}; export PATH; eval \"$SSH_ORIGINAL_COMMAND\"");
        let Some(server) = Sshd::start(&[&login]) else { return };
        works(&server);
    }
}

/// An account that gives no shell.
#[test]
fn an_account_without_a_shell_is_told() {
    let Some(server) = Sshd::start(&["ForceCommand echo 'this account is not available'; exit 1"])
    else {
        return;
    };
    let mut graph = SendJobGraph::new();
    let session = connected(&mut graph, &server);
    let job = graph.add(Job::command_on(&session, Command::new("true")).retries(2));
    let report = Way::SmolInPlace.run(graph);
    let error = report.error(&job).unwrap().to_string();
    assert!(error.starts_with("box: no shell there"), "{error}");
}
