//! Random graphs with random bodies: every way to drive them against the oracle.
#![cfg(feature = "testing")]

use jobgraph::testing::reference::driver::check;
use jobgraph::testing::reference::model::random_bytes;

/// `SEEDS=100000` for more, `FIRST_SEED=` to begin elsewhere.
#[test]
fn the_drivers_do_what_the_oracle_says() {
    let number =
        |name: &str, usual| std::env::var(name).map_or(usual, |text| text.parse().expect(name));
    let (first, seeds) = (number("FIRST_SEED", 0), number("SEEDS", 3_000));
    for seed in first..first + seeds {
        let bytes = random_bytes(seed, 40 + usize::try_from(seed % 400).unwrap());
        // A run that stands still panics.
        let checked = std::panic::catch_unwind(|| check(&bytes));
        if let Err(what) = checked.unwrap_or_else(|_| Err("a panic".into())) {
            panic!("seed {seed}: {what}");
        }
    }
}
