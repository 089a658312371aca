use std::format;
use std::string::String;
use std::vec::Vec;

use super::as_history::AsHistory;
use super::picture::{Edge, Language, Node, colour, draw};
use crate::{JobKind, JobState, Outcome};

/// The graph in the language of Graphviz: `dot -Tsvg`. Of a run that has begun, with states and times.
///
/// A critical job has a double border, a forever job and a service are named as such and have a shape of
/// their own; requirements of anything but success are dashed and say of what. A graph that is a job is a
/// cluster. One line for each job and each requirement, in the order of their creation, so that two
/// pictures can be compared. O(jobs + requirements).
///
/// ```
/// use jobgraph::{Job, JobGraph};
///
/// let mut graph = JobGraph::new();
/// let fetch = graph.add(Job::new(async {}).label("fetch"));
/// graph.add(Job::new(async {}).label("parse").requires(&fetch));
/// let dot = jobgraph::view::dot(&graph);
/// assert!(dot.contains(r##"job_1 [label="#1 fetch"];"##));
/// assert!(dot.contains("job_1 -> job_2;"));
/// ```
#[must_use]
pub fn dot(run: &impl AsHistory) -> String {
    let history = run.as_history();
    let mut dot = Dot { text: String::new(), depth: 1 };
    dot.line("rankdir=LR;");
    dot.line("node [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\", fontname=\"sans-serif\"];");
    dot.line("edge [fontname=\"sans-serif\", fontsize=10];");
    draw(&history, &[], &mut dot);
    format!("digraph jobs {{\n{}}}\n", dot.text)
}

struct Dot {
    text: String,
    depth: usize,
}

impl Dot {
    fn line(&mut self, line: &str) {
        self.text.extend(std::iter::repeat_n("  ", self.depth));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn node(&mut self, node: &Node<'_>) {
        let mut attributes = Vec::from([format!("label={}", quoted(&node.lines))]);
        match node.job.info.kind {
            JobKind::Finite if node.job.is_graph => {
                attributes.push("shape=folder".into());
            }
            JobKind::Finite => {}
            JobKind::Forever => attributes.push("shape=cds".into()),
            JobKind::Service => attributes.push("shape=component".into()),
        }
        if node.job.info.critical {
            attributes.push("peripheries=2".into());
        }
        if let Some(state) = node.state {
            attributes.push(format!("fillcolor=\"{}\"", colour(state)));
            if matches!(state, JobState::Ended(Outcome::Skipped(_)) | JobState::Waiting) {
                attributes.push("style=\"rounded,filled,dashed\"".into());
            }
        }
        self.line(&format!("{} [{}];", node.id, attributes.join(", ")));
    }
}

impl Language for Dot {
    fn job(&mut self, node: &Node<'_>) {
        self.node(node);
    }

    fn open(&mut self, node: &Node<'_>) {
        self.line(&format!("subgraph cluster_{} {{", node.id));
        self.depth += 1;
        self.line("style=\"rounded\";");
        self.node(node);
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.line("}");
    }

    fn requirement(&mut self, required: &str, job: &str, kind: Edge) {
        let attributes = match kind {
            Edge::Success => "",
            Edge::Readiness => " [label=\"ready\"]",
            Edge::End => " [label=\"ended\", style=dashed]",
            Edge::Failure => " [label=\"failed\", style=dashed, arrowhead=odiamond]",
        };
        self.line(&format!("{required} -> {job}{attributes};"));
    }

    fn entry(&mut self, graph: &str, job: &str) {
        self.line(&format!("{graph} -> {job} [style=dotted, arrowhead=none];"));
    }
}

/// Lines as one quoted string. Graphviz reads backslashes and entities in it.
fn quoted(lines: &[String]) -> String {
    let lines: Vec<String> = lines
        .iter()
        .map(|line| line.replace('&', "&amp;").replace('\\', "\\\\").replace('"', "\\\""))
        .collect();
    format!("\"{}\"", lines.join("\\n"))
}
