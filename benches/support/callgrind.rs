//! Counts instructions, the same on a busy machine.

use std::path::Path;
use std::process::Command;

/// The instructions of a program in functions of this name, which may have a `*`, and in what they call.
/// What there is outside of them, such as preparations, does not count.
pub(crate) fn count(program: &Path, arguments: &[&str], function: &str) -> f64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(["--cache-sim=no", "--branch-sim=no"])
        .arg(format!("--toggle-collect={function}"))
        .arg(program)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()
        .expect("valgrind is installed");
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected :"));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    count.unwrap_or_else(|| panic!("callgrind counted nothing:\n{text}"))
}
