use std::path::PathBuf;
use std::string::{String, ToString as _};
use std::sync::Arc;
use std::time::Duration;

use super::session::Session;
use crate::process::{Command, Line, Ran};
use crate::{Context, Error, Handle, Job, Repeat, ServiceContext};

/// A job lasts so much longer than the grace of its command, so that a connection is not closed under a process that is ending.
const MARGIN: Duration = Duration::from_secs(2);

impl Job<()> {
    /// A job that runs a command over a connection, and requires that; otherwise like [`Job::command`]. See
    /// [`ssh`](crate::ssh).
    pub fn command_on(
        session: &Handle<Session>,
        command: Command,
    ) -> Job<impl Repeat<Output = Ran> + use<>> {
        let (label, grace) = (command.to_string(), command.grace + MARGIN);
        let run = move |cx: Context, session: Arc<Session>| {
            let command = command.clone();
            async move { session.run(&cx, command).await }
        };
        Job::repeat_with(session, run).label(label).grace(grace)
    }

    /// A service that is a command over a connection, and requires that; otherwise like [`Job::serve`].
    pub fn serve_on(
        session: &Handle<Session>,
        command: Command,
    ) -> Job<impl Repeat<Output = Line> + use<>> {
        let (label, grace) = (command.to_string(), command.grace + MARGIN);
        let serve = move |cx: ServiceContext<Line>, session: Arc<Session>| {
            let command = command.clone();
            async move { session.serve(&cx, &command).await }
        };
        Job::restartable_with(session, serve).label(label).grace(grace)
    }

    /// A job that copies a file or a folder to another machine: see [`Session::push`].
    pub fn push<F: Into<PathBuf>, T: Into<String>>(
        session: &Handle<Session>,
        from: F,
        to: T,
    ) -> Job<impl Repeat<Output = ()> + use<F, T>> {
        let (from, to) = (from.into(), to.into());
        let label = std::format!("push {}", from.display());
        let push = move |cx: Context, session: Arc<Session>| {
            let (from, to) = (from.clone(), to.clone());
            async move { session.push(&cx, &from, &to).await }
        };
        Job::repeat_with(session, push).label(label).grace(MARGIN + MARGIN)
    }

    /// A job that copies a file or a folder from another machine: see [`Session::pull`].
    pub fn pull<F: Into<String>, T: Into<PathBuf>>(
        session: &Handle<Session>,
        from: F,
        to: T,
    ) -> Job<impl Repeat<Output = ()> + use<F, T>> {
        let (from, to) = (from.into(), to.into());
        let label = std::format!("pull {from}");
        let pull = move |cx: Context, session: Arc<Session>| {
            let (from, to) = (from.clone(), to.clone());
            async move { session.pull(&cx, &from, &to).await }
        };
        Job::repeat_with(session, pull).label(label).grace(MARGIN + MARGIN)
    }
}

impl Session {
    async fn serve(&self, cx: &ServiceContext<Line>, command: &Command) -> Result<(), Error> {
        let mut taken = self.begin(cx, command).await?;
        taken.seat.serve();
        taken.running.serve(command, cx).await;
        self.finish(cx, taken).await.map(|_| ())
    }
}
