use std::fmt;

/// Why an engine or a worker could not begin, or go on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NatsError {
    /// There is no server, or it does not let us in.
    Connect {
        /// What was tried.
        url: String,
        /// What was heard.
        text: String,
    },
    /// The server keeps no streams.
    NoJetStream {
        /// The server.
        url: String,
    },
    /// The user that we are may not do this.
    Denied {
        /// The server's words.
        text: String,
    },
    /// A stream of this name is there already, and is another one.
    Stream {
        /// Its name.
        name: String,
        /// What is other.
        text: String,
    },
    /// Something else went wrong between the server and us.
    Other {
        /// What was to be done.
        what: String,
        /// What was heard.
        text: String,
    },
}

impl fmt::Display for NatsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { url, text } => write!(f, "cannot connect to {url}: {text}"),
            Self::NoJetStream { url } => write!(
                f,
                "the server at {url} has no JetStream: start it with `--jetstream`, or enable it for the account"
            ),
            Self::Denied { text } => write!(
                f,
                "the server does not allow it: {text}; see `permissions` in the documentation of jobgraph-nats"
            ),
            Self::Stream { name, text } => write!(
                f,
                "a stream `{name}` is there, and {text}: give another prefix, or remove that stream"
            ),
            Self::Other { what, text } => write!(f, "{what}: {text}"),
        }
    }
}

impl std::error::Error for NatsError {}

/// An error with all its causes.
pub(crate) fn text_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    for cause in causes.take(20).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
