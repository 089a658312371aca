//! The thread of an engine: takes its calls, and hears what becomes of them.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures_util::StreamExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, timeout};

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

/// A consumer that nobody asks is forgotten by the server after this.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// An answer that was not acknowledged is lost after this, and sent again.
const ACKED: Duration = Duration::from_secs(3);

/// What an engine has asked for, and is not yet answered, is at most so many messages.
const UNACKED: i64 = 50_000;

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
    answers: pull::Stream,
    /// Of the last answer that was heard.
    heard: u64,
}

impl Hub {
    async fn open(nats: Nats, run: Option<String>) -> Result<Self, NatsError> {
        let link = Link::open(&nats, "jobgraph engine").await?;
        let calls = Arc::new(Calls::new(nats, link, run, unique()).await?);
        let begun = calls.nats.subjects.begun(&calls.run);
        let begun = calls.link.client.subscribe(begun).await;
        let begun = begun.map_err(|error| calls.link.refusals.error("subscribing", &error))?;
        let answers = listen(&calls, 0).await?;
        Ok(Self { calls, begun, answers, heard: 0 })
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
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => drop(carried.spawn(Arc::clone(&self.calls).carry(order))),
                    None => return,
                },
                message = self.answers.next() => self.hear(message).await,
                Some(message) = self.begun.next() => self.calls.hear_begun(&message.payload),
                Some(_) = carried.join_next() => {}
                _ = beats.tick() => self.beat().await,
                _ = looks.tick() => self.look(),
            }
        }
    }

    /// The next answer; or the consumer has gone with the server's memory, and another one goes on behind the last one heard.
    async fn hear(&mut self, message: Option<Result<jetstream::Message, pull::MessagesError>>) {
        match message {
            Some(Ok(message)) => {
                self.heard = message.info().map_or(self.heard, |info| info.stream_sequence);
                let _ = message.ack().await;
                let (message, _) = message.split();
                self.calls.hear_done(&message.subject, message.headers, message.payload);
            }
            // The stream asks anew by itself.
            Some(Err(error)) if error.kind() == pull::MessagesErrorKind::MissingHeartbeat => {}
            Some(Err(_)) | None => {
                sleep(Duration::from_millis(200)).await;
                if let Ok(answers) = listen(&self.calls, self.heard + 1).await {
                    self.answers = answers;
                }
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
        tokio::spawn(async move { calls.look_for_workers().await });
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

/// Hears answers from there on; 0 for those to come.
async fn listen(calls: &Calls, from: u64) -> Result<pull::Stream, NatsError> {
    let deliver_policy = match from {
        0 => DeliverPolicy::New,
        start_sequence => DeliverPolicy::ByStartSequence { start_sequence },
    };
    let config = pull::Config {
        durable_name: Some(calls.me.clone()),
        filter_subject: calls.nats.subjects.dones_of(&calls.run),
        deliver_policy,
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACKED,
        max_ack_pending: UNACKED,
        inactive_threshold: FORGOTTEN,
        ..pull::Config::default()
    };
    let wrong = |error: &dyn std::error::Error| {
        calls.link.refusals.error("a consumer of the answers", error)
    };
    let consumer = calls.link.done.create_consumer(config).await.map_err(|error| wrong(&error))?;
    let stream = consumer.stream().max_messages_per_batch(500).expires(Duration::from_secs(6));
    let stream = stream.heartbeat(Duration::from_secs(2)).messages().await;
    stream.map_err(|error| wrong(&error))
}

pub(crate) fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
