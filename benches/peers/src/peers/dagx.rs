use dagx::{DagRunner, Task, TaskHandle, task};
use tokio::runtime::Runtime;

use super::Few;
use crate::job;
use crate::shapes::Shape;

struct Source(usize);

#[task]
impl Source {
    async fn run(&self) -> usize {
        job(self.0).await
    }
}

struct One(usize);

#[task]
impl One {
    async fn run(&self, _a: &usize) -> usize {
        job(self.0).await
    }
}

struct Three(usize);

#[task]
impl Three {
    async fn run(&self, _a: &usize, _b: &usize, _c: &usize) -> usize {
        job(self.0).await
    }
}

fn build(shape: &Shape) -> DagRunner {
    let dag = DagRunner::new();
    let mut handles: Vec<TaskHandle<usize>> = Vec::with_capacity(shape.jobs());
    for number in 0..shape.jobs() {
        let handle = match Few::of(shape, number, &handles) {
            Few::None => dag.add_task(Source(number)).into(),
            Few::One(a) => dag.add_task(One(number)).depends_on(a),
            Few::Three(a, b, c) => dag.add_task(Three(number)).depends_on((a, b, c)),
        };
        handles.push(handle);
    }
    dag
}

pub fn on_tokio(runtime: &Runtime, shape: &Shape) {
    let dag = build(shape);
    let spawn = |job| {
        tokio::spawn(job);
    };
    runtime.block_on(dag.run(spawn)).unwrap();
}
