//! What streams, subjects and consumers are called.

use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};

use xxhash_rust::xxh3::xxh3_128;

/// The names of all, which begin with one of the user's.
#[derive(Clone, Debug)]
pub(crate) struct Subjects {
    prefix: String,
}

/// Which call it is: `RUN.KEY.ATTEMPT`.
pub(crate) type Id = str;

impl Subjects {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: token(prefix) }
    }

    /// The stream of what is to be handled.
    pub(crate) fn work_stream(&self) -> String {
        format!("{}-work", self.prefix)
    }

    /// The stream of answers.
    pub(crate) fn done_stream(&self) -> String {
        format!("{}-done", self.prefix)
    }

    /// The bucket of what is too large for a message.
    pub(crate) fn bucket(&self) -> String {
        format!("{}-large", self.prefix)
    }

    pub(crate) fn works(&self) -> String {
        format!("{}.work.>", self.prefix)
    }

    pub(crate) fn works_of(&self, task: &str) -> String {
        format!("{}.work.{}.>", self.prefix, token(task))
    }

    pub(crate) fn works_of_run(&self, run: &str) -> String {
        format!("{}.work.*.{run}.>", self.prefix)
    }

    pub(crate) fn work(&self, task: &str, id: &Id) -> String {
        format!("{}.work.{}.{id}", self.prefix, token(task))
    }

    pub(crate) fn dones(&self) -> String {
        format!("{}.done.>", self.prefix)
    }

    pub(crate) fn dones_of(&self, run: &str) -> String {
        format!("{}.done.{run}.>", self.prefix)
    }

    pub(crate) fn done(&self, id: &Id) -> String {
        format!("{}.done.{id}", self.prefix)
    }

    /// Where a worker says that it has begun.
    pub(crate) fn begun(&self, run: &str) -> String {
        format!("{}.begun.{run}", self.prefix)
    }

    pub(crate) fn cancel(&self, run: &str) -> String {
        format!("{}.cancel.{run}", self.prefix)
    }

    /// Where the one who wants the answers says that it is there.
    pub(crate) fn alive(&self, run: &str) -> String {
        format!("{}.alive.{run}", self.prefix)
    }

    /// The call that a subject of work is of.
    pub(crate) fn id_of_work<'a>(&self, subject: &'a str) -> Option<&'a Id> {
        let rest = subject.strip_prefix(&self.prefix)?.strip_prefix(".work.")?;
        Some(rest.split_once('.')?.1)
    }

    /// The call that a subject of answers is of.
    pub(crate) fn id_of_done<'a>(&self, subject: &'a str) -> Option<&'a Id> {
        subject.strip_prefix(&self.prefix)?.strip_prefix(".done.")
    }
}

/// The run that a call is of.
pub(crate) fn run_of(id: &Id) -> &str {
    id.split('.').next().unwrap_or_default()
}

/// What is the same in all attempts of a call, and in all resumptions of its run, if it is durable.
pub(crate) fn key_of(id: &Id) -> &str {
    id.rsplit_once('.').map_or(id, |(key, _)| key)
}

/// As one word of a subject, and as the name of a consumer: what may stand in neither is written `=2e`.
pub(crate) fn token(text: &str) -> String {
    let mut token = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => token.push(char::from(byte)),
            _ => drop(write!(token, "={byte:02x}")),
        }
    }
    if token.is_empty() {
        token.push('=');
    }
    token
}

/// A key of any length as one word.
pub(crate) fn digest(key: &str) -> String {
    format!("{:032x}", xxh3_128(key.as_bytes()))
}

/// A word that nobody else has.
pub(crate) fn unique() -> String {
    let number = RandomState::new().hash_one(std::process::id());
    let other = RandomState::new().hash_one(number);
    format!("{number:016x}{:04x}", other & 0xffff)
}
