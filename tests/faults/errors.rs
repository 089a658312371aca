//! What an error is caused by decides what becomes of its job.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jobgraph::{Cancelled, Job, Outcome, Permanent, SendJobGraph};

use crate::ways::Way;

/// An error with a cause, as libraries make them.
#[derive(Debug)]
struct Context(&'static str, jobgraph::Error);

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Context {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.1)
    }
}

/// An error that misbehaves when it is asked for its cause.
#[derive(Debug)]
enum Hostile {
    Panics,
    Endless,
    /// It cannot say what it is.
    Mute,
    /// It panics while it says what it is.
    Screams,
}

impl fmt::Display for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hostile")?;
        match self {
            Self::Mute => Err(fmt::Error),
            Self::Screams => panic!("no text"),
            Self::Panics | Self::Endless => Ok(()),
        }
    }
}

impl Error for Hostile {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Panics => panic!("no cause"),
            Self::Endless => Some(self),
            Self::Mute | Self::Screams => None,
        }
    }
}

fn wrapped(error: impl Into<jobgraph::Error>) -> jobgraph::Error {
    Context("outer", Context("inner", error.into()).into()).into()
}

/// How often a job with three retries is attempted that fails with this, and how it ends.
fn attempts(way: Way, error: fn() -> jobgraph::Error) -> (u32, Option<Outcome>, Option<String>) {
    let calls = Arc::new(AtomicU32::new(0));
    let mut graph = SendJobGraph::new();
    let counted = Arc::clone(&calls);
    let job = Job::repeat(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async move { Err::<(), _>(error()) }
    });
    let job = graph.add(job.retries(3));
    let report = way.run(graph);
    let text = report.error(&job).map(ToString::to_string);
    (calls.load(Ordering::SeqCst), report.outcome(&job), text)
}

#[test]
fn a_permanent_error_is_found_wherever_it_is_in_the_chain() {
    for way in Way::ALL {
        let failed = Some(Outcome::Failed(jobgraph::Failure::Error));
        let plain = attempts(way, || "no such page".into());
        assert_eq!(plain, (4, failed, Some("no such page".into())));
        let permanent = attempts(way, || Permanent::new("no such page").into());
        assert_eq!(permanent, (1, failed, Some("no such page".into())));
        let inside = attempts(way, || wrapped(Permanent::new("no such page")));
        assert_eq!(inside, (1, failed, Some("outer: inner: no such page".into())));
        let outside = attempts(way, || Permanent::new(wrapped("no such page")).into());
        assert_eq!(outside, (1, failed, Some("outer: inner: no such page".into())));
    }
}

#[test]
fn cancelled_is_found_wherever_it_is_in_the_chain() {
    for way in Way::ALL {
        let cancelled = (1, Some(Outcome::Cancelled), None);
        assert_eq!(attempts(way, || Cancelled.into()), cancelled);
        assert_eq!(attempts(way, || wrapped(Cancelled)), cancelled);
        // Who gives up for good has given up.
        assert_eq!(attempts(way, || Permanent::new(wrapped(Cancelled)).into()), cancelled);
    }
}

#[test]
fn an_error_that_cannot_be_asked_is_one_like_another() {
    for way in Way::ALL {
        for error in
            [|| Hostile::Panics.into(), || Hostile::Endless.into(), || Hostile::Mute.into()]
        {
            let failed = Some(Outcome::Failed(jobgraph::Failure::Error));
            assert_eq!(attempts(way, error), (4, failed, Some("hostile".into())));
        }
        let screams = attempts(way, || Hostile::Screams.into());
        let failed = Some(Outcome::Failed(jobgraph::Failure::Error));
        assert_eq!(screams, (4, failed, Some("hostile(its text panicked: no text)".into())));
    }
}

#[test]
fn retries_that_make_no_sense_are_refused_before_anything_starts() {
    let mut graph = SendJobGraph::new();
    let job = Job::repeat(|| async { Ok::<_, jobgraph::Error>(()) }).label("fetch");
    graph.add(job.backoff(Duration::from_secs(1), Duration::from_secs(9)));
    let error = jobgraph::smol::block_on(graph).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the new job fetch cannot be added: its pauses have no attempts between them; say how many with `retries`"
    );
}
