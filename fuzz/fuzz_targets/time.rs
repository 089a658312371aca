#![no_main]

use jobgraph::testing::reference::model::{Focus, check_focused};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(what) = check_focused(Focus::Time, bytes) {
        panic!("{what}");
    }
});
