//! async-nats lives on tokio. What talks to the server has a thread of its own with one, so that it works beside any runtime, and
//! goes on giving signs of life while jobs block theirs.

use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select};
use jobgraph::Context;
use tokio::sync::oneshot;

use crate::error::NatsError;

/// What runs on the thread, for whoever awaits its end. Dropped, it asks it to end and does not wait.
pub(crate) struct Thread {
    ended: oneshot::Receiver<Result<(), NatsError>>,
    stop: Option<oneshot::Sender<()>>,
}

/// Completes once the thread is to end.
pub(crate) type Stopped = oneshot::Receiver<()>;

impl Thread {
    pub(crate) fn start<F>(run: impl FnOnce(Stopped) -> F + Send + 'static) -> std::io::Result<Self>
    where
        F: Future<Output = Result<(), NatsError>>,
    {
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("jobgraph-nats".into()).spawn(move || {
            let result = runtime.block_on(run(stopped));
            drop(runtime);
            let _ = end.send(result);
        })?;
        Ok(Self { ended, stop: Some(stop) })
    }

    /// Waits until it says that it is up. False if it has ended, or its job is to end before.
    pub(crate) async fn is_up(
        &mut self,
        up: oneshot::Receiver<()>,
        cx: &Context,
    ) -> Result<bool, NatsError> {
        match select(up, pin!(cx.cancelled())).await {
            Either::Left((Ok(()), _)) => Ok(true),
            Either::Left((Err(_), _)) => self.ended().await.map(|()| false),
            Either::Right(_) => Ok(false),
        }
    }

    /// Asks it to end.
    pub(crate) fn stop(&mut self) {
        self.stop = None;
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) -> Result<(), NatsError> {
        (&mut self.ended).await.unwrap_or_else(|_| {
            let text = String::from("its thread panicked");
            Err(NatsError::Other { what: String::from("jobgraph-nats"), text })
        })
    }
}
