use std::collections::VecDeque;
use std::format;
use std::string::String;

/// What is to be written, up to a bound: what would go beyond it is left out, and how much that was is said in its
/// place.
#[derive(Debug, Default)]
pub(super) struct Queue {
    texts: VecDeque<String>,
    bytes: usize,
    /// How many lines were left out after the last of the texts.
    left_out: usize,
}

/// As many bytes wait at most, or a single text that has more.
const BOUND: usize = 1 << 20;

/// What a text takes, its place in the queue included.
fn size(text: &str) -> usize {
    text.len() + size_of::<String>()
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.left_out == 0
    }

    /// Puts a text of one line or more at the end, if there is room.
    pub(super) fn put(&mut self, text: String) {
        if !self.texts.is_empty() && self.bytes + size(&text) > BOUND {
            self.left_out += text.split('\n').count();
        } else {
            self.put_anyway(text);
        }
    }

    /// Puts a text at the end that must not be missed.
    pub(super) fn put_anyway(&mut self, text: String) {
        let note = self.note();
        for text in note.into_iter().chain([text]) {
            self.bytes += size(&text);
            self.texts.push_back(text);
        }
    }

    /// The next to be written.
    pub(super) fn take(&mut self) -> Option<String> {
        let Some(text) = self.texts.pop_front() else { return self.note() };
        self.bytes -= size(&text);
        Some(text)
    }

    fn note(&mut self) -> Option<String> {
        let lines = std::mem::take(&mut self.left_out);
        let plural = if lines == 1 { "" } else { "s" };
        (lines > 0).then(|| format!("… {lines} line{plural} left out"))
    }
}
