//! What listings, pictures and timelines have in common.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use crate::orchestrator::{Condition, JobKind, JobState, Outcome};

/// Labels wider than this do not push the other columns any further.
pub(crate) const WIDEST_LABEL: usize = 24;

/// A label in its column.
pub(crate) fn label(label: Option<&str>) -> String {
    label.map_or_else(|| "NOLABEL".to_string(), one_line)
}

/// What stands behind the label of a job that is not expected to end.
pub(crate) fn endless(kind: JobKind) -> &'static str {
    if kind == JobKind::Finite { "" } else { " [∞]" }
}

/// What is said of a job that was not handed out before the run ended.
pub(crate) fn unstarted(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Finite => "skipped, the run ended first",
        JobKind::Forever | JobKind::Service => "never started, the run ended first",
    }
}

/// What stands behind the name of a job that is required to do something else than to succeed.
pub(crate) fn awaited(condition: Condition) -> &'static str {
    match condition {
        Condition::Succeeded => "",
        Condition::Finished => " to finish",
        Condition::Failed => " to fail",
        Condition::Settled => " to be settled",
        Condition::Any => " or another",
    }
}

/// What stands behind the name of a job that takes from pools: ` takes [3 of disk, 1 of gpu]`.
pub(crate) fn taken<'a>(takes: impl Iterator<Item = (&'a str, u32)>) -> String {
    let takes: Vec<String> =
        takes.map(|(pool, amount)| format!("{amount} of {}", one_line(pool))).collect();
    if takes.is_empty() { String::new() } else { format!(" takes [{}]", takes.join(", ")) }
}

/// A text that keeps to its line and its direction: what controls these is escaped.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        let turns = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || turns {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// A state as one character.
pub(crate) fn mark(state: JobState) -> char {
    match state {
        JobState::Waiting | JobState::Queued | JobState::Backoff { .. } => '·',
        JobState::Running { .. } | JobState::Stopping { .. } => '▶',
        JobState::Ended(Outcome::Succeeded) => '✓',
        JobState::Ended(Outcome::Failed(_)) => '✗',
        JobState::Ended(Outcome::Cancelled) => '■',
        JobState::Ended(Outcome::Skipped(_)) => '○',
    }
}
