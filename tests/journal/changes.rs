use std::sync::Arc;

use jobgraph::{Handle, Job, SendJobGraph, SendReport};

use crate::{Done, Folder, kept, run};

/// What can be changed between two runs.
#[derive(Clone, Copy)]
struct Graph {
    a: u32,
    version: u32,
    edge: bool,
    fails: bool,
    backwards: bool,
    labels: [&'static str; 3],
}

const PLAIN: Graph = Graph {
    a: 1,
    version: 0,
    edge: false,
    fails: false,
    backwards: false,
    labels: ["a", "b", "c"],
};

impl Graph {
    /// `a`, what doubles it, what only looks whether it is even, the sum of these, and one beside.
    fn run(self, folder: &Folder, done: &Done) -> SendReport {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let beside = |graph: &mut SendJobGraph| {
            let done = done.clone();
            graph.add(Job::new(async move { done.say("beside") }).durable("beside").label("beside"))
        };
        if self.backwards {
            beside(&mut graph);
        }
        let says = |what: &'static str| {
            let done = done.clone();
            move || done.say(what)
        };
        let say = says("a");
        let a: Handle<u32> = graph.add(
            Job::new(async move {
                say();
                self.a
            })
            .durable("a")
            .label(self.labels[0]),
        );
        let say = says("double");
        let double = Job::with(&a, move |a: Arc<u32>| async move {
            say();
            *a * 2
        });
        let double =
            graph.add(double.durable("double").version(self.version).label(self.labels[1]));
        let say = says("even");
        let even = Job::with(&a, move |a: Arc<u32>| async move {
            say();
            a.is_multiple_of(2)
        });
        let mut even = even.durable("even").label(self.labels[2]);
        if self.edge {
            even = even.after(&double);
        }
        let even = graph.add(even);
        let say = says("both");
        let both =
            Job::try_with((&double, &even), move |double: Arc<u32>, even: Arc<bool>| async move {
                say();
                if self.fails { Err("no") } else { Ok(format!("{double} {even}")) }
            });
        let both = graph.add(both.durable("both").label("both"));
        if !self.backwards {
            beside(&mut graph);
        }
        let report = run(graph);
        if !self.fails {
            let expected = format!("{} {}", self.a * 2, self.a.is_multiple_of(2));
            assert_eq!(report.result(&both).unwrap(), &expected);
        }
        report
    }
}

const ALL: [&str; 5] = ["a", "beside", "both", "double", "even"];

/// A change, and exactly what is done because of it.
#[test]
fn only_what_a_change_concerns_is_done_again() {
    let changes: [(&str, Graph, &[&str]); 6] = [
        ("none", PLAIN, &[]),
        ("the order of creation", Graph { backwards: true, ..PLAIN }, &[]),
        ("labels", Graph { labels: ["x", "y", "z"], ..PLAIN }, &[]),
        ("a version, whose output stays", Graph { version: 2, ..PLAIN }, &["double"]),
        ("an edge", Graph { edge: true, ..PLAIN }, &["even"]),
        ("what a job is made of, its key being the same", Graph { a: 3, ..PLAIN }, &[]),
    ];
    for (what, graph, expected) in changes {
        let (folder, done) = (Folder::new(), Done::default());
        PLAIN.run(&folder, &done).check().unwrap();
        assert_eq!(done.take(), ALL);
        if graph.a != 1 {
            continue;
        }
        graph.run(&folder, &done).check().unwrap();
        assert_eq!(done.take(), expected, "{what}");
        // From then on it is as it is.
        graph.run(&folder, &done).check().unwrap();
        assert_eq!(done.take(), [""; 0], "{what}");
    }
}

#[test]
fn it_is_told_why_something_was_done_again() {
    let (folder, done) = (Folder::new(), Done::default());
    let report = PLAIN.run(&folder, &done);
    assert_eq!(kept(&report, "both"), "ran again: no record");
    assert!(!report.to_string().contains("ran again"), "{report}");
    let report = Graph { version: 2, edge: true, ..PLAIN }.run(&folder, &done);
    assert_eq!(kept(&report, "a"), "restored");
    assert_eq!(kept(&report, "b"), "ran again: version 2, recorded was 0");
    assert_eq!(kept(&report, "c"), "ran again: it requires other jobs");
    assert_eq!(kept(&report, "both"), "restored");
    let listing = report.to_string();
    assert!(listing.contains("succeeded (restored) -> 1 "), "{listing}");
    assert!(listing.contains("(ran again: version 2, recorded was 0)"), "{listing}");
}

/// One whose output changes takes those with it that require it, as far as theirs change.
#[test]
fn an_input_that_changes_is_told() {
    let (folder, done) = (Folder::new(), Done::default());
    let graph = |a: u32, version: u32| {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let said = done.clone();
        let first = Job::new(async move {
            said.say("a");
            a
        });
        let first = graph.add(first.durable("a").version(version).label("a"));
        let said = done.clone();
        let even = Job::with(&first, move |a: Arc<u32>| async move {
            said.say("even");
            *a % 2
        });
        let even = graph.add(even.durable("even").label("even"));
        let said = done.clone();
        let last = Job::with(&even, move |even: Arc<u32>| async move {
            said.say("last");
            *even
        });
        let last = graph.add(last.durable("last").label("last"));
        let report = run(graph);
        assert_eq!(report.result(&last).unwrap(), &(a % 2));
        report
    };
    graph(1, 0).check().unwrap();
    assert_eq!(done.take(), ["a", "even", "last"]);
    let report = graph(3, 1);
    assert_eq!(done.take(), ["a", "even"]);
    assert_eq!(kept(&report, "even"), "ran again: its input `a` changed");
    assert_eq!(kept(&report, "last"), "restored");
    graph(4, 2).check().unwrap();
    assert_eq!(done.take(), ["a", "even", "last"]);
}

#[test]
fn only_success_is_recorded() {
    let (folder, done) = (Folder::new(), Done::default());
    let report = Graph { fails: true, ..PLAIN }.run(&folder, &done);
    assert!(report.check().is_err());
    done.take();
    PLAIN.run(&folder, &done).check().unwrap();
    assert_eq!(done.take(), ["both"]);
}

/// Another type, also one that reads the same text.
#[test]
fn what_is_recorded_of_another_type_is_done_again() {
    let folder = Folder::new();
    let mut graph = SendJobGraph::new().journal(folder.resume());
    graph.add(Job::new(async { 300_u32 }).durable("n").label("n"));
    run(graph).check().unwrap();
    let mut graph = SendJobGraph::new().journal(folder.resume());
    let n = graph.add(Job::new(async { 7_u8 }).durable("n").label("n"));
    let report = run(graph);
    assert_eq!(
        (report.result(&n).unwrap(), &*kept(&report, "n")),
        (&7, "ran again: what is recorded is of another type")
    );
}

/// In doubt.
#[test]
fn what_is_fed_by_a_job_that_is_not_durable_is_done_again() {
    let (folder, done) = (Folder::new(), Done::default());
    for _ in 0..2 {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let plain = graph.add(Job::new(async { 1 }).label("plain"));
        let said = done.clone();
        let fed = Job::with(&plain, move |n: Arc<i32>| async move {
            said.say("fed");
            *n
        });
        graph.add(fed.durable("fed").label("fed"));
        let said = done.clone();
        let after = Job::new(async move { said.say("after") }).requires(&plain);
        graph.add(after.durable("after").label("after"));
        let report = run(graph);
        report.check().unwrap();
        assert_eq!(kept(&report, "fed"), "ran again: it is fed by #1 plain, which is not durable");
    }
    assert_eq!(done.take(), ["after", "fed", "fed"]);
}

#[test]
fn keys_are_refused_twice() {
    let folder = Folder::new();
    let mut graph = SendJobGraph::new().journal(folder.resume());
    graph.add(Job::new(async {}).durable("page").label("a"));
    graph.add(Job::new(async {}).durable("page").label("b"));
    let text = "#2 b has the key `page`, which is that of #1 a: a journal needs a key of its own for each durable job";
    assert_eq!(graph.check().unwrap_err().to_string(), text);
    let clock = jobgraph::testing::VirtualClock::new();
    assert_eq!(clock.block_on(jobgraph::run(&clock, graph)).err().unwrap().to_string(), text);
}

#[test]
fn an_effect_has_one_name_in_all_attempts_and_resumptions() {
    let (folder, done) = (Folder::new(), Done::default());
    for a in [1, 1, 2] {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let first = graph.add(Job::new(async move { a }).durable("a").version(a));
        let said = done.clone();
        let pays = Job::repeat_with(&first, move |cx: jobgraph::Context, _: Arc<u32>| {
            let said = said.clone();
            async move {
                said.say(cx.key().unwrap());
                Err::<(), _>("the line is cut")
            }
        });
        graph.add(pays.retries(1).durable("pays"));
        graph.add(Job::with_context(async |cx| assert_eq!(cx.key(), None)));
        assert_eq!(run(graph).troubles().len(), 1);
    }
    let keys = done.take();
    let mut different = keys.clone();
    different.dedup();
    assert_eq!((keys.len(), different.len()), (6, 2), "{keys:?}");
    assert!(keys[0].contains("-pays-"));
}
