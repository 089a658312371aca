//! Contestants that are measured side by side, and the table of their ratios.
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use std::time::Duration;

use super::clock;

/// Contestants take turns, round after round, so that what disturbs the machine disturbs all.
pub(crate) struct Race<'a> {
    contestants: Vec<Contestant<'a>>,
    rows: Vec<Row>,
}

struct Contestant<'a> {
    jobs: usize,
    repeat: usize,
    run: Box<dyn FnMut() -> Duration + 'a>,
    /// Nanoseconds a job, in each round.
    measured: Vec<f64>,
}

/// A contestant's place in its race.
#[derive(Clone, Copy)]
pub(crate) struct Entry(usize);

struct Row {
    what: String,
    against: String,
    ours: Entry,
    theirs: Entry,
    target: Target,
}

/// What is asked of a row.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// At most this ratio.
    Ratio(f64),
    /// At most so many nanoseconds a job.
    Nanoseconds(f64),
    /// Nothing: it is there to be seen.
    None,
}

/// A contestant is repeated within a round until it has done about so many jobs.
const JOBS_A_ROUND: usize = 100_000;

impl<'a> Race<'a> {
    pub(crate) fn new() -> Self {
        Self { contestants: vec![], rows: vec![] }
    }

    /// Enters a contestant that does so many jobs each time it is called, all on this thread.
    pub(crate) fn enter(&mut self, jobs: usize, mut run: impl FnMut() + 'a) -> Entry {
        self.enter_timed(jobs, (JOBS_A_ROUND / jobs).max(1), move || clock::computing(&mut run))
    }

    /// Enters a contestant that does so many jobs each time it is called, on several threads.
    pub(crate) fn enter_parallel(&mut self, jobs: usize, mut run: impl FnMut() + 'a) -> Entry {
        self.enter_timed(jobs, (JOBS_A_ROUND / jobs).max(1), move || clock::waiting(&mut run))
    }

    /// Enters a contestant that says itself how long its jobs took, to be called so often in a round.
    pub(crate) fn enter_timed(
        &mut self,
        jobs: usize,
        repeat: usize,
        run: impl FnMut() -> Duration + 'a,
    ) -> Entry {
        self.contestants.push(Contestant { jobs, repeat, run: Box::new(run), measured: vec![] });
        Entry(self.contestants.len() - 1)
    }

    pub(crate) fn row(
        &mut self,
        what: impl Into<String>,
        against: impl Into<String>,
        (ours, theirs): (Entry, Entry),
        target: Target,
    ) {
        self.rows.push(Row { what: what.into(), against: against.into(), ours, theirs, target });
    }

    /// Runs all rounds and prints the rows. Returns how many missed.
    pub(crate) fn run(mut self, rounds: usize) -> usize {
        let rows = std::mem::take(&mut self.rows);
        let medians = self.medians(rounds);
        let met = rows.iter().map(|row| row.print(medians[row.ours.0], medians[row.theirs.0]));
        met.filter(|met| !met).count()
    }

    /// Runs all rounds, after one that does not count. Returns the nanoseconds a job of each contestant,
    /// as they were entered.
    pub(crate) fn medians(mut self, rounds: usize) -> Vec<f64> {
        for round in 0..=rounds {
            for contestant in &mut self.contestants {
                // It finds the memory as it leaves it itself, not as the one before did.
                if contestant.jobs <= JOBS_A_ROUND {
                    (contestant.run)();
                }
                let taken: Duration = (0..contestant.repeat).map(|_| (contestant.run)()).sum();
                if round > 0 {
                    let jobs = contestant.jobs * contestant.repeat;
                    contestant.measured.push(taken.as_secs_f64() * 1e9 / to_f64(jobs));
                }
            }
        }
        self.contestants.into_iter().map(|c| median(c.measured)).collect()
    }
}

pub(crate) fn print_head() {
    println!("| what | against | ours ns/job | theirs ns/job | ratio | target | met? |");
    println!("|---|---|---:|---:|---:|---:|---|");
}

impl Row {
    /// Prints the row; whether its target is met.
    fn print(&self, ours: f64, theirs: f64) -> bool {
        let ratio = ours / theirs;
        let (target, met) = match self.target {
            Target::Ratio(most) => (format!("<= {most}x"), Some(ratio <= most)),
            Target::Nanoseconds(most) => (format!("<= {most} ns"), Some(ours <= most)),
            Target::None => (String::new(), None),
        };
        let verdict = met.map_or("", |met| if met { "yes" } else { "**no**" });
        let Self { what, against, .. } = self;
        println!(
            "| {what} | {against} | {ours:.1} | {theirs:.1} | {ratio:.2} | {target} | {verdict} |"
        );
        met.unwrap_or(true)
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let (lower, upper) = (numbers[(numbers.len() - 1) / 2], numbers[numbers.len() / 2]);
    f64::midpoint(lower, upper)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of jobs are far below 2^52")]
fn to_f64(number: usize) -> f64 {
    number as f64
}
