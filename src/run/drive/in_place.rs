use std::boxed::Box;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec::Vec;

use super::waker::Tasks;
use crate::orchestrator::{Attempt, Signal, Timestamp};
use crate::run::engine::attempt::{Finished, poll_body};
use crate::run::engine::engine::Engine;
use crate::run::engine::graph::Graph;
use crate::run::facts::error::RunError;
use crate::run::facts::report::Report;
use crate::run::facts::runtime::{AnyClock, Clock};
use crate::run::job::payload::Payload;

/// How many polls are made before other tasks of the executor get a turn.
pub(crate) const BUDGET: usize = 1_024;

/// How long a turn may take, unless a single poll takes longer: the reactor wants to run as well.
const SLICE: Duration = Duration::from_millis(1);

/// Runs a graph in place: in the task that awaits this, on any executor, with this clock.
///
/// The future is `Send` if the graph is a [`SendJobGraph`](crate::SendJobGraph). Dropping it drops
/// every job. The functions of the adapters, such as [`smol::run`](crate::smol::run), call this one.
///
/// # Errors
/// [`RunError`] for a graph that cannot start. All that happens later is in the report.
pub fn run<P: Payload, C: Clock>(
    clock: &C,
    graph: Graph<P>,
) -> impl Future<Output = Result<Report<P::Outputs>, RunError>> + use<P, C> {
    let clock = clock.clone();
    async move {
        let engine = graph.start(AnyClock::new(clock.clone()))?;
        Ok(drive(clock, engine).await.finish().0)
    }
}

/// Drives a run to its end, that of its shutdown hooks included.
pub(crate) async fn drive<P: Payload, C: Clock>(
    clock: C,
    engine: Box<Engine<P>>,
) -> Box<Engine<P>> {
    let mut driver =
        InPlace { now: engine.begun, engine, tasks: Tasks::new(), batch: Vec::new(), clock };
    loop {
        match driver.turn() {
            Turn::Over if driver.engine.begin_hooks(driver.clock.now()) => {}
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
                    Some(deadline) => either(woken, driver.clock.sleep_until(deadline)).await,
                }
            }
        }
    }
}

/// Completes when one of two futures does.
pub(crate) async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
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

struct InPlace<P: Payload, C> {
    engine: Box<Engine<P>>,
    tasks: Tasks,
    /// Entries that were woken and have not been polled.
    batch: Vec<u32>,
    clock: C,
    /// When the clock was last looked at: after each poll.
    now: Timestamp,
}

impl<P: Payload, C: Clock> InPlace<P, C> {
    /// Polls what was woken and what may start, in turns, and looks at the clock after each.
    fn turn(&mut self) -> Turn {
        let mut polls = 0;
        self.look_around();
        let begun = self.now;
        while polls < BUDGET && self.now.saturating_since(begun) < SLICE {
            let woken = self.next_woken();
            if let Some(entry) = woken {
                polls += 1;
                self.poll(entry);
            }
            let started = self.start_next();
            polls += usize::from(started);
            if self.engine.core.verdict().is_some() {
                return Turn::Over;
            }
            if woken.is_none() && !started {
                return Turn::Wait(self.engine.core.next_deadline());
            }
        }
        Turn::More
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
        let Some(attempt) = self.engine.hand_out(self.now) else { return false };
        self.engine.inform();
        let entry = self.tasks.free_entry();
        if self.poll_in(entry, &attempt, Engine::poll_first) {
            self.tasks.free(entry);
        } else {
            self.tasks.assign(entry, attempt);
        }
        self.go_on();
        true
    }

    fn poll(&mut self, entry: u32) {
        let Some(attempt) = self.tasks.attempt(entry) else { return };
        let hook = self.engine.hooks.is_some();
        if self.poll_in(entry, &attempt, |_, _, body, cx| poll_body(body, hook, cx)) {
            self.tasks.remove(attempt);
        }
        self.go_on();
    }

    /// Polls an attempt with the waker of an entry, looks at the clock, reads what it sent, and takes note
    /// of its end. Whether it has ended.
    #[inline]
    fn poll_in(
        &mut self,
        entry: u32,
        attempt: &Attempt,
        poll: impl FnOnce(&mut Engine<P>, &Attempt, &mut P, &mut Context<'_>) -> Poll<Finished>,
    ) -> bool {
        let Some(mut body) = self.engine.fetch(*attempt) else { return false };
        let waker = self.tasks.begin_poll(entry);
        let polled = poll(&mut self.engine, attempt, &mut body, &mut Context::from_waker(waker));
        self.now = self.clock.now();
        let ended = polled.is_ready();
        if let Some(retired) = self.engine.receive(*attempt, body, polled, self.now) {
            self.engine.dispose(retired);
        }
        ended
    }

    fn look_around(&mut self) {
        self.now = self.clock.now();
        self.go_on();
    }

    /// Lets time pass in the core, and obeys what it says.
    #[expect(clippy::inline_always, reason = "there are no news most of the time")]
    #[inline(always)]
    fn go_on(&mut self) {
        if self.engine.has_news(self.now) {
            self.take_news();
        }
    }

    #[cold]
    fn take_news(&mut self) {
        self.engine.dispose_of_retired();
        self.engine.read_mail(self.now);
        self.engine.pass_time(self.now);
        while let Some(signal) = self.engine.next_signal(self.now) {
            if let Signal::Abort(attempt) = signal {
                self.tasks.remove(attempt);
            }
            self.engine.dispose_of_retired();
        }
        self.engine.inform();
    }
}

/// Lets the other tasks of the executor go on.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
