//! Servers of our own, on loopback, as the user who runs the tests.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::real::eventually;

const LEFT_OUT: &[u8] = b"left out: there is no sshd on this machine (openssh-server)\n";

/// One `sshd`, with keys and a configuration of its own, and a client's configuration that knows it as `box`.
pub(crate) struct Sshd {
    server: Child,
    folder: PathBuf,
    pub(crate) port: u16,
}

/// Where it is, if it is there. Tests without one say so in a line; with `JOBGRAPH_NEEDS_SSHD` set, they fail.
fn find() -> Option<PathBuf> {
    let paths = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];
    let sshd = paths.map(PathBuf::from).into_iter().find(|path| path.exists());
    assert!(
        sshd.is_some() || std::env::var_os("JOBGRAPH_NEEDS_SSHD").is_none(),
        "no sshd: install openssh-server"
    );
    sshd
}

fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
}

impl Sshd {
    /// `None`, and a line that says so, if there is no `sshd` on this machine.
    pub(crate) fn start(options: &[&str]) -> Option<Self> {
        let Some(sshd) = find() else {
            let _ = std::io::stderr().write_all(LEFT_OUT);
            return None;
        };
        let folder = std::env::temp_dir().join(format!("jgt-{}", crate::real::Mark::new().0));
        fs::create_dir_all(&folder).unwrap();
        let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        for key in ["host_key", "user_key", "other_key"] {
            run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &path(key)]);
        }
        fs::copy(path("user_key.pub"), path("authorized_keys")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // As root it wants a folder that only a packaged start makes.
        let _ = fs::create_dir_all("/run/sshd");
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin yes\nSubsystem sftp internal-sftp\nMaxStartups 100\n{}\n",
            path("host_key"),
            path("authorized_keys"),
            options.join("\n")
        );
        fs::write(path("sshd_config"), config).unwrap();
        let log = fs::File::create(path("log")).unwrap();
        let server = Command::new(sshd)
            .args(["-D", "-e", "-f", &path("sshd_config")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let sshd = Self { server, folder, port };
        sshd.configure("box", port, "user_key", "");
        eventually("it listens", Duration::from_secs(10), || {
            sshd.log().contains("Server listening")
        });
        Some(sshd)
    }

    pub(crate) fn id(&self) -> u32 {
        self.server.id()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Adds a host to the client's configuration.
    pub(crate) fn configure(&self, host: &str, port: u16, key: &str, more: &str) {
        let known = self.path("known_hosts");
        let key_of_host = fs::read_to_string(self.path("host_key.pub")).unwrap();
        let known_hosts = fs::read_to_string(&known).unwrap_or_default();
        fs::write(&known, format!("{known_hosts}[127.0.0.1]:{port} {key_of_host}")).unwrap();
        let before = fs::read_to_string(self.config()).unwrap_or_default();
        let entry = format!(
            "{before}Host {host}\n HostName 127.0.0.1\n Port {port}\n IdentityFile {}\n IdentitiesOnly yes\n \
             UserKnownHostsFile {}\n GlobalKnownHostsFile /dev/null\n {more}\n",
            self.path(key).display(),
            known.display()
        );
        fs::write(self.config(), entry).unwrap();
    }

    /// The client's configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.path("config")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub(crate) fn count(&self, what: &str) -> usize {
        self.log().matches(what).count()
    }

    pub(crate) fn accepted(&self) -> usize {
        self.count("Accepted publickey")
    }

    /// Each connection was opened once and closed once, in order.
    pub(crate) fn assert_connections(&self, expected: usize) {
        eventually("all are closed", Duration::from_secs(20), || {
            self.count("Disconnected from user") >= expected
        });
        assert_eq!(self.accepted(), expected, "{}", self.log());
        assert_eq!(self.count("Disconnected from user"), expected, "{}", self.log());
    }

    /// The processes that serve connections.
    pub(crate) fn connections(&self) -> Vec<u32> {
        children(self.server.id())
    }
}

/// The processes that a process has begun.
pub(crate) fn children(of: u32) -> Vec<u32> {
    let path = format!("/proc/{of}/task/{of}/children");
    let children = fs::read_to_string(path).unwrap_or_default();
    children.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// What is left of sockets of connections.
pub(crate) fn sockets(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().filter_map(|entry| Some(entry.ok()?.path()));
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("jg-")).collect()
}

impl Drop for Sshd {
    fn drop(&mut self) {
        for connection in self.connections() {
            let _ = Command::new("kill").arg("-KILL").arg(connection.to_string()).status();
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
