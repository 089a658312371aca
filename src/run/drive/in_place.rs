use std::boxed::Box;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec::Vec;

use super::act::{begin, dispose_all, drive_with_hooks, drop_each, end, poll_body, poll_first};
use super::steady::Steady;
use super::waker::Tasks;
use crate::orchestrator::{Attempt, Timestamp};
use crate::run::engine::attempt::Finished;
use crate::run::engine::engine::Engine;
use crate::run::engine::graph::Graph;
use crate::run::facts::bell::{Bell, ring};
use crate::run::facts::observers::BATCH;
use crate::run::facts::quiet::drop_quietly;
use crate::run::facts::report::Report;
use crate::run::facts::run_error::RunError;
use crate::run::facts::runtime::Clock;
use crate::run::job::payload::Payload;

/// How many polls are made before other tasks of the executor get a turn.
pub(super) const BUDGET: usize = 1_024;

/// How long a turn may take, unless a single poll takes longer: the reactor wants to run as well.
const SLICE: Duration = Duration::from_millis(1);

/// Runs a graph in place: in the task that awaits this, on any executor, with this clock.
///
/// The future is `Send` if the graph is a [`SendJobGraph`](crate::SendJobGraph). Dropping it drops
/// every job. The functions of the adapters, such as `smol::run`, call this one.
///
/// # Errors
/// [`RunError`] for a graph that cannot start. All that happens later is in the report.
pub fn run<P: Payload, C: Clock>(
    clock: &C,
    graph: Graph<P>,
) -> impl Future<Output = Result<Report<P::Outputs>, RunError>> + use<P, C> {
    let clock = Steady::new(clock.clone());
    async move {
        let engine = begin(&clock, graph)?;
        Ok(end(drive(&clock, engine).await).0)
    }
}

/// Drives a run to its end, and then that of its shutdown hooks.
pub(super) async fn drive<P: Payload, C: Clock>(
    clock: &Steady<C>,
    engine: Box<Engine<P>>,
) -> Box<Engine<P>> {
    drive_with_hooks(engine, |engine| drive_one(clock, engine)).await
}

/// Drives one engine to its end.
async fn drive_one<P: Payload, C: Clock>(
    clock: &Steady<C>,
    engine: Box<Engine<P>>,
) -> Box<Engine<P>> {
    let mut driver = InPlace { engine, tasks: Tasks::new(), batch: Vec::new(), clock };
    loop {
        match driver.turn() {
            Turn::Over => return driver.engine,
            Turn::More => yield_now().await,
            Turn::Wait(deadline) => {
                // Bodies need not be `Sync`, so they are not borrowed while it waits.
                let (tasks, mailbox) = (&driver.tasks, &*driver.engine.mailbox);
                let woken = poll_fn(|cx| {
                    // Both, whatever the first one says.
                    let (woken, mail) = (tasks.watch(cx.waker()), mailbox.watch(cx.waker()));
                    if woken || mail { Poll::Ready(()) } else { Poll::Pending }
                });
                match deadline {
                    None => woken.await,
                    Some(deadline) => either(woken, clock.sleep_until(deadline)).await,
                }
            }
        }
    }
}

/// Completes when one of two futures does.
pub(super) async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => other.as_mut().poll(cx),
    })
    .await;
}

/// What comes after a turn.
enum Turn {
    Over,
    /// The budget is spent: there may be more to do.
    More,
    /// Nothing to do until a job is woken, or until this time.
    Wait(Option<Timestamp>),
}

struct InPlace<'a, P: Payload, C> {
    engine: Box<Engine<P>>,
    tasks: Tasks,
    /// Entries that were woken and have not been polled.
    batch: Vec<u32>,
    clock: &'a Steady<C>,
}

impl<P: Payload, C: Clock> InPlace<'_, P, C> {
    /// Polls what was woken and what may start, in turns, and looks at the clock after each.
    fn turn(&mut self) -> Turn {
        let mut polls = 0;
        self.look_around();
        let begun = self.engine.now;
        // At least once: what else is in this task may have spent its budget.
        loop {
            let woken = self.next_woken();
            if let Some(entry) = woken {
                polls += 1;
                self.poll(entry);
            }
            let started = self.start_next();
            polls += usize::from(started);
            if self.engine.core.verdict().is_some() && self.engine.is_over() {
                return Turn::Over;
            }
            if woken.is_none() && !started {
                return Turn::Wait(self.engine.core.next_deadline());
            }
            let slice = self.engine.now.saturating_since(begun);
            if polls >= BUDGET || slice >= SLICE || self.clock.has_budget() != Some(true) {
                return Turn::More;
            }
        }
    }

    #[inline]
    fn next_woken(&mut self) -> Option<u32> {
        if self.batch.is_empty() && self.tasks.has_woken() {
            self.tasks.take_woken(&mut self.batch);
            self.batch.reverse();
        }
        self.batch.pop()
    }

    /// Hands out one job and polls it for the first time.
    fn start_next(&mut self) -> bool {
        let Some(attempt) = self.engine.hand_out() else { return false };
        let Some(mut body) = self.engine.take_body(&attempt) else { return true };
        self.engine.tell();
        let entry = self.tasks.free_entry();
        let waker = self.tasks.begin_poll(entry);
        let cx = &mut Context::from_waker(waker);
        // Two ways, so that the one on which nobody hears of it costs nothing (15 instructions).
        let polled = if self.engine.knows_who_adds {
            let _polls = self.engine.mailbox.adding(attempt.job);
            poll_first(&mut body, &mut self.engine.beginning(&attempt), cx)
        } else {
            poll_first(&mut body, &mut self.engine.beginning(&attempt), cx)
        };
        if polled.is_ready() {
            self.tasks.free(entry);
        } else {
            self.tasks.assign(entry, attempt);
        }
        self.receive(attempt, body, polled);
        true
    }

    /// Goes on with a job that was woken.
    fn poll(&mut self, entry: u32) {
        let Some(attempt) = self.tasks.attempt(entry) else { return };
        let Some(mut body) = self.engine.fetch(attempt) else { return };
        let waker = self.tasks.begin_poll(entry);
        let cx = &mut Context::from_waker(waker);
        let polled = if self.engine.knows_who_adds {
            let _polls = self.engine.mailbox.adding(attempt.job);
            poll_body(&mut body, cx)
        } else {
            poll_body(&mut body, cx)
        };
        if polled.is_ready() {
            self.tasks.remove(attempt);
        }
        self.receive(attempt, body, polled);
    }

    #[inline]
    fn receive(&mut self, attempt: Attempt, body: P, polled: Poll<Finished>) {
        self.look_at_clock();
        let mail = self.engine.mailbox.posted();
        let spent = self.engine.receive(attempt, body, polled, mail, true);
        drop_quietly(spent);
        self.go_on(mail);
    }

    fn look_around(&mut self) {
        self.look_at_clock();
        if let Some(panic) = self.clock.take_panic() {
            self.engine.lose_time(panic);
        }
        let mail = self.engine.mailbox.posted();
        self.go_on(mail);
    }

    #[inline]
    fn look_at_clock(&mut self) {
        if let Some(now) = self.clock.now() {
            self.engine.set_now(now);
        } else if let Some(panic) = self.clock.take_panic() {
            self.engine.lose_time(panic);
        }
    }

    /// Lets the engine hear what is new, and acts on what it leaves.
    #[expect(clippy::inline_always, reason = "there is nothing to do most of the time")]
    #[inline(always)]
    fn go_on(&mut self, mail: usize) {
        self.engine.hear(mail);
        if self.has_chores() {
            self.act();
        }
    }

    #[inline]
    fn has_chores(&self) -> bool {
        let left = &self.engine.left;
        left.has_chores()
            || !left.trash.is_empty()
            || self.engine.observers.as_ref().is_some_and(|observers| observers.has_any())
    }

    /// What runs code of the user's is followed by a new look at the clock, before anything is handed out.
    #[cold]
    fn act(&mut self) {
        while self.has_chores() {
            self.do_chores();
            dispose_all(&mut self.engine);
            if let Some(observers) = &self.engine.observers {
                observers.deliver(BATCH);
            }
            self.look_at_clock();
            let mail = self.engine.mailbox.posted();
            self.engine.hear(mail);
        }
    }

    fn do_chores(&mut self) {
        let left = &mut self.engine.left;
        for attempt in left.aborted.drain(..) {
            self.tasks.remove(attempt);
        }
        std::mem::take(&mut left.wake).into_iter().for_each(Bell::ring);
        drop_each(std::mem::take(&mut left.contexts));
    }
}

/// Lets the other tasks of the executor go on.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        ring(cx.waker());
        Poll::Pending
    })
    .await;
}
