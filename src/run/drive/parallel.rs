mod state;

use std::boxed::Box;
use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::vec::Vec;

use self::state::{Chores, Leaving, State, Taken, Ticket};
use super::in_place::{BUDGET, either};
use crate::orchestrator::{Signal, Timestamp};
use crate::run::engine::attempt::{Finished, poll_body};
use crate::run::engine::cells::Retired;
use crate::run::engine::engine::Engine;
use crate::run::engine::graph::Graph;
use crate::run::facts::error::RunError;
use crate::run::facts::lock::lock;
use crate::run::facts::mailbox::Mailbox;
use crate::run::facts::observers::Observers;
use crate::run::facts::quiet::drop_quietly;
use crate::run::facts::report::SendReport;
use crate::run::facts::runtime::{AnyClock, Spawn};
use crate::run::job::payload::Sendable;

/// How long a task goes on with one job after the other before it lets others have their turn, unless a
/// single poll takes longer. What a job woke on this thread may have to wait so long.
const SLICE: Duration = Duration::from_micros(100);

/// Runs a graph in parallel, in tasks of this runtime. The task that ends a job decides what may start,
/// and goes on with the first of it; others are spawned while there is more to start, so that every
/// thread of the runtime has something to do. A job that waits keeps its task to itself.
///
/// Dropping the future drops every job; one that is being polled or dropped on another thread goes
/// when that returns. If the runtime is shut down first, the run is stopped. The functions of the adapters, such as [`smol::run_on`](crate::smol::run_on), call
/// this one.
///
/// # Errors
/// [`RunError`] for a graph that cannot start. All that happens later is in the report.
pub fn run_on<S: Spawn>(
    runtime: &S,
    graph: Graph<Sendable>,
) -> impl Future<Output = Result<SendReport, RunError>> + Send + use<S> {
    let runtime = runtime.clone();
    async move {
        let engine = graph.start(AnyClock::new(runtime.clone()))?;
        Ok(drive_on(runtime, engine).await.finish().0)
    }
}

/// Waits for a run, and lets its time pass: everything else is done by the tasks of the jobs.
pub(crate) async fn drive_on<S: Spawn>(
    runtime: S,
    engine: Box<Engine<Sendable>>,
) -> Box<Engine<Sendable>> {
    let mailbox = Arc::clone(&engine.mailbox);
    let observers = engine.observers.clone();
    let state = State::new(engine);
    let leaving = Arc::clone(&state.leaving);
    let (state, aborts) = (Mutex::new(state), AtomicUsize::new(0));
    let shared = Arc::new(Shared { state, leaving, aborts, runtime, observers });
    let _close = Close(&shared);
    loop {
        match shared.look_around() {
            Look::Over(engine) => return engine,
            Look::Wait(deadline) => {
                let knocked = poll_fn(|cx| shared.knocked(&mailbox, cx));
                match deadline {
                    None => knocked.await,
                    Some(deadline) => either(knocked, shared.runtime.sleep_until(deadline)).await,
                }
            }
        }
    }
}

/// What all tasks of a run share. Its lock is never held while a body is polled.
struct Shared<S> {
    state: Mutex<State>,
    leaving: Arc<Leaving>,
    /// How many attempts were aborted; more if the run was dropped. A body that was taken out before that
    /// may be that of an attempt which is over.
    aborts: AtomicUsize,
    runtime: S,
    observers: Option<Arc<Observers>>,
}

/// What the caller finds.
enum Look {
    Over(Box<Engine<Sendable>>),
    Wait(Option<Timestamp>),
}

/// What becomes of a task after a poll.
enum Then {
    /// Its job goes on.
    Wait,
    /// It goes on with another job.
    Continue(Taken),
    /// It does so when it gets its next turn.
    Yield,
    End,
}

impl<S: Spawn> Shared<S> {
    fn look_around(self: &Arc<Self>) -> Look {
        let now = self.runtime.now();
        let mut chores = Chores::default();
        let mut state = self.go_on(lock(&self.state), now, &mut chores);
        if state.is_over() && state.begin_hooks(now) {
            state = self.go_on(state, now, &mut chores);
        }
        chores.spawn = state.missing_spares();
        let look = match state.engine.take() {
            Some(engine) if state.is_over_in(&engine) => {
                chores.wake.extend(state.shells.iter_mut().filter_map(|shell| shell.waker.take()));
                Look::Over(engine)
            }
            engine => {
                let deadline = engine.as_ref().and_then(|engine| engine.core.next_deadline());
                state.engine = engine;
                state.caller.sleeps_until = deadline;
                Look::Wait(deadline)
            }
        };
        drop(state);
        self.do_chores(chores);
        look
    }

    fn knocked(&self, mailbox: &Mailbox, cx: &Context<'_>) -> Poll<()> {
        if mailbox.watch(cx.waker()) {
            return Poll::Ready(());
        }
        let mut state = lock(&self.state);
        if std::mem::take(&mut state.caller.knocked) {
            return Poll::Ready(());
        }
        let before = state.caller.waker.replace(cx.waker().clone());
        drop(state);
        drop(before);
        Poll::Pending
    }

    fn do_chores(self: &Arc<Self>, chores: Chores) {
        if let Some(observers) = &self.observers {
            observers.deliver();
        }
        // In this order: a runtime that keeps the last task from other threads keeps one of ours.
        chores.wake.into_iter().for_each(Waker::wake);
        for _ in 0..chores.spawn {
            self.runtime.spawn(self.shell());
        }
        if !chores.drop.is_empty() {
            drop_quietly(chores.drop);
        }
    }

    /// Reads the mail, lets time pass, and obeys.
    #[inline]
    fn go_on<'a>(&'a self, state: Locked<'a>, now: Timestamp, chores: &mut Chores) -> Locked<'a> {
        if state.has_news(now) { self.take_news(state, now, chores) } else { state }
    }

    fn take_news<'a>(
        &'a self,
        mut state: Locked<'a>,
        now: Timestamp,
        chores: &mut Chores,
    ) -> Locked<'a> {
        state = self.dispose_of_retired(state, chores);
        state.read_mail(now);
        if std::mem::replace(&mut state.obeying, true) {
            return state;
        }
        while let Some(signal) = state.next_signal(now) {
            if let Signal::Abort(attempt) = signal {
                self.aborts.fetch_add(1, Ordering::SeqCst);
                chores.wake.extend(state.shell_of(attempt).and_then(|shell| shell.waker.take()));
            }
            // An aborted body is gone before the next signal is obeyed.
            state = self.dispose_of_retired(state, chores);
        }
        state.obeying = false;
        state.tell();
        state
    }

    /// Drops bodies, or what is left of attempts in them, without the lock.
    fn dispose_of_retired<'a>(&'a self, mut state: Locked<'a>, chores: &mut Chores) -> Locked<'a> {
        loop {
            let retired = state.lend_retired();
            if retired.is_empty() {
                return state;
            }
            drop(state);
            let lent = retired.len();
            let kept: Vec<_> = retired.into_iter().filter_map(Retired::dispose).collect();
            state = lock(&self.state);
            state.out -= lent;
            for (index, body) in kept {
                state.restore(index, body, chores);
            }
        }
    }

    fn shell(self: &Arc<Self>) -> impl Future<Output = ()> + Send + use<S> {
        let mut task = Task { shared: Arc::clone(self), ticket: None, ended: false };
        poll_fn(move |cx| {
            let polled = Arc::clone(&task.shared).poll_shell(&mut task.ticket, cx);
            task.ended = polled.is_ready();
            polled
        })
    }

    /// The runtime dropped a task, so it is gone itself: stop, and abort what is left.
    fn abandon(self: &Arc<Self>, ticket: Option<Ticket>) {
        let now = self.runtime.now();
        let mut chores = Chores::default();
        let mut state = lock(&self.state);
        if ticket.is_none() {
            state.spares -= 1;
        }
        if ticket.is_none_or(|ticket| state.owns(ticket))
            && let Some(engine) = &mut state.engine
        {
            engine.core.stop(now);
            engine.core.stop(now);
        }
        state = self.go_on(state, now, &mut chores);
        state.leave_chores(&mut chores, false);
        drop(state);
        self.do_chores(chores);
    }

    /// Goes on with the job of a task, or with any that may start, and with others after that.
    fn poll_shell(self: &Arc<Self>, holds: &mut Option<Ticket>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(mut taken) = self.begin(*holds) else { return Poll::Ready(()) };
        let (mut polls, mut begun) = (0, None);
        loop {
            let Taken { ticket, mut body, aborts } = taken;
            *holds = Some(ticket);
            let polled = if self.is_over(ticket, aborts) {
                Poll::Pending
            } else {
                poll_body(&mut body, ticket.hook, cx)
            };
            let now = self.runtime.now();
            polls += 1;
            let slice = now.saturating_since(*begun.get_or_insert(now));
            let at_once = polls < BUDGET && slice < SLICE;
            match self.put_back(ticket, body, polled, now, cx.waker(), at_once) {
                Then::Wait => return Poll::Pending,
                Then::Continue(next) => taken = next,
                Then::Yield => {
                    *holds = None;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Then::End => return Poll::Ready(()),
            }
        }
    }

    /// Whether an attempt was aborted since its body was taken out, which was before that many aborts.
    fn is_over(&self, ticket: Ticket, aborts: usize) -> bool {
        self.aborts.load(Ordering::SeqCst) != aborts && !lock(&self.state).owns(ticket)
    }

    fn taken(&self, (ticket, body): (Ticket, Sendable)) -> Taken {
        Taken { ticket, body, aborts: self.aborts.load(Ordering::SeqCst) }
    }

    /// What a task is to poll: the body that it comes back for, or the next one that may start.
    fn begin(self: &Arc<Self>, holds: Option<Ticket>) -> Option<Taken> {
        let mut state = lock(&self.state);
        let mut next = None;
        match holds {
            None => state.spares -= 1,
            Some(ticket) => next = state.fetch(ticket).map(|body| (ticket, body)),
        }
        if let Some(next) = next {
            return Some(self.taken(next));
        }
        let mut chores = Chores::default();
        let next = state.next(self.runtime.now()).map(|next| self.taken(next));
        state.leave_chores(&mut chores, next.is_some());
        drop(state);
        self.do_chores(chores);
        next
    }

    fn put_back(
        self: &Arc<Self>,
        ticket: Ticket,
        body: Sendable,
        polled: Poll<Finished>,
        now: Timestamp,
        waker: &Waker,
        at_once: bool,
    ) -> Then {
        let mut chores = Chores::default();
        let mut state = lock(&self.state);
        let pending = polled.is_pending();
        let left = state.receive(ticket, body, polled, now, waker);
        state = self.go_on(state, now, &mut chores);
        let then = if pending && state.owns(ticket) {
            Then::Wait
        } else if !at_once && state.has_ready_jobs() {
            state.spares += 1;
            Then::Yield
        } else if let Some(next) = state.next(now) {
            Then::Continue(self.taken(next))
        } else {
            Then::End
        };
        // The run is not over before the next body is back, whatever becomes of this one.
        let goes_on = matches!(then, Then::Continue(_));
        let awaited = left.is_some() && !goes_on;
        if awaited {
            state.leaving.begin();
        }
        state.leave_chores(&mut chores, goes_on);
        drop(state);
        self.do_chores(chores);
        if let Some(body) = left {
            drop_quietly(body);
        }
        if awaited && self.leaving.end() {
            let caller = lock(&self.state).knock();
            caller.into_iter().for_each(Waker::wake);
        }
        then
    }
}

type Locked<'a> = MutexGuard<'a, State>;

/// A task, and the attempt whose body it comes back for. One that is dropped before it has ended says so.
struct Task<S: Spawn> {
    shared: Arc<Shared<S>>,
    ticket: Option<Ticket>,
    ended: bool,
}

impl<S: Spawn> Drop for Task<S> {
    fn drop(&mut self) {
        if !self.ended {
            self.shared.abandon(self.ticket);
        }
    }
}

/// Drops every body when the caller is dropped, and ends the tasks.
struct Close<'a, S: Spawn>(&'a Arc<Shared<S>>);

impl<S: Spawn> Drop for Close<'_, S> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        self.0.aborts.fetch_add(1, Ordering::SeqCst);
        let engine = state.engine.take();
        let shells = std::mem::take(&mut state.shells);
        drop(state);
        if let (Some(_), Some(observers)) = (&engine, &self.0.observers) {
            observers.close();
        }
        drop_quietly(engine);
        shells.into_iter().filter_map(|shell| shell.waker).for_each(Waker::wake);
    }
}
