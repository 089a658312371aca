//! What is too large for a message goes through an object store, and the message names it.

use std::time::Duration;

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::object_store::{self, ObjectMetadata, ObjectStore};
use async_nats::{HeaderMap, header};
use bytes::Bytes;
use tokio::io::AsyncReadExt as _;
use tokio::time::{sleep, timeout};

use crate::error::NatsError;
use crate::link::Link;
use crate::nats::Nats;

/// The header that names an object.
const OBJECT: &str = "Jg-Object";

/// What a message may have beside its payload: headers, subject.
const BESIDE: usize = 8 * 1024;

/// Parts of an object are at most so large, in bytes.
const PART: usize = 128 * 1024;

/// Nothing more comes of an object after so long without any of it.
const SILENCE: Duration = Duration::from_secs(10);

/// Between attempts to publish, at most.
const PAUSE: Duration = Duration::from_secs(1);

impl Link {
    /// Publishes to a stream, once: until the server says that it has it, which it does of a second one with the same name as well.
    /// Whether it went through an object.
    pub(crate) async fn publish(
        &self,
        nats: &Nats,
        name: &str,
        subject: String,
        mut headers: HeaderMap,
        payload: Bytes,
    ) -> Result<bool, NatsError> {
        headers.insert(header::NATS_MESSAGE_ID, name);
        // While there is no connection, nothing is known of what it takes.
        while self.client.max_payload() == 0 {
            sleep(PAUSE).await;
        }
        let is_large = payload.len() + BESIDE > self.client.max_payload();
        let payload = if is_large {
            // Large futures are moved by the byte: what is rare is apart.
            Box::pin(self.put(nats, &subject, &payload)).await?;
            headers.insert(OBJECT, subject.as_str());
            Bytes::new()
        } else {
            payload
        };
        let mut pause = Duration::from_millis(50);
        loop {
            let (subject, headers) = (subject.clone(), headers.clone());
            let sent = self.jetstream.publish_with_headers(subject, headers, payload.clone()).await;
            let acked = match sent {
                Ok(acked) => acked.await.map(|_| ()),
                Err(error) => Err(error),
            };
            match acked {
                Ok(()) => return Ok(is_large),
                Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                    return Err(self.refusals.error("publishing", &error));
                }
                Err(error) => {
                    if let denied @ NatsError::Denied { .. } =
                        self.refusals.error("publishing", &error)
                    {
                        return Err(denied);
                    }
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE);
        }
    }

    /// What a message carries; `None` if it was in an object that is gone.
    pub(crate) async fn payload(
        &self,
        nats: &Nats,
        headers: Option<&HeaderMap>,
        payload: Bytes,
    ) -> Result<Option<Bytes>, NatsError> {
        match object_of(headers) {
            Some(name) => Box::pin(self.object(nats, name)).await,
            None => Ok(Some(payload)),
        }
    }

    async fn object(&self, nats: &Nats, name: &str) -> Result<Option<Bytes>, NatsError> {
        let store = self.store(nats).await?;
        let mut object = match store.get(name).await {
            Ok(object) => object,
            Err(error) if error.kind() == object_store::GetErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.refusals.error("a large payload", &error)),
        };
        let mut whole = Vec::with_capacity(object.info().size);
        loop {
            match timeout(SILENCE, object.read_buf(&mut whole)).await {
                Ok(Ok(0)) => return Ok(Some(whole.into())),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(self.refusals.error("a large payload", &error)),
                Err(silent) => return Err(self.refusals.error("a large payload", &silent)),
            }
        }
    }

    /// Removes the object that a message names, if it names one.
    pub(crate) async fn forget(&self, nats: &Nats, name: Option<&str>) {
        let Some(name) = name else { return };
        Box::pin(async {
            if let Ok(store) = self.jetstream.get_object_store(nats.subjects.bucket()).await {
                let _ = store.delete(name).await;
            }
        })
        .await;
    }

    async fn put(&self, nats: &Nats, name: &str, payload: &[u8]) -> Result<(), NatsError> {
        loop {
            match self.put_once(nats, name, payload).await {
                Err(NatsError::Other { .. }) => sleep(PAUSE).await,
                put => return put,
            }
        }
    }

    async fn put_once(&self, nats: &Nats, name: &str, payload: &[u8]) -> Result<(), NatsError> {
        let store = self.store(nats).await?;
        let part = self.client.max_payload().saturating_sub(BESIDE).clamp(1_024, PART);
        let about = ObjectMetadata {
            name: name.to_owned(),
            chunk_size: Some(part),
            ..ObjectMetadata::default()
        };
        match timeout(SILENCE * 6, store.put(about, &mut &*payload)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.refusals.error("a large payload", &error)),
            Err(silent) => Err(self.refusals.error("a large payload", &silent)),
        }
    }

    async fn store(&self, nats: &Nats) -> Result<ObjectStore, NatsError> {
        let bucket = nats.subjects.bucket();
        if let Ok(store) = self.jetstream.get_object_store(&bucket).await {
            return Ok(store);
        }
        let config = object_store::Config {
            bucket: bucket.clone(),
            description: Some("payloads that are too large for a message".into()),
            max_age: nats.keep,
            num_replicas: nats.replicas,
            ..object_store::Config::default()
        };
        let made = self.jetstream.create_object_store(config).await;
        made.map_err(|error| self.refusals.error(&format!("the bucket `{bucket}`"), &error))
    }
}

/// The object that a message names.
pub(crate) fn object_of(headers: Option<&HeaderMap>) -> Option<&str> {
    headers?.get(OBJECT).map(async_nats::HeaderValue::as_str)
}
