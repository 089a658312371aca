//! Who wants answers, and to what no longer.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::{Message, Subscriber};
use futures_util::StreamExt as _;
use jobgraph::remote::CallContext;
use tokio::sync::Mutex as Turn;
use tokio::time::sleep;

use crate::error::NatsError;
use crate::link::{Link, Presence};
use crate::nats::Nats;
use crate::subjects::{Id, run_of};

/// A cancellation may come before its call: it is kept so long.
const EARLY: Duration = Duration::from_secs(30);

/// Who seems to be gone is looked for so often, with this between.
const LOOKS: u32 = 6;
const LOOK: Duration = Duration::from_millis(50);

/// The engines, as a worker hears of them.
pub(crate) struct Callers {
    heard: Turn<(Subscriber, Subscriber)>,
    patience: Duration,
    presence: Presence,
    state: Mutex<State>,
}

/// Why a call is not to be begun.
pub(crate) enum Unwanted {
    Cancelled,
    /// The one who made it has not been heard for long.
    Gone,
}

struct State {
    /// When the worker began to listen: who has not been heard since, for as long as one has patience, is not there.
    since: Instant,
    alive: HashMap<String, Instant>,
    calls: HashMap<String, Call>,
    early: HashMap<String, Instant>,
}

struct Call {
    cx: CallContext,
    comes_back: bool,
    is_given_up: bool,
}

/// A call that is being handled, until dropped.
pub(crate) struct Handled<'a> {
    callers: &'a Callers,
    id: String,
}

impl Handled<'_> {
    /// Whether it was cancelled because the one who made it seemed to be gone.
    pub(crate) fn is_given_up(&self) -> bool {
        self.callers.state().calls.get(&self.id).is_some_and(|call| call.is_given_up)
    }
}

impl Drop for Handled<'_> {
    fn drop(&mut self) {
        self.callers.state().calls.remove(&self.id);
    }
}

impl Callers {
    pub(crate) async fn listen(nats: &Nats, link: &Link) -> Result<Self, NatsError> {
        let subscribe = async |subject: String| {
            let subscribed = link.client.subscribe(subject).await;
            subscribed.map_err(|error| link.refusals.error("subscribing", &error))
        };
        let alive = subscribe(nats.subjects.alive("*")).await?;
        let cancels = subscribe(nats.subjects.cancel("*")).await?;
        let state = State {
            since: Instant::now(),
            alive: HashMap::new(),
            calls: HashMap::new(),
            early: HashMap::new(),
        };
        let heard = Turn::new((alive, cancels));
        let presence = link.presence.clone();
        Ok(Self { heard, patience: nats.patience, presence, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears one thing.
    pub(crate) async fn hear(&self) {
        let mut heard = self.heard.lock().await;
        let (alive, cancels) = &mut *heard;
        tokio::select! {
            Some(message) = alive.next() => self.hear_alive(&message),
            Some(message) = cancels.next() => self.hear_cancel(&message),
            else => std::future::pending().await,
        }
    }

    fn hear_alive(&self, message: &Message) {
        let run = message.subject.rsplit('.').next().unwrap_or_default();
        self.state().alive.insert(run.to_owned(), Instant::now());
    }

    fn hear_cancel(&self, message: &Message) {
        let Ok(id) = str::from_utf8(&message.payload) else { return };
        let mut state = self.state();
        let cx = state.calls.get(id).map(|call| call.cx.clone());
        if cx.is_none() {
            state.early.insert(id.to_owned(), Instant::now());
        }
        drop(state);
        if let Some(cx) = cx {
            cx.cancel();
        }
    }

    /// Whether nobody wants the answer to a call that has not begun. A sign of life may come just after the first call.
    pub(crate) async fn unwanted(&self, id: &Id, comes_back: bool) -> Option<Unwanted> {
        for _ in 0..LOOKS {
            match self.is_unwanted(id, comes_back) {
                Some(Unwanted::Gone) => sleep(LOOK).await,
                others => return others,
            }
        }
        self.is_unwanted(id, comes_back)
    }

    fn is_unwanted(&self, id: &Id, comes_back: bool) -> Option<Unwanted> {
        let state = self.state();
        if state.early.contains_key(id) {
            return Some(Unwanted::Cancelled);
        }
        (!comes_back && self.is_gone(&state, run_of(id))).then_some(Unwanted::Gone)
    }

    /// Silence counts only as long as there is a connection.
    fn is_gone(&self, state: &State, run: &str) -> bool {
        let Some(since) = self.presence.since() else { return false };
        let heard = state.alive.get(run).copied().unwrap_or(since);
        heard.max(since).max(state.since).elapsed() > self.patience
    }

    /// A call is to be handled; `None` if it is being handled here already, since its lease ran out.
    pub(crate) fn handles(
        &self,
        id: &Id,
        cx: &CallContext,
        comes_back: bool,
    ) -> Option<Handled<'_>> {
        match self.state().calls.entry(id.to_owned()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(free) => {
                free.insert(Call { cx: cx.clone(), comes_back, is_given_up: false });
                Some(Handled { callers: self, id: id.to_owned() })
            }
        }
    }

    /// Cancels what is done for those who are gone.
    pub(crate) fn look(&self) {
        let mut state = self.state();
        state.early.retain(|_, at| at.elapsed() < EARLY);
        let calls = state.calls.iter().filter(|(_, call)| !call.comes_back);
        let runs: HashSet<String> = calls
            .map(|(id, _)| run_of(id))
            .filter(|run| self.is_gone(&state, run))
            .map(str::to_owned)
            .collect();
        let mut gone = Vec::new();
        for (id, call) in &mut state.calls {
            if !call.comes_back && runs.contains(run_of(id)) {
                call.is_given_up = true;
                gone.push(call.cx.clone());
            }
        }
        let patience = self.patience;
        state.alive.retain(|_, at| at.elapsed() < patience * 2);
        drop(state);
        gone.iter().for_each(CallContext::cancel);
    }
}
