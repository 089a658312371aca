//! A server of one's own on loopback, and what several files of tests need.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::jetstream;

use crate::real::Folder;

/// A process that is killed when it is dropped.
pub(crate) struct Killed(pub(crate) Child);

impl Killed {
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A NATS server with JetStream.
pub(crate) struct Server {
    pub(crate) folder: Folder,
    port: u16,
    config: Option<PathBuf>,
    is_jetstream: bool,
    process: Option<Killed>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with("", true)
    }

    /// With more configuration.
    pub(crate) fn with(config: &str, is_jetstream: bool) -> Self {
        let folder = Folder::new();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let file = folder.0.join("server.conf");
        std::fs::write(&file, config).unwrap();
        let mut server = Self { folder, port, config: Some(file), is_jetstream, process: None };
        server.go_on();
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    pub(crate) fn go_on(&mut self) {
        let mut command = Command::new("nats-server");
        command.args(["-a", "127.0.0.1", "-p", &self.port.to_string()]);
        if self.is_jetstream {
            command.arg("-js").arg("-sd").arg(self.folder.0.join("streams"));
        }
        command.arg("-c").arg(self.config.as_ref().unwrap());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(Killed(command.spawn().expect("nats-server is not installed")));
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the server does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Does something with its streams.
    pub(crate) fn ask<T>(&self, ask: impl AsyncFnOnce(&jetstream::Context) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = async_nats::connect(self.url()).await.unwrap();
            ask(&jetstream::new(client)).await
        })
    }

    /// How many messages are in a stream; none, if there is none.
    pub(crate) fn messages(&self, stream: &str) -> u64 {
        self.ask(async |jetstream| {
            // It may not be there yet.
            let stream = jetstream.get_stream(stream).await;
            stream.map_or(0, |stream| stream.cached_info().state.messages)
        })
    }
}
