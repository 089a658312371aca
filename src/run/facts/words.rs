//! What listings, pictures and timelines have in common.

use std::fmt::{self, Write as _};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use unicode_width::UnicodeWidthStr;

use crate::orchestrator::{Condition, EndOfRun, JobKind, JobState, Outcome, Verdict};

/// Labels wider than this do not push the other columns any further.
pub(crate) const WIDEST_LABEL: usize = 24;

/// No label, and no output, is shown with more characters.
const LONGEST: usize = 60;

/// No text of an error is.
const LONGEST_ERROR: usize = 240;

/// A label in its column.
pub(crate) fn label(label: Option<&str>) -> String {
    label.map_or_else(|| "NOLABEL".to_string(), short)
}

/// A label on one line, cut if it is long.
pub(crate) fn short(text: &str) -> String {
    limited(LONGEST, |to| to.write_str(text))
}

/// What went wrong, on one line, cut if it is long.
pub(crate) fn why(what: &dyn fmt::Display) -> String {
    limited(LONGEST_ERROR, |to| write!(to, "{what}"))
}

/// An output on one line, cut if it is long: no more of it is formatted than is shown.
pub(crate) fn shown(output: &dyn fmt::Debug) -> String {
    limited(LONGEST, |to| write!(to, "{output:?}"))
}

/// What somebody writes, up to so many characters.
fn limited(longest: usize, write: impl FnOnce(&mut Limited) -> fmt::Result) -> String {
    let mut to = Limited { text: String::new(), left: longest + 1 };
    // It ends with an error where the text is cut.
    let _ = write(&mut to);
    let mut text = to.text;
    if to.left == 0 {
        text.pop();
        text.push('…');
    }
    one_line(&text)
}

/// Takes so many characters, and refuses the next.
struct Limited {
    text: String,
    left: usize,
}

impl fmt::Write for Limited {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.left == 0 {
                return Err(fmt::Error);
            }
            self.left -= 1;
            self.text.push(character);
        }
        Ok(())
    }
}

/// How many columns of a terminal a text takes.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// A text, and spaces up to so many columns.
pub(crate) fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(columns(text));
    format!("{text}{:missing$}", "")
}

/// What stands behind the label of a job that is not expected to end.
pub(crate) fn endless(kind: JobKind) -> &'static str {
    if kind == JobKind::Finite { "" } else { " [∞]" }
}

/// What is said of a job that was not handed out before the run ended.
pub(crate) fn unstarted(kind: JobKind, end: Option<&EndOfRun<'_>>) -> String {
    let so = if kind == JobKind::Finite { "skipped" } else { "never started" };
    let why = end.map_or_else(|| "the run ended".to_string(), why_of_end);
    format!("{so}, {why} first")
}

/// What is said of a job that was cancelled because the run ended.
pub(crate) fn cut_short(kind: JobKind, end: &EndOfRun<'_>) -> String {
    match (kind, end.verdict) {
        // That is how these end.
        (JobKind::Forever | JobKind::Service, Verdict::Completed) => "cancelled".to_string(),
        _ => format!("cancelled, {}", why_of_end(end)),
    }
}

fn why_of_end(end: &EndOfRun<'_>) -> String {
    let label = end.culprit.as_ref().and_then(|culprit| culprit.label);
    label.map_or_else(|| end.to_string(), |label| format!("{} failed", short(label)))
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
