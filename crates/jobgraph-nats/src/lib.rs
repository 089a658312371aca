//! Jobs of a [`jobgraph`] on other machines: workers behind NATS JetStream.
//!
//! The graph stays where it is; chosen jobs are handled by workers elsewhere. Both sides share [tasks](jobgraph::remote::Remote);
//! a controller has an [engine](Nats::engine), a worker is a [service](Nats::worker) of a graph of its own. Whatever runs with
//! [`Engine::embedded`](jobgraph::remote::Engine::embedded) runs with this.
//!
//! ```no_run
//! use jobgraph::remote::{CallContext, Handlers, Remote};
//! use jobgraph::{Job, JobGraph};
//! use jobgraph_nats::Nats;
//!
//! const COUNT: Remote<String, usize> = Remote::named("count.v1"); // in a crate that both sides have
//!
//! fn worker() -> JobGraph<'static> {
//!     let handlers = Handlers::new().on(COUNT, async |_: CallContext, page: String| {
//!         Ok::<_, std::io::Error>(page.split(' ').count())
//!     });
//!     let mut graph = JobGraph::new();
//!     graph.add(Nats::at("nats://10.0.0.1").worker(handlers, 8).critical());
//!     graph
//! }
//!
//! fn controller() -> JobGraph<'static> {
//!     let mut graph = JobGraph::new();
//!     let engine = graph.add(Nats::at("nats://10.0.0.1").engine());
//!     let page = graph.add(Job::new(async { String::from("to be or not to be") }));
//!     graph.add(COUNT.job(&engine, &page).retries(2));
//!     graph
//! }
//! # let _ = (worker, controller);
//! ```
//!
//! TLS, credentials, keys and certificates are [options](Nats::options) of async-nats; `nkeys` is a feature.
//!
//! It runs on any runtime: what talks to the server has a thread of its own, which gives signs of life whatever jobs do.
//!
//! # What happens when something fails
//!
//! | what | what happens |
//! |---|---|
//! | a worker dies, hangs, or is cut off | after a [lease](Nats::lease) another one has its calls: the job notes `with WORKER, delivery 2` |
//! | a call kills its workers | after so many [deliveries](Nats::deliveries) it fails: ``no worker survived `resize.v1` `` |
//! | a worker is stopped | it takes no more, ends what it has within its grace period, and gives the rest back |
//! | no worker is there, or only of another version | the call waits, and notes ``no worker is there for `resize.v2` `` |
//! | the two sides mean different types | the call fails, and is not tried again |
//! | a payload is larger than a message may be | it goes through an object store |
//! | the server dies, or the network | both sides wait for it, and go on; whoever need not wait gives the job a timeout |
//! | somebody removes a stream or a consumer | both sides make it anew within seconds, and calls that were in it are made once more |
//! | a job is cancelled | a call that nobody has begun is removed; otherwise its handler is asked to end |
//! | the controller dies | without a journal, workers cancel what they do for it when they have lost [patience](Nats::patience); with one they go on, and when it comes back it finds the answers to its durable jobs |
//!
//! Calls that a dead controller without a journal left to workers that begin only later are handled, once, for nobody.
//!
//! A call has one answer, the first. It may be *handled* more than once: an acknowledgement that a dying server forgets, or a worker
//! that only seemed dead. [`CallContext::id`](jobgraph::remote::CallContext::id) names the work for effects that must not be had twice.
//!
//! # For whoever runs the server
//!
//! All names begin with a [prefix](Nats::prefix), here `jg`:
//!
//! | | |
//! |---|---|
//! | stream `jg-work`, subjects `jg.work.TASK.RUN.KEY.ATTEMPT` | calls that wait, or are with a worker; by work queue, on disk. Removed when answered or cancelled |
//! | its consumers | one a task, shared by all workers, named as the task (`.` is written `=2e`); they stay |
//! | stream `jg-done`, subjects `jg.done.RUN.KEY.ATTEMPT` | answers, for [24 hours](Nats::keep) at most; those of a run without a journal go with its engine |
//! | its consumers | one an engine, removed with it, or by the server after an hour |
//! | bucket `jg-large` | payloads that are too large, for as long; made when it is needed first |
//! | subjects `jg.begun.RUN`, `jg.cancel.RUN`, `jg.alive.RUN` | kept nowhere |
//!
//! **Limits**: at most 50,000 answers and 100,000 calls of a task are unacknowledged at once. **Watch** the messages of `jg-work` (what waits),
//! `num_redelivered` of its consumers (workers that die), and the bytes of `jg-done`.
//!
//! **Permissions**: an engine publishes to `jg.work.>`, `jg.cancel.*`, `jg.alive.*`, subscribes to `jg.begun.*`; a worker publishes to `jg.done.>`,
//! `jg.begun.*`, subscribes to `jg.cancel.*`, `jg.alive.*`; both publish to `$JS.API.>`, `$JS.ACK.>`, `$JS.FC.>`, `$O.jg-large.>`, and subscribe to `_INBOX.>`.
//! Who makes the streams beforehand need not allow `$JS.API.STREAM.CREATE.*`: they have to keep messages so, with these subjects.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod answers;
mod callers;
mod calls;
mod engine;
mod error;
mod floor;
mod handling;
mod hub;
mod link;
mod nats;
mod payload;
mod streams;
mod subjects;
mod thread;
mod waiting;
mod wire;
mod worker;

pub use async_nats;

pub use crate::error::NatsError;
pub use crate::nats::Nats;
