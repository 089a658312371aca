use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::said::{Said, Then, Turn};
use super::shared::Shared;
use super::state::State;
use crate::orchestrator::Attempt;
use crate::run::drive::act::{dispose, poll_body};
use crate::run::drive::in_place::BUDGET;
use crate::run::facts::bell::{Bell, ring};
use crate::run::facts::observers::BATCH;
use crate::run::facts::quiet::{caught, drop_quietly};
use crate::run::facts::runtime::Spawn;
use crate::run::job::payload::Sendable;

/// How long a task goes on with one job after the other before it lets others have their turn, unless a
/// single poll takes longer. What a job woke on this thread may have to wait so long.
const SLICE: Duration = Duration::from_micros(100);

std::thread_local! {
    /// Its address tells one thread from the others.
    static HERE: Cell<u8> = const { Cell::new(0) };
}

/// A task of a run: polls the job that it has, and when that has ended any that may start, one after the
/// other. One that is dropped before it has ended says so.
pub(super) struct Task<S: Spawn> {
    shared: Arc<Shared<S>>,
    /// The attempt whose body it comes back for; none of a spare one.
    attempt: Option<Attempt>,
    /// The bell that the run knows it by, while it waits for that attempt.
    known: Option<Bell>,
    ended: bool,
}

impl<S: Spawn> Task<S> {
    /// Spawns a spare task. If the runtime drops it, it says so itself.
    pub(super) fn spawn(shared: &Arc<Shared<S>>) {
        let task =
            Self { shared: Arc::clone(shared), attempt: None, known: None, ended: false }.run();
        let _ = caught(|| shared.runtime.clock.spawn(task));
    }

    fn run(mut self) -> impl Future<Output = ()> + Send + use<S> {
        poll_fn(move |cx| {
            let polled = self.poll(cx);
            self.ended = polled.is_ready();
            polled
        })
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let shared = Arc::clone(&self.shared);
        let mut said = self.begin(cx);
        let (mut polls, mut begun) = (0, None);
        let thread = HERE.with(|here| std::ptr::from_ref(here).addr());
        let mut turn = Turn { thread, at_once: true, may_tell: BATCH };
        loop {
            // At least one thing: what else is in this task may have spent its budget.
            let has_budget = if polls == 0 { Some(true) } else { shared.runtime.has_budget() };
            // A clock that panics is lost, whatever it was asked for.
            let now = has_budget.and_then(|_| shared.runtime.now());
            if now.is_none() {
                shared.lose_time();
            }
            let slice = now.map(|now| now.saturating_since(*begun.get_or_insert(now)));
            turn.at_once =
                polls < BUDGET && slice.unwrap_or_default() < SLICE && has_budget == Some(true);
            polls += 1;
            let decided = shared.say(said, now, turn);
            let (then, spent) = decided.decision;
            drop_quietly(spent);
            said = match then {
                Then::Poll(attempt, body) => self.poll_body(attempt, body, decided.aborts, cx),
                Then::Dispose(trash) => Said::Disposed(dispose(trash)),
                Then::Tell => {
                    if let Some(observers) = &shared.observers {
                        turn.may_tell =
                            turn.may_tell.saturating_sub(observers.deliver(turn.may_tell));
                    }
                    Said::Told
                }
                Then::Again => Said::Nothing,
                Then::Wait => return Poll::Pending,
                Then::Yield => {
                    self.forget();
                    ring(cx.waker());
                    return Poll::Pending;
                }
                Then::End => return Poll::Ready(()),
                Then::Unheard(said) => {
                    drop_quietly(said);
                    shared.mailbox.take_held();
                    return Poll::Ready(());
                }
            };
        }
    }

    /// Goes on with the job that it has, if that is still to be polled.
    fn begin(&mut self, cx: &mut Context<'_>) -> Said {
        let Some(attempt) = self.attempt else {
            self.shared.decide(State::arrive);
            return Said::Nothing;
        };
        let fetched = self.shared.decide(|state| state.fetch(attempt));
        match fetched.decision {
            Some(body) => self.poll_body(attempt, body, fetched.aborts, cx),
            None => Said::Nothing,
        }
    }

    #[expect(
        clippy::inline_always,
        reason = "one caller on the hot way: what is passed stays in registers"
    )]
    #[inline(always)]
    fn poll_body(
        &mut self,
        attempt: Attempt,
        mut body: Sendable,
        aborts: usize,
        cx: &mut Context<'_>,
    ) -> Said {
        if self.attempt != Some(attempt) {
            self.forget();
            self.attempt = Some(attempt);
        }
        let is_under_way = self.shared.is_under_way(attempt, aborts);
        let polled = if is_under_way {
            let shared = &self.shared;
            let _polls = shared.knows_who_adds.then(|| shared.mailbox.adding(attempt.job));
            shared.mailbox.polling(|| poll_body(&mut body, cx))
        } else {
            Poll::Pending
        };
        let bell = if polled.is_pending() { self.new_bell(cx.waker()) } else { None };
        Said::Polled { attempt, body, polled, bell }
    }

    /// A bell of this task, if the run knows it by another one.
    fn new_bell(&mut self, waker: &Waker) -> Option<Bell> {
        if self.known.as_ref().is_some_and(|known| known.is_of(waker)) {
            return None;
        }
        self.known = Some(Bell::of(waker));
        Some(Bell::of(waker))
    }

    fn forget(&mut self) {
        (self.attempt, self.known) = (None, None);
    }
}

impl<S: Spawn> Drop for Task<S> {
    /// The runtime dropped the task, so it is gone itself: what is left is aborted, and dropped here.
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut trash = self.shared.hear(|state, mail| state.abandon(self.attempt, mail));
        while let Ok(Some(next)) = trash {
            let said = Said::Disposed(dispose(next));
            trash = self.shared.hear(|state, mail| state.disposed_of_abandoned(said, mail));
        }
        drop_quietly(trash);
    }
}
