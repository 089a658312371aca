//! An `sshd` of our own on this machine, as the user who runs this, with keys that are made for it.

use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// It ends with this, and its files go.
pub(crate) struct Server {
    sshd: Child,
    folder: PathBuf,
}

impl Server {
    pub(crate) fn start() -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("jobgraph-sshd-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let path = |name: &str| folder.join(name).display().to_string();
        for key in ["host_key", "user_key"] {
            let keygen = ["-q", "-t", "ed25519", "-N", "", "-f", &path(key)];
            Command::new("ssh-keygen").args(keygen).status()?;
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let host_key = fs::read_to_string(path("host_key.pub"))?;
        fs::write(path("known_hosts"), format!("[127.0.0.1]:{port} {host_key}"))?;
        fs::write(
            path("sshd_config"),
            format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
                 StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\nSubsystem sftp internal-sftp\n",
                path("host_key"),
                path("user_key.pub")
            ),
        )?;
        fs::write(
            path("config"),
            format!(
                "Host gateway node1 node2 node3\n HostName 127.0.0.1\n Port {port}\n IdentityFile {}\n \
                 IdentitiesOnly yes\n UserKnownHostsFile {}\n",
                path("user_key"),
                path("known_hosts")
            ),
        )?;
        let sshd = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];
        let sshd = sshd.into_iter().find(|path| Path::new(path).exists());
        let sshd = sshd.ok_or_else(|| io::Error::other("there is no sshd here: openssh-server"))?;
        // As root it wants a folder that only a packaged start makes.
        let _ = fs::create_dir_all("/run/sshd");
        let arguments = ["-D", "-E", &path("log"), "-f", &path("sshd_config")];
        let sshd = Command::new(sshd).args(arguments).stdin(Stdio::null()).spawn()?;
        let server = Self { sshd, folder };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// What `ssh -F` is told.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.join("config")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
