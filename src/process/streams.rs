use std::boxed::Box;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::string::String;
use std::sync::Arc;
use std::task::{self, Poll, ready};
use std::vec::Vec;

use async_process::ChildStdin;
use futures_lite::{AsyncRead, AsyncWrite as _};

use super::capture::{Line, Lines, Output, Stream, Tail};
use super::command::Each;
use super::leash::Frame;

/// Who wants the lines of a process.
pub(super) struct Readers {
    /// Called with each.
    pub(super) each: Option<Each>,
    /// Whether they are asked for one by one.
    pub(super) pulled: bool,
    /// On which machine they were written.
    pub(super) host: Option<Arc<str>>,
}

/// One of the streams of a process, and what is kept of it.
pub(super) struct Reading {
    stream: Stream,
    from: Option<Pin<Box<dyn AsyncRead + Send>>>,
    frame: Option<Frame>,
    lines: Lines,
    tail: Tail,
}

impl Reading {
    pub(super) fn new(
        stream: Stream,
        from: Option<impl AsyncRead + Send + 'static>,
        frame: Option<Frame>,
        keep: usize,
    ) -> Self {
        let from = from.map(|from| Box::pin(from) as _);
        Self { stream, from, frame, lines: Lines::default(), tail: Tail::new(keep) }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.from.is_none()
    }

    pub(super) fn frame(&self) -> Option<&Frame> {
        self.frame.as_ref()
    }

    /// Reads a piece. An error is the end: nothing else can be done about it.
    pub(super) fn poll(
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
    pub(super) fn close(&mut self, readers: &Readers, pulled: &mut VecDeque<Line>) {
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

    pub(super) fn take_output(&mut self) -> Output {
        self.tail.take_output()
    }
}

/// What a process is fed.
pub(super) struct Feed {
    to: ChildStdin,
    bytes: Vec<u8>,
    written: usize,
}

/// How far it was fed.
pub(super) enum Fed {
    More,
    All,
    /// It does not read any more.
    Refused,
}

impl Feed {
    pub(super) fn new(to: ChildStdin, bytes: Vec<u8>) -> Self {
        Self { to, bytes, written: 0 }
    }

    /// Whether it was fed all.
    pub(super) fn is_done(&self) -> bool {
        self.written == self.bytes.len()
    }

    pub(super) fn poll(&mut self, task: &mut task::Context<'_>) -> Poll<Fed> {
        let rest = &self.bytes[self.written..];
        if rest.is_empty() {
            return Poll::Ready(Fed::All);
        }
        Poll::Ready(match ready!(Pin::new(&mut self.to).poll_write(task, rest)) {
            Ok(written) if written > 0 => {
                self.written += written;
                Fed::More
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Fed::More,
            Ok(_) | Err(_) => Fed::Refused,
        })
    }
}

impl Readers {
    pub(super) fn want_lines(&self) -> bool {
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
