use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use jobgraph::process::Command;
use jobgraph::{Job, SendJobGraph};

use crate::real::{Folder, Way, eventually};
use crate::sshd::Sshd;
use crate::{SECOND, connected};

impl Folder {
    fn names(&self, of: &str) -> Vec<String> {
        let entries = fs::read_dir(self.0.join(of)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn files_and_folders_go_there_and_back() {
    let Some(server) = Sshd::start(&[]) else { return };
    for way in Way::ALL {
        let folder = Folder::new();
        let at = |name: &str| folder.0.join(name);
        let remote = |name: &str| at(name).to_str().unwrap().to_owned();
        fs::create_dir_all(at("from/deep er")).unwrap();
        fs::write(at("from/run it's [1]*.sh"), "echo 'it' \"runs\"\n").unwrap();
        fs::set_permissions(at("from/run it's [1]*.sh"), fs::Permissions::from_mode(0o750))
            .unwrap();
        fs::write(at("from/deep er/data"), vec![7; 300_000]).unwrap();
        fs::create_dir(at("into")).unwrap();
        fs::write(at("taken"), "before").unwrap();
        let mut graph = SendJobGraph::new();
        let session = connected(&mut graph, &server);
        let push = graph.add(Job::push(&session, at("from/"), remote("there/")));
        let name = "run it's [1]*.sh";
        let over = graph.add(Job::push(&session, at("from").join(name), remote("taken")));
        let into = graph.add(Job::push(&session, at("from").join(name), remote("into")));
        let run = graph.add(
            Job::command_on(
                &session,
                Command::sh("sh \"$1\"").arg(remote(&format!("there/{name}"))),
            )
            .requires(&push),
        );
        let back = graph.add(Job::pull(&session, remote("there"), at("back")).requires(&push));
        let one = Job::pull(&session, remote(&format!("there/{name}")), at("one")).requires(&push);
        let one = graph.add(one);
        let report = way.run(graph);
        report.check().unwrap();
        for job in [over, into, back, one] {
            assert!(report.is_done(&job));
        }
        assert_eq!(folder.names(""), ["back", "from", "into", "one", "taken", "there"]);
        assert_eq!(folder.names("back"), ["deep er", name]);
        assert_eq!(fs::read(at("back/deep er/data")).unwrap(), vec![7; 300_000]);
        let mode = fs::metadata(at("back").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o750);
        for copy in ["one", "taken"] {
            assert_eq!(fs::read_to_string(at(copy)).unwrap(), "echo 'it' \"runs\"\n");
        }
        assert_eq!(folder.names("into"), [name]);
        assert_eq!(report.result(&run).unwrap().stdout.text(), "it runs\n");
    }
    server.assert_connections(Way::ALL.len());
}

#[test]
fn what_cannot_be_copied_is_told_and_changes_nothing() {
    let Some(server) = Sshd::start(&[]) else { return };
    let folder = Folder::new();
    let at = |name: &str| folder.0.join(name);
    let remote = |name: &str| at(name).to_str().unwrap().to_owned();
    fs::create_dir_all(at("a")).unwrap();
    fs::create_dir_all(at("b")).unwrap();
    fs::write(at("b/kept"), "kept").unwrap();
    let mut graph = SendJobGraph::new();
    let session = connected(&mut graph, &server);
    let exists = graph.add(Job::push(&session, at("a"), remote("b")));
    let nothing = graph.add(Job::push(&session, at("nothing"), remote("c")));
    let nowhere = graph.add(Job::push(&session, at("a"), remote("no/such/folder")));
    let pulled = graph.add(Job::pull(&session, remote("a"), at("b")));
    let missing = graph.add(Job::pull(&session, remote("missing"), at("d")));
    let whose = graph.add(Job::push(&session, at("a"), "~nobody/x").retries(2));
    let report = Way::SmolInPlace.run(graph);
    let error = |job| report.error(job).unwrap().to_string();
    let full = format!("{} exists, and is a folder: nothing was changed", remote("b"));
    assert_eq!(error(&exists), format!("exit code 17 on box: {full}"));
    assert_eq!(error(&pulled), format!("exit code 17: {full}"));
    for (job, words) in
        [(&nothing, "No such file"), (&nowhere, "No such file"), (&missing, "No such file")]
    {
        assert!(error(job).contains(words) && error(job).contains("on box"), "{}", error(job));
    }
    let local = remote("nothing");
    let words = format!(" on box: scp: stat local \"{local}\": No such file or directory");
    assert!(error(&nothing).ends_with(&words), "{}", error(&nothing));
    assert_eq!(error(&whose), "box: say the folder of another user in full: ~nobody/x");
    assert_eq!(report.job(&whose).unwrap().attempts(), 1);
    assert_eq!(folder.names(""), ["a", "b"]);
    assert_eq!(folder.names("b"), ["kept"]);
}

/// Stopped or dropped in the midst.
#[test]
fn a_file_arrives_whole_or_not_at_all() {
    let Some(server) = Sshd::start(&[]) else { return };
    for way in Way::ALL {
        for dropped in [false, true] {
            let folder = Folder::new();
            let at = |name: &str| folder.0.join(name);
            let big = fs::File::create(at("big")).unwrap();
            big.set_len(40 << 30).unwrap();
            let mut graph = SendJobGraph::new();
            let session = connected(&mut graph, &server);
            let to = at("copy").to_str().unwrap().to_owned();
            graph.add(Job::push(&session, at("big"), to));
            graph.add(Job::pull(&session, at("big").to_str().unwrap().to_owned(), at("pulled")));
            let stop = graph.stop_handle();
            let end = async {
                while folder.names("").len() < 3 {
                    async_io::Timer::after(SECOND / 100).await;
                }
                if !dropped {
                    stop.stop();
                    std::future::pending::<()>().await;
                }
            };
            drop(way.run_beside(graph, end));
            if !dropped {
                assert_eq!(folder.names(""), ["big"], "{way:?}");
            }
            assert!(!at("copy").exists() && !at("pulled").exists());
            eventually("nothing is written any more", 5 * SECOND, || {
                server.connections().is_empty()
            });
        }
    }
}
