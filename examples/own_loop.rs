//! The core in the loop of a game: no async, no threads; it is asked once a frame, and time is what the game says it is.
//!
//! A colony: buildings wait for others and for free builders, some take several tries, one is called off, and the game can tell
//! its player why a building is where it is.
//!
//! `cargo run --example own_loop --no-default-features`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::error::Error;
use std::num::NonZero;
use std::time::Duration;

use jobgraph::{
    Attempt, Completion, Condition, JobId, JobOptions, Orchestrator, Retries, RunOptions, Signal,
    Timestamp,
};

/// What the core keeps for us of each building.
struct Building {
    frames: u32,
    burns_down: u32,
}

/// Somebody builds: what, and how much is left.
struct Builder {
    attempt: Attempt,
    frames: u32,
}

struct Game {
    colony: Orchestrator<Building>,
    builders: Vec<Builder>,
    frame: u32,
}

const FRAME: Duration = Duration::from_millis(50);

fn main() -> Result<(), Box<dyn Error>> {
    // Two builders, and winter comes after sixty frames.
    let options =
        RunOptions { window: NonZero::new(2), timeout: Some(FRAME * 60), ..RunOptions::default() };
    let mut colony = Orchestrator::new(options);
    let mut plan = |name: &str, frames, burns_down, needs: &[JobId]| {
        let retries = Retries::new(2).every(FRAME * 5);
        let options = JobOptions { retries, ..JobOptions::labelled(name) };
        let needs: Vec<_> = needs.iter().map(|need| (*need, Condition::Succeeded)).collect();
        colony.add(Building { frames, burns_down }, options, &needs)
    };
    let road = plan("road", 8, 0, &[])?;
    let mine = plan("mine", 12, 0, &[road])?;
    let mill = plan("mill", 6, 1, &[road])?;
    let forge = plan("forge", 10, 0, &[mine, mill])?;
    let palace = plan("palace", 40, 0, &[forge])?;
    let statue = plan("statue", 5, 0, &[palace])?;

    let mut game = Game { colony, builders: Vec::new(), frame: 0 };
    game.colony.start(game.now())?;
    while game.colony.verdict().is_none() {
        game.frame += 1;
        if game.frame == 45 {
            game.colony.cancel(palace, game.now())?;
        }
        game.update()?;
        if game.frame == 22 {
            println!("      why no forge? {}", game.colony.explain(forge).ok_or("no forge")?);
        }
    }
    println!("{}: {}", game.colony.verdict().ok_or("no end")?, game.colony.counts());
    println!("the statue: {}", game.colony.explain(statue).ok_or("no statue")?);
    Ok(())
}

impl Game {
    fn now(&self) -> Timestamp {
        Timestamp::ZERO + FRAME * self.frame
    }

    /// What the game does with the core in a frame: time, what is done, what is called off, what begins.
    fn update(&mut self) -> Result<(), Box<dyn Error>> {
        let now = self.now();
        if self.colony.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.colony.on_deadline(now);
        }
        for builder in &mut self.builders {
            builder.frames -= 1;
        }
        let done: Vec<_> = self.builders.extract_if(.., |builder| builder.frames == 0).collect();
        for builder in done {
            let building =
                self.colony.payload_mut(builder.attempt.job).ok_or("no such building")?;
            let burns = building.burns_down > 0;
            building.burns_down = building.burns_down.saturating_sub(1);
            let done = if burns { Completion::Error } else { Completion::Success };
            self.colony.on_job_complete(builder.attempt, done, now)?;
            self.tell(builder.attempt.job, if burns { "burns down" } else { "stands" });
        }
        while let Some(signal) = self.colony.poll_signal() {
            // Builders need no time to leave: whoever is aborted is gone, and nobody is merely asked.
            if let Signal::Abort(attempt) = signal {
                self.builders.retain(|builder| builder.attempt != attempt);
                self.tell(attempt.job, "is called off");
            }
        }
        let begun: Vec<Attempt> = self.colony.poll_ready_jobs(now).collect();
        for attempt in begun {
            let frames = self.colony.payload(attempt.job).ok_or("no such building")?.frames;
            self.builders.push(Builder { attempt, frames });
            self.tell(attempt.job, "is begun");
        }
        Ok(())
    }

    fn tell(&self, job: JobId, what: &str) {
        println!("{:>4}  {} {what}", self.frame, self.colony.label(job).unwrap_or_default());
    }
}
