use std::boxed::Box;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

use super::error::CallError;
use crate::{Context, Error, Job, Repeat, ServiceContext};

/// What will be the answer to a call.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, CallError>> + Send + 'a>>;

/// Brings calls to those who handle them: what an adapter implements.
pub trait Transport: Send + Sync + fmt::Debug + 'static {
    /// Has a call handled, once, by anybody who can. The attempt that makes it may be asked to end (see [`Context::cancelled`]): then the
    /// handler is to be. If the future is dropped, nobody wants the answer any more.
    fn call<'a>(&'a self, cx: &'a Context, call: Call) -> Answer<'a>;
}

/// A task that is to be handled, with what it is given.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Call {
    /// The name of the task.
    pub task: &'static str,
    /// What names the work in all attempts and resumptions, if the job is durable: the job, the task and the input.
    pub key: Option<String>,
    /// JSON.
    pub input: Vec<u8>,
}

impl Call {
    pub(super) fn new(task: &'static str, cx: &Context, input: Vec<u8>) -> Self {
        // A job may make several.
        #[cfg(all(feature = "journal", unix))]
        let key = cx
            .key()
            .map(|key| std::format!("{key}-{task}-{:016x}", xxhash_rust::xxh3::xxh3_64(&input)));
        #[cfg(not(all(feature = "journal", unix)))]
        let key = {
            let _ = cx;
            None
        };
        Self { task, key, input }
    }
}

/// Where [remote](super::Remote) tasks are handled: what their jobs require, and are fed. Clones are the same.
#[derive(Clone, Debug)]
pub struct Engine(Arc<dyn Transport>);

impl Engine {
    /// One that brings calls to their handlers in this way.
    pub fn new(transport: impl Transport) -> Self {
        Self(Arc::new(transport))
    }

    /// The service that is ready with it.
    pub fn service(self) -> Job<impl Repeat<Output = Self>> {
        let serve = move |cx: ServiceContext<Self>| {
            cx.ready(self.clone());
            async move {
                cx.cancelled().await;
                Ok(())
            }
        };
        Job::restartable(serve).label("engine").unlimited_grace()
    }

    pub(super) async fn call(&self, cx: &Context, call: Call) -> Result<Vec<u8>, Error> {
        self.0.call(cx, call).await.map_err(CallError::into_error)
    }
}
