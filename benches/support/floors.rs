//! What the runtimes take to execute so many jobs at all, without requirements.

use std::pin::Pin;

use async_executor::LocalExecutor;
use futures_lite::StreamExt;
use futures_lite::future::block_on;
use futures_util::stream::FuturesUnordered;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::job;

pub(crate) fn boxed_in_order(jobs: usize) {
    block_on(async {
        let jobs: Vec<Pin<Box<dyn Future<Output = usize>>>> =
            (0..jobs).map(|number| Box::pin(job(number)) as _).collect();
        for job in jobs {
            job.await;
        }
    });
}

pub(crate) fn futures_unordered(jobs: usize) {
    block_on(async {
        let mut set: FuturesUnordered<_> = (0..jobs).map(job).collect();
        while set.next().await.is_some() {}
    });
}

pub(crate) fn local_executor(jobs: usize) {
    let executor = LocalExecutor::new();
    block_on(executor.run(async {
        let tasks: Vec<_> = (0..jobs).map(|number| executor.spawn(job(number))).collect();
        for task in tasks {
            task.await;
        }
    }));
}

pub(crate) fn join_set(runtime: &Runtime, jobs: usize) {
    runtime.block_on(async {
        let mut set = JoinSet::new();
        for number in 0..jobs {
            set.spawn(job(number));
        }
        while set.join_next().await.is_some() {}
    });
}
