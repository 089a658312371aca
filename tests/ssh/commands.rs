use jobgraph::process::Command;
use jobgraph::{Job, SendJobGraph};

use crate::connected;
use crate::real::Way;
use crate::sshd::Sshd;

#[test]
fn a_command_runs_elsewhere_as_it_does_here() {
    let Some(server) = Sshd::start(&[]) else { return };
    for way in Way::ALL {
        let mut graph = SendJobGraph::new();
        let session = connected(&mut graph, &server);
        let script = "printf '%s|' \"$@\"; pwd; cat; echo \"$GREETING\" >&2";
        let given = Command::sh(script).args(["a b", "", "it's", "$HOME", "*", "-n", "\n\\n"]);
        let given = given.env("GREETING", "it's \"me\"\n!").dir("/").stdin("in 'put'\n\\t%s");
        let given = graph.add(Job::command_on(&session, given));
        let fails = graph.add(Job::command_on(&session, Command::sh("echo oh no >&2; exit 7")));
        let code = graph.add(Job::command_on(&session, Command::sh("exit 255")));
        let killed = graph.add(Job::command_on(&session, Command::sh("sh -c 'kill -SEGV $$'")));
        let missing = graph.add(Job::command_on(&session, Command::new("/no/such/program")));
        let unended = graph
            .add(Job::command_on(&session, Command::sh("printf 'no end'; printf 'a\n\nb' >&2")));
        let report = way.run(graph);
        let ran = report.result(&given).unwrap();
        assert_eq!(ran.stdout.text(), "a b||it's|$HOME|*|-n|\n\\n|/\nin 'put'\n\\t%s");
        assert_eq!(ran.stderr.text(), "it's \"me\"\n!\n");
        let error = |job| report.error(job).unwrap().to_string();
        assert_eq!(error(&fails), "exit code 7 on box: oh no");
        assert_eq!(error(&code), "exit code 255 on box");
        assert_eq!(error(&killed), "killed by SIGSEGV on box: Segmentation fault");
        assert!(error(&missing).starts_with("exit code 127 on box: "), "{}", error(&missing));
        let ran = report.result(&unended).unwrap();
        assert_eq!((&*ran.stdout.text(), &*ran.stderr.text()), ("no end", "a\n\nb"));
    }
    server.assert_connections(Way::ALL.len());
}
