//! What stands in messages, beside JSON of the user's.

use async_nats::HeaderMap;
use bytes::Bytes;
use jobgraph::remote::CallError;
use serde::{Deserialize, Serialize};

/// The header of work whose job is durable: its controller will come back.
const COMES_BACK: &str = "Jg-Comes-Back";

/// The header of work that was given back: how often it had been begun by workers that were lost.
const BEGUN: &str = "Jg-Begun";

/// The header of an answer: what it is.
const OUTCOME: &str = "Jg-Outcome";

const ANSWERED: &str = "answered";
/// It was asked to end, and answered all the same: it may have left something out.
const CUT_SHORT: &str = "cut short";
const FAILED: &str = "failed";

/// A worker has begun a call.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Begun {
    pub(crate) id: String,
    pub(crate) worker: String,
    pub(crate) delivery: u32,
}

pub(crate) fn work_headers(comes_back: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if comes_back {
        headers.insert(COMES_BACK, "1");
    }
    headers
}

pub(crate) fn comes_back(headers: Option<&HeaderMap>) -> bool {
    headers.is_some_and(|headers| headers.get(COMES_BACK).is_some())
}

/// How often a call was begun, and its worker lost, before it was given back.
pub(crate) fn begun(headers: Option<&HeaderMap>) -> u32 {
    let begun = headers.and_then(|headers| headers.get(BEGUN));
    begun.and_then(|begun| begun.as_str().parse().ok()).unwrap_or(0)
}

pub(crate) fn set_begun(headers: &mut HeaderMap, begun: u32) {
    headers.insert(BEGUN, begun.to_string());
}

/// An answer as headers and payload.
pub(crate) fn answer(
    answer: Result<Vec<u8>, CallError>,
    was_cancelled: bool,
) -> (HeaderMap, Vec<u8>) {
    let (outcome, payload) = match answer {
        Ok(output) if was_cancelled => (CUT_SHORT, output),
        Ok(output) => (ANSWERED, output),
        Err(error) => (FAILED, serde_json::to_vec(&error).unwrap_or_default()),
    };
    let mut headers = HeaderMap::new();
    headers.insert(OUTCOME, outcome);
    (headers, payload)
}

/// The answer that this is.
pub(crate) fn answer_of(
    headers: Option<&HeaderMap>,
    payload: &Bytes,
) -> Result<Vec<u8>, CallError> {
    let outcome = headers.and_then(|headers| headers.get(OUTCOME));
    match outcome.map(async_nats::HeaderValue::as_str) {
        Some(ANSWERED | CUT_SHORT) => Ok(payload.to_vec()),
        Some(FAILED) => Err(serde_json::from_slice(payload).unwrap_or_else(|_| CallError::Engine {
            text: "the worker failed in a way that is not known here: is it another version of jobgraph-nats?".into(),
            is_permanent: true,
        })),
        _ => Err(CallError::Engine {
            text: "the answer is none of jobgraph-nats".into(),
            is_permanent: true,
        }),
    }
}

/// Whether another run may take this for its own: a success that nothing cut short.
pub(crate) fn counts(headers: &HeaderMap) -> bool {
    headers.get(OUTCOME).is_some_and(|outcome| outcome.as_str() == ANSWERED)
}
