use std::boxed::Box;
use std::future::Future;
use std::sync::Arc;
use std::task::{self, Poll};
use std::vec::Vec;

use super::steady::Steady;
use crate::orchestrator::Completion;
use crate::run::engine::attempt::{Finished, Unsuccessful};
use crate::run::engine::cells::Cells;
use crate::run::engine::engine::Engine;
use crate::run::engine::graph::Graph;
use crate::run::engine::leftovers::{Disposed, Trash, Value};
use crate::run::facts::error::{Cancelled, Error, JobError, Permanent, is_caused_by};
use crate::run::facts::quiet::{
    Panic, caught, drop_noted, drop_quietly, heard, note_locations, note_panic,
};
use crate::run::facts::report::Report;
use crate::run::facts::run_error::RunError;
use crate::run::facts::runtime::{AnyClock, Clock};
use crate::run::job::body::Start;
use crate::run::job::payload::Payload;

// Where code of the user's runs: all of this is called under no lock.

/// Polls a body. A panic is a failure, and drops what is left of the attempt.
#[inline]
pub(super) fn poll_body<P: Payload>(body: &mut P, cx: &mut task::Context<'_>) -> Poll<Finished> {
    let (mut execute, tracing) = body.parts();
    let polled = tracing.within(|| caught(|| execute.as_mut().poll(cx)));
    finished(body, polled)
}

/// Gathers what an attempt needs, and polls its body for the first time.
#[inline]
pub(super) fn poll_first<P: Payload>(
    body: &mut P,
    start: &mut dyn Start,
    cx: &mut task::Context<'_>,
) -> Poll<Finished> {
    let (mut execute, tracing) = body.parts();
    let polled = tracing.within(|| caught(|| execute.as_mut().poll_first(start, cx)));
    finished(body, polled)
}

/// What a poll came to.
#[inline]
fn finished<P: Payload>(
    body: &mut P,
    polled: Result<Poll<Result<(), Error>>, Panic>,
) -> Poll<Finished> {
    match polled {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(Ok(()))) => {
            body.parts().1.end();
            Poll::Ready(Ok(()))
        }
        Ok(Poll::Ready(Err(error))) => Poll::Ready(Err(failed(body, error))),
        Err(panic) => Poll::Ready(Err(panicked(body, panic))),
    }
}

#[cold]
fn panicked<P: Payload>(body: &mut P, panic: Panic) -> Unsuccessful {
    clear(body);
    Unsuccessful { completion: Completion::Panic, error: JobError::Panic(panic) }
}

/// An attempt has failed. The error is asked what it means.
#[cold]
fn failed<P: Payload>(body: &mut P, error: Error) -> Unsuccessful {
    body.parts().1.end();
    let completion = if says(|| is_caused_by::<Cancelled>(&error)) {
        Completion::Cancelled
    } else if says(|| is_caused_by::<Permanent>(&error)) {
        Completion::Permanent
    } else {
        Completion::Error
    };
    Unsuccessful { completion, error: JobError::Error(error) }
}

/// What the user's code says; if it panics, no.
fn says(ask: impl FnOnce() -> bool) -> bool {
    caught(ask).unwrap_or_else(|panic| {
        drop_quietly(panic);
        false
    })
}

/// Drops what is left of an attempt.
#[cold]
fn clear<P: Payload>(body: &mut P) {
    let (execute, tracing) = body.parts();
    if let Err(panic) = tracing.within(|| caught(|| execute.clear())) {
        note_panic(panic);
    }
    tracing.end();
}

/// Drops a value of the user's that the engine has left.
#[cold]
pub(super) fn dispose<P: Payload>(Trash { job, value }: Trash<P>) -> Disposed<P> {
    let (mut gone, mut kept) = (None, None);
    let heard = heard(|| match value {
        Value::Aborted { attempt, mut body, keep } => {
            gone = Some(attempt);
            clear(&mut body);
            if keep {
                kept = Some(body);
            } else {
                drop_noted(body);
            }
        }
        Value::Body(body) => drop_noted(body),
        Value::Outputs(outputs) => drop_noted(outputs),
        Value::Error(error) => drop_noted(Arc::into_inner(error)),
        Value::Record(record) => drop_noted(record),
    });
    Disposed { job, gone, body: kept, heard }
}

/// Drops all that the engine has left, one by one.
pub(super) fn dispose_all<P: Payload>(engine: &mut Engine<P>) {
    while let Some(trash) = engine.left.trash.pop_front() {
        let disposed = dispose(trash);
        engine.disposed(disposed);
    }
}

/// Drives a run to its end, and then that of its shutdown hooks.
pub(super) async fn drive_with_hooks<P: Payload, F>(
    engine: Box<Engine<P>>,
    drive: impl Fn(Box<Engine<P>>) -> F,
) -> Box<Engine<P>>
where
    F: Future<Output = Box<Engine<P>>>,
{
    let mut engine = drive(engine).await;
    if let Some(hooks) = engine.begin_hooks() {
        engine.additions.close();
        let mut hooks = drive(hooks).await;
        engine.end_hooks(&mut hooks);
    }
    engine
}

/// Begins the run of a graph, unless there is an error.
pub(super) fn begin<P: Payload, C: Clock>(
    clock: &Steady<C>,
    #[cfg_attr(
        not(any(feature = "tracing", feature = "journal")),
        expect(unused_mut, reason = "for the other features")
    )]
    mut graph: Graph<P>,
) -> Result<Box<Engine<P>>, RunError> {
    note_locations();
    #[cfg(feature = "tracing")]
    graph.trace();
    #[cfg(feature = "journal")]
    graph.plan()?;
    let mut engine = graph.start(AnyClock::new(clock.clock.clone()), now_or_epoch(clock))?;
    prepare(&mut engine, clock);
    Ok(engine)
}

/// The time at which a run begins.
pub(super) fn now_or_epoch<C: Clock>(clock: &Steady<C>) -> crate::orchestrator::Timestamp {
    clock.now().unwrap_or_default()
}

/// What the engine of a run needs that has begun.
pub(super) fn prepare<P: Payload, C: Clock>(engine: &mut Engine<P>, clock: &Steady<C>) {
    if let Some(panic) = clock.take_panic() {
        engine.lose_time(panic);
    }
    #[cfg(feature = "tracing")]
    {
        let options = engine.core.options();
        engine.span = crate::run::job::spans::RunSpan::new(engine.core.len(), options);
        if let Some(observers) = &engine.observers {
            observers.tell_inside(engine.span.share());
        }
    }
}

/// Ends a run: tells the observers, and drops what is left. Returns the bodies, if they are to be kept.
pub(super) fn end<P: Payload>(mut engine: Box<Engine<P>>) -> (Report<P::Outputs>, Cells<P>) {
    engine.end();
    dispose_all(&mut engine);
    let verdict = engine.say_over();
    if let Some(observers) = &engine.observers {
        observers.flush();
        if !engine.keep_bodies {
            observers.close();
        }
        #[cfg(feature = "tracing")]
        observers.tell_inside(crate::run::job::spans::RunSpan::none().share());
    }
    #[cfg(feature = "tracing")]
    engine.span.end(verdict);
    let _ = verdict;
    if !engine.keep_bodies {
        // Of jobs that were never handed out.
        drop_quietly(std::mem::replace(&mut engine.cells, Cells::new()));
    }
    engine.into_report()
}

/// Drops values quietly, one by one.
pub(super) fn drop_each<T>(values: Vec<T>) {
    values.into_iter().for_each(drop_quietly);
}
