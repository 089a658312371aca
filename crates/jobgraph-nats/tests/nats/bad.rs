//! What cannot work is told, by a clear error, in time.

use std::time::Instant;

use super::*;

fn error(nats: Nats) -> String {
    let mut graph = SendJobGraph::new();
    let engine = graph.add(nats.engine().label("engine"));
    let double = graph.add(DOUBLE.of(&engine, 1));
    let begun = Instant::now();
    let report = Way::SmolInPlace.run(graph);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert!(report.result(&double).is_err());
    report.error(&engine).unwrap().to_string()
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let told = error(Nats::at("nats://127.0.0.1:9"));
    assert!(told.starts_with("cannot connect to nats://127.0.0.1:9: "), "{told}");
    let told = error(Nats::at("no url at all"));
    assert!(told.starts_with("cannot connect to no url at all: "), "{told}");
}

#[test]
fn a_server_without_streams_is_told() {
    let server = Server::with("", false);
    let told = error(Nats::at(server.url()));
    assert!(told.contains("has no JetStream: start it with `--jetstream`"), "{told}");
}

#[test]
fn what_is_not_allowed_is_told() {
    let server = Server::with(
        r#"authorization { users = [ { user: a, password: b, permissions: { publish: "x.>" } } ] }"#,
        true,
    );
    let told = error(Nats::at(server.url().replace("nats://", "nats://a:b@")));
    assert!(told.starts_with("the server does not allow it: "), "{told}");
    let told = error(Nats::at(server.url().replace("nats://", "nats://a:c@")));
    assert!(told.contains("cannot connect to"), "{told}");
    assert!(!told.contains("a:c"), "a password is told: {told}");
}

#[test]
fn a_stream_that_is_another_one_is_told() {
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = jobgraph_nats::async_nats::connect(server.url()).await.unwrap();
        let jetstream = jobgraph_nats::async_nats::jetstream::new(client);
        let stream = jobgraph_nats::async_nats::jetstream::stream::Config {
            name: "jg-work".into(),
            subjects: vec!["jg.work.>".into()],
            ..Default::default()
        };
        jetstream.create_stream(stream).await.unwrap();
    });
    let told = error(Nats::at(server.url()));
    assert!(
        told.starts_with("a stream `jg-work` is there, and keeps messages by Limits"),
        "{told}"
    );
    assert!(told.ends_with("give another prefix, or remove that stream"), "{told}");
    let mut graph = SendJobGraph::new();
    let engine = graph.add(quick(&server.url()).prefix("other one").engine());
    graph.add(Job::new(async {}).requires(&engine));
    Way::SmolInPlace.run(graph).check().unwrap();
}

/// As the documentation has them.
#[test]
fn the_permissions_that_are_told_are_enough() {
    let both = r#"publish: ["$JS.API.>", "$JS.ACK.>", "$JS.FC.>", "$O.jg-large.>", OWN], subscribe: ["_INBOX.>", HEARS]"#;
    let user = |name: &str, own: &str, hears: &str| {
        let permissions = both.replace("OWN", own).replace("HEARS", hears);
        format!("{{ user: {name}, password: x, permissions: {{ {permissions} }} }}")
    };
    let engine = user("engine", r#""jg.work.>", "jg.cancel.*", "jg.alive.*""#, r#""jg.begun.*""#);
    let worker = user("worker", r#""jg.done.>", "jg.begun.*""#, r#""jg.cancel.*", "jg.alive.*""#);
    let server = Server::with(&format!("authorization {{ users = [ {engine}, {worker} ] }}"), true);
    let url = |user: &str| server.url().replace("nats://", &format!("nats://{user}:x@"));
    let refused = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = std::sync::Arc::clone(&refused);
    let listens = move |event: &jobgraph_nats::async_nats::Event| {
        if let jobgraph_nats::async_nats::Event::ServerError(error) = event {
            heard.lock().unwrap().push(error.to_string());
        }
    };
    let folder = Folder::new();
    let mut graph = SendJobGraph::new();
    let handlers = handlers(&folder.0.join("effects"));
    graph.add(quick(&url("worker")).on_event(listens.clone()).worker(handlers, 2));
    let engine = graph.add(quick(&url("engine")).on_event(listens).engine());
    let large = graph.add(REPEAT.of(&engine, ("x".repeat(1_500_000), 2)));
    let length = graph.add(LENGTH.job(&engine, &large));
    let waits = graph.add(WAIT.of(&engine, ()).timeout(Duration::from_secs(1)));
    let report = Way::SmolInPlace.run(graph);
    assert_eq!(report.result(&length).unwrap(), &3_000_000);
    assert_eq!(report.error(&waits).unwrap().to_string(), "timed out");
    assert_eq!(effects(&folder), ["waits", "cancelled"]);
    assert_eq!(*refused.lock().unwrap(), [""; 0]);
}
