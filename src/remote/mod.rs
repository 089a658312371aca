//! Jobs that are handled elsewhere: the same graph, its work here or on other machines. Feature `remote`.
//!
//! A [`Remote`] task is a name with two types, which both sides share. [`Handlers`] say how tasks are handled; an [`Engine`] is a
//! service that brings calls to them. [`Engine::embedded`] handles them in this process, which is all that a program needs until
//! one machine is not enough, and all that its tests ever need. The crate `jobgraph-nats` brings them to workers on other machines,
//! through NATS JetStream; a [`Transport`] of your own, through whatever you have.
//!
#![cfg_attr(feature = "smol", doc = "```")]
#![cfg_attr(not(feature = "smol"), doc = "```ignore")]
//! use jobgraph::remote::{CallContext, Engine, Handlers, Remote};
//! use jobgraph::{Job, JobGraph};
//!
//! const COUNT: Remote<String, usize> = Remote::named("count.v1");
//!
//! async fn count(_cx: CallContext, text: String) -> Result<usize, std::io::Error> {
//!     Ok(text.split(' ').count())
//! }
//!
//! let handlers = Handlers::new().on(COUNT, count);
//!
//! let mut graph = JobGraph::new();
//! let engine = graph.add(Engine::embedded(handlers).service());
//! let page = graph.add(Job::new(async { String::from("to be or not to be") }));
//! let words = graph.add(COUNT.job(&engine, &page).retries(2)); // fed, typed: a job as any other
//! let more = graph.add(COUNT.of(&engine, "that is the question".into()));
//! let report = jobgraph::smol::block_on(graph)?;
//! assert_eq!((report.output(&words), report.output(&more)), (Some(&6), Some(&4)));
//! # Ok::<(), jobgraph::RunError>(())
//! ```
//!
//! # What holds wherever it is handled
//! - A call is answered once. It may be *handled* more than once, if a worker is lost with it: [`CallContext::id`] is for effects that
//!   must not be had twice.
//! - Who is asked to end, by a timeout, a stop, or the end of the run, asks the handler to end, and has
//!   its grace period to hear from it; who is dropped, asks and does not listen.
//! - A handler's error arrives as text, with its causes, as a [`CallError`]; a [`Permanent`](crate::Permanent) one is not retried, a
//!   [`Cancelled`](crate::Cancelled) one is no failure. A panic is an error.
//! - What is given and answered is JSON: types change as serde says. What cannot be read is an error of the call, which names the task and
//!   is not retried.

mod context;
mod embedded;
mod engine;
mod error;
mod handlers;
mod task;

pub use self::context::CallContext;
pub use self::engine::{Answer, Call, Engine, Transport};
pub use self::error::CallError;
pub use self::handlers::Handlers;
pub use self::task::Remote;
