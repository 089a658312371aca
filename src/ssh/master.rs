use std::boxed::Box;
use std::format;
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use super::address::Ssh;
use super::error::ConnectFailed;
use super::session::{Owner, Session};
use super::socket::Socket;
use crate::process::{Command, CommandFailed, Launch, Running, Stream};
use crate::run::random_name;
use crate::{Cancelled, Context, Error, Job, Permanent, Repeat, ServiceContext};

/// How long a connection has to be closed in order, also on a machine that is busy, and then once it is let go.
const IN_ORDER: Duration = Duration::from_secs(5);
const GRACE: Duration = Duration::from_secs(2);

impl Ssh {
    /// The service that opens the connection and holds it: ready, with the [`Session`], when it is open; stopped after all that require
    /// it, when it is closed. With [`retries`](Job::retries), it is opened again when it could not be opened or was lost; without, a lost connection fails
    /// this job and what runs over it. Labelled with the name of the machine.
    ///
    /// Its error is a [`ConnectFailed`], with the words of `ssh`; one that no retry helps, as of a wrong key or an unknown machine,
    /// is not retried.
    pub fn service(self) -> Job<impl Repeat<Output = Session>> {
        let session = Session::new(&self.host, self.sessions);
        let (label, via) = (self.host.clone(), self.via.clone());
        // The closure goes with the job, and what it owns with it: also of a job that never begins.
        let owner = Arc::new(Owner(session));
        let ssh = Arc::new(self);
        let hold = move |cx: ServiceContext<Session>, via: Vec<Arc<Session>>| {
            let (ssh, owner) = (Arc::clone(&ssh), Arc::clone(&owner));
            async move {
                let session = &owner.0;
                session.begin_again();
                let held = ssh.hold(&cx, session, via.first().map(|gateway| &**gateway)).await;
                // Whoever waits for it is not to wait for ever.
                if held.as_ref().is_err_and(|error| cx.is_last_attempt() || error.is::<Permanent>())
                {
                    session.close();
                }
                held
            }
        };
        Job::restartable_with(via, hold).label(&*label).grace(IN_ORDER + 2 * GRACE)
    }

    async fn hold(
        &self,
        cx: &ServiceContext<Session>,
        session: &Session,
        via: Option<&Session>,
    ) -> Result<(), Error> {
        let gateway = match via {
            Some(gateway) => Some(gateway.socket(cx).await?),
            None => None,
        };
        let says = format!("jobgraph-{}", random_name());
        let socket = Arc::new(Socket::new());
        let master = self.master(&socket, &says, gateway.as_deref());
        let master = master.leashed().grace(GRACE).keep(4 << 10);
        let mut launch = master.launch().map_err(CommandFailed::marked)?;
        // Dropped, it is closed all the same, only that nobody waits for it. Asked to end, it is told by its own means: a signal
        // for its group would be one for the way to it as well.
        (launch.lets_go, launch.deaf) = (true, true);
        let running = Running::start(&master, launch, cx).map_err(CommandFailed::marked)?;
        let mut master = Master { running, socket, words: "".into(), was_open: false };
        let _down = Down(session);
        if cx.unless_cancelled(master.listen(&says, session, cx)).await.is_none() {
            master.exit(cx).await;
            return Err(Cancelled.into());
        }
        session.lose(&master.words);
        Err(ConnectFailed::new(session.host(), &master.words, master.was_open).marked())
    }
}

/// The `ssh` that has opened the connection.
struct Master {
    running: Running,
    socket: Arc<Socket>,
    /// What it said at last.
    words: Box<str>,
    was_open: bool,
}

impl Master {
    /// Until it has ended.
    async fn listen(&mut self, says: &str, session: &Session, cx: &ServiceContext<Session>) {
        while let Some(line) = self.running.next_line().await {
            if line.stream == Stream::Stdout && line.text.trim() == says {
                self.was_open = true;
                session.open(&self.socket);
                cx.ready(session.clone());
            } else if line.stream == Stream::Stderr && !line.text.trim().is_empty() {
                self.words = line.text.trim().into();
            }
        }
    }

    /// Closes the connection, in order if it can be.
    async fn exit(&mut self, cx: &Context) {
        let exit = Command::new("ssh").args(self.socket.client_args());
        let exit = exit.args(["-O", "exit", "--", "none"]);
        let launch = exit.launch().ok().filter(|_| self.was_open);
        let in_order = async {
            let launch = launch.map(|launch| Launch { deaf: true, ..launch });
            if let Some(Ok(mut told)) = launch.map(|launch| Running::start(&exit, launch, cx)) {
                let _ = told.finish_with().await;
                let _ = self.running.finish_with().await;
            }
        };
        futures_lite::future::or(in_order, cx.sleep(IN_ORDER)).await;
        self.running.stop();
        let _ = self.running.finish_with().await;
    }
}

/// However the attempt ends, the session is not open any more.
struct Down<'a>(&'a Session);

impl Drop for Down<'_> {
    fn drop(&mut self) {
        self.0.lose("");
    }
}
