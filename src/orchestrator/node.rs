use alloc::boxed::Box;
use core::num::NonZero;

use super::graph::Lists;
use super::job::{JobId, JobKind, JobOptions};
use super::queue::Link;
use super::state::{Facts, Failure, JobState};
use super::time::Timestamp;

/// What a job has beyond a plain one; most have nothing of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Extra {
    pub(super) options: JobOptions,
    /// Its deadline: when, and in which order it was armed.
    pub(super) armed: Option<(Timestamp, u64)>,
    pub(super) last_failure: Option<Failure>,
    /// A service that has been ready, in any attempt.
    pub(super) ready: bool,
    /// A service that has been ready in this attempt.
    pub(super) ready_now: bool,
    /// `cancel` was accepted: no further attempt.
    pub(super) cancelled: bool,
}

/// A job as the slab holds it. Without its payload: 64 bytes.
#[derive(Clone, Debug)]
pub(super) struct Node<J> {
    number: NonZero<u64>,
    pub(super) state: JobState,
    /// How many requirements are unresolved.
    pub(super) unresolved: u32,
    pub(super) attempts: u32,
    /// The edges to its requirements and to its dependents.
    pub(super) lists: Lists,
    pub(super) link: Link,
    pub(super) extra: Option<Box<Extra>>,
    pub(super) payload: J,
}

impl<J> Node<J> {
    pub(super) fn new(number: NonZero<u64>, options: JobOptions, payload: J) -> Self {
        let plain = options == JobOptions::default();
        Self {
            number,
            state: JobState::Waiting,
            unresolved: 0,
            attempts: 0,
            lists: Lists::EMPTY,
            link: Link::default(),
            extra: (!plain).then(|| Box::new(Extra { options, ..Extra::default() })),
            payload,
        }
    }

    /// The same job with another payload.
    pub(super) fn map<K>(self, payload: impl FnOnce(J) -> K) -> Node<K> {
        Node {
            number: self.number,
            state: self.state,
            unresolved: self.unresolved,
            attempts: self.attempts,
            lists: self.lists,
            link: self.link,
            extra: self.extra,
            payload: payload(self.payload),
        }
    }

    /// Its id, given the place where the slab holds it.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`add` refuses an index of more than 32 bits"
    )]
    pub(super) fn id(&self, index: usize) -> JobId {
        JobId::new(index as u32, self.number.get())
    }

    pub(super) fn number(&self) -> u64 {
        self.number.get()
    }

    pub(super) fn kind(&self) -> JobKind {
        self.extra.as_ref().map_or(JobKind::Finite, |extra| extra.options.kind)
    }

    pub(super) fn is_finite(&self) -> bool {
        self.kind() == JobKind::Finite
    }

    pub(super) fn is_critical(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.options.critical)
    }

    pub(super) fn priority(&self) -> i32 {
        self.extra.as_ref().map_or(0, |extra| extra.options.priority)
    }

    pub(super) fn label(&self) -> Option<&str> {
        self.extra.as_ref()?.options.label.as_deref()
    }

    /// Whether it is a service that has been ready.
    pub(super) fn was_ready(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.ready)
    }

    /// What the automaton asks about it.
    pub(super) fn facts(&self) -> Facts {
        let attempts = self.attempts;
        match &self.extra {
            None => Facts { attempts, never_ready: false, grace: false, last_failure: None },
            Some(extra) => Facts {
                attempts,
                never_ready: extra.options.kind == JobKind::Service && !extra.ready_now,
                grace: extra.options.grace.is_none_or(|grace| !grace.is_zero()),
                last_failure: extra.last_failure,
            },
        }
    }
}
