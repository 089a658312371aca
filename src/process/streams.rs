use std::boxed::Box;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::string::String;
use std::sync::Arc;
use std::task::{self, Poll};
use std::vec;

use async_process::Child;
use futures_lite::AsyncRead;

use super::capture::{Line, Lines, Output, Stream, Tail, last_line};
use super::command::{Command, Each};
use super::leash::{Frame, Leash, Said};

/// What a process writes, both streams at once, and who reads it.
pub(super) struct Streams {
    both: [Reading; 2],
    readers: Readers,
    /// Those that were not asked for yet.
    lines: VecDeque<Line>,
    buffer: Box<[u8]>,
}

/// So much is read at once, in bytes.
const PIECE: usize = 32 << 10;

/// Who wants the lines.
struct Readers {
    /// Called with each.
    each: Option<Each>,
    /// Whether they are asked for one by one.
    pulled: bool,
    /// On which machine they were written.
    host: Option<Arc<str>>,
}

impl Streams {
    pub(super) fn new(
        child: &mut Child,
        command: &Command,
        leash: Option<&Leash>,
        host: Option<Arc<str>>,
    ) -> Self {
        let frame = || leash.map(Leash::frame);
        let both = [
            Reading::new(Stream::Stdout, child.stdout.take(), frame(), command.keep),
            Reading::new(Stream::Stderr, child.stderr.take(), frame(), command.keep),
        ];
        let readers = Readers { each: command.each.clone(), pulled: true, host };
        Self { both, readers, lines: VecDeque::new(), buffer: vec![0; PIECE].into() }
    }

    /// Reads a piece of each.
    pub(super) fn poll(&mut self, task: &mut task::Context<'_>) -> Poll<()> {
        let Self { both: [stdout, stderr], buffer, readers, lines } = self;
        let stdout = stdout.poll(task, buffer, readers, lines);
        let stderr = stderr.poll(task, buffer, readers, lines);
        if stdout.is_pending() { stderr } else { Poll::Ready(()) }
    }

    pub(super) fn has_line(&self) -> bool {
        !self.lines.is_empty()
    }

    pub(super) fn next_line(&mut self) -> Option<Line> {
        self.lines.pop_front()
    }

    /// Nobody asks for lines any more.
    pub(super) fn ask_no_more(&mut self) {
        self.readers.pulled = false;
        self.lines.clear();
    }

    pub(super) fn are_at_end(&self) -> bool {
        self.both.iter().all(|stream| stream.from.is_none())
    }

    /// Nothing is read any more.
    pub(super) fn close(&mut self) {
        for stream in &mut self.both {
            stream.close(&self.readers, &mut self.lines);
        }
    }

    /// Whether a leash has said that the command was started.
    pub(super) fn have_begun(&self) -> bool {
        self.both.iter().any(|stream| stream.said() != Said::Nothing)
    }

    /// What a leash has told of the end, once both streams have been read up to that.
    pub(super) fn told(&self) -> Option<Said> {
        let [stdout, stderr] = &self.both;
        let is_read = matches!(stdout.said(), Said::Code(_)) || stdout.from.is_none();
        match stderr.said() {
            said @ (Said::Code(_) | Said::NotBegun) if is_read => Some(said),
            _ => None,
        }
    }

    /// What somebody else said of a command whose leash never spoke.
    pub(super) fn instead(&self) -> &[u8] {
        let [_, stderr] = &self.both;
        stderr.frame.as_ref().map(Frame::instead).unwrap_or_default()
    }

    /// What was said, at last, of a command whose leash did not tell its end.
    pub(super) fn last_words(&self, stderr: &Output) -> Box<str> {
        match (last_line(self.instead()), stderr.last_line()) {
            (line, _) | (_, line) if !line.is_empty() => line.into(),
            _ => "nothing is known of its end".into(),
        }
    }

    pub(super) fn take_outputs(&mut self) -> [Output; 2] {
        self.both.each_mut().map(|stream| stream.tail.take_output())
    }

    pub(super) fn host(&self) -> Option<&Arc<str>> {
        self.readers.host.as_ref()
    }
}

/// One of the streams of a process, and what is kept of it.
struct Reading {
    stream: Stream,
    from: Option<Pin<Box<dyn AsyncRead + Send>>>,
    frame: Option<Frame>,
    lines: Lines,
    tail: Tail,
}

impl Reading {
    fn new(
        stream: Stream,
        from: Option<impl AsyncRead + Send + 'static>,
        frame: Option<Frame>,
        keep: usize,
    ) -> Self {
        let from = from.map(|from| Box::pin(from) as _);
        Self { stream, from, frame, lines: Lines::default(), tail: Tail::new(keep) }
    }

    fn said(&self) -> Said {
        self.frame.as_ref().map_or(Said::Nothing, Frame::said)
    }

    /// Reads a piece. An error is the end: nothing else can be done about it.
    fn poll(
        &mut self,
        task: &mut task::Context<'_>,
        buffer: &mut [u8],
        readers: &Readers,
        pulled: &mut VecDeque<Line>,
    ) -> Poll<()> {
        let Some(from) = &mut self.from else { return Poll::Pending };
        let read = match from.as_mut().poll_read(task, buffer) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {
                return Poll::Ready(());
            }
            Poll::Ready(Err(_) | Ok(0)) => {
                self.close(readers, pulled);
                return Poll::Ready(());
            }
            Poll::Ready(Ok(read)) => read,
        };
        match &mut self.frame {
            Some(frame) => {
                let own = frame.put(&buffer[..read]);
                self.put(&own, readers, pulled);
            }
            None => self.put(&buffer[..read], readers, pulled),
        }
        Poll::Ready(())
    }

    fn put(&mut self, bytes: &[u8], readers: &Readers, pulled: &mut VecDeque<Line>) {
        self.tail.put(bytes);
        let Self { lines, stream, .. } = self;
        if readers.want_lines() {
            lines.put(bytes, &mut |text| readers.tell(*stream, text, pulled));
        }
    }

    /// Nothing is read any more.
    fn close(&mut self, readers: &Readers, pulled: &mut VecDeque<Line>) {
        if self.from.take().is_none() {
            return;
        }
        if let Some(frame) = &mut self.frame {
            let rest = frame.finish();
            self.put(&rest, readers, pulled);
        }
        let Self { lines, stream, .. } = self;
        if readers.want_lines() {
            lines.finish(&mut |text| readers.tell(*stream, text, pulled));
        }
    }
}

impl Readers {
    fn want_lines(&self) -> bool {
        self.each.is_some() || self.pulled
    }

    fn tell(&self, stream: Stream, text: String, pulled: &mut VecDeque<Line>) {
        let line = Line { stream, text, host: self.host.clone() };
        if let Some(each) = &self.each {
            each(&line);
        }
        if self.pulled {
            pulled.push_back(line);
        }
    }
}
