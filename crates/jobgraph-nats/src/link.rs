//! A connection to the server, with the streams that both sides use.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::stream::{Config, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{Client, Event, ServerError};
use tokio::time::sleep;

use crate::error::{NatsError, text_of};
use crate::nats::Nats;

/// A request to the server waits so long for its answer.
const REQUEST: Duration = Duration::from_secs(5);

/// What several may make at once is tried so often, with this between.
const TRIES: u32 = 10;
const AGAIN: Duration = Duration::from_millis(100);

/// Makes what others may be making just now: the server refuses one of two.
pub(crate) async fn insist<T, E>(mut make: impl AsyncFnMut() -> Result<T, E>) -> Result<T, E> {
    for _ in 1..TRIES {
        if let Ok(made) = make().await {
            return Ok(made);
        }
        sleep(AGAIN).await;
    }
    make().await
}

/// A stream is given out by the server before all of it is there, if two make it at once.
const SETTLES: Duration = Duration::from_millis(300);

/// Whether a stream was made just now.
fn is_new(stream: &Stream) -> bool {
    let made = stream.cached_info().created;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs().abs_diff(u64::try_from(made.unix_timestamp()).unwrap_or(0)) < 3
}

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
        let work = streams.get(streams.work()).await?;
        let done = streams.get(streams.done()).await?;
        if is_new(&work) || is_new(&done) {
            sleep(SETTLES).await;
        }
        Ok(Self { client, jetstream, work, done, refusals, presence })
    }
}

impl Link {
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

struct Streams<'a> {
    nats: &'a Nats,
    jetstream: &'a jetstream::Context,
    refusals: &'a Refusals,
}

impl Streams<'_> {
    fn work(&self) -> Config {
        let subjects = &self.nats.subjects;
        Config {
            name: subjects.work_stream(),
            subjects: vec![subjects.works()],
            retention: RetentionPolicy::WorkQueue,
            description: Some("calls that wait for a worker, or are with one".into()),
            ..self.common()
        }
    }

    fn done(&self) -> Config {
        let subjects = &self.nats.subjects;
        Config {
            name: subjects.done_stream(),
            subjects: vec![subjects.dones()],
            retention: RetentionPolicy::Limits,
            max_age: self.nats.keep,
            description: Some("answers to calls".into()),
            ..self.common()
        }
    }

    fn common(&self) -> Config {
        Config {
            storage: StorageType::File,
            num_replicas: self.nats.replicas,
            duplicate_window: self.nats.keep.min(Duration::from_secs(120)),
            allow_direct: true,
            ..Config::default()
        }
    }

    /// The stream that is there, if it is such a one; made, if none is.
    async fn get(&self, wanted: Config) -> Result<Stream, NatsError> {
        let what = format!("the stream `{}`", wanted.name);
        let stream = match self.jetstream.get_stream(&wanted.name).await {
            Ok(stream) => stream,
            Err(error) => match error.kind() {
                jetstream::context::GetStreamErrorKind::JetStream(told)
                    if told.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    self.make(&what, &wanted).await?
                }
                _ => return Err(self.wrong(&what, &error)),
            },
        };
        let config = &stream.cached_info().config;
        let other = if config.retention != wanted.retention {
            Some(format!("keeps messages by {:?}, not {:?}", config.retention, wanted.retention))
        } else if config.subjects != wanted.subjects {
            Some(format!("has the subjects {:?}, not {:?}", config.subjects, wanted.subjects))
        } else {
            None
        };
        match other {
            Some(text) => Err(NatsError::Stream { name: wanted.name, text }),
            None => Ok(stream),
        }
    }

    /// Made by us, or by another one that makes it just now.
    async fn make(&self, what: &str, wanted: &Config) -> Result<Stream, NatsError> {
        let made = insist(async || match self.jetstream.create_stream(wanted.clone()).await {
            Ok(stream) => Ok(stream),
            Err(error) => self.jetstream.get_stream(&wanted.name).await.map_err(|_| error),
        });
        made.await.map_err(|error| self.wrong(what, &error))
    }

    fn wrong(&self, what: &str, error: &dyn std::error::Error) -> NatsError {
        let text = text_of(error);
        let code = |code: &str| text.contains(code);
        if text.contains("no responders")
            || text.contains("JetStream resource does not exist")
            || code("jetstream not enabled")
            || code("unavailable")
        {
            return NatsError::NoJetStream { url: self.nats.name() };
        }
        self.refusals.error(what, error)
    }
}
