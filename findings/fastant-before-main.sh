#!/usr/bin/env bash
# fastant 0.1.11 takes 20 ms before `main`, in each process of a program that links it.
#
# Guess: a clock that reads the processor's time stamp counter has to find out how fast that counts, when it is
# first asked for the time, or in steps while it is used. It does so in a constructor of the program, before
# `main`: twice 10 ms of looking at the clock, or more until two results agree. A program that never asks it for
# the time pays as well, a test runner that starts a process a test pays for each, and a library that depends on
# it makes all of its users' programs pay. (On Linux with a stable counter; elsewhere it does not measure.) quanta
# 0.12 measures when the first clock is made, here in half a millisecond.
set -euo pipefail

if [ "$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)" != tsc ]; then
    echo 'this machine has no stable time stamp counter: there is nothing to be seen here'
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# A program that asks for the time only if it has an argument, and is run without one.
make() {
    mkdir -p "$folder/$1/src"
    cat > "$folder/$1/Cargo.toml" <<END
[package]
name = "$1"
version = "0.0.0"
edition = "2021"

[dependencies]
$2
END
    cat > "$folder/$1/src/main.rs" <<END
fn main() {
    if std::env::args().count() > 1 {
        println!("{:?}", $3);
    }
}
END
    cargo build --release --quiet --manifest-path "$folder/$1/Cargo.toml"
}

# The least time of ten processes, in ms.
least() {
    local TIMEFORMAT='%R' program=$folder/$1/target/release/$1 taken
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        taken=$( { time "$program"; } 2>&1 )
        awk '{ print $1 * 1000 }' <<< "$taken"
    done | sort -n | head -1
}

make links_fastant 'fastant = "=0.1.11"' 'fastant::Instant::now().elapsed()'
make links_quanta 'quanta = "=0.12.6"' 'quanta::Instant::now().elapsed()'
fastant=$(least links_fastant)
quanta=$(least links_quanta)
echo "not asked for the time, a process takes, in ms: fastant 0.1.11 $fastant, quanta 0.12.6 $quanta"

awk -v fastant="$fastant" -v quanta="$quanta" 'BEGIN { exit !(fastant >= 18 && quanta <= 8) }' ||
    { echo 'this has changed' >&2; exit 1; }
