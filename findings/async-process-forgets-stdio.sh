#!/usr/bin/env bash
# async-process 2.5.0 forgets what a `std::process::Command` was told of its standard streams.
#
# Guess: `async_process::Command::from(command)` takes a command over as it was built: program, arguments, environment,
# folder, and where its streams go. It takes all but the streams. `spawn` and `status` hand on those of this process
# whatever the command had been told, so that what was to be read from a pipe stands on the terminal; `output` reads
# both streams into pipes, though they were to go to a file. Nothing fails: `child.stdout` is `None`. Streams have to be
# set on the new command. (A command is built by std first where only that can do something, such as `process_group`.)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat > "$folder/Cargo.toml" <<'END'
[package]
name = "streams"
version = "0.0.0"
edition = "2021"

[dependencies]
async-io = "=2.6.0"
async-process = "=2.5.0"
END
cat > "$folder/src/main.rs" <<'END'
use std::fs::{self, File};
use std::process::{Command, Stdio};

fn main() {
    let echo = |text: &str| {
        let mut command = Command::new("echo");
        command.arg(text);
        command
    };

    let mut piped = echo("meant for a pipe");
    piped.stdout(Stdio::piped());
    let mut std = piped.spawn().unwrap();
    println!("std has a pipe: {}", std.stdout.take().is_some());
    std.wait().unwrap();
    let mut child = async_process::Command::from(piped).spawn().unwrap();
    println!("async-process has a pipe: {}", child.stdout.is_some());
    async_io::block_on(child.status()).unwrap();

    let path = std::env::args().nth(1).unwrap();
    let mut to_file = echo("meant for a file");
    to_file.stdout(File::create(&path).unwrap());
    let output = async_io::block_on(async_process::Command::from(to_file).output()).unwrap();
    println!("read by output(): {:?}", String::from_utf8(output.stdout).unwrap());
    println!("in the file: {:?}", fs::read_to_string(&path).unwrap());

    let mut set_again = async_process::Command::from(echo("meant for a pipe"));
    let child = set_again.stdout(Stdio::piped()).spawn().unwrap();
    println!("set on the new command, it has a pipe: {}", child.stdout.is_some());
}
END

cargo build --quiet --manifest-path "$folder/Cargo.toml"
seen=$("$folder/target/debug/streams" "$folder/file")
printf '%s\n' "$seen"
expected='std has a pipe: true
async-process has a pipe: false
meant for a pipe
read by output(): "meant for a file\n"
in the file: ""
set on the new command, it has a pipe: true'
[ "$seen" = "$expected" ] || { echo "this has changed"; exit 1; }
