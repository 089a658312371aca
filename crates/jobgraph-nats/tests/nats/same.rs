//! The same graph, here or there.

use super::*;

/// A graph with what can become of a call, and how it ends.
fn graph(engine: Job<impl jobgraph::Repeat<Output = Engine> + Send + 'static>) -> SendJobGraph {
    let mut graph = SendJobGraph::new();
    let engine = graph.add(engine.label("engine"));
    let page = graph.add(Job::new(async { String::from("to be or not to be") }).label("page"));
    let length = graph.add(LENGTH.job(&engine, &page).label("length"));
    let sum = Job::with(&length, async |length| *length + 1);
    graph.add(sum.label("sum"));
    graph.add(DOUBLE.of(&engine, 21).label("double"));
    for how in ["busy", "permanent", "cancelled", "panic"] {
        graph.add(FAIL.of(&engine, how.into()).retries(2).label(how));
    }
    // Another type than that of the handler: the two sides do not agree.
    let other: Remote<String, u64> = Remote::named(DOUBLE.name());
    graph.add(other.of(&engine, "two".into()).retries(2).label("unreadable"));
    let other: Remote<u64, String> = Remote::named(DOUBLE.name());
    graph.add(other.of(&engine, 2).label("another answer"));
    graph
}

fn told(way: Way, graph: SendJobGraph) -> Vec<String> {
    let report = way.run(graph);
    let jobs = report.jobs().map(|job| {
        let error = job.error().map(ToString::to_string);
        format!(
            "{:?} {:?} {} {:?} {:?}",
            job.label(),
            job.outcome(),
            job.attempts(),
            error,
            job.note()
        )
    });
    jobs.collect()
}

#[test]
fn a_graph_has_the_same_report_here_and_there() {
    let (server, folder) = (Server::start(), Folder::new());
    let _worker = start_worker(&server, &folder, 4);
    let here = told(
        Way::SmolInPlace,
        graph(Engine::embedded(handlers(&folder.0.join("effects"))).service()),
    );
    assert_eq!(here.len(), 11);
    for way in Way::ALL {
        assert_eq!(told(way, graph(quick(&server.url()).engine())), here, "{way:?}");
    }
    assert_eq!((server.messages("jg-work"), server.messages("jg-done")), (0, 0));
}
