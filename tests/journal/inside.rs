use std::sync::Arc;

use jobgraph::testing::VirtualClock;
use jobgraph::{Job, SendJobGraph};

use crate::{Done, Folder, run};

fn survey(done: &Done, host: &'static str, fails: bool) -> SendJobGraph {
    let mut survey = SendJobGraph::new();
    let said = done.clone();
    let page =
        survey.add(Job::new(async move { said.say(format!("{host} page")) }).durable("page"));
    let said = done.clone();
    let store = Job::try_new(async move {
        said.say(format!("{host} store"));
        if fails { Err("full") } else { Ok(()) }
    });
    survey.add(store.critical().durable("store").requires(&page));
    survey
}

/// Keys have the path of the jobs around.
#[test]
fn jobs_of_graphs_inside_are_restored() {
    let (folder, done) = (Folder::new(), Done::default());
    for fails in [true, false, false] {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        for host in ["a", "b"] {
            let inner = survey(&done, host, fails && host == "b");
            let mut middle = SendJobGraph::new();
            middle.add(Job::graph(inner).label("survey"));
            graph.add(Job::graph(middle).label(host));
        }
        let report = run(graph);
        assert_eq!(report.check().is_err(), fails);
    }
    let expected = ["a page", "a store", "b page", "b store", "b store"];
    assert_eq!(done.take(), expected);
    let mut keys: Vec<_> = folder.resume().keys().map(str::to_owned).collect();
    keys.sort();
    assert_eq!(keys, ["a/survey/page", "a/survey/store", "b/survey/page", "b/survey/store"]);
}

/// What a graph did in one attempt of the job that it is, another one finds done.
#[test]
fn an_attempt_goes_on_where_the_one_before_has_failed() {
    let (folder, done) = (Folder::new(), Done::default());
    let mut graph = SendJobGraph::new().journal(folder.resume());
    let said = done.clone();
    let job = Job::repeat_with_context(move |cx: jobgraph::Context| {
        let said = said.clone();
        async move {
            let fails = cx.attempt().number < 3;
            cx.run(survey(&said, "x", fails)).await?.check()?;
            jobgraph::ok(())
        }
    });
    graph.add(job.retries(5).label("x"));
    run(graph).check().unwrap();
    assert_eq!(done.take(), ["x page", "x store", "x store", "x store"]);
}

#[test]
fn keys_that_are_taken_and_graphs_without_a_name_are_refused() {
    let (folder, done) = (Folder::new(), Done::default());
    let mut graph = SendJobGraph::new().journal(folder.resume());
    let two = Job::try_with_context({
        let done = done.clone();
        async move |cx: jobgraph::Context| {
            cx.run(survey(&done, "x", false)).await?.check()?;
            let error = cx.run(survey(&done, "x", false)).await.unwrap_err();
            jobgraph::ok(error.to_string())
        }
    });
    let two = graph.add(two.label("two"));
    let made = |host| {
        let done = done.clone();
        Job::graph_with(two, move |_: Arc<String>| async move { survey(&done, host, false) })
    };
    let same = graph.add(made("y").label("two"));
    let nameless = graph.add(made("z"));
    let adder = graph.adder();
    graph.add(Job::new(async {}).durable("page"));
    let adds = Job::try_new(async move { adder.add(Job::new(async {}).durable("page")).await });
    let adds = graph.add(adds.label("adds"));
    let report = run(graph);
    let taken = "#1 has the key `two/page`, which another job of this run has, or has had: give it another one, or the job around it another label";
    let taken = Some(taken.to_owned());
    assert_eq!(report.output(&two).cloned(), taken);
    assert_eq!(report.error(&same).map(ToString::to_string), taken);
    assert!(report.error(&nameless).unwrap().to_string().contains("give that one a label"));
    assert!(report.error(&adds).unwrap().to_string().contains("has the key `page`"));
}

#[test]
fn a_graph_with_durable_jobs_does_not_run_again() {
    let folder = Folder::new();
    let mut graph = SendJobGraph::new().journal(folder.resume());
    graph.add(Job::repeat(|| async { jobgraph::ok(1) }).durable("one").label("one"));
    let error = graph.repeatable().err().unwrap().to_string();
    assert!(error.contains("make it anew for each run"), "{error}");
    // Without a journal they are jobs like any other.
    let mut graph = SendJobGraph::new();
    let one = graph.add(Job::new(async { 1 }).durable("one"));
    let clock = VirtualClock::seeded(1);
    let report = clock.block_on(jobgraph::run_parallel(&clock, graph)).unwrap();
    assert_eq!(report.result(&one).unwrap(), &1);
    assert_eq!(report.job(&one).unwrap().kept(), None);
}
