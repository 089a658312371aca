//! What becomes of the calls of an engine: each is published, and waits for its answer.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use async_nats::HeaderMap;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::ConsumerInfoError;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{RawMessageErrorKind, Stream};
use bytes::Bytes;
use futures_util::future::join_all;
use jobgraph::Context;
use jobgraph::remote::{Call, CallError};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::error::{NatsError, text_of};
use crate::link::Link;
use crate::nats::Nats;
use crate::payload::object_of;
use crate::streams::made;
use crate::subjects::{digest, token, unique};
use crate::waiting::{News, Slot, Waiting};
use crate::wire;

/// A call that is to be brought to a worker.
pub(crate) struct Order {
    pub(crate) cx: Context,
    pub(crate) call: Call,
    pub(crate) answer: oneshot::Sender<Result<Vec<u8>, CallError>>,
}

/// The calls of an engine.
pub(crate) struct Calls {
    pub(crate) nats: Nats,
    pub(crate) link: Link,
    /// The name of the run in subjects.
    pub(crate) run: String,
    /// Whether there is a journal: then it comes back under the same name.
    pub(crate) comes_back: bool,
    /// Whether it was here before.
    pub(crate) is_back: bool,
    /// This engine: no other one has this word.
    pub(crate) me: String,
    pub(crate) waiting: Waiting,
    /// What is still to be said of calls that nobody wants any more.
    farewells: Mutex<JoinSet<()>>,
    /// When the streams were made.
    made: Mutex<[SystemTime; 2]>,
    counter: AtomicU64,
}

/// What a controller that came back finds of a call.
enum Before {
    Nothing,
    AtWork,
    Answered(Vec<u8>),
}

impl Calls {
    pub(crate) async fn new(
        nats: Nats,
        link: Link,
        run: Option<String>,
        me: String,
    ) -> Result<Self, NatsError> {
        let comes_back = run.is_some();
        let run = run.map_or_else(|| me.clone(), |run| token(&run));
        let subjects = &nats.subjects;
        let is_back = comes_back
            && (has(&link.done, &subjects.dones_of(&run)).await?
                || has(&link.work, &subjects.works_of_run(&run)).await?);
        let (waiting, farewells, counter) =
            (Waiting::default(), Mutex::default(), AtomicU64::new(0));
        let made = Mutex::new([made(&link.work), made(&link.done)]);
        Ok(Self { nats, link, run, comes_back, is_back, me, waiting, farewells, made, counter })
    }

    /// Brings a call to a worker, and the answer back.
    pub(crate) async fn carry(self: Arc<Self>, order: Order) {
        let Order { cx, call, mut answer } = order;
        let comes_back = self.comes_back && call.key.is_some();
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let key = call.key.as_deref().map_or_else(|| "n".into(), digest);
        let id = if self.run == self.me {
            format!("{}.{key}.{number}", self.run)
        } else {
            format!("{}.{key}.{}-{number}", self.run, self.me)
        };
        let mut slot = self.waiting.enter(call.task, id, comes_back);
        let answered = tokio::select! {
            biased;
            answered = self.answered(&cx, call, &mut slot) => Some(answered),
            () = answer.closed() => None,
        };
        match answered {
            Some(answered) => drop(answer.send(answered)),
            None => self.withdraw(&slot),
        }
        if slot.is_large && !slot.comes_back {
            let object = self.nats.subjects.work(slot.task, &slot.id);
            self.link.forget(&self.nats, Some(&object)).await;
        }
    }

    async fn answered(
        self: &Arc<Self>,
        cx: &Context,
        call: Call,
        slot: &mut Slot,
    ) -> Result<Vec<u8>, CallError> {
        let mut cancelled = pin!(cx.cancelled());
        let input = Bytes::from(call.input);
        let sent = tokio::select! {
            biased;
            sent = self.send(call.key, input.clone(), slot) => sent.map_err(|error| failed(&error))?,
            () = &mut cancelled => return Err(self.call_off(slot)),
        };
        match sent {
            Some(output) => Ok(output),
            None => self.hear(cx, cancelled, input, slot).await,
        }
    }

    /// Waits for the answer to a call that was sent.
    async fn hear(
        self: &Arc<Self>,
        cx: &Context,
        mut cancelled: Pin<&mut impl Future<Output = ()>>,
        input: Bytes,
        slot: &mut Slot,
    ) -> Result<Vec<u8>, CallError> {
        let (mut is_asked, mut is_alone) = (false, false);
        loop {
            let news = tokio::select! {
                biased;
                news = slot.news.recv() => news,
                () = &mut cancelled, if !is_asked => None,
            };
            match news.map(|news| *news) {
                None => {
                    is_asked = true;
                    self.withdraw(slot);
                    if !slot.has_begun() {
                        return Err(CallError::Cancelled);
                    }
                }
                Some(News::Begun(begun)) => {
                    if begun.delivery > 1 || is_alone {
                        cx.note(format!("with {}, delivery {}", begun.worker, begun.delivery));
                    }
                }
                Some(News::Nobody) => {
                    is_alone = true;
                    cx.note(format!("no worker is there for `{}`", slot.task));
                }
                // Nobody has it now who could still hear that it is cancelled.
                Some(News::Lost) if is_asked => return Err(CallError::Cancelled),
                Some(News::Lost) => tokio::select! {
                    biased;
                    sent = Box::pin(self.send_again(input.clone(), slot)) => {
                        sent.map_err(|error| failed(&error))?;
                    }
                    () = &mut cancelled => return Err(self.call_off(slot)),
                },
                Some(News::Done(headers, payload)) => {
                    if is_alone {
                        cx.note("a worker has come");
                    }
                    return self.take(headers.as_ref(), payload, slot.comes_back).await;
                }
            }
        }
    }

    /// Publishes a call, unless somebody has it from before, or has answered it.
    async fn send(
        self: &Arc<Self>,
        key: Option<String>,
        input: Bytes,
        slot: &mut Slot,
    ) -> Result<Option<Vec<u8>>, NatsError> {
        if let (true, Some(key)) = (self.is_back, &key) {
            match Box::pin(self.before(key, slot)).await? {
                Before::Answered(output) => return Ok(Some(output)),
                Before::AtWork => return Ok(None),
                Before::Nothing => {}
            }
        }
        self.publish(&slot.id.clone(), input, slot).await?;
        Ok(None)
    }

    /// Publishes a call once more, if nobody has it.
    async fn send_again(&self, input: Bytes, slot: &mut Slot) -> Result<(), NatsError> {
        let subject = self.nats.subjects.work(slot.task, &slot.id);
        if has(&self.link.work, &subject).await? {
            return Ok(());
        }
        // The server remembers names of what it no longer has.
        self.publish(&unique(), input, slot).await
    }

    async fn publish(&self, name: &str, input: Bytes, slot: &mut Slot) -> Result<(), NatsError> {
        let subject = self.nats.subjects.work(slot.task, &slot.id);
        let headers = wire::work_headers(slot.comes_back);
        slot.is_large = self.link.publish(&self.nats, name, subject, headers, input).await?;
        Ok(())
    }

    /// Looks for what has become of a call that may have been made before.
    async fn before(&self, key: &str, slot: &mut Slot) -> Result<Before, NatsError> {
        let before = format!("{}.{}.*", self.run, digest(key));
        let work = self.nats.subjects.work(slot.task, &before);
        let at_work = last(&self.link.work, &work).await?;
        let id = at_work.as_ref().and_then(|work| self.nats.subjects.id_of_work(&work.subject));
        let own = slot.id.clone();
        if let Some(id) = id {
            slot.rename(id.to_owned());
        }
        // Whoever has it answers before it takes it from the stream.
        let done = last(&self.link.done, &self.nats.subjects.done(&before)).await?;
        if let Some(done) = done.as_ref().filter(|done| wire::counts(&done.headers)) {
            let (headers, payload) = (Some(&done.headers), done.payload.clone());
            if let Some(payload) = self.link.payload(&self.nats, headers, payload).await?
                && let Ok(output) = wire::answer_of(headers, &payload)
            {
                return Ok(Before::Answered(output));
            }
        }
        match at_work {
            // Its answer is one that does not count: it is made anew.
            Some(work) if is_answered(&self.nats, done.as_ref(), &work) => {
                let _ = self.link.delete(&self.nats.subjects.work_stream(), work.sequence).await;
                slot.rename(own);
            }
            Some(_) => return Ok(Before::AtWork),
            None => {}
        }
        Ok(Before::Nothing)
    }

    /// What an answer carries.
    async fn take(
        &self,
        headers: Option<&HeaderMap>,
        payload: Bytes,
        comes_back: bool,
    ) -> Result<Vec<u8>, CallError> {
        let payload = self.link.payload(&self.nats, headers, payload).await;
        let payload =
            payload.map_err(|error| failed(&error))?.ok_or_else(|| CallError::Engine {
                text: "its answer was removed before it was read".into(),
                is_permanent: false,
            })?;
        if !comes_back {
            self.link.forget(&self.nats, object_of(headers)).await;
        }
        wire::answer_of(headers, &payload)
    }

    /// The call ends here, whatever becomes of it elsewhere.
    fn call_off(self: &Arc<Self>, slot: &Slot) -> CallError {
        self.withdraw(slot);
        CallError::Cancelled
    }

    /// Nobody wants the answer any more. Who says so does not wait for it to be heard.
    fn withdraw(self: &Arc<Self>, slot: &Slot) {
        let (calls, task, id) = (Arc::clone(self), slot.task, slot.id.clone());
        let mut farewells = self.farewells.lock().unwrap_or_else(PoisonError::into_inner);
        while farewells.try_join_next().is_some() {}
        farewells.spawn(async move { calls.say_unwanted(task, id).await });
    }

    /// A purge would be simpler; with it 2.9.10 forgets what else its consumer has, and has not.
    async fn say_unwanted(&self, task: &str, id: String) {
        let subject = self.nats.subjects.work(task, &id);
        // More than one, if it was given back.
        while let Ok(Some(work)) = last(&self.link.work, &subject).await {
            if self.link.delete(&self.nats.subjects.work_stream(), work.sequence).await.is_err() {
                break;
            }
        }
        let _ = self.link.client.publish(self.nats.subjects.cancel(&self.run), id.into()).await;
    }

    /// All that is to be said has been.
    pub(crate) async fn said(&self) {
        let lock = || self.farewells.lock().unwrap_or_else(PoisonError::into_inner);
        let mut farewells = std::mem::take(&mut *lock());
        while farewells.join_next().await.is_some() {}
    }

    /// Makes streams anew that somebody has removed, and tells the calls that wait. When the streams were made.
    pub(crate) async fn mend(&self) -> Result<[SystemTime; 2], NatsError> {
        let now = self.link.mend(&self.nats).await?;
        let before = {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *made, now)
        };
        if before != now {
            self.waiting.lost();
        }
        Ok(now)
    }

    /// Looks after calls that wait for long: whether what is kept of them is there, and workers, where none has begun.
    pub(crate) async fn look(&self) {
        if self.waiting.is_any_slow() {
            let _ = self.mend().await;
        }
        for task in self.waiting.alone() {
            let is_there = match self.link.work.consumer_info(token(task)).await {
                Ok(info) => info.num_waiting > 0 || info.num_ack_pending > 0,
                Err(error) => !is_missing(&error),
            };
            if !is_there {
                self.waiting.nobody(task);
            }
        }
    }

    /// The engine goes: nobody will want what it has not heard of, unless it comes back.
    pub(crate) async fn withdraw_all(&self) {
        let left = self.waiting.all();
        join_all(left.into_iter().map(|(task, id)| self.say_unwanted(task, id))).await;
    }
}

/// Whether the answer is one to this.
fn is_answered(nats: &Nats, done: Option<&StreamMessage>, work: &StreamMessage) -> bool {
    let done = done.and_then(|done| nats.subjects.id_of_done(&done.subject));
    done.is_some() && done == nats.subjects.id_of_work(&work.subject)
}

/// The last message of a subject, which may be a pattern.
async fn last(stream: &Stream, subject: &str) -> Result<Option<StreamMessage>, NatsError> {
    match stream.get_last_raw_message_by_subject(subject).await {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => {
            Err(NatsError::Other { what: format!("looking for {subject}"), text: text_of(&error) })
        }
    }
}

pub(crate) async fn has(stream: &Stream, subject: &str) -> Result<bool, NatsError> {
    Ok(last(stream, subject).await?.is_some())
}

fn is_missing(error: &ConsumerInfoError) -> bool {
    use async_nats::jetstream::context::ConsumerInfoErrorKind as Kind;
    match error.kind() {
        Kind::NotFound => true,
        Kind::JetStream(told) => told.error_code() == ErrorCode::CONSUMER_NOT_FOUND,
        _ => false,
    }
}

fn failed(error: &NatsError) -> CallError {
    let is_permanent = matches!(error, NatsError::Denied { .. });
    CallError::Engine { text: error.to_string(), is_permanent }
}
