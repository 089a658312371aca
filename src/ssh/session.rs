use std::boxed::Box;
use std::fmt;
use std::format;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_listener::Event;

use super::error::ConnectFailed;
use super::seats::{Seat, Seats};
use super::socket::Socket;
use crate::process::{Command, CommandFailed, How, Launch, Leash, Ran, Running, last_line};
use crate::{Cancelled, Context, Error};

/// A connection to a machine, as the [service](super::Ssh::service) that holds it is ready with: the same through all attempts of
/// that, so that whoever has it goes on with a connection that was opened again. Clones are the same.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    host: Arc<str>,
    state: Mutex<State>,
    changed: Event,
    seats: Arc<Seats>,
}

#[derive(Clone)]
enum State {
    /// It is not open, for now; with the last words, if it was.
    Down(Box<str>),
    Up(Arc<Socket>),
    /// Nobody will open it again.
    Closed(Box<str>),
}

/// A command on another machine, with what it takes of the connection.
pub(super) struct Taken {
    pub(super) running: Running,
    pub(super) seat: Seat,
    socket: Arc<Socket>,
}

/// A refusal that nobody else explains is one for so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between a lost client and the news of its connection.
const NEWS: Duration = Duration::from_secs(2);

impl Session {
    pub(super) fn new(host: &Arc<str>, sessions: usize) -> Self {
        Self(Arc::new(Inner {
            host: Arc::clone(host),
            state: Mutex::new(State::Down("".into())),
            changed: Event::new(),
            seats: Seats::new(sessions),
        }))
    }

    /// The machine, as it was named.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// Whether the connection is open, as far as is known.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(*self.state(), State::Up(_))
    }

    /// Runs a command there, as [`Command::run`] does here: what it reads, writes and ends with is the same. It waits while the
    /// connection is down or has no session left, and is stopped there if the job is asked to end.
    ///
    /// # Errors
    /// As `Command::run`, with the machine; [`ConnectFailed`] if nobody will open the connection again.
    pub async fn run(&self, context: &Context, command: Command) -> Result<Ran, Error> {
        self.finish(context, self.begin(context, &command).await?).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        let before = std::mem::replace(&mut *self.state(), state);
        drop(before);
        self.0.changed.notify(usize::MAX);
    }

    pub(super) fn open(&self, socket: &Arc<Socket>) {
        self.set(State::Up(Arc::clone(socket)));
    }

    /// The attempt that has opened it, or has not, is over; with its last words, unless they are known already.
    pub(super) fn lose(&self, words: &str) {
        let is_over = match &*self.state() {
            State::Up(_) => true,
            State::Down(before) => before.is_empty() || !words.is_empty(),
            State::Closed(_) => false,
        };
        if is_over {
            self.set(State::Down(words.into()));
        }
    }

    /// An attempt to open it begins, perhaps in another run.
    pub(super) fn begin_again(&self) {
        if matches!(*self.state(), State::Closed(_)) {
            self.set(State::Down("".into()));
        }
    }

    /// Nobody opens it again.
    pub(super) fn close(&self) {
        let words = match &*self.state() {
            State::Down(words) | State::Closed(words) => words.clone(),
            State::Up(_) => "".into(),
        };
        self.set(State::Closed(words));
    }

    /// Waits until it is open.
    pub(super) async fn socket(&self, context: &Context) -> Result<Arc<Socket>, Error> {
        let opened = context.unless_cancelled(self.opened()).await.ok_or(Cancelled)?;
        opened.map_err(ConnectFailed::marked)
    }

    async fn opened(&self) -> Result<Arc<Socket>, ConnectFailed> {
        loop {
            let changed = self.0.changed.listen();
            match &*self.state() {
                State::Up(socket) => return Ok(Arc::clone(socket)),
                State::Closed(words) => {
                    let words = if words.is_empty() { "it was closed" } else { words };
                    return Err(ConnectFailed::new(self.host(), words, true));
                }
                State::Down(_) => {}
            }
            changed.await;
        }
    }

    /// The last words of a connection that was lost, as soon as they are known; `None` if it is still there after a while.
    pub(super) async fn words_of(
        &self,
        socket: &Arc<Socket>,
        context: &Context,
    ) -> Option<Box<str>> {
        let lost = async {
            loop {
                let changed = self.0.changed.listen();
                match &*self.state() {
                    State::Up(now) if Arc::ptr_eq(now, socket) => {}
                    State::Up(_) => return Some("".into()),
                    State::Down(words) | State::Closed(words) => return Some(words.clone()),
                }
                changed.await;
            }
        };
        let late = async {
            context.sleep(NEWS).await;
            None
        };
        futures_lite::future::or(lost, late).await
    }

    /// Starts a command, however often it takes until it has begun there.
    pub(super) async fn begin(&self, context: &Context, command: &Command) -> Result<Taken, Error> {
        let failed = |how| command.failed(Some(Arc::clone(&self.0.host)), how);
        let mut refused_since = None;
        loop {
            let socket = self.socket(context).await?;
            let mut seat = self.take_seat(context).await?;
            let launch = self.launch(&socket, command).map_err(CommandFailed::marked)?;
            let mut running =
                Running::start(command, launch, context).map_err(CommandFailed::marked)?;
            if running.begin().await {
                seat.begin();
                return Ok(Taken { running, seat, socket });
            }
            if running.was_asked() {
                return Err(Cancelled.into());
            }
            let (code, said) = running.instead();
            drop(running);
            if is_refusal(&said) {
                self.wait_out(context, seat, &mut refused_since, &said).await?;
            } else if code == Some(255) {
                drop(seat);
                let words = context.unless_cancelled(self.words_of(&socket, context)).await;
                if words.ok_or(Cancelled)?.is_none() {
                    return Err(failed(How::Lost(last_line(said.as_bytes()).into())).marked());
                }
            } else {
                let why =
                    format!("{}: no shell there: {}", self.host(), last_line(said.as_bytes()));
                return Err(failed(How::Refused(why.into())).into());
            }
        }
    }

    /// Waits for a session of the connection.
    pub(super) async fn take_seat(&self, context: &Context) -> Result<Seat, Error> {
        if self.0.seats.are_all_served() {
            let words = "each of the sessions that the server gives is one of a service";
            return Err(ConnectFailed::new(self.host(), words, true).into());
        }
        Ok(context.unless_cancelled(self.0.seats.take()).await.ok_or(Cancelled)?)
    }

    /// Starts a command that is not stopped with its job, if that can be done at once.
    pub(super) fn start_deaf(&self, context: &Context, command: &Command) -> Option<Running> {
        let State::Up(socket) = self.state().clone() else { return None };
        let launch = self.launch(&socket, command).ok()?;
        Running::start(command, Launch { deaf: true, ..launch }, context).ok()
    }

    fn launch(&self, socket: &Socket, command: &Command) -> Result<Launch, CommandFailed> {
        let leash = Leash::new(command.grace);
        let script = command.script(&leash, Some(&self.0.host))?;
        let mut program = Self::client(socket);
        program.arg(leash.line());
        let (feed, host) = (leash.feed(&script), Some(Arc::clone(&self.0.host)));
        Ok(Launch { host, ..Launch::new(program, feed, Some(leash)) })
    }

    /// A `ssh` that uses the connection.
    fn client(socket: &Socket) -> std::process::Command {
        let mut program = std::process::Command::new("ssh");
        program.args(socket.client_args()).args(["-T", "--", "none"]);
        program
    }

    /// The server gives no session: until somebody leaves one, or for a while, if nobody has one.
    pub(super) async fn wait_out(
        &self,
        context: &Context,
        mut seat: Seat,
        since: &mut Option<crate::Timestamp>,
        said: &str,
    ) -> Result<(), Error> {
        let now = context.now();
        if self.0.seats.are_taken_by_others() {
            *since = None;
        }
        let begun = *since.get_or_insert(now);
        let refused = now.saturating_since(begun);
        if refused > PATIENCE {
            let words = said.lines().find(|line| is_refusal(line)).unwrap_or_default();
            return Err(ConnectFailed::new(self.host(), words, true).into());
        }
        if !seat.refuse() {
            let pause = (refused / 2).clamp(Duration::from_millis(10), Duration::from_millis(200));
            context.unless_cancelled(context.sleep(pause)).await.ok_or(Cancelled)?;
        }
        Ok(())
    }

    /// Waits for the end of a command, and knows what `ssh` does not say when its connection is lost.
    pub(super) async fn finish(&self, context: &Context, taken: Taken) -> Result<Ran, Error> {
        let Taken { mut running, socket, seat: _seat } = taken;
        match running.finish_with().await {
            Ok(ran) => Ok(ran),
            Err(None) => Err(Cancelled.into()),
            Err(Some(failed)) if failed.is_lost() => {
                let words = self.words_of(&socket, context).await.unwrap_or_default();
                let failed = if words.is_empty() { failed } else { failed.lost(&words) };
                Err(failed.marked())
            }
            Err(Some(failed)) => Err(failed.marked()),
        }
    }
}

/// What `ssh` says if the server gives no session.
pub(super) fn is_refusal(said: &str) -> bool {
    said.contains("session request failed") || said.contains("Session open refused")
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_open = self.is_open();
        f.debug_struct("Session").field("host", &self.0.host).field("is_open", &is_open).finish()
    }
}

/// Marks a session as one that nobody opens again, when dropped.
pub(super) struct Owner(pub(super) Session);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close();
    }
}
