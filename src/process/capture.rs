use std::borrow::Cow;
use std::fmt;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

use memchr::memchr;

/// One of the two streams that a process writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Its standard output.
    Stdout,
    /// Its standard error.
    Stderr,
}

/// A line that a process wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// Where it wrote it.
    pub stream: Stream,
    /// What it wrote, without the end of the line; what is not UTF-8 is replaced. A line of more than 64 KiB comes in pieces.
    pub text: String,
    /// On which machine, unless it was this one.
    pub host: Option<Arc<str>>,
}

impl fmt::Display for Line {
    /// Its text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a process wrote to one of its streams: the end of it, if that was much.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Output {
    bytes: Vec<u8>,
    cut: u64,
}

impl Output {
    /// The bytes that were kept.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same, as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// How many bytes were written before those, and not kept.
    #[must_use]
    pub fn cut(&self) -> u64 {
        self.cut
    }

    /// Its last line that is not blank; empty if there is none.
    pub(crate) fn last_line(&self) -> Cow<'_, str> {
        last_line(&self.bytes)
    }
}

/// The last line of a text that is not blank; empty if there is none.
pub(crate) fn last_line(text: &[u8]) -> Cow<'_, str> {
    let mut lines = text.rsplit(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    String::from_utf8_lossy(lines.find(|line| !line.is_empty()).unwrap_or_default())
}

impl fmt::Debug for Output {
    /// Like the text, with what was cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cut > 0 {
            write!(f, "({} bytes cut) ", self.cut)?;
        }
        self.text().fmt(f)
    }
}

/// Keeps the end of a stream, so many bytes of it.
#[derive(Debug)]
pub(super) struct Tail {
    kept: Vec<u8>,
    cut: u64,
    most: usize,
}

impl Tail {
    pub(super) fn new(most: usize) -> Self {
        Self { kept: Vec::new(), cut: 0, most }
    }

    /// O(bytes) amortised: twice as much is kept before the front is cut.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
        if self.kept.len() > self.most.saturating_mul(2) {
            self.trim();
        }
    }

    fn trim(&mut self) {
        let over = self.kept.len().saturating_sub(self.most);
        self.kept.drain(..over);
        self.cut += over as u64;
    }

    pub(super) fn take_output(&mut self) -> Output {
        self.trim();
        Output { bytes: std::mem::take(&mut self.kept), cut: self.cut }
    }
}

/// No line is longer.
const LONGEST: usize = 64 << 10;

/// Makes lines of what comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    pub(super) fn put(&mut self, mut bytes: &[u8], take: &mut dyn FnMut(String)) {
        while let Some(end) = memchr(b'\n', bytes) {
            self.extend(&bytes[..end], take);
            self.end(take);
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes, take);
    }

    fn extend(&mut self, mut bytes: &[u8], take: &mut dyn FnMut(String)) {
        while self.begun.len() + bytes.len() > LONGEST {
            let (now, later) = bytes.split_at(LONGEST - self.begun.len());
            self.begun.extend_from_slice(now);
            self.end(take);
            bytes = later;
        }
        self.begun.extend_from_slice(bytes);
    }

    fn end(&mut self, take: &mut dyn FnMut(String)) {
        let line = self.begun.strip_suffix(b"\r").unwrap_or(&self.begun);
        take(String::from_utf8_lossy(line).into_owned());
        self.begun.clear();
    }

    /// There is no more: a line without an end is one as well.
    pub(super) fn finish(&mut self, take: &mut dyn FnMut(String)) {
        if !self.begun.is_empty() {
            self.end(take);
        }
    }
}
