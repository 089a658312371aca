use std::boxed::Box;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll};

use super::said::{Look, Said};
use super::shared::Shared;
use super::state::State;
use super::task::Task;
use crate::run::drive::act::{begin, dispose, drive_with_hooks, end};
use crate::run::drive::in_place::either;
use crate::run::drive::steady::Steady;
use crate::run::engine::engine::Engine;
use crate::run::engine::graph::Graph;
use crate::run::facts::bell::Bell;
use crate::run::facts::observers::BATCH;
use crate::run::facts::quiet::drop_quietly;
use crate::run::facts::report::SendReport;
use crate::run::facts::run_error::RunError;
use crate::run::facts::runtime::Spawn;
use crate::run::job::payload::Sendable;

/// Runs a graph in parallel, in tasks of this runtime. The task that ends a job decides what may start,
/// and goes on with the first of it; others are spawned while there is more to start, so that every
/// thread of the runtime has something to do. A job that waits keeps its task to itself.
///
/// Dropping the future drops every job; one that is being polled or dropped on another thread goes
/// when that returns. If the runtime is shut down first, the run is stopped. The functions of the
/// adapters, such as `smol::run_parallel`, call this one.
///
/// # Errors
/// [`RunError`] for a graph that cannot start. All that happens later is in the report.
pub fn run_parallel<S: Spawn>(
    runtime: &S,
    graph: Graph<Sendable>,
) -> impl Future<Output = Result<SendReport, RunError>> + Send + use<S> {
    let runtime = runtime.clone();
    async move {
        let engine = begin(&Steady::new(runtime.clone()), graph)?;
        Ok(end(drive_on(runtime, engine).await).0)
    }
}

/// Waits for a run, and then for that of its shutdown hooks.
pub(in crate::run::drive) async fn drive_on<S: Spawn>(
    runtime: S,
    engine: Box<Engine<Sendable>>,
) -> Box<Engine<Sendable>> {
    drive_with_hooks(engine, |engine| drive_one(runtime.clone(), engine)).await
}

/// Waits for one engine, and lets its time pass: everything else is done by the tasks.
async fn drive_one<S: Spawn>(runtime: S, engine: Box<Engine<Sendable>>) -> Box<Engine<Sendable>> {
    let shared = Shared::new(runtime, engine, Task::spawn);
    let _close = Close(&shared);
    let mut said = Said::Nothing;
    loop {
        let time = (shared.runtime.now(), shared.runtime.take_panic());
        let look = shared.hear(|state, mail| state.look(said, time, mail));
        said = Said::Nothing;
        match look {
            Look::Over(engine) => return engine,
            // Nobody else takes the engine before this.
            Look::Unheard(said) => drop_quietly(said),
            Look::Dispose(trash) => said = Said::Disposed(dispose(trash)),
            Look::Tell => {
                shared.observers.iter().for_each(|observers| _ = observers.deliver(BATCH));
                said = Said::Told;
            }
            Look::Wait(deadline) => {
                let knocked = poll_fn(|cx| knocked(&shared, cx));
                match deadline {
                    None => knocked.await,
                    Some(deadline) => either(knocked, shared.runtime.sleep_until(deadline)).await,
                }
            }
        }
    }
}

fn knocked<S: Spawn>(shared: &Arc<Shared<S>>, cx: &Context<'_>) -> Poll<()> {
    let has_mail = shared.mailbox.watch(cx.waker());
    let bell = Bell::of(cx.waker());
    let knocked = shared.decide(|state| state.watch(bell)).decision;
    if has_mail || knocked { Poll::Ready(()) } else { Poll::Pending }
}

/// Drops every body when the caller is dropped, and ends the tasks.
struct Close<'a, S: Spawn>(&'a Arc<Shared<S>>);

impl<S: Spawn> Drop for Close<'_, S> {
    fn drop(&mut self) {
        let (engine, shells) = self.0.decide(State::close).decision;
        if let (Some(_), Some(observers)) = (&engine, &self.0.observers) {
            observers.close();
            #[cfg(feature = "tracing")]
            observers.tell_inside(crate::run::job::spans::RunSpan::none().share());
        }
        drop_quietly(engine);
        shells.into_iter().for_each(Bell::ring);
    }
}
