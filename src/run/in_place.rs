use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};
use std::vec::Vec;

use super::engine::{Engine, Finished};
use super::error::RunError;
use super::graph::{Graph, Payload};
use super::report::Report;
use super::runtime::Clock;
use super::waker::Tasks;
use crate::{Attempt, Signal, Timestamp};

/// How many polls are made before other tasks of the executor get a turn.
const BUDGET: usize = 1_024;

/// Runs a graph in place: in the task that awaits this, on any executor, with this clock.
///
/// The future is `Send` if the graph is a [`SendJobGraph`](crate::SendJobGraph). Dropping it drops
/// every job. The functions of the adapters, such as [`smol::run`](crate::smol::run), call this one.
///
/// # Errors
/// [`RunError`] for a graph that cannot start. All that happens later is in the report.
pub async fn run<P: Payload, C: Clock>(
    clock: &C,
    graph: Graph<P>,
) -> Result<Report<P::Outputs>, RunError> {
    let mut driver = InPlace {
        engine: graph.start(clock.now())?,
        tasks: Tasks::new(),
        batch: Vec::new(),
        clock,
    };
    loop {
        match driver.turn() {
            Turn::Over => return Ok(driver.engine.report()),
            Turn::More => yield_now().await,
            Turn::Wait(deadline) => {
                // Only the wakers are borrowed while it waits: bodies need not be `Sync`.
                let tasks = &driver.tasks;
                match deadline {
                    None => poll_fn(|cx| tasks.poll_woken(cx)).await,
                    Some(deadline) => {
                        let mut sleep = pin!(clock.sleep_until(deadline));
                        poll_fn(|cx| match tasks.poll_woken(cx) {
                            Poll::Ready(()) => Poll::Ready(()),
                            Poll::Pending => sleep.as_mut().poll(cx),
                        })
                        .await;
                    }
                }
            }
        }
    }
}

/// What comes after a turn.
enum Turn {
    Over,
    /// The budget is spent: there may be more to do.
    More,
    /// Nothing to do until a job is woken, or until this time.
    Wait(Option<Timestamp>),
}

struct InPlace<'c, P: Payload, C> {
    engine: Engine<P>,
    tasks: Tasks,
    /// Slots that were woken and have not been polled.
    batch: Vec<u32>,
    clock: &'c C,
}

impl<P: Payload, C: Clock> InPlace<'_, P, C> {
    /// Polls what was woken and what may start, in turns, and looks at the clock after each.
    fn turn(&mut self) -> Turn {
        let mut polls = 0;
        self.look_at_clock();
        while polls < BUDGET {
            let woken = self.next_woken();
            if let Some(slot) = woken {
                polls += 1;
                self.poll(slot);
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

    fn next_woken(&mut self) -> Option<u32> {
        if self.batch.is_empty() {
            self.tasks.take_woken(&mut self.batch);
            self.batch.reverse();
        }
        self.batch.pop()
    }

    /// Hands out one job and polls it for the first time.
    fn start_next(&mut self) -> bool {
        let now = self.engine.core.clock();
        let Some((attempt, made)) = self.engine.hand_out(now) else { return false };
        match made {
            Ok(()) => {
                let slot = self.tasks.insert(attempt);
                self.poll(slot);
            }
            failed => self.over(attempt, failed),
        }
        true
    }

    fn poll(&mut self, slot: u32) {
        let Some((attempt, waker)) = self.tasks.begin_poll(slot) else { return };
        match self.engine.poll(attempt, &mut Context::from_waker(waker)) {
            Poll::Pending => self.look_at_clock(),
            Poll::Ready(finished) => self.over(attempt, finished),
        }
    }

    fn over(&mut self, attempt: Attempt, finished: Finished) {
        self.engine.complete(attempt, finished, self.clock.now());
        self.tasks.remove(attempt);
        self.look_at_clock();
    }

    /// Lets time pass in the core, and obeys what it says.
    fn look_at_clock(&mut self) {
        let now = self.clock.now();
        self.engine.core.on_deadline(now);
        while let Some(signal) = self.engine.core.poll_signal() {
            if let Signal::Abort(attempt) = signal {
                self.tasks.remove(attempt);
                self.engine.abort(attempt, now);
            }
        }
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
