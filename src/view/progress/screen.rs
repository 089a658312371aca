use std::boxed::Box;
use std::fmt;
use std::format;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::string::String;
use std::thread;
use std::time::{Duration, Instant};
use std::vec::Vec;

use console::{Term, measure_text_width};

use crate::run::{caught, drop_quietly};

/// A stream of bytes that somebody reads: lines, and below them, if it is a terminal, what is drawn anew.
pub(super) struct Screen {
    /// `None` once its `write` has panicked.
    to: Option<Box<dyn Write + Send>>,
    terminal: Option<Terminal>,
    /// How many columns each line takes that is drawn now. The cursor is on the row below the last of them.
    drawn: Vec<usize>,
}

struct Terminal {
    /// Columns and rows.
    size: Box<dyn Fn() -> (u16, u16) + Send>,
    coloured: bool,
}

/// A stream that takes nothing for so long, and does not make one wait, loses what was to be written.
const PATIENCE: Duration = Duration::from_secs(1);

impl Screen {
    /// Lines only.
    pub(super) fn lines(to: impl Write + Send + 'static) -> Self {
        Self { to: Some(Box::new(to)), terminal: None, drawn: Vec::new() }
    }

    /// A terminal of so many columns and rows.
    pub(super) fn terminal(
        to: impl Write + Send + 'static,
        size: impl Fn() -> (u16, u16) + Send + 'static,
    ) -> Self {
        let terminal = Terminal { size: Box::new(size), coloured: true };
        Self { terminal: Some(terminal), ..Self::lines(to) }
    }

    /// The standard error stream, whatever it is.
    pub(super) fn stderr() -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let mut screen = Self::lines(io::stderr());
        if io::stderr().is_terminal() && !dumb {
            let terminal = Term::stderr();
            let size = move || {
                let (rows, columns) = terminal.size();
                (columns, rows)
            };
            let coloured = console::colors_enabled_stderr();
            screen.terminal = Some(Terminal { size: Box::new(size), coloured });
        }
        screen
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.terminal.is_some()
    }

    /// How many columns and rows may be drawn on: what fills a line to its end may wrap, and below the last line
    /// stands the cursor.
    pub(super) fn room(&self) -> (usize, usize) {
        let (columns, rows) = self.size();
        (columns.saturating_sub(1), rows.saturating_sub(1))
    }

    fn size(&self) -> (usize, usize) {
        let size = self.terminal.as_ref().map(|terminal| caught(|| (terminal.size)()));
        let (columns, rows) = size.and_then(Result::ok).unwrap_or((80, 24));
        (columns.into(), rows.into())
    }

    /// Writes a text of one line or more, with a single `write`, in the place of what is drawn.
    pub(super) fn print(&mut self, text: &str) {
        let text = match self.terminal {
            Some(_) => format!("{}{}\r\n", self.erased(), text.replace('\n', "\r\n")),
            None => format!("{text}\n"),
        };
        self.drawn.clear();
        self.write(text.as_bytes());
    }

    /// Draws these lines in the place of those that are drawn.
    pub(super) fn draw(&mut self, lines: &[String]) {
        if lines.is_empty() {
            return self.clear();
        }
        let mut text = upwards(self.rows());
        for line in lines {
            text += &self.coloured(line);
            text += "\u{1b}[K\r\n";
        }
        text += "\u{1b}[J";
        self.drawn = lines.iter().map(|line| measure_text_width(line)).collect();
        self.write(text.as_bytes());
    }

    /// Takes away what is drawn.
    pub(super) fn clear(&mut self) {
        let text = self.erased();
        self.drawn.clear();
        self.write(text.as_bytes());
    }

    /// What leads to where the drawn lines began, and leaves nothing of them. Row by row: a terminal that is told to
    /// erase all of what it shows at once may keep that in its history.
    fn erased(&self) -> String {
        let rows = self.rows();
        let erase = "\u{1b}[2K\u{1b}[B".repeat(rows);
        upwards(rows) + &erase + &upwards(rows)
    }

    /// How many rows the drawn lines take. Where a terminal has been made narrower since, it has wrapped them anew.
    fn rows(&self) -> usize {
        let columns = self.size().0.max(1);
        self.drawn.iter().map(|width| width.div_ceil(columns).max(1)).sum()
    }

    /// Gives the mark of a line its colour.
    fn coloured(&self, line: &str) -> String {
        let coloured = self.terminal.as_ref().is_some_and(|terminal| terminal.coloured);
        let style = console::Style::new().force_styling(coloured);
        let mut characters = line.chars();
        let style = match characters.next() {
            Some('▶') => style.cyan(),
            Some('·') => style.dim(),
            Some('✗') => style.red(),
            _ => return line.into(),
        };
        let mark = line.strip_suffix(characters.as_str()).unwrap_or_default();
        format!("{}{}", style.apply_to(mark), characters.as_str())
    }

    /// Nobody is left to hear of a stream that takes nothing any more.
    fn write(&mut self, bytes: &[u8]) {
        let Some(to) = &mut self.to else { return };
        if caught(|| write_all(to, bytes)).is_err() {
            drop_quietly(self.to.take());
        }
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").field("is_terminal", &self.is_terminal()).finish_non_exhaustive()
    }
}

/// What leads to the beginning of the line so many rows above.
fn upwards(rows: usize) -> String {
    if rows == 0 { String::new() } else { format!("\r\u{1b}[{rows}A") }
}

/// As [`Write::write_all`], also where a stream does not wait until it can take more.
fn write_all(to: &mut dyn Write, mut bytes: &[u8]) -> io::Result<()> {
    let mut taken = Instant::now();
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = &bytes[written..];
                taken = Instant::now();
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock && taken.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error),
        }
    }
    to.flush()
}
