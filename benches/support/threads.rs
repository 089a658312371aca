//! Runtimes, made once.

use std::sync::Arc;
use std::thread;

use async_executor::Executor;
use futures_lite::future::block_on;
use tokio::runtime::{Builder, Runtime};

pub(crate) fn tokio_current_thread() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

pub(crate) fn tokio_workers(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).enable_time().build().expect("a runtime")
}

/// Calls this with an executor that so many threads drive.
pub(crate) fn with_smol_threads<T>(
    threads: usize,
    call: impl FnOnce(&Arc<Executor<'static>>) -> T,
) -> T {
    let executor = Arc::new(Executor::new());
    let (stop, stopped) = async_channel::bounded::<()>(1);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| block_on(executor.run(stopped.recv())));
        }
        let result = call(&executor);
        drop(stop);
        result
    })
}
