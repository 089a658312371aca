use std::sync::Arc;

use jobgraph::{Job, SendJobGraph, ServiceContext};

use crate::{Done, Folder, kept, run};

fn service(
    done: &Done,
    what: &'static str,
) -> Job<impl jobgraph::Body<Output = u32> + Send + use<>> {
    let done = done.clone();
    Job::service(move |cx: ServiceContext<u32>| async move {
        done.say(what);
        cx.ready(1);
        cx.cancelled().await;
        Ok(())
    })
    .label(what)
}

/// It is started if a job that runs requires it, also through another service.
#[test]
fn only_services_that_are_needed_are_started() {
    let (folder, done) = (Folder::new(), Done::default());
    for (round, sink) in [false, true, true].into_iter().enumerate() {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let gateway = graph.add(service(&done, "gateway"));
        let node = graph.add(service(&done, "node").requires(&gateway));
        let db = graph.add(service(&done, "db"));
        let beside = graph.add(service(&done, "beside"));
        let awaited = graph.add(service(&done, "awaited").awaited());
        let said = done.clone();
        let page = Job::with(&node, move |n: Arc<u32>| async move {
            said.say("page");
            *n
        });
        let page = graph.add(page.durable("page").label("page").requires(&awaited));
        let said = done.clone();
        let store = Job::try_with((&db, &page), move |_: Arc<u32>, _: Arc<u32>| async move {
            said.say("store");
            if sink { Ok(()) } else { Err("full") }
        });
        let store = graph.add(store.durable("store").label("store"));
        let stop = graph.stop_handle();
        graph.add(Job::new(async move { stop.stop() }).after(&store));
        let report = run(graph);
        let expected: &[&str] = match round {
            0 => &["awaited", "beside", "db", "gateway", "node", "page", "store"],
            1 => &["awaited", "beside", "db", "store"],
            _ => &["awaited", "beside"],
        };
        assert_eq!(done.take(), expected, "{round}\n{report}");
        let needed = if round == 0 { "" } else { "not needed" };
        assert_eq!(kept(&report, "node"), needed);
        assert_eq!(report.succeeded(&store), sink);
        let _ = beside;
    }
}

/// Somebody may add a job that requires it.
#[test]
fn with_an_adder_all_services_are_started() {
    let (folder, done) = (Folder::new(), Done::default());
    for _ in 0..2 {
        let mut graph = SendJobGraph::new().journal(folder.resume());
        let db = graph.add(service(&done, "db"));
        let page = graph.add(Job::with(&db, |n: Arc<u32>| async move { *n }).durable("page"));
        let adder = graph.adder();
        graph.add(
            Job::try_new(async move {
                adder.add(Job::with(&db, |n: Arc<u32>| async move { *n })).await.map(|_| ())
            })
            .requires(&page),
        );
        run(graph).check().unwrap();
    }
    assert_eq!(done.take(), ["db", "db"]);
}
