//! The answers, as the server brings them: in their order, and none is missed, whatever becomes of the connection or the server.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_nats::Message;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::message::Acker;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use tokio::time::sleep;

use crate::calls::Calls;
use crate::error::NatsError;
use crate::streams::made;

/// A consumer that nobody asks is forgotten by the server after this.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// An answer that was not acknowledged is lost after this, and sent again.
const ACKED: Duration = Duration::from_secs(3);

/// What an engine has asked for, and is not yet answered, is at most so many messages.
const UNACKED: i64 = 50_000;

/// So many are acknowledged together.
const TOGETHER: u64 = 64;

/// Before the server is asked once more.
const PAUSE: Duration = Duration::from_millis(200);

/// A place in a stream: when that was made, and which message.
type Place = (SystemTime, u64);

/// What the server brings, and what it begins behind.
type Opened = (pull::Stream, Place);

pub(crate) struct Answers {
    calls: Arc<Calls>,
    stream: pull::Stream,
    /// The last answer that was heard.
    heard: Place,
    /// How many the server has sent: one more each time, or something was lost on the way.
    sent: u64,
    /// What acknowledges the last one, and with it those before.
    unacked: Option<Acker>,
    anew: Option<BoxFuture<'static, Result<Opened, NatsError>>>,
}

impl Answers {
    /// Those to come.
    pub(crate) async fn listen(calls: &Arc<Calls>) -> Result<Self, NatsError> {
        let stream = open(calls, DeliverPolicy::New).await?;
        let (calls, heard) = (Arc::clone(calls), (made(&calls.link.done), 0));
        Ok(Self { calls, stream, heard, sent: 0, unacked: None, anew: None })
    }

    /// The next answer, to be [acknowledged](Self::heard). Nothing is lost if this is dropped.
    pub(crate) async fn next(&mut self) -> Message {
        loop {
            if let Some(anew) = &mut self.anew {
                let opened = anew.await;
                self.anew = None;
                match opened {
                    Ok((stream, heard)) => {
                        (self.stream, self.heard, self.sent) = (stream, heard, 0);
                    }
                    Err(_) => self.listen_anew(),
                }
                continue;
            }
            match self.stream.next().await {
                Some(Ok(message)) => {
                    let at =
                        message.info().map(|info| (info.stream_sequence, info.consumer_sequence));
                    let (message, acker) = message.split();
                    match at {
                        // To acknowledge it would be to acknowledge what was lost before it.
                        Ok((_, sent)) if sent != self.sent + 1 => self.listen_anew(),
                        Ok((place, sent)) => {
                            (self.sent, self.heard.1) = (sent, self.heard.1.max(place));
                            self.unacked = Some(acker);
                            return message;
                        }
                        Err(_) => {}
                    }
                }
                // Of a connection that is lost; or the server says nothing of a consumer that is gone.
                Some(Err(error)) if error.kind() == pull::MessagesErrorKind::MissingHeartbeat => {
                    if self.calls.link.presence.since().is_some() {
                        self.listen_anew();
                    }
                }
                Some(Err(_)) | None => self.listen_anew(),
            }
        }
    }

    /// What was brought has been heard: the server is told of several together.
    pub(crate) async fn heard(&mut self) {
        if self.sent.is_multiple_of(TOGETHER) {
            self.acknowledge().await;
        }
    }

    /// The server is told of all that was heard.
    pub(crate) async fn acknowledge(&mut self) {
        if let Some(acker) = self.unacked.take() {
            let _ = acker.ack().await;
        }
    }

    fn listen_anew(&mut self) {
        self.unacked = None;
        self.anew = Some(Box::pin(anew(Arc::clone(&self.calls), self.heard)));
    }
}

/// Goes on behind that place, whatever has become of the consumer, the stream, or the server.
async fn anew(calls: Arc<Calls>, (was_made, heard): Place) -> Result<Opened, NatsError> {
    sleep(PAUSE).await;
    let [_, made] = calls.mend().await?;
    // Another stream counts anew.
    let heard = if made == was_made { heard } else { 0 };
    let _ = calls.link.done.delete_consumer(&calls.me).await;
    let from = DeliverPolicy::ByStartSequence { start_sequence: heard + 1 };
    Ok((open(&calls, from).await?, (made, heard)))
}

async fn open(calls: &Calls, deliver_policy: DeliverPolicy) -> Result<pull::Stream, NatsError> {
    let config = pull::Config {
        durable_name: Some(calls.me.clone()),
        filter_subject: calls.nats.subjects.dones_of(&calls.run),
        deliver_policy,
        ack_policy: AckPolicy::All,
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
