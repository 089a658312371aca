use std::boxed::Box;
use std::format;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use super::address::Ssh;
use super::error::ConnectFailed;
use super::session::{Owner, Session, unless_cancelled};
use super::socket::Socket;
use crate::process::{CommandFailed, Running, Stream};
use crate::{Cancelled, Error, Job, Repeat, ServiceContext};

/// How long a connection has to be closed in order.
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
        // The closure, and with it what it owns, goes when there are no more attempts.
        let owner = Arc::new(Owner(session));
        let ssh = Arc::new(self);
        let hold = move |cx: ServiceContext<Session>, via: Vec<Arc<Session>>| {
            let (ssh, owner) = (Arc::clone(&ssh), Arc::clone(&owner));
            async move { ssh.hold(&cx, &owner.0, via.first().map(|gateway| &**gateway)).await }
        };
        Job::restartable_with(via, hold).label(&*label).grace(GRACE + GRACE)
    }

    async fn hold(
        &self,
        cx: &ServiceContext<Session>,
        session: &Session,
        via: Option<&Session>,
    ) -> Result<(), Error> {
        let gateway = match via {
            Some(gateway) => {
                let socket = unless_cancelled(cx, gateway.socket()).await?;
                Some(socket.map_err(ConnectFailed::marked)?)
            }
            None => None,
        };
        let says = format!("jobgraph-{:016x}", RandomState::new().build_hasher().finish());
        let socket = Arc::new(Socket::new());
        let master = self.master(&socket, &says, gateway.as_deref());
        let master = master.leashed().grace(GRACE).keep(4 << 10);
        let mut launch = master.launch().map_err(CommandFailed::marked)?;
        // Dropped, it is closed in order all the same, only that nobody waits for it.
        launch.lets_go = true;
        let mut running = Running::start(&master, launch, cx).map_err(CommandFailed::marked)?;
        let _down = Down(session);
        let (mut was_open, mut words): (_, Box<str>) = (false, "".into());
        while let Some(line) = running.next_line().await {
            if line.stream == Stream::Stdout && line.text.trim() == says {
                was_open = true;
                session.open(&socket);
                cx.ready(session.clone());
            } else if line.stream == Stream::Stderr && !line.text.trim().is_empty() {
                words = line.text.trim().into();
            }
        }
        match running.finish_with().await {
            Err(None) => Err(Cancelled.into()),
            Ok(_) | Err(Some(_)) => {
                session.lose(&words);
                Err(ConnectFailed::new(session.host(), &words, was_open).marked())
            }
        }
    }
}

/// However the attempt ends, the session is not open any more.
struct Down<'a>(&'a Session);

impl Drop for Down<'_> {
    fn drop(&mut self) {
        self.0.lose("");
    }
}
