//! The core against a naive second implementation, from seeds. `SEEDS=` runs more of them,
//! `FIRST_SEED=` others.
#![cfg(feature = "testing")]

use jobgraph::testing::reference::model::{Focus, Stats, check, check_focused, random_bytes};

fn seeds() -> u64 {
    let usual = if cfg!(debug_assertions) { 2_000 } else { 10_000 };
    std::env::var("SEEDS").ok().map_or(usual, |text| text.parse().expect("SEEDS is a number"))
}

fn bytes_of(seed: u64) -> Vec<u8> {
    let lengths = [60, 150, 300, 600, 1_200];
    random_bytes(seed, lengths[usize::try_from(seed).unwrap_or(0) % lengths.len()])
}

fn outcome(focus: Focus, bytes: &[u8]) -> Result<Stats, String> {
    std::panic::catch_unwind(|| check_focused(focus, bytes))
        .unwrap_or_else(|_| Err("a panic".to_string()))
}

fn failure(focus: Focus, bytes: &[u8]) -> Option<String> {
    outcome(focus, bytes).err()
}

/// Fewer bytes, and smaller ones, that fail as well.
fn shrink(focus: Focus, mut bytes: Vec<u8>) -> Vec<u8> {
    loop {
        let before = bytes.clone();
        let mut size = bytes.len().next_power_of_two();
        while size > 0 {
            let mut at = 0;
            while at < bytes.len() {
                let mut fewer = bytes.clone();
                fewer.drain(at..(at + size).min(bytes.len()));
                if failure(focus, &fewer).is_some() {
                    bytes = fewer;
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
        for at in 0..bytes.len() {
            for smaller in [0, bytes[at] / 2, bytes[at].saturating_sub(1)] {
                let mut other = bytes.clone();
                other[at] = smaller;
                if smaller < bytes[at] && failure(focus, &other).is_some() {
                    bytes = other;
                    break;
                }
            }
        }
        if bytes == before {
            return bytes;
        }
    }
}

#[test]
fn the_core_does_what_the_oracle_does() {
    compare(Focus::Everything);
}

#[test]
fn the_core_shares_pools_out_as_the_oracle_does() {
    compare(Focus::Pools);
}

/// On both cores of a small machine; the lowest seed that fails wins.
fn compare(focus: Focus) {
    let first = std::env::var("FIRST_SEED").map_or(0, |text| text.parse().expect("a number"));
    let (seeds, threads) = (seeds(), 2);
    let mut failures = Vec::new();
    let mut total = Stats::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let mut total = Stats::default();
                    for seed in (first + thread..first + seeds).step_by(2) {
                        match outcome(focus, &bytes_of(seed)) {
                            Ok(stats) => total = total.and(stats),
                            Err(message) => return Err((seed, message)),
                        }
                    }
                    Ok(total)
                })
            })
            .collect();
        for worker in workers {
            match worker.join().expect("panics are caught") {
                Ok(stats) => total = total.and(stats),
                Err(failure) => failures.push(failure),
            }
        }
    });
    failures.sort_by_key(|&(seed, _)| seed);
    if let Some((seed, message)) = failures.first() {
        let fewer = shrink(focus, bytes_of(*seed));
        panic!("seed {seed}: {message}\nshrunk to {fewer:?}: {}", failure(focus, &fewer).unwrap());
    }
    let good = total.runs > seeds
        && total.attempts > total.runs
        && total.refused * 3 < total.calls
        && total.away * 5 > seeds;
    assert!(good || seeds < 100, "the mix is poor: {total:?}");
}

#[test]
fn the_same_bytes_do_the_same() {
    for seed in 0..100 {
        assert_eq!(check(&bytes_of(seed)), check(&bytes_of(seed)), "seed {seed}");
    }
}

#[test]
fn few_bytes_or_plain_ones_will_do() {
    for byte in [0, 1, 0x55, 0xaa, 0xff] {
        for length in 0..200 {
            let result = check(&vec![byte; length]);
            assert!(result.is_ok(), "{length} times {byte}: {result:?}");
        }
    }
}
