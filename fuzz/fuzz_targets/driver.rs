#![no_main]

use jobgraph::testing::reference::driver::check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(what) = check(bytes) {
        panic!("{what}");
    }
});
