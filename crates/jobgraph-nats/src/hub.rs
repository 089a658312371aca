//! The thread of an engine: takes its calls, and hears what becomes of them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use crate::answers::Answers;
use crate::calls::{Calls, Order};
use crate::error::NatsError;
use crate::link::Link;
use crate::nats::Nats;
use crate::subjects::unique;
use crate::thread::Stopped;

/// What is said when one goes, is said within this.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Workers are looked for so often.
const LOOK: Duration = Duration::from_secs(2);

/// Answers that were heard are acknowledged after this at the latest.
const ACKS: Duration = Duration::from_secs(1);

/// An engine until it is stopped. Says that it is up once it can take calls.
pub(crate) async fn carry(
    nats: Nats,
    run: Option<String>,
    orders: mpsc::UnboundedReceiver<Order>,
    up: oneshot::Sender<()>,
    mut stopped: Stopped,
) -> Result<(), NatsError> {
    let opened = tokio::select! {
        opened = Hub::open(nats, run) => Some(opened?),
        _ = &mut stopped => None,
    };
    if let Some(hub) = opened.filter(|_| up.send(()).is_ok()) {
        hub.serve(orders, stopped).await;
    }
    Ok(())
}

struct Hub {
    calls: Arc<Calls>,
    begun: async_nats::Subscriber,
    answers: Answers,
}

impl Hub {
    async fn open(nats: Nats, run: Option<String>) -> Result<Self, NatsError> {
        let link = Link::open(&nats, "jobgraph engine").await?;
        let calls = Arc::new(Calls::new(nats, link, run, unique()).await?);
        let begun = calls.nats.subjects.begun(&calls.run);
        let begun = calls.link.client.subscribe(begun).await;
        let begun = begun.map_err(|error| calls.link.refusals.error("subscribing", &error))?;
        let answers = Answers::listen(&calls).await?;
        let hub = Self { calls, begun, answers };
        // A worker that has not heard of it would take its calls for those of one that is gone.
        hub.beat().await;
        Ok(hub)
    }

    async fn serve(mut self, mut orders: mpsc::UnboundedReceiver<Order>, mut stopped: Stopped) {
        let mut carried = JoinSet::new();
        // However long something in there waits for the server.
        tokio::select! {
            () = self.take(&mut orders, &mut carried) => {}
            _ = &mut stopped => {}
        }
        let _ = timeout(LAST_WORDS, self.go(carried)).await;
    }

    async fn take(
        &mut self,
        orders: &mut mpsc::UnboundedReceiver<Order>,
        carried: &mut JoinSet<()>,
    ) {
        let (mut beats, mut looks) = (ticks(self.calls.nats.patience / 6), ticks(LOOK));
        let mut acks = ticks(ACKS);
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => drop(carried.spawn(Arc::clone(&self.calls).carry(order))),
                    None => return,
                },
                message = self.answers.next() => {
                    if let Some(id) = self.calls.nats.subjects.id_of_done(&message.subject) {
                        self.calls.waiting.done(id, message.headers, message.payload);
                    }
                    self.answers.heard().await;
                }
                Some(message) = self.begun.next() => {
                    if let Ok(begun) = serde_json::from_slice(&message.payload) {
                        self.calls.waiting.begun(begun);
                    }
                }
                Some(_) = carried.join_next() => {}
                _ = beats.tick() => self.beat().await,
                _ = looks.tick() => self.look(),
                _ = acks.tick() => self.answers.acknowledge().await,
            }
        }
    }

    async fn beat(&self) {
        let calls = &self.calls;
        let alive = calls.nats.subjects.alive(&calls.run);
        let _ = calls.link.client.publish(alive, "".into()).await;
    }

    fn look(&self) {
        let calls = Arc::clone(&self.calls);
        tokio::spawn(async move { calls.look().await });
    }

    /// Nobody is there any more who would hear an answer, unless this comes back.
    async fn go(self, mut carried: JoinSet<()>) {
        // Those whose jobs were dropped say so by themselves.
        let _ =
            timeout(LAST_WORDS / 4, async { while carried.join_next().await.is_some() {} }).await;
        if !self.calls.comes_back {
            self.calls.withdraw_all().await;
        }
        carried.abort_all();
        self.calls.said().await;
        let Calls { nats, link, run, me, comes_back, .. } = &*self.calls;
        let _ = link.done.delete_consumer(me).await;
        if !comes_back {
            let _ = link.done.purge().filter(nats.subjects.dones_of(run)).await;
        }
        let _ = link.client.flush().await;
    }
}

pub(crate) fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
