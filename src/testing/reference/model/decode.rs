use alloc::string::String;
use alloc::vec::Vec;

use super::call::Call;
use super::pair::{Model, Stats};
use crate::testing::random::Random;
use crate::{Attempt, JobId, JobOptions, Orchestrator, RunOptions, Timestamp};

mod adding;
mod choices;
mod swarm;

pub use self::swarm::Focus;
use self::swarm::Swarm;

/// Drives core and oracle through all that the bytes decode to: graphs and calls, legal and illegal,
/// run after run until the bytes are spent. Any bytes will do.
///
/// The first bytes of a run switch kinds of calls and of options on and off, so that rare mixes
/// happen.
///
/// # Errors
/// What differs or does not hold, with the calls of that run.
pub fn check(bytes: &[u8]) -> Result<Stats, String> {
    check_focused(Focus::Everything, bytes)
}

/// Like [`check`], with a preference.
///
/// # Errors
/// What differs or does not hold, with the calls of that run.
pub fn check_focused(focus: Focus, bytes: &[u8]) -> Result<Stats, String> {
    let mut bytes = Bytes { left: bytes };
    let foreign = foreign_ids();
    let mut stats = Stats::default();
    while !bytes.left.is_empty() {
        stats = stats.and(Run::new(focus, &mut bytes, &foreign).drive()?);
    }
    Ok(stats)
}

/// `length` bytes that look random, always the same for a seed (`SplitMix64`).
#[must_use]
pub fn random_bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random(seed);
    let words = core::iter::from_fn(|| Some(random.next().to_le_bytes()));
    words.flatten().take(length).collect()
}

/// Reads zeros once they are spent.
struct Bytes<'a> {
    left: &'a [u8],
}

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        let Some((&first, rest)) = self.left.split_first() else { return 0 };
        self.left = rest;
        first
    }

    /// A number below `end`, which is at most 256; 0 if that is 0.
    fn below(&mut self, end: usize) -> usize {
        usize::from(self.next()) % end.max(1)
    }

    fn number(&mut self, end: u8) -> u32 {
        u32::from(self.next() % end)
    }

    /// True once in so many times.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 1
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        of.get(self.below(of.len())).copied()
    }
}

/// Ids of another orchestrator: ones that this one never gave, or gave with another index.
fn foreign_ids() -> Vec<JobId> {
    let mut other = Orchestrator::new(RunOptions::default());
    let mut ids = Vec::new();
    for number in 1..=300 {
        let Ok(id) = other.add((), JobOptions::default(), &[]) else { break };
        if number % 3 == 0 && other.remove(id).is_ok() || number == 300 {
            ids.push(id);
        }
    }
    ids.drain(4..ids.len() - 1);
    ids
}

struct Run<'a, 'b> {
    bytes: &'a mut Bytes<'b>,
    foreign: &'a [JobId],
    swarm: Swarm,
    model: Model,
}

impl<'a, 'b> Run<'a, 'b> {
    fn new(focus: Focus, bytes: &'a mut Bytes<'b>, foreign: &'a [JobId]) -> Self {
        let bits = u64::from_le_bytes([(); 8].map(|()| bytes.next()));
        let swarm = Swarm::new(focus, bits);
        let mut run = Run { bytes, foreign, swarm, model: Model::new(RunOptions::default()) };
        let options = run.run_options();
        run.model = Model::new(options);
        run
    }

    fn drive(mut self) -> Result<Stats, String> {
        self.build()?;
        let mut after_verdict = 0;
        while !self.bytes.left.is_empty() && after_verdict < 4 {
            self.event()?;
            after_verdict += usize::from(self.model.oracle().verdict().is_some());
        }
        if self.model.oracle().has_started() {
            if self.swarm.has(Swarm::FINISH) {
                let mut random = Random(self.model.stats().digest);
                let choose = move |end: usize| {
                    let word = usize::from(random.next().to_le_bytes()[0]);
                    word % end.max(1)
                };
                self.model.finish(choose)?;
            } else {
                self.model.stop_twice(self.model.oracle().clock())?;
            }
        }
        let mut stats = self.model.stats();
        stats.runs = u64::from(self.model.oracle().has_started());
        Ok(stats)
    }

    fn build(&mut self) -> Result<(), String> {
        let jobs = match self.bytes.below(16) {
            0 => 0,
            few if self.swarm.has(Swarm::MANY) => 6 + few,
            few => 1 + few / 2,
        };
        if self.swarm.has(Swarm::POOLS) {
            for _ in 0..=self.bytes.below(4) {
                let capacity = self.bytes.number(5);
                self.model.call(Call::AddPool(capacity))?;
            }
        }
        for _ in 0..jobs {
            self.add()?;
        }
        if self.swarm.has(Swarm::REQUIRE) {
            for _ in 0..self.bytes.below(8) {
                let (job, required) = (self.id(), self.id());
                // Backwards mostly, or hardly anything would start.
                let (job, required) = if job < required && !self.bytes.once_in(12) {
                    (required, job)
                } else {
                    (job, required)
                };
                let condition = self.condition();
                self.model.call(Call::Require(job, required, condition))?;
            }
        }
        for _ in 0..self.bytes.below(4) {
            if self.swarm.has(Swarm::EARLY) {
                self.event()?;
            }
            if self.swarm.has(Swarm::EDIT) {
                let call = self.edit();
                self.model.call(call)?;
            }
        }
        for _ in 0..6 {
            let now = match self.bytes.next() {
                255 if self.swarm.has(Swarm::HUGE) => Timestamp::from_nanos(u64::MAX - 4),
                254 if self.swarm.has(Swarm::HUGE) => Timestamp::from_nanos(u64::MAX),
                byte => Timestamp::from_nanos(u64::from(byte & 7)),
            };
            if self.model.call(Call::Start(now))? {
                break;
            }
            // A cycle.
            let id = self.id();
            self.model.call(Call::Remove(id))?;
        }
        Ok(())
    }

    fn event(&mut self) -> Result<(), String> {
        let now = self.now();
        let call = match self.bytes.below(32) {
            0..=2 if self.swarm.has(Swarm::ADD) => {
                return self.add();
            }
            3..=4 if self.swarm.has(Swarm::REMOVE) && self.bytes.once_in(2) => {
                Call::Remove(self.removable())
            }
            5 | 30 | 31 if self.swarm.has(Swarm::CANCEL) => Call::Cancel(self.cancellable(), now),
            6 if self.swarm.has(Swarm::STOP) && self.bytes.once_in(3) => Call::Stop(now),
            7 if self.swarm.has(Swarm::ROGUE) => self.rogue(now),
            8..=10 if self.swarm.has(Swarm::READY) => Call::Ready(self.unready(), now),
            11..=14 if self.swarm.has(Swarm::DEADLINE) => Call::Deadline(self.due(now)),
            15 if self.swarm.has(Swarm::LATE_STOP) && self.model.oracle().ending().is_some() => {
                Call::Stop(now)
            }
            16 => Call::Signals(1 + self.bytes.below(4)),
            17..=18 => Call::Poll(self.bytes.below(4), now),
            0..=22 => Call::Poll(usize::MAX, now),
            23..=25 if self.swarm.has(Swarm::AWAY) && !self.model.away().is_empty() => {
                Call::Gone(self.away(), now)
            }
            26 if self.swarm.has(Swarm::AWAY) && self.swarm.has(Swarm::ROGUE) => {
                self.rogue_body(now)
            }
            _ if self.model.under_way().is_empty() && !self.swarm.has(Swarm::ROGUE) => {
                Call::Poll(usize::MAX, now)
            }
            _ => Call::Complete(self.attempt(), self.completion(), now),
        };
        self.model.call(call)?;
        self.answer(now)?;
        if !self.swarm.has(Swarm::LAZY_SIGNALS) && self.model.oracle().signals_left() > 0 {
            self.drain(now)?;
        }
        Ok(())
    }

    fn drain(&mut self, now: Timestamp) -> Result<(), String> {
        if !self.swarm.has(Swarm::AWAY) {
            return self.model.call(Call::Signals(usize::MAX)).map(drop);
        }
        loop {
            self.model.call(Call::Signals(1))?;
            if self.model.last_told().is_none() {
                return Ok(());
            }
            self.answer(now)?;
            // Whatever comes next finds the body gone.
            if self.model.just_polled().is_some() && self.bytes.once_in(3) {
                return Ok(());
            }
        }
    }

    /// What is said of a body whose `Abort` was just polled, if anything.
    fn answer(&mut self, now: Timestamp) -> Result<(), String> {
        let Some(attempt) = self.model.just_polled().filter(|_| self.swarm.has(Swarm::AWAY)) else {
            return Ok(());
        };
        let choice = self.bytes.below(8);
        if choice == 4 {
            // What is refused in between changes nothing.
            let call = self.rogue_body(now);
            self.model.call(call)?;
        }
        if choice < 5 {
            self.model.call(Call::Away(attempt))?;
        }
        Ok(())
    }

    /// A change of a graph that has not started.
    fn edit(&mut self) -> Call {
        match self.bytes.below(8) {
            0 => {
                let ends = [(); 2].map(|()| {
                    let count = self.bytes.below(3);
                    (0..count).map(|_| self.id()).collect()
                });
                let [starts, ends] = ends;
                Call::KeepBetween(starts, ends)
            }
            1..=3 => Call::Bypass(self.id()),
            4 | 5 => {
                let job = self.id();
                let requirements: Vec<_> = self.model.oracle().requirements(job).collect();
                let required = self.bytes.pick(&requirements).map(|(required, _)| required);
                Call::RemoveRequirement(job, required.unwrap_or_else(|| self.id()))
            }
            6 => Call::Require(self.id(), self.id(), self.condition()),
            _ => Call::Remove(self.id()),
        }
    }

    /// A call that makes no sense, most likely.
    fn rogue(&mut self, now: Timestamp) -> Call {
        let attempt = Attempt { job: self.id(), number: self.bytes.number(4) };
        match self.bytes.below(9) {
            0 => Call::Start(now),
            8 => Call::Map,
            7 => self.edit(),
            1 => Call::Require(self.id(), self.id(), self.condition()),
            2 => Call::RemoveRequirement(self.id(), self.id()),
            3 => Call::SetOptions(self.run_options()),
            4 => Call::Ready(attempt, now),
            5 => Call::Remove(self.id()),
            _ => Call::Complete(attempt, self.completion(), now),
        }
    }

    /// Says of a body what is not true, most likely.
    fn rogue_body(&mut self, now: Timestamp) -> Call {
        let attempt = match self.bytes.below(6) {
            0 => self.model.just_polled(),
            1 => Some(self.away()),
            2 | 3 => self.bytes.pick(&self.model.aborted()),
            4 => Some(self.attempt()),
            _ => None,
        };
        let number = self.bytes.number(4);
        let attempt = attempt.unwrap_or_else(|| Attempt { job: self.id(), number });
        if self.bytes.once_in(2) { Call::Away(attempt) } else { Call::Gone(attempt, now) }
    }
}
