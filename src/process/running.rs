use std::borrow::ToOwned as _;
use std::boxed::Box;
use std::fmt;
use std::format;
use std::future::{Future, pending, poll_fn};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::string::String;
use std::sync::Arc;
use std::task::{self, Poll, ready};
use std::time::Duration;
use std::vec::Vec;

use async_process::Child;

use super::capture::{Line, Stream};
use super::command::Command;
use super::error::{CommandFailed, How};
use super::feed::{Fed, Feed};
use super::group::Group;
use super::launch::Launch;
use super::leash::Leash;
use super::outcome::Ran;
use super::streams::Streams;
use crate::{Cancelled, Clock as _, Context, Error, ServiceContext, Timestamp};

/// A command that runs, with its lines one by one. It is read from, and stopped, while it is asked for
/// [lines](Self::next_line) or its [end](Self::finish); dropped, it is killed with all its group.
pub struct Running {
    child: Child,
    group: Group,
    /// What it is still to be fed; on a leash it is open as long as the command is to run.
    stdin: Option<Feed>,
    streams: Streams,
    exit: Boxed<io::Result<ExitStatus>>,
    /// How it exited, once it has.
    status: Option<io::Result<ExitStatus>>,
    cancelled: Boxed<()>,
    phase: Phase,
    /// Whether it was asked to end before it did.
    asked: bool,
    timer: Option<(Timestamp, Boxed<()>)>,
    context: Context,
    name: String,
    allowed: Vec<i32>,
    grace: Duration,
    leash: Option<Leash>,
    lets_go: bool,
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Runs,
    /// The command is over; what is left in the streams is read for a while, until a timer is due.
    Drains,
    /// The timer was due: what is there is read, and at most so many pieces.
    Drained(u8),
    /// It was asked to end, and is killed when a timer is due.
    Asked,
    /// It was killed, and whatever there is to be read is for a while.
    Killed,
    Over,
}

/// What is still read of the streams once a command is over.
const DRAIN: Duration = Duration::from_millis(500);

/// Pieces that are read in a row before others get a turn.
const PIECES: usize = 16;

/// More pieces than pipes have room for: 1 MiB each.
const PIPES: u8 = 80;

impl Running {
    pub(crate) fn start(
        command: &Command,
        launch: Launch,
        context: &Context,
    ) -> Result<Self, CommandFailed> {
        let Launch { mut program, feed, leash, host, lets_go, deaf } = launch;
        if context.clock().is_virtual() {
            let why = "commands run in real time, and the time of this run is virtual";
            return Err(command.failed(host, How::Refused(why.into())));
        }
        let stdin = if feed.is_empty() { Stdio::null() } else { Stdio::piped() };
        program.process_group(0);
        let dir = program.get_current_dir().filter(|dir| !dir.is_dir()).map(Path::to_owned);
        let mut program = async_process::Command::from(program);
        program.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(!lets_go);
        let mut child = program.spawn().map_err(|error| {
            let error = match dir {
                Some(dir) => io::Error::new(error.kind(), format!("{}: {error}", dir.display())),
                None => error,
            };
            command.failed(host.clone(), How::NotStarted(Arc::new(error)))
        })?;
        let group = Group::of(child.id());
        let stdin = child.stdin.take().map(|to| Feed::new(to, feed));
        let streams = Streams::new(&mut child, command, leash.as_ref(), host);
        let exit = Box::pin(child.status());
        Ok(Self {
            child,
            group,
            stdin,
            streams,
            exit,
            status: None,
            cancelled: if deaf { Box::pin(pending()) } else { Box::pin(context.cancelled()) },
            phase: Phase::Runs,
            asked: false,
            timer: None,
            context: context.clone(),
            name: format!("{command}"),
            allowed: command.allowed.clone(),
            grace: command.grace,
            leash,
            lets_go,
        })
    }
}

impl Running {
    /// The next line that it writes; `None` once it is over. While nobody asks, it is not read from, and waits as soon as
    /// a pipe is full.
    pub async fn next_line(&mut self) -> Option<Line> {
        poll_fn(|task| self.poll_line(task)).await
    }

    /// Waits for its end, and reads the rest. The lines that nobody asked for are not lost: what was
    /// [kept](Command::keep) is in the outcome.
    ///
    /// # Errors
    /// As [`Command::run`].
    pub async fn finish(mut self) -> Result<Ran, Error> {
        self.finish_with().await.map_err(|failed| match failed {
            Some(failed) => failed.marked(),
            None => Cancelled.into(),
        })
    }

    /// `None` if it was asked to end.
    pub(crate) async fn finish_with(&mut self) -> Result<Ran, Option<CommandFailed>> {
        self.streams.ask_no_more();
        while poll_fn(|task| self.poll_line(task)).await.is_some() {}
        self.outcome()
    }

    /// Reads on until it is [ready](Command::ready_when), or over.
    pub(crate) async fn serve(&mut self, command: &Command, cx: &ServiceContext<Line>) {
        let Some(is_ready) = &command.ready else {
            let host = self.streams.host().cloned();
            cx.ready(Line { stream: Stream::Stdout, text: String::new(), host });
            return;
        };
        while let Some(line) = self.next_line().await {
            if is_ready(&line) {
                cx.ready(line);
                return;
            }
        }
    }

    /// Waits until it has been started, where that takes a while; false if it never was.
    #[cfg(feature = "ssh")]
    pub(crate) async fn begin(&mut self) -> bool {
        poll_fn(|task| self.poll_until(task, |running| running.streams.have_begun())).await;
        self.streams.have_begun()
    }

    /// Of one that never began: the exit code of what was to start it, and what was said instead.
    #[cfg(feature = "ssh")]
    pub(crate) fn instead(&self) -> (Option<i32>, String) {
        let code = self.status.as_ref().and_then(|status| status.as_ref().ok()?.code());
        let said = self.streams.instead();
        (code, String::from_utf8_lossy(said).into_owned())
    }

    /// Whether it was asked to end before it did.
    #[cfg(feature = "ssh")]
    pub(crate) fn was_asked(&self) -> bool {
        self.asked
    }

    /// The number of its process, which is that of its process group too. On another machine: of the `ssh` that is here.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, as its job being asked to end does.
    pub fn stop(&mut self) {
        if self.phase == Phase::Runs && !self.is_over() {
            self.ask();
        }
    }

    fn poll_line(&mut self, task: &mut task::Context<'_>) -> Poll<Option<Line>> {
        ready!(self.poll_until(task, |running| running.streams.has_line()));
        Poll::Ready(self.streams.next_line())
    }

    /// Goes on until something is so, or it is over.
    fn poll_until(&mut self, task: &mut task::Context<'_>, is_so: fn(&Self) -> bool) -> Poll<()> {
        for _ in 0..PIECES {
            if is_so(self) || self.phase == Phase::Over {
                return Poll::Ready(());
            }
            let moved = [
                self.poll_feed(task),
                self.poll_streams(task),
                self.poll_exit(task),
                self.poll_cancelled(task),
                self.poll_timer(task),
            ];
            if self.phase != Phase::Over && moved.iter().all(Poll::is_pending) {
                return Poll::Pending;
            }
        }
        // It writes faster than it is read: others get a turn.
        task.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_feed(&mut self, task: &mut task::Context<'_>) -> Poll<()> {
        let Some(feed) = &mut self.stdin else { return Poll::Pending };
        match ready!(feed.poll(task)) {
            Fed::More => {}
            // The other end of a leash is held as long as the command is to run.
            Fed::All if self.leash.is_some() => return Poll::Pending,
            Fed::All | Fed::Refused => self.stdin = None,
        }
        Poll::Ready(())
    }

    fn poll_streams(&mut self, task: &mut task::Context<'_>) -> Poll<()> {
        let polled = self.streams.poll(task);
        if polled.is_pending() && matches!(self.phase, Phase::Drained(_)) {
            self.end();
            return Poll::Ready(());
        }
        ready!(polled);
        self.look_around();
        Poll::Ready(())
    }

    fn poll_exit(&mut self, task: &mut task::Context<'_>) -> Poll<()> {
        if self.status.is_some() {
            return Poll::Pending;
        }
        self.status = Some(ready!(self.exit.as_mut().poll(task)));
        self.look_around();
        Poll::Ready(())
    }

    fn poll_cancelled(&mut self, task: &mut task::Context<'_>) -> Poll<()> {
        if self.phase != Phase::Runs || self.is_over() {
            return Poll::Pending;
        }
        ready!(self.cancelled.as_mut().poll(task));
        self.ask();
        Poll::Ready(())
    }

    fn poll_timer(&mut self, task: &mut task::Context<'_>) -> Poll<()> {
        let Some((at, timer)) = &mut self.timer else { return Poll::Pending };
        ready!(timer.as_mut().poll(task));
        let at = *at;
        self.timer = None;
        if self.context.now() < at {
            self.arm(at);
            return Poll::Ready(());
        }
        match self.phase {
            Phase::Asked => self.kill(),
            // What it wrote before its end is in the pipes, however late they are looked at.
            Phase::Drains if self.streams.told().is_none() => self.phase = Phase::Drained(PIPES),
            _ => self.end(),
        }
        Poll::Ready(())
    }

    fn arm(&mut self, at: Timestamp) {
        let clock = self.context.clock().clone();
        self.timer = Some((at, Box::pin(async move { clock.sleep_until(at).await })));
    }

    /// Whether the command itself is over, whatever it has left behind.
    fn is_over(&self) -> bool {
        self.status.is_some() || self.streams.told().is_some()
    }

    /// Looks at what became of it, after something has.
    fn look_around(&mut self) {
        // What a leash has told comes after all that is the command's; the leash itself is not to be held up in its last moment.
        let is_told = self.streams.told().is_some() && self.status.is_some();
        let is_read = self.streams.are_at_end() || is_told;
        match self.phase {
            Phase::Over => {}
            // The shell of a leash exits in its own time; what is known of the command is all there is to know.
            _ if is_read && self.is_over() => self.end(),
            Phase::Runs if self.is_over() => {
                self.phase = Phase::Drains;
                self.arm(self.context.now() + DRAIN);
            }
            Phase::Asked if self.leash.is_some() => self.let_go(),
            Phase::Drained(0) => self.end(),
            Phase::Drained(left) => self.phase = Phase::Drained(left - 1),
            Phase::Runs | Phase::Drains | Phase::Asked | Phase::Killed => {}
        }
    }

    /// The group is asked to end: by a signal, or by its leash, which does so there.
    fn ask(&mut self) {
        (self.phase, self.asked) = (Phase::Asked, true);
        match self.leash {
            Some(_) => self.let_go(),
            None => self.group.terminate(),
        }
        // A leash kills by itself, and says so.
        let more = if self.leash.is_some() { Duration::from_secs(1) } else { Duration::ZERO };
        self.arm(self.context.now() + self.grace + more);
    }

    /// Lets the leash of a command go that was asked to end: at once if it will not be started, else when it was.
    fn let_go(&mut self) {
        let is_told = self.stdin.as_ref().is_some_and(Feed::is_done);
        if !is_told || self.streams.have_begun() {
            self.stdin = None;
        }
    }

    fn kill(&mut self) {
        self.phase = Phase::Killed;
        self.stdin = None;
        self.group.kill();
        self.arm(self.context.now() + DRAIN);
    }

    fn end(&mut self) {
        // Whatever is left of a command that was asked to end has had its time.
        if matches!(self.phase, Phase::Asked | Phase::Killed) {
            self.group.kill();
        }
        self.streams.close();
        (self.phase, self.timer, self.stdin) = (Phase::Over, None, None);
    }
}

impl Running {
    /// What is known of its end.
    fn outcome(&mut self) -> Result<Ran, Option<CommandFailed>> {
        let (told, is_leashed) = (self.streams.told(), self.leash.is_some());
        let [stdout, stderr] = self.streams.take_outputs();
        if self.asked {
            return Err(None);
        }
        let how = match (told.map(|told| How::told(told, &stderr)), How::exited(self.status.take()))
        {
            (Some(told), _) if is_leashed => told,
            // Its `$$` is the shell of the leash.
            (None, killed @ How::Signal(_)) if is_leashed && self.streams.have_begun() => killed,
            (None, _) if is_leashed => How::Lost(self.streams.last_words(&stderr)),
            (_, exited) => exited,
        };
        if let Some(code) = how.code().filter(|code| *code == 0 || self.allowed.contains(code)) {
            return Ok(Ran { code, stdout, stderr });
        }
        let (name, host) = (std::mem::take(&mut self.name), self.streams.host().cloned());
        Err(Some(CommandFailed::new(name, host, how, stderr)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.phase != Phase::Over && !self.lets_go {
            self.group.kill();
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("command", &self.name)
            .field("process", &self.id())
            .finish_non_exhaustive()
    }
}
