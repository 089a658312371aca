use std::time::Duration;

use jobgraph::process::{Command, CommandFailed};
use jobgraph::testing::VirtualClock;
use jobgraph::{Job, JobError, JobGraph, Permanent, SendJobGraph};

use crate::real::Folder;
use crate::{each, run};

#[test]
fn a_command_gets_what_it_was_given() {
    each(|way, on| {
        let script = "printf '%s|' \"$@\"; pwd; cat; echo \"$GREETING\" >&2";
        let command = Command::sh(script).args(["a b", "", "it's", "$HOME", "*", "-n", "\n\\n"]);
        let command = command.env("GREETING", "it's \"me\"\n!").dir("/").stdin("in 'put'\n\\t%s");
        let ran = run(way, on(command)).unwrap();
        assert_eq!(ran.stdout.text(), "a b||it's|$HOME|*|-n|\n\\n|/\nin 'put'\n\\t%s");
        assert_eq!(ran.stderr.text(), "it's \"me\"\n!\n");
        let program = Command::new("printf").args(["%s,%s", "a\u{e9} b", "-"]);
        assert_eq!(run(way, on(program)).unwrap().stdout.text(), "a\u{e9} b,-");
    });
}

#[test]
fn a_code_is_a_failure_unless_it_is_allowed() {
    each(|way, on| {
        let fails = Command::sh(
            "echo 'make: nothing to be done'; echo first >&2; echo '  last words ' >&2; exit 7",
        );
        assert_eq!(run(way, on(fails.clone())).unwrap_err(), "exit code 7: last words");
        assert_eq!(run(way, on(fails.allow_codes([3, 7]))).unwrap().code, 7);
        assert_eq!(run(way, on(Command::sh("exit 255"))).unwrap_err(), "exit code 255");
        assert_eq!(run(way, on(Command::sh("kill -SEGV $$"))).unwrap_err(), "killed by SIGSEGV");
    });
}

#[test]
fn an_error_says_all_that_is_known() {
    let mut graph = JobGraph::new();
    let make = graph.add(Job::command(Command::sh("echo no rule >&2; exit 2").arg("all")));
    let report = jobgraph::smol::block_on(graph).unwrap();
    assert_eq!(report.job(&make).unwrap().label(), Some("echo no rule >&2; exit 2 all"));
    let Some(JobError::Error(error)) = report.error(&make) else { panic!("{report}") };
    let failed = error.downcast_ref::<CommandFailed>().unwrap();
    assert_eq!((failed.code(), failed.signal(), failed.host()), (Some(2), None, None));
    assert_eq!(failed.stderr().text(), "no rule\n");
    assert_eq!(failed.command(), "echo no rule >&2; exit 2 all");
    assert_eq!(format!("{failed:?}"), failed.to_string());
}

/// What cannot be started now cannot be later.
#[test]
fn a_program_that_does_not_exist_is_not_retried() {
    each(|way, on| {
        let command = on(Command::new("/no/such/program"));
        let mut graph = SendJobGraph::new();
        let job = graph.add(Job::command(command).retries(3).label("job"));
        let report = way.run(graph);
        let error = report.error(&job).unwrap().to_string();
        assert!(error.contains("/no/such/program"), "{error}");
        assert!(
            error.to_lowercase().contains("no such file") || error.contains("not found"),
            "{error}"
        );
    });
    let mut graph = JobGraph::new();
    let missing = graph.add(Job::command(Command::new("no-such-program")).retries(3));
    let denied = graph.add(Job::command(Command::new("/")).retries(3));
    let nowhere = graph.add(Job::command(Command::new("true").dir("/no/such/folder")).retries(3));
    let zero = graph.add(Job::command(Command::new("echo").arg("a\0b")).retries(3));
    let named = graph.add(Job::command(Command::new("true").env("a-b", "c").leashed()).retries(3));
    let report = jobgraph::smol::block_on(graph).unwrap();
    for (job, text) in [
        (&missing, "no-such-program cannot be started: No such file or directory (os error 2)"),
        (&denied, "/ cannot be started: Permission denied (os error 13)"),
        (
            &nowhere,
            "true cannot be started: /no/such/folder: No such file or directory (os error 2)",
        ),
        (&named, "no shell takes `a-b` for the name of a variable"),
    ] {
        assert_eq!(report.error(job).unwrap().to_string(), text);
    }
    assert!(report.error(&zero).is_some());
    for job in [&missing, &denied, &nowhere, &zero, &named] {
        assert_eq!(report.job(job).unwrap().attempts(), 1, "{report}");
        let Some(JobError::Error(error)) = report.error(job) else { panic!("{report}") };
        assert!(error.is::<Permanent>());
    }
}

/// Not a code that somebody may have allowed, and not in another folder either.
#[test]
fn a_folder_that_cannot_be_entered_is_no_exit_code() {
    each(|way, on| {
        let command =
            Command::new("true").dir("/no/such/folder").allow_codes([1, 2, 125, 126, 127]);
        let error = run(way, on(command)).unwrap_err();
        assert!(error.starts_with("true cannot be started: "), "{error}");
        let src = Command::sh("pwd").dir("src").env("CDPATH", "/usr");
        let ran = run(way, on(src)).unwrap();
        let own = std::env::current_dir().unwrap().join("src");
        assert_eq!(ran.stdout.text(), format!("{}\n", own.display()));
    });
}

#[test]
fn a_command_that_fails_is_retried() {
    each(|way, on| {
        let folder = Folder::new();
        let command = Command::sh("echo x >> tries; [ $(wc -l < tries) = 3 ]").dir(&folder.0);
        let mut graph = SendJobGraph::new();
        let job = graph.add(Job::command(on(command)).retries(5));
        let report = way.run(graph);
        assert_eq!(report.job(&job).unwrap().attempts(), 3);
        report.check().unwrap();
    });
}

#[test]
fn commands_do_not_run_in_virtual_time() {
    let clock = VirtualClock::new();
    let mut graph = JobGraph::new();
    let job =
        graph.add(Job::command(Command::new("true")).retries(3).timeout(Duration::from_secs(1)));
    let report = clock.block_on(jobgraph::run(&clock, graph)).unwrap();
    let text = "commands run in real time, and the time of this run is virtual";
    assert_eq!(report.error(&job).unwrap().to_string(), text);
    assert_eq!(report.job(&job).unwrap().attempts(), 1);
}
