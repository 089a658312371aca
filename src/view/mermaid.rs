use std::fmt::Write as _;
use std::format;
use std::string::String;
use std::vec::Vec;

use super::as_history::AsHistory;
use super::picture::{Edge, Language, Node, colour, draw};
use crate::{JobKind, JobState, Outcome};

/// The graph as a Mermaid flowchart, which many sites that show Markdown draw. Of a run that has begun, with
/// states and times.
///
/// What is critical, forever or a service says so and has a border or shape of its own; requirements of
/// anything but success are dotted and say of what. A graph that is a job is a subgraph. One line for each
/// job and each requirement, in the order of their creation, and one for each state. Mermaid refuses more than 500
/// requirements unless its `maxEdges` is raised, and more than 50,000 characters, which some hundreds of jobs
/// have, unless its `maxTextSize` is. O(jobs + requirements).
///
/// ```
/// use jobgraph::{Job, JobGraph};
///
/// let mut graph = JobGraph::new();
/// let fetch = graph.add(Job::new(async {}).label("fetch"));
/// graph.add(Job::new(async {}).label("parse").after(&fetch));
/// let mermaid = jobgraph::view::mermaid(&graph);
/// assert!(mermaid.contains("job_1 -. ended .-> job_2"));
/// ```
#[must_use]
pub fn mermaid(run: &impl AsHistory) -> String {
    let history = run.as_history();
    let mut mermaid = Mermaid { text: String::new(), depth: 1, classes: Vec::new() };
    draw(&history, &[], &mut mermaid);
    for Class { name, style, members } in std::mem::take(&mut mermaid.classes) {
        mermaid.line(&format!("class {} {name}", members.join(",")));
        mermaid.line(&format!("classDef {name} {style}"));
    }
    format!("flowchart LR\n{}", mermaid.text)
}

struct Mermaid {
    text: String,
    depth: usize,
    /// Those that are used.
    classes: Vec<Class>,
}

/// What the nodes of some jobs look like.
struct Class {
    name: &'static str,
    style: String,
    members: Vec<String>,
}

impl Mermaid {
    fn line(&mut self, line: &str) {
        self.text.extend(std::iter::repeat_n("  ", self.depth));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn node(&mut self, node: &Node<'_>) {
        let text = quoted(&node.lines);
        let shape = match node.job.info.kind {
            JobKind::Finite => format!("[{text}]"),
            JobKind::Forever => format!("([{text}])"),
            JobKind::Service => format!("[[{text}]]"),
        };
        self.line(&format!("{}{shape}", node.id));
        if let Some(state) = node.state {
            let style = format!("fill:{},color:#111111", colour(state));
            self.class(&node.id, state_name(state), style);
        }
        if node.job.info.critical {
            self.class(&node.id, "critical", "stroke-width:4px".into());
        }
    }

    fn class(&mut self, id: &str, name: &'static str, style: String) {
        match self.classes.iter_mut().find(|class| class.name == name) {
            Some(class) => class.members.push(id.into()),
            None => self.classes.push(Class { name, style, members: Vec::from([id.into()]) }),
        }
    }
}

impl Language for Mermaid {
    fn job(&mut self, node: &Node<'_>) {
        self.node(node);
    }

    fn open(&mut self, node: &Node<'_>) {
        self.line(&format!("subgraph in_{}[\" \"]", node.id));
        self.depth += 1;
        self.node(node);
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.line("end");
    }

    fn requirement(&mut self, required: &str, job: &str, kind: Edge) {
        let arrow = match kind {
            Edge::Success => "-->",
            Edge::Readiness => "-- ready -->",
            Edge::End => "-. ended .->",
            Edge::Failure => "-. failed .->",
        };
        self.line(&format!("{required} {arrow} {job}"));
    }

    fn entry(&mut self, graph: &str, job: &str) {
        self.line(&format!("{graph} -.- {job}"));
    }
}

fn state_name(state: JobState) -> &'static str {
    match state {
        JobState::Waiting => "waiting",
        JobState::Queued => "queued",
        JobState::Running { .. } => "running",
        JobState::Backoff { .. } => "backoff",
        JobState::Stopping { .. } => "stopping",
        JobState::Ended(Outcome::Succeeded) => "succeeded",
        JobState::Ended(Outcome::Failed(_)) => "failed",
        JobState::Ended(Outcome::Cancelled) => "cancelled",
        JobState::Ended(Outcome::Skipped(_)) => "skipped",
    }
}

/// Lines as one quoted string. Whatever Mermaid, Markdown or HTML could read otherwise is given by its number.
fn quoted(lines: &[String]) -> String {
    let mut text = String::from("\"");
    for (position, line) in lines.iter().enumerate() {
        text.push_str(if position == 0 { "" } else { "<br/>" });
        let mut characters = line.chars().peekable();
        while let Some(character) = characters.next() {
            if character.is_ascii_punctuation() && !matches!(character, ',' | '/') {
                let _ = write!(text, "#{};", u32::from(character));
                // Mermaid breaks a line at a backslash before an n, however it is written: part the two, invisibly.
                if character == '\\' && characters.peek() == Some(&'n') {
                    text.push('\u{2060}');
                }
            } else {
                text.push(character);
            }
        }
    }
    text + "\""
}
