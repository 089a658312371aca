//! Facts, histories and reports as data, for logs, other programs and later looks: with feature `serde`.
//!
//! A [`Fact`](crate::Fact) is a map of one level and a few: written as JSON, one a line, a run is an NDJSON file.
//! [`History`](crate::view::History) and [`Report`](crate::Report) are one map each. A fact can be read again, so
//! that a history, a timeline or a critical path can be made of the file of a run that was elsewhere, or goes on.
//!
//! ```
//! use std::io::Write;
//!
//! use jobgraph::view::{History, Progress, timeline};
//! use jobgraph::{Fact, Job, JobGraph};
//!
//! let mut graph = JobGraph::new();
//! let fetch = graph.add(Job::new(async {}).label("fetch"));
//! graph.add(Job::new(async {}).label("parse").requires(&fetch));
//! let mut file = tempfile();
//! graph.observe(move |fact| {
//!     let line = serde_json::to_string(fact).expect("a fact has a text");
//!     writeln!(file, "{line}").expect("there is room on the disk");
//! });
//! assert!(jobgraph::smol::block_on(graph)?.check().is_ok());
//!
//! // Later, perhaps elsewhere.
//! # let text = std::mem::take(&mut *TEXT.lock().unwrap());
//! let facts = text.lines().map(serde_json::from_str::<Fact>);
//! let history: History = facts.collect::<Result<_, _>>()?;
//! assert!(timeline(&history).contains("parse"));
//! # use std::sync::Mutex;
//! # static TEXT: Mutex<String> = Mutex::new(String::new());
//! # struct File;
//! # fn tempfile() -> File { File }
//! # impl Write for File {
//! #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
//! #         TEXT.lock().unwrap().push_str(std::str::from_utf8(bytes).unwrap());
//! #         Ok(bytes.len())
//! #     }
//! #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Facts
//!
//! Each has `at`, nanoseconds by the clock of the run; `within`, the numbers of the jobs inside which it happened,
//! outermost first, unless there are none; and `event`, which says what else it has:
//!
//! | `event` | and |
//! |---|---|
//! | `begun` | `format`, 1; `window`, or `null`; `pools`, each with `pool` and `size` |
//! | `added` | what is known of a job before it runs, see below |
//! | `state` | `job`; the states `from` and `to`; `error`, a text, if an attempt failed |
//! | `ready`, `hook_begun` | `job` |
//! | `note` | `job`; `text`, what it said of itself |
//! | `hook_ended` | `job`; `outcome`, a state; `error`, if it failed |
//! | `mishap` | `job`, unless it is no job's; `what`: `drop` or `clock`; `message`; `location`, if it is known |
//! | `over` | `verdict`: `completed`, `timed_out`, `critical_failure`, `stopped`; `job`, whose failure was critical |
//!
//! A job is named by the number of its id, 3 for `#3`: numbers are never used twice in a graph. Before it runs, there is known
//! of it: `job`; `label`, or `null`; `kind`: `finite`, `forever` or `service`; `critical`; `takes`, each with `pool` and
//! `amount`; `requires`, each with `job` and `condition`: `succeeded`, `finished`, `settled`, `failed` or `any`; `inside`,
//! the jobs inside, if it is a graph; and `added_by`, the job that added it, if one did.
//!
//! A state is a map with `state`:
//!
//! | `state` | and |
//! |---|---|
//! | `waiting`, `queued`, `succeeded`, `cancelled` | |
//! | `running` | `attempt`, from 1 |
//! | `stopping` | `attempt`; `reason`: `timed_out`, `cancelled` or `run_ending` |
//! | `backoff` | `until`, nanoseconds |
//! | `failed` | `failure`: `error`, `panic`, `timed_out` or `never_ready` |
//! | `skipped` | `requirement`, the job because of which; absent if the run ended first |
//!
//! # Histories and reports
//!
//! A map with `format`, 1; `begun` and `now`, nanoseconds; `verdict`, and `critical` if that names a job, once it is over;
//! `counts`, how many jobs are in which state; `mishaps`; and `jobs`. A job has what is known before it runs, its
//! `state`, its `note`, the times `added`, `queued`, `ready` and `ended`, its `attempts`, its `hook` and its `mishaps`, and `jobs`, those
//! inside, if it is a graph. An attempt has its `number`, the times `queued`, `started`, `asked` and `ended`, and an
//! `error`. What is not known, or did not happen, is absent. A report becomes a history first, which is as coarse as
//! [`Report::retell`](crate::Report::retell); it has no outputs.
//!
//! # What is promised
//!
//! What stands here stays as it is while `format` is 1. There may be more fields and events: whoever reads this leaves
//! out what it does not know. Texts of errors are for people, and may change. A fact that was read tells what the one
//! that was written told, but that an error is a text, and that ids have the index that goes with their number, and
//! are of use in histories only. The maps need a format that describes itself, such as JSON or CBOR.

mod facts;
mod history;
mod jobs;
mod states;

/// The format that is documented here.
const FORMAT: u32 = 1;
