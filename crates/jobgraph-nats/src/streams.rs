//! The streams that both sides use.

use std::time::{Duration, SystemTime};

use async_nats::jetstream::stream::{Config, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{self, ErrorCode};
use tokio::time::sleep;

use crate::error::{NatsError, text_of};
use crate::link::Refusals;
use crate::nats::Nats;

/// What several may make at once is tried so often, with this between.
const TRIES: u32 = 10;
const AGAIN: Duration = Duration::from_millis(100);

/// Makes what others may be making just now: the server refuses one of two.
pub(crate) async fn insist<T, E, F>(make: impl Fn() -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
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

/// When a stream was made: it tells it from another of the same name.
pub(crate) fn made(stream: &Stream) -> SystemTime {
    stream.cached_info().created.into()
}

/// Whether a stream was made just now.
fn is_new(stream: &Stream) -> bool {
    let age = SystemTime::now().duration_since(made(stream));
    age.unwrap_or_else(|ahead| ahead.duration()) < Duration::from_secs(3)
}

/// Finds the streams, or makes them.
pub(crate) struct Streams<'a> {
    pub(crate) nats: &'a Nats,
    pub(crate) jetstream: &'a jetstream::Context,
    pub(crate) refusals: &'a Refusals,
}

impl Streams<'_> {
    /// The one of calls, and the one of answers.
    pub(crate) async fn open(&self) -> Result<(Stream, Stream), NatsError> {
        let work = self.get(self.work()).await?;
        let done = self.get(self.done()).await?;
        if is_new(&work) || is_new(&done) {
            sleep(SETTLES).await;
        }
        Ok((work, done))
    }

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
        let made = insist(|| async {
            match self.jetstream.create_stream(wanted.clone()).await {
                Ok(stream) => Ok(stream),
                Err(error) => self.jetstream.get_stream(&wanted.name).await.map_err(|_| error),
            }
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
