//! Whoever will not be polled again lets go of what it captured, at once, and whoever waits for it hears.
//!
//! Looked for: producers that are skipped by a failure, by `on_failure_of`, down a chain, in a nested graph,
//! or when they are added; with a hook, or held by a hook, that will never run; services and forever jobs;
//! those that gave up, were aborted, or have ended, by their closures; those that the end of the run finds
//! waiting, queued or between two attempts, by a stop, a timeout and a critical failure; adding to a nested
//! graph, and reading its facts, when it is skipped or never starts; a graph that runs again.

use std::future::{pending, ready};
use std::time::Duration;

use async_channel::{Receiver, Sender, unbounded};
use jobgraph::testing::VirtualClock;
use jobgraph::{
    Body, Cancelled, Context, Error, Handle, Job, Outcome, RunError, RunJob, SendJobGraph, Verdict,
};

use crate::alone::pairs;
use crate::ways::Way;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// When a run ends that would hang, in virtual time.
const NEVER: Duration = Duration::from_secs(3_600);
const VIRTUAL: [Way; 2] = [Way::Virtual, Way::VirtualTasks];

/// It holds the sender, and would send.
fn producer(send: Sender<u8>) -> Job<impl Body<Output = ()> + Send> {
    Job::try_new(async move { send.send(1).await })
}

/// The end of all senders.
async fn closed(receive: Receiver<u8>) -> usize {
    let mut received = 0;
    while receive.recv().await.is_ok() {
        received += 1;
    }
    received
}

fn failing(graph: &mut SendJobGraph) -> Handle<()> {
    graph.add(Job::try_new(async { Err::<(), _>("no luck") }))
}

struct Custom(Sender<u8>);

impl RunJob for Custom {
    type Output = ();

    async fn run(&self, _: Context) -> Result<(), Error> {
        Ok(self.0.send(1).await?)
    }
}

/// A closure that holds the sender, and makes attempts that end so.
fn repeats<E: Into<Error> + Clone + Send + 'static>(
    send: Sender<u8>,
    result: Result<(), E>,
) -> Job<impl jobgraph::Repeat<Output = ()> + Send> {
    Job::repeat(move || {
        let _send = &send;
        ready(result.clone())
    })
}

type Add = fn(&mut SendJobGraph, Sender<u8>);

/// Jobs that hold the sender, and will send nothing.
const PRODUCERS: [(&str, Add); 15] = [
    ("skipped", |graph, send| {
        let fails = failing(graph);
        graph.add(producer(send).requires(&fails));
    }),
    ("skipped down a chain", |graph, send| {
        let fails = failing(graph);
        let between = graph.add(Job::new(async {}).requires(&fails));
        graph.add(producer(send).requires(&between));
    }),
    ("not needed, as nothing fails", |graph, send| {
        let well = graph.add(Job::new(async {}));
        graph.add(producer(send).on_failure_of(&well));
    }),
    ("skipped, with a hook", |graph, send| {
        let fails = failing(graph);
        graph.add(producer(send).requires(&fails).on_shutdown(|| ready(())));
    }),
    ("skipped, held by a hook", |graph, send| {
        let fails = failing(graph);
        let hooked = Job::new(async {}).on_shutdown(move || async move { send.send(1).await });
        graph.add(hooked.requires(&fails));
    }),
    ("skipped, of a type of one's own", |graph, send| {
        let fails = failing(graph);
        graph.add(Job::custom(Custom(send)).requires(&fails));
    }),
    ("skipped, with a context", |graph, send| {
        let fails = failing(graph);
        let job = Job::with_context(move |_| async move { send.send(1).await.is_ok() });
        graph.add(job.requires(&fails));
    }),
    ("a service that is skipped", |graph, send| {
        let fails = failing(graph);
        let service = Job::service(move |cx| async move {
            cx.ready(());
            Ok(send.send(1).await?)
        });
        graph.add(service.requires(&fails));
    }),
    ("a forever job that is skipped", |graph, send| {
        let fails = failing(graph);
        graph.add(producer(send).forever().requires(&fails));
    }),
    ("inside a graph that is skipped", |graph, send| {
        let fails = failing(graph);
        let mut inner = SendJobGraph::new();
        inner.add(producer(send));
        graph.add(Job::graph(inner).requires(&fails));
    }),
    ("skipped when it is added", |graph, send| {
        let (fails, adder) = (failing(graph), graph.adder());
        let adds = async move { adder.add(producer(send).requires(&fails)).await.is_ok() };
        graph.add(Job::new(adds).after(&fails));
    }),
    ("aborted", |graph, send| {
        let slow = async move {
            pending::<()>().await;
            send.send(1).await.is_ok()
        };
        graph.add(Job::new(slow).timeout(millis(5)));
    }),
    ("cancelled", |graph, send| {
        graph.add(repeats(send, Err(Cancelled)).retries(3));
    }),
    ("failed for good", |graph, send| {
        graph.add(repeats(send, Err("no luck")).retries(3));
    }),
    ("succeeded, with a hook", |graph, send| {
        graph.add(repeats(send, jobgraph::ok(()).map_err(|_| "")).on_shutdown(|| ready(())));
    }),
];

#[test]
fn a_producer_that_will_not_be_polled_again_lets_go_of_its_sender() {
    for ((name, add), way) in pairs(&PRODUCERS, &VIRTUAL) {
        let (send, receive) = unbounded();
        let mut graph = SendJobGraph::new().timeout(NEVER);
        add(&mut graph, send);
        let consumer = graph.add(Job::new(closed(receive)));
        let report = way.run(graph);
        assert_eq!(
            (report.verdict(), report.output(&consumer)),
            (Verdict::Completed, Some(&0)),
            "{name}"
        );
    }
}

/// So in a graph inside, while the consumer is outside.
#[test]
fn a_producer_inside_lets_go_of_its_sender_while_the_graph_inside_goes_on() {
    for ((name, add), way) in pairs(&PRODUCERS, &VIRTUAL) {
        let (send, receive) = unbounded();
        let (done, is_done) = unbounded();
        let (mut graph, mut inner) = (SendJobGraph::new().timeout(NEVER), SendJobGraph::new());
        add(&mut inner, send);
        inner.add(Job::new(closed(is_done)));
        graph.add(Job::graph(inner));
        let consumer = graph.add(Job::new(async move {
            let received = closed(receive).await;
            drop(done);
            received
        }));
        let report = way.run(graph);
        assert_eq!(
            (report.verdict(), report.output(&consumer)),
            (Verdict::Completed, Some(&0)),
            "{name}"
        );
    }
}

/// What ends the run, after a while.
const CAUSES: [&str; 3] = ["stop", "timeout", "critical failure"];

/// Where the end finds the producer.
const WHERE: [&str; 4] = ["waiting", "queued", "between attempts", "inside"];

/// A run that ends while a consumer takes its time, until the sender of a job is gone that never ran.
fn ending(cause: &'static str, place: &str) -> (SendJobGraph, Handle<usize>) {
    let (send, receive) = unbounded();
    let mut graph = SendJobGraph::new().window(3);
    let consumer = Job::with_context(|cx| async move {
        cx.cancelled().await;
        closed(receive).await
    });
    let consumer = graph.add(consumer.unlimited_grace());
    let stop = graph.stop_handle();
    let ends = Job::try_with_context(move |cx| async move {
        cx.sleep(millis(10)).await;
        match cause {
            "stop" => stop.stop(),
            "timeout" => pending().await,
            _ => return Err("no luck"),
        }
        Ok(())
    });
    graph.add(ends.critical());
    if cause == "timeout" {
        graph = graph.timeout(millis(10));
    }
    let blocks = graph.add(Job::new(pending::<()>()));
    match place {
        "waiting" => _ = graph.add(producer(send).requires(&blocks)),
        "queued" => _ = graph.add(producer(send)),
        "inside" => {
            let mut inner = SendJobGraph::new();
            inner.add(producer(send));
            graph.add(Job::graph(inner));
        }
        _ => {
            let again = repeats(send, Err("not yet")).retries(9).backoff(NEVER, NEVER).priority(1);
            graph = graph.window(4);
            graph.add(again);
        }
    }
    (graph, consumer)
}

#[test]
fn who_never_runs_at_the_end_lets_go_while_others_take_their_time() {
    for (cause, place) in pairs(&CAUSES, &WHERE) {
        for way in VIRTUAL {
            let (graph, consumer) = ending(cause, place);
            let report = way.run(graph);
            assert_eq!(report.output(&consumer), Some(&0), "{cause}, {place}");
        }
    }
}

/// Before it was skipped and after that.
#[test]
fn adding_to_a_nested_graph_that_is_skipped_is_answered() {
    for way in VIRTUAL {
        let mut inner = SendJobGraph::new();
        inner.add(Job::new(async {}));
        let (early, late) = (inner.adder(), inner.adder());
        let mut graph = SendJobGraph::new().timeout(NEVER);
        let fails = graph.add(Job::try_with_context(|cx| async move {
            cx.sleep(millis(10)).await;
            Err::<(), _>("no luck")
        }));
        let nested = graph.add(Job::graph(inner).requires(&fails));
        let early = graph.add(Job::new(async move { early.add(Job::new(async {})).await.err() }));
        let late = Job::new(async move { late.add(Job::new(async {})).await.err() });
        let late = graph.add(late.after(&nested));
        let report = way.run(graph);
        assert_eq!(report.verdict(), Verdict::Completed, "{way:?}");
        for added in [early, late] {
            assert_eq!(report.output(&added), Some(&Some(RunError::Over)), "{way:?}");
        }
    }
}

#[test]
fn adding_to_a_nested_graph_that_never_starts_is_answered() {
    for (cause, way) in pairs(&CAUSES, &VIRTUAL) {
        let (mut graph, _) = ending(cause, "waiting");
        let inner = SendJobGraph::new();
        let adder = inner.adder();
        let waits = graph.add(Job::new(pending::<()>()));
        graph.add(Job::graph(inner).requires(&waits));
        let adds = Job::new(async move { adder.add(Job::new(async {})).await.err() });
        let adds = graph.add(adds.forever().unlimited_grace());
        let report = way.run(graph);
        assert_eq!(report.output(&adds), Some(&Some(RunError::Over)), "{cause}");
    }
}

#[test]
fn the_facts_of_a_nested_graph_that_is_skipped_end() {
    for way in VIRTUAL {
        let mut inner = SendJobGraph::new();
        inner.add(Job::new(async {}));
        let mut facts = inner.facts();
        let mut graph = SendJobGraph::new().timeout(NEVER);
        let fails = failing(&mut graph);
        graph.add(Job::graph(inner).requires(&fails));
        let reads = graph.add(Job::new(async move { facts.next().await.is_none() }));
        let report = way.run(graph);
        assert_eq!((report.verdict(), report.output(&reads)), (Verdict::Completed, Some(&true)));
    }
}

/// What is skipped in one run is there in the next.
#[test]
fn what_is_skipped_in_a_graph_that_runs_again_is_kept() {
    let clock = VirtualClock::new();
    let mut graph = SendJobGraph::new();
    let mut runs = 0;
    let first = graph.add(Job::repeat(move || {
        runs += 1;
        ready(if runs % 2 == 1 { Err("not this time") } else { Ok(()) })
    }));
    let (send, receive) = unbounded();
    let second = graph.add(repeats(send, jobgraph::ok(()).map_err(|_| "")).requires(&first));
    let mut graph = graph.repeatable().unwrap();
    for run in 1..=4 {
        let report = clock.block_on(graph.run(&clock)).unwrap();
        let ran = report.outcome(&second) == Some(Outcome::Succeeded);
        assert_eq!((ran, receive.is_closed()), (run % 2 == 0, false), "run {run}");
    }
    drop(graph);
    assert!(receive.is_closed());
}
