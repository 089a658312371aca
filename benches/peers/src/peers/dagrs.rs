use std::sync::Arc;

use dagrs::{Action, DefaultNode, EnvVar, Graph, InChannels, Node, NodeTable, OutChannels, Output};
use tokio::runtime::Runtime;

use crate::job;
use crate::shapes::Shape;

struct Work(usize);

#[dagrs::async_trait::async_trait]
impl Action for Work {
    async fn run(&self, _: &mut InChannels, _: &mut OutChannels, _: Arc<EnvVar>) -> Output {
        job(self.0).await;
        Output::empty()
    }
}

fn build(shape: &Shape) -> Graph {
    let mut table = NodeTable::default();
    let mut graph = Graph::new();
    let mut ids = Vec::with_capacity(shape.jobs());
    for number in 0..shape.jobs() {
        let node = DefaultNode::with_action(number.to_string(), Work(number), &mut table);
        ids.push(node.id());
        graph.add_node(node).unwrap();
    }
    for number in 0..shape.jobs() {
        for &required in shape.requirements(number) {
            graph.add_edge(ids[required as usize], [ids[number]]).unwrap();
        }
    }
    graph.set_env(EnvVar::new(table));
    graph
}

pub fn on_tokio(runtime: &Runtime, shape: &Shape) {
    let mut graph = build(shape);
    runtime.block_on(graph.async_start()).unwrap();
}
