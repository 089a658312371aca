//! A connection to the server, with the streams that both sides use.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_nats::jetstream;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::stream::Stream;
use async_nats::{Client, Event, ServerError};

use crate::error::{NatsError, text_of};
use crate::nats::Nats;
use crate::streams::{Streams, made};

/// A request to the server waits so long for its answer.
const REQUEST: Duration = Duration::from_secs(5);

/// A connection, and the streams.
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) work: Stream,
    pub(crate) done: Stream,
    pub(crate) refusals: Refusals,
    pub(crate) presence: Presence,
}

/// Since when there is a connection; `None` while there is none.
#[derive(Clone, Default)]
pub(crate) struct Presence(Arc<Mutex<Option<Instant>>>);

impl Presence {
    fn note(&self, event: &Event) {
        let since = match event {
            Event::Connected => Some(Instant::now()),
            Event::Disconnected | Event::Closed => None,
            _ => return,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    pub(crate) fn since(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the server has refused lately, which it says apart from the request.
#[derive(Clone, Default)]
pub(crate) struct Refusals(Arc<Mutex<Option<String>>>);

impl Refusals {
    fn note(&self, event: &Event) {
        if let Event::ServerError(ServerError::Other(text)) = event
            && text.to_lowercase().contains("permissions violation")
        {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.clone());
        }
    }

    /// The error of something that went wrong: a refusal, if there was one.
    pub(crate) fn error(&self, what: &str, error: &dyn std::error::Error) -> NatsError {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(text) => NatsError::Denied { text },
            None => NatsError::Other { what: what.to_owned(), text: text_of(error) },
        }
    }
}

impl Link {
    pub(crate) async fn open(nats: &Nats, name: &str) -> Result<Self, NatsError> {
        let refusals = Refusals::default();
        let presence = Presence::default();
        let client = connect(nats, name, &refusals, &presence).await?;
        presence.note(&Event::Connected);
        let builder = ContextBuilder::new().timeout(REQUEST);
        let jetstream = builder.backpressure_on_inflight(true).build(client.clone());
        let streams = Streams { nats, jetstream: &jetstream, refusals: &refusals };
        let (work, done) = streams.open().await?;
        Ok(Self { client, jetstream, work, done, refusals, presence })
    }
}

impl Link {
    /// Makes streams anew that somebody has removed. When they were made.
    pub(crate) async fn mend(&self, nats: &Nats) -> Result<[SystemTime; 2], NatsError> {
        let Self { jetstream, refusals, .. } = self;
        let (work, done) = Streams { nats, jetstream, refusals }.open().await?;
        Ok([made(&work), made(&done)])
    }

    /// Removes a message, and leaves its bytes: the server would overwrite them, which takes ten times as long.
    pub(crate) async fn delete(&self, stream: &str, sequence: u64) -> Result<(), NatsError> {
        let delete = serde_json::json!({ "seq": sequence, "no_erase": true });
        let subject = format!("STREAM.MSG.DELETE.{stream}");
        let deleted = self.jetstream.request(subject, &delete).await;
        let deleted: serde_json::Value =
            deleted.map_err(|error| self.refusals.error("removing a call", &error))?;
        match deleted.get("error") {
            None => Ok(()),
            Some(error) => {
                Err(NatsError::Other { what: "removing a call".into(), text: error.to_string() })
            }
        }
    }
}

async fn connect(
    nats: &Nats,
    name: &str,
    refusals: &Refusals,
    presence: &Presence,
) -> Result<Client, NatsError> {
    let (noted, seen, listen) = (refusals.clone(), presence.clone(), nats.listen.clone());
    let mut options = nats.options.clone();
    // async-nats 0.51 reads who we are from an address, and does not say it.
    if let Some((user, password)) = nats.user() {
        options = options.user_and_password(user, password);
    }
    let options = options.name(name).event_callback(move |event| {
        noted.note(&event);
        seen.note(&event);
        if let Some(listen) = &listen {
            listen(&event);
        }
        std::future::ready(())
    });
    let connected = options.connect(&nats.urls().collect::<Vec<_>>()[..]).await;
    connected.map_err(|error| NatsError::Connect { url: nats.name(), text: text_of(&error) })
}
