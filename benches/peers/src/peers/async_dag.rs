use async_dag::Graph;
use futures_lite::future::block_on;

use super::Few;
use crate::job;
use crate::shapes::Shape;

pub fn in_place(shape: &Shape) {
    let mut graph = Graph::new();
    let mut handles = Vec::with_capacity(shape.jobs());
    for number in 0..shape.jobs() {
        let one = move |_: usize| job(number);
        let three = move |_: usize, _: usize, _: usize| job(number);
        handles.push(match Few::of(shape, number, &handles) {
            Few::None => graph.add_task(move || job(number)),
            Few::One(&a) => graph.add_child_task(a, one, 0).ok().unwrap(),
            Few::Three(&a, &b, &c) => {
                let child = graph.add_child_task(a, three, 0).ok().unwrap();
                graph.update_dependency(b, child, 1).unwrap();
                graph.update_dependency(c, child, 2).unwrap();
                child
            }
        });
    }
    block_on(graph.run());
}
