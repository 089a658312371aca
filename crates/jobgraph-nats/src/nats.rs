use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{ConnectOptions, Event, ServerAddr};

use crate::subjects::Subjects;

/// Where a NATS server is, and how to use it: what makes engines and workers.
///
/// Both sides have to agree on the [`prefix`](Self::prefix), and should on the rest.
#[derive(Clone)]
pub struct Nats {
    pub(crate) url: String,
    pub(crate) subjects: Subjects,
    pub(crate) options: ConnectOptions,
    pub(crate) lease: Duration,
    pub(crate) deliveries: u32,
    pub(crate) patience: Duration,
    pub(crate) keep: Duration,
    pub(crate) replicas: usize,
    pub(crate) listen: Option<Arc<Listen>>,
}

/// As long as anybody waits: a day.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

type Listen = dyn Fn(&Event) + Send + Sync;

impl Nats {
    /// A server, or several of a cluster, with commas between: `nats://10.0.0.1`, `tls://a:4222,tls://b:4222`.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            subjects: Subjects::new("jg"),
            options: ConnectOptions::new().ping_interval(Duration::from_secs(10)),
            lease: Duration::from_secs(30),
            deliveries: 5,
            patience: Duration::from_secs(60),
            keep: Duration::from_secs(24 * 3600),
            replicas: 1,
            listen: None,
        }
    }

    /// The name that all subjects, streams and buckets begin with; `jg` unless said otherwise. Whoever has another one is in another
    /// world.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.subjects = Subjects::new(prefix);
        self
    }

    /// How to connect: TLS, credentials, timeouts, all that async-nats has. Its event callback is not called: see
    /// [`on_event`](Self::on_event).
    #[must_use]
    pub fn options(mut self, options: ConnectOptions) -> Self {
        self.options = options;
        self
    }

    /// Is told what happens to the connection, on a thread of the adapter's: it must not block.
    #[must_use]
    pub fn on_event(mut self, listen: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.listen = Some(Arc::new(listen));
        self
    }

    /// After so long without a sign of life from a worker, what it had is given to another one; 30 seconds unless said otherwise.
    /// Workers give signs three times as often, whatever their handlers do.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.clamp(Duration::from_millis(300), LONGEST);
        self
    }

    /// What was brought to workers so often, and was never answered, kills workers: its call fails. 5 unless said otherwise.
    #[must_use]
    pub fn deliveries(mut self, most: u32) -> Self {
        self.deliveries = most.max(1);
        self
    }

    /// After so long without a sign of life from a controller, workers cancel what they do for it, and do not begin more; unless its
    /// jobs are durable: then it will come back. 60 seconds unless said otherwise.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience.clamp(Duration::from_millis(600), LONGEST);
        self
    }

    /// How long answers are kept for a controller with a journal that comes back; 24 hours unless said otherwise. It counts when the
    /// stream is made.
    #[must_use]
    pub fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep.clamp(Duration::from_secs(1), LONGEST * 365);
        self
    }

    /// On how many servers of a cluster streams are kept; 1 unless said otherwise. It counts when they are made.
    #[must_use]
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas;
        self
    }
}

impl Nats {
    pub(crate) fn urls(&self) -> impl Iterator<Item = &str> {
        self.url.split(',').map(str::trim)
    }

    /// Who the addresses say that we are.
    pub(crate) fn user(&self) -> Option<(String, String)> {
        let addresses = self.urls().filter_map(|url| url.parse::<ServerAddr>().ok());
        let mut users = addresses.filter_map(|address| {
            Some((decoded(address.username()?), decoded(address.password()?)))
        });
        users.next()
    }

    /// The addresses, as they may be told.
    pub(crate) fn name(&self) -> String {
        if !self.url.contains('@') {
            return self.url.clone();
        }
        let names =
            self.urls().map(|url| match (url.parse::<ServerAddr>(), url.rsplit_once('@')) {
                (Ok(address), Some((secret, host))) if address.has_user_pass() => {
                    let scheme = secret.find("://").map_or("", |at| &secret[..at + 3]);
                    format!("{scheme}{host}")
                }
                // Perhaps a piece of a password.
                (_, None) | (Err(_), _) => "***".to_owned(),
                (Ok(_), Some(_)) => url.to_owned(),
            });
        names.collect::<Vec<_>>().join(",")
    }
}

/// What `%40` and the like stand for.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        let hex = || u8::from_str_radix(str::from_utf8(others.get(..2)?).ok()?, 16).ok();
        let byte = hex().filter(|_| *first == b'%');
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &others[2..] } else { others };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats")
            .field("url", &self.name())
            .field("subjects", &self.subjects)
            .finish_non_exhaustive()
    }
}
