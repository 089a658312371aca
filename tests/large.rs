//! Futures of a quarter of a megabyte, on a thread whose stack has two, as tokio's workers and spawned threads
//! have. In a debug build the frame of a function has room for everything that it moves; so each of these stands
//! in a function of its own, and what moves a job as a whole would overflow. That ends the process.
#![cfg(feature = "smol")]
#![expect(clippy::large_stack_arrays, clippy::large_futures, reason = "the point of it")]

use std::hint::black_box;
use std::thread;
use std::time::Duration;

use futures_lite::future::yield_now;
use jobgraph::{Error, Job, JobGraph, ServiceContext, ok};

const SIZE: usize = 256 << 10;
const STACK: usize = 2 << 20;
const SECOND: Duration = Duration::from_secs(1);

/// A future of that size.
async fn large() -> u32 {
    let bytes = [1_u8; SIZE];
    yield_now().await;
    u32::from(black_box(&bytes)[SIZE - 1])
}

async fn large_result() -> Result<u32, Error> {
    ok(large().await)
}

#[track_caller]
fn runs(add: fn(&mut JobGraph<'static>)) {
    let run = move || {
        let mut graph = JobGraph::new();
        add(&mut graph);
        jobgraph::smol::block_on(graph).unwrap().check().unwrap();
    };
    thread::Builder::new().stack_size(STACK).spawn(run).unwrap().join().unwrap();
}

#[test]
fn a_future() {
    runs(|graph| {
        graph.add(Job::new(large()));
    });
    runs(|graph| {
        graph.add(Job::try_new(large_result()));
    });
}

#[test]
fn options_do_not_move_it() {
    runs(|graph| {
        let [one, other] = [(); 2].map(|()| graph.add(Job::new(async {})));
        let job = Job::new(large()).label("large").requires(&one).after(&other).priority(1);
        let job = job.timeout(100 * SECOND).grace(SECOND).unlimited_grace().critical().show();
        graph.add(job.on_shutdown(|| async {}));
    });
}

#[test]
fn a_future_of_a_closure() {
    runs(|graph| {
        let one = graph.add(Job::new(async { 1 }));
        graph.add(Job::with(&one, |_| large()).label("fed"));
    });
    runs(|graph| {
        graph.add(Job::with_context(|_| large()).label("with its context"));
    });
    runs(|graph| {
        graph.add(Job::repeat(large_result).label("repeated").retries(1).backoff(SECOND, SECOND));
    });
}

#[test]
fn a_service_and_a_hook() {
    runs(|graph| {
        let service = Job::service(|cx: ServiceContext<u32>| async move {
            cx.ready(1);
            large().await;
            Ok(())
        });
        let service = graph.add(service.label("service"));
        graph.add(Job::new(async {}).requires(&service));
    });
    runs(|graph| {
        graph.add(Job::new(async {}).on_shutdown(|| async {
            large().await;
        }));
    });
}
