//! The bare core, driven by a hand-written loop: no async, no threads, no clock but a variable.
//!
//! A small factory on one machine tool: parts take their time, one of them fails once and is tried
//! again, and what depends on a part that cannot be made is skipped.
//!
//! `cargo run --example core_only --no-default-features`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::error::Error;
use std::num::NonZero;
use std::time::Duration;

use jobgraph::{
    Attempt, Completion, Condition, JobOptions, Orchestrator, Retries, RunOptions, Signal,
    Timestamp, Verdict,
};

/// What the core stores for each job: how long it takes, and how many of its attempts fail.
struct Part {
    seconds: u64,
    failures: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = RunOptions {
        window: NonZero::new(2),
        timeout: Some(Duration::from_secs(60)),
        ..RunOptions::default()
    };
    let mut factory = Orchestrator::new(options);
    let part = |seconds, failures| Part { seconds, failures };
    let retried = JobOptions {
        retries: Retries::new(2).every(Duration::from_secs(1)),
        ..JobOptions::labelled("wheel")
    };
    let limited =
        JobOptions { timeout: Some(Duration::from_secs(5)), ..JobOptions::labelled("engine") };

    let frame = factory.add(part(3, 0), JobOptions::labelled("frame"), &[])?;
    let wheel = factory.add(part(2, 1), retried, &[])?;
    let engine = factory.add(part(30, 0), limited, &[])?;
    let needs =
        |jobs: &[_]| jobs.iter().map(|&job| (job, Condition::Succeeded)).collect::<Vec<_>>();
    factory.add(part(1, 0), JobOptions::labelled("bicycle"), &needs(&[frame, wheel]))?;
    factory.add(part(1, 0), JobOptions::labelled("motorcycle"), &needs(&[frame, wheel, engine]))?;

    let verdict = drive(&mut factory)?;
    println!("\nthe run {verdict}: {}", factory.counts());
    for job in factory.jobs() {
        println!(
            "{job} {}: {}",
            factory.label(job).unwrap_or_default(),
            factory.explain(job).ok_or("no such job")?
        );
    }
    Ok(())
}

/// The whole of a driver. Work that is under way is a heap of the times when it will be done.
fn drive(factory: &mut Orchestrator<Part>) -> Result<Verdict, Box<dyn Error>> {
    let mut under_way = BinaryHeap::new();
    let mut now = Timestamp::ZERO;
    factory.start(now)?;
    loop {
        // 1. Obey. Work that was aborted is over already: forget it.
        while let Some(signal) = factory.poll_signal() {
            // The parts of a job that never began go with it.
            let (Signal::Cancel(stopped) | Signal::Abort(stopped)) = signal else { continue };
            under_way.retain(|&Reverse((_, attempt))| attempt != stopped);
            say(now, factory, "is aborted", stopped);
        }
        // 2. Is it over?
        if let Some(verdict) = factory.verdict() {
            return Ok(verdict);
        }
        // 3. Start what may start.
        let mut started = vec![];
        let mut ready = factory.poll_ready_jobs(now);
        while let Some(attempt) = ready.next() {
            let seconds = ready.payload_mut(attempt).map_or(0, |part| part.seconds);
            under_way.push(Reverse((now + Duration::from_secs(seconds), attempt)));
            started.push(attempt);
        }
        for attempt in started {
            say(now, factory, "starts", attempt);
        }
        // 4. Wait for what comes first: work that is done, or a deadline.
        let done = under_way.peek().map(|&Reverse((at, _))| at);
        now = done.into_iter().chain(factory.next_deadline()).min().ok_or("nothing to wait for")?;
        // 5. Say so: completions first, then the time.
        while under_way.peek().is_some_and(|&Reverse((at, _))| at <= now) {
            let Some(Reverse((_, attempt))) = under_way.pop() else { break };
            let fails =
                factory.payload(attempt.job).is_some_and(|part| attempt.number <= part.failures);
            say(now, factory, if fails { "fails" } else { "is done" }, attempt);
            factory.on_job_complete(
                attempt,
                if fails { Completion::Error } else { Completion::Success },
                now,
            )?;
        }
        factory.on_deadline(now);
    }
}

fn say(now: Timestamp, factory: &Orchestrator<Part>, what: &str, attempt: Attempt) {
    let label = factory.label(attempt.job).unwrap_or_default();
    println!("{:>5}  {label} {what} (attempt {})", now.to_string(), attempt.number);
}
