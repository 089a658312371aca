use std::sync::Arc;

use async_executor::Executor;

/// An executor that two threads drive.
pub(crate) fn with_executor<T>(run: impl FnOnce(&Arc<Executor<'static>>) -> T) -> T {
    let executor = Arc::new(Executor::new());
    let (stop, stopped) = async_channel::bounded::<()>(1);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (executor, stopped) = (Arc::clone(&executor), stopped.clone());
            scope.spawn(move || async_io::block_on(executor.run(stopped.recv())));
        }
        let result = run(&executor);
        drop(stop);
        result
    })
}
