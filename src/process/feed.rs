use std::io;
use std::pin::Pin;
use std::task::{self, Poll, ready};
use std::vec::Vec;

use async_process::ChildStdin;
use futures_lite::AsyncWrite as _;

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
