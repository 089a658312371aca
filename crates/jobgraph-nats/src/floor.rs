//! The thread of a worker: takes calls from the server, as many as there are hands.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use jobgraph::Context;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::callers::Callers;
use crate::error::NatsError;
use crate::handling::Hands;
use crate::hub::ticks;
use crate::link::Link;
use crate::nats::Nats;
use crate::streams::insist;
use crate::subjects::{token, unique};
use crate::thread::Stopped;
use crate::worker::Task;

/// What is said when one goes, is said within this.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A question for a call, where there is none, waits so long. It is lost with a server that dies.
const WAIT: Duration = Duration::from_secs(1);

/// Before a server that does not answer as it should is asked once more.
const PAUSE: Duration = Duration::from_millis(100);

/// Hands that become free so soon after another ask together.
const TOGETHER: Duration = Duration::from_millis(1);

/// What was taken, and nobody here has a hand for, is given back after this.
const HELD: Duration = Duration::from_millis(250);

/// How many calls the workers of a task may have at once.
const UNACKED: i64 = 100_000;

/// What a worker does, and for whom.
pub(crate) struct Shift {
    pub(crate) cx: Context,
    pub(crate) names: Vec<&'static str>,
    pub(crate) at_once: usize,
    pub(crate) tasks: mpsc::UnboundedSender<Task>,
    /// Says, by being closed, that no more calls are to be taken.
    pub(crate) is_enough: oneshot::Receiver<()>,
}

/// A worker until it has had enough and all is done, or is stopped. Says that it is up once it can take calls.
pub(crate) async fn work(
    nats: Nats,
    shift: Shift,
    up: oneshot::Sender<()>,
    mut stopped: Stopped,
) -> Result<(), NatsError> {
    let Shift { cx, names, at_once, tasks, mut is_enough } = shift;
    let opened = tokio::select! {
        opened = Floor::open(nats, &names, at_once, cx, tasks) => Some(opened?),
        _ = &mut stopped => None,
    };
    let Some(mut floor) = opened.filter(|_| up.send(()).is_ok()) else { return Ok(()) };
    let hands = Arc::clone(&floor.hands);
    let listens = hands.listens();
    let takes = async {
        floor.take(&mut is_enough).await;
        floor.finish().await;
    };
    tokio::select! {
        () = takes => {}
        () = listens => {}
        _ = &mut stopped => {}
    }
    // What is not done is given back.
    let _ = timeout(LAST_WORDS, async {
        floor.finish().await;
        let _ = hands.link.client.flush().await;
    })
    .await;
    Ok(())
}

struct Floor {
    hands: Arc<Hands>,
    tasks: Vec<(&'static str, PullConsumer)>,
    at_once: usize,
    free: Arc<Semaphore>,
    /// What the server was asked for, and has not had: one call of each task.
    asked: FuturesUnordered<BoxFuture<'static, (usize, Option<jetstream::Message>)>>,
    is_asked: Vec<bool>,
    /// What has come when no hand was free, and when.
    held: VecDeque<(Instant, &'static str, jetstream::Message)>,
    /// Which task is asked first.
    first: usize,
    handled: JoinSet<()>,
    give: Option<mpsc::UnboundedSender<Task>>,
}

impl Floor {
    async fn open(
        nats: Nats,
        names: &[&'static str],
        at_once: usize,
        cx: Context,
        give: mpsc::UnboundedSender<Task>,
    ) -> Result<Self, NatsError> {
        let link = Link::open(&nats, "jobgraph worker").await?;
        let mut tasks = Vec::new();
        for &name in names {
            tasks.push((name, consumer(&nats, &link, name).await?));
        }
        let callers = Callers::listen(&nats, &link).await?;
        let hands = Arc::new(Hands { nats, link, callers, cx, me: me() });
        Ok(Self {
            hands,
            is_asked: vec![false; tasks.len()],
            tasks,
            at_once,
            free: Arc::new(Semaphore::new(at_once)),
            asked: FuturesUnordered::new(),
            held: VecDeque::new(),
            first: 0,
            handled: JoinSet::new(),
            give: Some(give),
        })
    }

    /// Takes calls until it is enough. It is not dropped meanwhile: with it would be what comes just then.
    async fn take(&mut self, is_enough: &mut oneshot::Receiver<()>) {
        loop {
            while self.handled.try_join_next().is_some() {}
            let until = self.held.front().map_or_else(Instant::now, |(since, ..)| *since + HELD);
            let permit = tokio::select! {
                biased;
                _ = &mut *is_enough => return,
                permit = Arc::clone(&self.free).acquire_owned() => permit,
                Some((task, message)) = self.asked.next() => {
                    self.is_asked[task] = false;
                    let name = self.tasks[task].0;
                    self.held.extend(message.map(|message| (Instant::now(), name, message)));
                    continue;
                }
                () = sleep_until(until), if !self.held.is_empty() => {
                    if let Some((_, _, message)) = self.held.pop_front() {
                        self.hands.give_back(&message).await;
                    }
                    continue;
                }
            };
            let Ok(permit) = permit else { return };
            match self.held.pop_front() {
                Some((_, name, message)) => self.handle(name, message, permit),
                None => {
                    if self.ask(permit, is_enough).await {
                        return;
                    }
                }
            }
        }
    }

    /// Takes what waits; if nothing does, the first call that comes, of whatever task. Whether it is enough.
    async fn ask(
        &mut self,
        permit: OwnedSemaphorePermit,
        is_enough: &mut oneshot::Receiver<()>,
    ) -> bool {
        let mut permits = vec![permit];
        // Short calls end by the dozen: asked for one by one, they cost more than they do.
        let few = u32::try_from(self.at_once / 4).unwrap_or(u32::MAX).saturating_sub(1);
        if self.free.available_permits() < few as usize {
            let more = timeout(TOGETHER, Arc::clone(&self.free).acquire_many_owned(few)).await;
            if let Ok(Ok(mut more)) = more {
                permits.extend(std::iter::from_fn(|| more.split(1)));
            }
        }
        while let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            permits.push(permit);
        }
        if self.take_waiting(&mut permits).await {
            return false;
        }
        for (task, &(name, ref consumer)) in self.tasks.iter().enumerate() {
            if !std::mem::replace(&mut self.is_asked[task], true) {
                let next = next(Arc::clone(&self.hands), name, consumer.clone());
                self.asked.push(Box::pin(async move { (task, next.await) }));
            }
        }
        let asked = tokio::select! {
            biased;
            _ = is_enough => return true,
            asked = self.asked.next(), if !self.asked.is_empty() => asked,
        };
        if let Some((task, message)) = asked {
            self.is_asked[task] = false;
            if let (Some(message), Some(permit)) = (message, permits.pop()) {
                self.handle(self.tasks[task].0, message, permit);
            }
        }
        false
    }

    /// Takes what waits, as much as there are hands for; each task may be first. Whether there was anything.
    async fn take_waiting(&mut self, permits: &mut Vec<OwnedSemaphorePermit>) -> bool {
        let mut any = false;
        self.first = (self.first + 1) % self.tasks.len().max(1);
        for offset in 0..self.tasks.len() {
            if permits.is_empty() {
                break;
            }
            let (name, consumer) = &self.tasks[(self.first + offset) % self.tasks.len()];
            let (name, fetch) = (*name, consumer.fetch().max_messages(permits.len()));
            let Ok(mut batch) = fetch.messages().await else { continue };
            // What waits comes at once, and after it that there is no more; unless the server dies.
            while let Ok(Some(Ok(message))) = timeout(WAIT, batch.next()).await {
                let Some(permit) = permits.pop() else { break };
                any = true;
                self.handle(name, message, permit);
            }
        }
        any
    }

    fn handle(
        &mut self,
        name: &'static str,
        message: jetstream::Message,
        permit: OwnedSemaphorePermit,
    ) {
        let Some(give) = self.give.clone() else { return };
        let hands = Arc::clone(&self.hands);
        self.handled.spawn(async move {
            hands.handle(name, message, give).await;
            drop(permit);
        });
    }

    /// Takes no more, and waits until all that was taken is answered, or given back.
    async fn finish(&mut self) {
        self.give = None;
        for (_, _, message) in std::mem::take(&mut self.held) {
            self.hands.give_back(&message).await;
        }
        // What the server was asked for may still come.
        while let Some((_, message)) = self.asked.next().await {
            if let Some(message) = message {
                self.hands.give_back(&message).await;
            }
        }
        while self.handled.join_next().await.is_some() {}
    }
}

/// The consumer of a task: found, or made.
async fn consumer(nats: &Nats, link: &Link, name: &str) -> Result<PullConsumer, NatsError> {
    let config = pull::Config {
        durable_name: Some(token(name)),
        filter_subject: nats.subjects.works_of(name),
        ack_policy: AckPolicy::Explicit,
        ack_wait: nats.lease,
        max_ack_pending: UNACKED,
        ..pull::Config::default()
    };
    let consumer = insist(|| link.work.create_consumer(config.clone())).await;
    consumer.map_err(|error| link.refusals.error("a consumer of calls", &error))
}

/// The next call of a task, unless none comes for a while.
async fn next(
    hands: Arc<Hands>,
    name: &'static str,
    of: PullConsumer,
) -> Option<jetstream::Message> {
    let Ok(mut batch) = of.batch().max_messages(1).expires(WAIT).messages().await else {
        sleep(PAUSE).await;
        return None;
    };
    // The server says in time that there is none; who hears nothing asks what is not there.
    match timeout(WAIT * 2, batch.next()).await {
        Ok(Some(Ok(message))) => return Some(message),
        Ok(None) => return None,
        Ok(Some(Err(_))) | Err(_) => sleep(PAUSE).await,
    }
    // There is no server now; or somebody has removed the consumer, or its stream.
    if hands.link.mend(&hands.nats).await.is_ok() {
        let _ = consumer(&hands.nats, &hands.link, name).await;
    }
    batch.next().now_or_never().flatten()?.ok()
}

/// What a worker is called: its machine, its process, and a word, as there may be several.
fn me() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let host = if host.is_empty() { "worker" } else { host };
    format!("{host}-{}-{}", std::process::id(), &unique()[..4])
}

impl Hands {
    /// Hears who is there, and what is cancelled.
    async fn listens(self: &Arc<Self>) {
        let mut looks = ticks(self.nats.patience / 6);
        loop {
            tokio::select! {
                () = self.callers.hear() => {}
                _ = looks.tick() => self.callers.look(),
            }
        }
    }
}
