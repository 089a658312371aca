//! What a worker does with one call.

use std::pin::pin;
use std::time::Duration;

use async_nats::header;
use async_nats::jetstream::{self, AckKind};
use jobgraph::Context;
use jobgraph::remote::{CallContext, CallError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

use crate::callers::{Callers, Handled, Unwanted};
use crate::error::NatsError;
use crate::link::Link;
use crate::nats::Nats;
use crate::subjects::{Id, key_of, run_of, unique};
use crate::wire::{self, Begun};
use crate::worker::Task;

/// Of what takes longer, it is said that it has begun: whoever cancels it waits for it then.
const LONG: Duration = Duration::from_millis(20);

/// Before what could not be handled is given back.
const PAUSE: Duration = Duration::from_secs(1);

/// What the calls of a worker share.
pub(crate) struct Hands {
    pub(crate) nats: Nats,
    pub(crate) link: Link,
    pub(crate) callers: Callers,
    pub(crate) cx: Context,
    pub(crate) me: String,
}

/// A call that was taken.
struct Taken<'a> {
    hands: &'a Hands,
    name: &'static str,
    message: &'a jetstream::Message,
    id: &'a Id,
    /// How often it was begun before, and that worker lost.
    begun: u32,
    is_redelivered: bool,
    comes_back: bool,
}

impl Hands {
    /// Handles a call, and answers it, or gives it back.
    pub(crate) async fn handle(
        &self,
        name: &'static str,
        message: jetstream::Message,
        give: mpsc::UnboundedSender<Task>,
    ) {
        let subject = message.subject.clone();
        let Some(id) = self.nats.subjects.id_of_work(&subject) else { return };
        let headers = message.headers.as_ref();
        let taken = Taken {
            hands: self,
            name,
            message: &message,
            id,
            begun: begun(&message),
            is_redelivered: redelivered(&message) > 0,
            comes_back: wire::comes_back(headers),
        };
        let settled = taken.alive(taken.settle(give)).await;
        // Large futures are moved by the byte: what is rare is apart.
        match settled {
            Ok(Settled::Done) => drop(message.ack().await),
            Ok(Settled::GivenBack) => Box::pin(self.give_back(&message)).await,
            // Its other delivery goes on.
            Ok(Settled::Here) => {}
            Err(_) => {
                sleep(PAUSE).await;
                Box::pin(self.give_back(&message)).await;
            }
        }
    }

    /// Somebody else may have it. A message that is merely refused would count as one that was begun.
    pub(crate) async fn give_back(&self, message: &jetstream::Message) {
        let mut headers = message.headers.clone().unwrap_or_default();
        wire::set_begun(&mut headers, begun(message));
        headers.insert(header::NATS_MESSAGE_ID, unique());
        let (subject, payload) = (message.subject.clone(), message.payload.clone());
        let sent = self.link.jetstream.publish_with_headers(subject, headers, payload).await;
        let is_there = match sent {
            Ok(acked) => acked.await.is_ok(),
            Err(_) => false,
        };
        let kind = if is_there { AckKind::Ack } else { AckKind::Nak(None) };
        let _ = message.ack_with(kind).await;
    }
}

/// How often the server has sent this message before.
fn redelivered(message: &jetstream::Message) -> u32 {
    let delivered = message.info().map_or(1, |info| info.delivered);
    u32::try_from(delivered.saturating_sub(1)).unwrap_or(u32::MAX)
}

/// How often a call was begun, and its worker lost: one that was only given back has a message of its own.
fn begun(message: &jetstream::Message) -> u32 {
    wire::begun(message.headers.as_ref()).saturating_add(redelivered(message))
}

/// What has become of a call that was taken.
enum Settled {
    /// It is answered.
    Done,
    GivenBack,
    /// It is being handled here already.
    Here,
}

/// What is to be said to a call.
enum Outcome {
    Answer(Result<Vec<u8>, CallError>),
    /// Whatever it has left behind may lack something.
    CutShort(Result<Vec<u8>, CallError>),
    /// It is answered already.
    Answered,
    /// The worker ends.
    Left,
}

impl Taken<'_> {
    async fn settle(&self, give: mpsc::UnboundedSender<Task>) -> Result<Settled, NatsError> {
        let delivery = self.begun.saturating_add(1);
        let context = CallContext::apart(&self.hands.cx, self.key(), delivery);
        let Some(handled) = self.hands.callers.handles(self.id, &context, self.comes_back) else {
            return Ok(Settled::Here);
        };
        let (answer, was_cut) = match self.handle(&context, &handled, give).await? {
            Outcome::Answer(answer) => (answer, false),
            Outcome::CutShort(answer) => (answer, true),
            Outcome::Answered => return Ok(Settled::Done),
            Outcome::Left => return Ok(Settled::GivenBack),
        };
        self.answer(answer, was_cut).await?;
        Ok(Settled::Done)
    }

    async fn handle(
        &self,
        context: &CallContext,
        handled: &Handled<'_>,
        give: mpsc::UnboundedSender<Task>,
    ) -> Result<Outcome, NatsError> {
        let Hands { nats, link, callers, .. } = self.hands;
        if self.is_redelivered && Box::pin(self.is_answered()).await? {
            return Ok(Outcome::Answered);
        }
        match callers.unwanted(self.id, self.comes_back).await {
            Some(Unwanted::Cancelled) => return Ok(Outcome::CutShort(Err(CallError::Cancelled))),
            Some(Unwanted::Gone) => return Ok(Outcome::CutShort(Err(self.given_up()))),
            None => {}
        }
        if self.begun >= nats.deliveries {
            let text = format!(
                "no worker survived `{}`: it was begun {} times, and never answered",
                self.name, self.begun
            );
            return Ok(Outcome::Answer(Err(CallError::Engine { text, is_permanent: true })));
        }
        let (headers, payload) = (self.message.headers.as_ref(), self.message.payload.clone());
        let Some(payload) = link.payload(nats, headers, payload).await? else {
            let text = format!("what `{}` was given was removed before it was read", self.name);
            return Ok(Outcome::Answer(Err(CallError::Engine { text, is_permanent: false })));
        };
        if self.begun > 0 {
            self.say_begun().await;
        }
        let (answer, answered) = oneshot::channel();
        let input = payload.to_vec();
        let task = Task { name: self.name, cx: context.clone(), input, answer };
        if give.send(task).is_err() {
            return Ok(Outcome::Left);
        }
        drop(give);
        let answered = answered.await.ok();
        let was_cancelled = context.is_cancelled();
        Ok(match answered {
            Some(Err(_)) if handled.is_given_up() => Outcome::CutShort(Err(self.given_up())),
            Some(answer) if was_cancelled => Outcome::CutShort(answer),
            Some(answer) => Outcome::Answer(answer),
            None if was_cancelled => Outcome::CutShort(Err(CallError::Cancelled)),
            None => Outcome::Left,
        })
    }

    fn given_up(&self) -> CallError {
        let patience = self.hands.nats.patience.as_secs_f64();
        let text = format!(
            "the worker gave `{}` up: it had not heard of this run for {patience} s",
            self.name
        );
        CallError::Engine { text, is_permanent: false }
    }

    /// What names the work: of a durable job the same in all attempts and resumptions.
    fn key(&self) -> &str {
        if self.comes_back { key_of(self.id) } else { self.id }
    }

    async fn is_answered(&self) -> Result<bool, NatsError> {
        let subject = self.hands.nats.subjects.done(self.id);
        crate::calls::has(&self.hands.link.done, &subject).await
    }

    async fn say_begun(&self) {
        let Hands { nats, link, me, .. } = self.hands;
        let begun = Begun { id: self.id.into(), worker: me.clone(), delivery: self.begun + 1 };
        let begun = serde_json::to_vec(&begun).unwrap_or_default();
        let _ = link.client.publish(nats.subjects.begun(run_of(self.id)), begun.into()).await;
    }

    /// Gives signs of life until that is done: until its answer is kept by the server, the call is the worker's.
    async fn alive<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut sign = pin!(sleep(LONG));
        let mut is_said = self.begun > 0;
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = &mut sign => {}
            }
            if std::mem::replace(&mut is_said, true) {
                let _ = self.message.ack_with(AckKind::Progress).await;
            } else {
                self.say_begun().await;
            }
            sign.as_mut().reset(Instant::now() + self.hands.nats.lease / 3);
        }
    }

    /// The answer is kept by the server when this returns.
    async fn answer(
        &self,
        answer: Result<Vec<u8>, CallError>,
        was_cut: bool,
    ) -> Result<(), NatsError> {
        let Hands { nats, link, .. } = self.hands;
        let (headers, payload) = wire::answer(answer, was_cut);
        let subject = nats.subjects.done(self.id);
        link.publish(nats, self.id, subject, headers, payload.into()).await?;
        Ok(())
    }
}
