//! The side of the one who calls: a service that is ready with an [`Engine`].

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{Either, select};
use jobgraph::remote::{Answer, Call, CallError, Engine, Transport};
use jobgraph::{Context, Error, Job, Repeat, ServiceContext};
use tokio::sync::{mpsc, oneshot};

use crate::calls::Order;
use crate::hub::carry;
use crate::nats::Nats;
use crate::thread::Thread;

/// How long an engine has to say that it goes.
const GRACE: std::time::Duration = std::time::Duration::from_secs(5);

impl Nats {
    /// A service that is ready with an engine whose calls are handled by [workers](Self::worker) behind this server. It fails if the
    /// server cannot be reached or used; after that it waits for one that comes back, as long as jobs do.
    pub fn engine(self) -> Job<impl Repeat<Output = Engine>> {
        let desk = Arc::new(Desk::default());
        let serve = move |cx: ServiceContext<Engine>| {
            let (nats, desk) = (self.clone(), Arc::clone(&desk));
            async move { serve(nats, desk, cx).await }
        };
        Job::restartable(serve).label("nats").grace(GRACE)
    }
}

async fn serve(nats: Nats, desk: Arc<Desk>, cx: ServiceContext<Engine>) -> Result<(), Error> {
    let (orders, given) = mpsc::unbounded_channel();
    let (up, is_up) = oneshot::channel();
    let run = cx.run_name();
    let mut thread = Thread::start(move |stopped| carry(nats, run, given, up, stopped))?;
    if !thread.is_up(is_up, &cx).await? {
        return Ok(());
    }
    desk.open(Some(orders));
    let _closes = Closes(&desk);
    cx.ready(Engine::new(Nearby(Arc::clone(&desk))));
    let ended = match select(pin!(thread.ended()), pin!(cx.cancelled())).await {
        Either::Left((ended, _)) => Some(ended),
        Either::Right(_) => None,
    };
    desk.open(None);
    thread.stop();
    match ended {
        Some(ended) => Ok(ended?),
        None => Ok(thread.ended().await?),
    }
}

/// Where orders are given, through all attempts of the service.
#[derive(Default)]
struct Desk(Mutex<Option<mpsc::UnboundedSender<Order>>>);

impl Desk {
    fn open(&self, orders: Option<mpsc::UnboundedSender<Order>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = orders;
    }

    fn give(&self, order: Order) -> Result<(), CallError> {
        let orders = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        orders.and_then(|orders| orders.send(order).ok()).ok_or_else(gone)
    }
}

/// Closes the desk with the attempt.
struct Closes<'a>(&'a Desk);

impl Drop for Closes<'_> {
    fn drop(&mut self) {
        self.0.open(None);
    }
}

/// The engine as its calls see it.
struct Nearby(Arc<Desk>);

impl fmt::Debug for Nearby {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nats")
    }
}

impl Transport for Nearby {
    fn call<'a>(&'a self, cx: &'a Context, call: Call) -> Answer<'a> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            self.0.give(Order { cx: cx.clone(), call, answer })?;
            answered.await.unwrap_or_else(|_| Err(gone()))
        })
    }
}

fn gone() -> CallError {
    CallError::Engine {
        text: "the connection to the server was closed".into(),
        is_permanent: false,
    }
}
