use alloc::boxed::Box;
use core::time::Duration;

use super::group::Groups;
use super::job::{AnyOf, JobKind, JobOptions};
use super::retries::Retries;
use super::state::{Facts, Failure};
use super::time::Timestamp;
use super::turn::Turn;

/// What a job has beyond a plain one; most have nothing of it. Of those that do, most have a time limit at most.
#[derive(Clone, Debug)]
pub(super) struct Extra {
    kind: JobKind,
    /// `cancel` was accepted: no further attempt.
    pub(super) cancelled: bool,
    pub(super) priority: i32,
    pub(super) timeout: Option<Duration>,
    pub(super) grace: Option<Duration>,
    /// Its deadline: when, and in which order it was armed.
    pub(super) armed: Option<(Timestamp, u64)>,
    /// Where it stands, or stood last, in its line.
    pub(super) turn: Turn,
    rare: Option<Box<Rare>>,
}

/// What few of those have: jobs that are attempted again or do not end, and those that take from pools or wait for
/// groups.
#[derive(Clone, Debug)]
pub(super) struct Rare {
    pub(super) retries: Retries,
    /// Where it stood first in its line.
    pub(super) first_turn: Turn,
    pub(super) last_failure: Option<Failure>,
    /// How many attempts there were before the row of failures that counts.
    pub(super) forgiven: u32,
    /// A service that has been ready, in any attempt.
    pub(super) ready: bool,
    /// Since when this attempt is well: a service is ready, a forever job was handed out.
    pub(super) healthy_since: Option<Timestamp>,
    /// What it takes from pools, if it does: the number of its kind.
    pub(super) takes: u32,
    pub(super) any_of: Box<[AnyOf]>,
    pub(super) groups: Groups,
}

impl Extra {
    pub(super) fn new(options: JobOptions, takes: u32, groups: Groups) -> Self {
        let has_rare = options.kind != JobKind::Finite
            || !options.retries.are_none()
            || !options.pools.is_empty()
            || !options.any_of.is_empty();
        let JobOptions { kind, timeout, grace, retries, priority, any_of, .. } = options;
        let rare = has_rare.then(|| {
            Box::new(Rare {
                retries,
                first_turn: Turn::default(),
                last_failure: None,
                forgiven: 0,
                ready: false,
                healthy_since: None,
                takes,
                any_of,
                groups,
            })
        });
        let (cancelled, armed, turn) = (false, None, Turn::default());
        Self { kind, cancelled, priority, timeout, grace, armed, turn, rare }
    }

    #[inline]
    pub(super) fn rare(&self) -> Option<&Rare> {
        self.rare.as_deref()
    }

    #[inline]
    pub(super) fn rare_mut(&mut self) -> Option<&mut Rare> {
        self.rare.as_deref_mut()
    }

    /// Whether it makes a difference to a job that starts at once and succeeds.
    pub(super) fn is_special(&self) -> bool {
        self.rare.is_some() || self.timeout.is_some() || self.priority != 0
    }

    /// What the automaton asks about it.
    pub(super) fn facts(&self) -> Facts {
        Facts {
            never_ready: self.kind == JobKind::Service && !self.is_healthy(),
            grace: self.grace.is_none_or(|grace| !grace.is_zero()),
            last_failure: self.rare().and_then(|rare| rare.last_failure),
        }
    }

    /// Whether this attempt is well: a service is ready, a forever job was handed out.
    pub(super) fn is_healthy(&self) -> bool {
        self.rare().is_some_and(|rare| rare.healthy_since.is_some())
    }

    /// An attempt begins.
    pub(super) fn begin(&mut self, now: Timestamp) {
        let is_forever = self.kind == JobKind::Forever;
        if let Some(rare) = self.rare_mut() {
            rare.healthy_since = is_forever.then_some(now);
        }
    }

    /// Notes one more failure, of the `attempts`-th attempt. Whether there may be a further one.
    pub(super) fn may_try_again(
        &mut self,
        failure: Failure,
        attempts: u32,
        now: Timestamp,
    ) -> bool {
        let cancelled = self.cancelled;
        let Some(rare) = self.rare_mut() else { return false };
        rare.last_failure = Some(failure);
        let healthy_for = rare.healthy_since.map(|since| now.saturating_since(since));
        if let (Some(after), Some(healthy_for)) = (rare.retries.reset_after, healthy_for)
            && healthy_for >= after
        {
            rare.forgiven = attempts - 1;
        }
        !cancelled && attempts - rare.forgiven <= rare.retries.limit
    }

    /// Whether the `attempts`-th attempt has none after it, should it fail.
    #[cfg(feature = "std")]
    pub(super) fn is_last(&self, attempts: u32) -> bool {
        self.rare().is_none_or(|Rare { retries, forgiven, .. }| {
            attempts - forgiven > retries.limit && retries.reset_after.is_none()
        })
    }
}
