use futures_dagtask::TaskGraph;
use futures_lite::StreamExt;
use futures_lite::future::block_on;

use crate::job;
use crate::shapes::Shape;

pub fn in_place(shape: &Shape) {
    let mut graph = TaskGraph::<_>::new();
    let mut handles = Vec::with_capacity(shape.jobs());
    let mut required = vec![];
    for number in 0..shape.jobs() {
        required.clear();
        let others = shape.requirements(number).iter();
        required.extend(others.map(|&other| Clone::clone(&handles[other as usize])));
        handles.push(graph.add_task(&required, Box::pin(job(number))).ok().unwrap());
    }
    let (sender, run) = graph.execute();
    drop(sender);
    assert_eq!(block_on(run.count()), shape.jobs());
}
